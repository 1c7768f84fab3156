"""Integer arguments as sizes: one trace serves no call in which a size is below 0."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view as windows

from tests.frontend.running import check, run, serves, traced

X = np.arange(6.0)

REFUSED = {
    "zeros": lambda x, n: np.zeros(n),
    "linspace": lambda x, n: np.linspace(0, 1, n),
    "logspace": lambda x, n: np.logspace(0, 1, n),
    "repeat": np.repeat,
    "repeat_rows": lambda x, n: np.repeat(x[None], n, axis=0),
    "tile": np.tile,
    "tile_both": lambda x, n: np.tile(x, (n, n)),
    "broadcast_to": lambda x, n: np.broadcast_to(x, (n, 6)),
    "eye": lambda x, n: np.eye(n),
    "eye_columns": lambda x, n: np.eye(3, n),
    "identity": lambda x, n: np.identity(n),
    "indices": lambda x, n: np.indices((n, 2)),
    "fromfunction": lambda x, n: np.fromfunction(lambda i, j: i + j, (n, 2)),
    "sliding_window_view": windows,
    "histogram_bin_edges": np.histogram_bin_edges,
    "resize": np.resize,
    "resize_rows": lambda x, n: np.resize(x, (n, 2)),
    "bincount": lambda x, n: np.bincount(x.astype(int), minlength=n),
    "computed": lambda x, n: np.linspace(0, 1, 2 * n - 1),
    "polyder": np.polyder,
    "polyint": np.polyint,
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("n", [-1, -100000])
def test_a_negative_size_is_numpys_value_error(function, n):
    def f(x, n):
        return function(x, n)

    for refused in (f, lambda x, n: run(f, x, n)):
        with pytest.raises(ValueError, match=r"negative|positive|bins"):
            refused(X, n)
    # So does the trace of another call not serve it.
    assert not serves(traced(f, X, 6), f, X, n)


EMPTY = {
    "tri": lambda x, n: np.tri(n),
    "tri_columns": lambda x, n: np.tri(3, n, 1),
    "arange": lambda x, n: np.arange(n),
    "sparse_indices": lambda x, n: np.indices((n, 2), sparse=True),
}


@pytest.mark.parametrize("function", EMPTY.values(), ids=EMPTY)
def test_what_numpy_leaves_empty_below_zero(function):
    check(function, X, -2)
    check(function, X, 3)
    assert not serves(traced(function, X, 3), function, X, -2)


def test_nothing_is_repeated_as_often_as_one_likes():
    check(lambda x, n: (np.repeat(x[:0], n), np.tile(x[:0], n)), X, -2)


def test_reshape_works_out_any_number_below_zero():
    def f(x, n):
        return x.reshape(n, 2)

    for n in (3, -1, -2):
        check(f, X, n)


def test_what_follows_from_sizes_is_no_guard():
    def f(x):
        y = np.concatenate([x, x[1:]])
        return np.pad(y, 1)[::2] + 1, np.repeat(x, 3), np.eye(x.shape[0])

    guards = [str(guard) for guard in traced(f, X).function.guards]
    assert guards == ["n >= 1"]
