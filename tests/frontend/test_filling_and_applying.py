"""Functions that fill, resize and apply, and gradients over uneven points."""

import numpy as np
import pytest

import penstock as ps

random = np.random.default_rng(8)
A = random.normal(size=(3, 4))
B = random.normal(size=(3, 4))
V = random.normal(size=6)
N = np.where(random.random((3, 4)) < 0.3, np.nan, A)
M = A > 0
WHOLE = random.integers(0, 9, (3, 4))
UNEVEN = np.cumsum(abs(V) + 0.1)


def filled(write):
    def function(x, *others):
        x = x.copy()
        write(x, *others)
        return x

    return function


CASES = {
    "place": (filled(lambda x, m: np.place(x, m, [1.0, 2.0])), A, M),
    "putmask": (filled(lambda x, m: np.putmask(x, m, [1.0, 2.0, 5.0])), A, M),
    "put": (filled(lambda x: np.put(x, [0, 7, -1], [5.0, 6.0])), A),
    "put in a view": (filled(lambda x: x.T.put([1, 4], 9.0)), A),
    "put twice": (filled(lambda x, v: np.put(x, [2, 2, 2], v[:3])), A, V),
    "put and wrap": (filled(lambda x: np.put(x, [0, 20], 5.0, mode="wrap")), A),
    "put and clip": (filled(lambda x: np.put(x, [-9, 20], 5.0, mode="clip")), A),
    "put_along_axis": (
        filled(lambda x, v: np.put_along_axis(x, np.array([1, 9]), v[:2], None)), A, V,
    ),
    "resize": (lambda x: np.resize(x, (len(x), 7)), A),
    "resize to less": (lambda x: np.resize(x, 3), V),
    "resize nothing": (lambda x: np.resize(x, (2, 3)), np.zeros(0)),
    "linspace": (lambda x, y: np.linspace(x[0], y[0], 5, axis=1), A, B),
    "logspace": (lambda x, y: np.logspace(x[0], y[0], 5, axis=-1), A, B),
    "gradient": (lambda x, p: np.gradient(x, p, axis=0), V, UNEVEN),
    "gradient of whole numbers": (lambda x: np.gradient(x, np.arange(6)), V),
    "gradient of order 2": (lambda x: np.gradient(x, 0.5, edge_order=2)[1], A),
    "uneven of order 2": (lambda x, p: np.gradient(x, p, edge_order=2), V, UNEVEN),
    "gradient along axes": (
        lambda x, p: np.stack(np.gradient(x, p[:3], p[1:5], edge_order=2)), A, UNEVEN,
    ),
    "ediff1d": (lambda x: np.ediff1d(x, to_begin=0, to_end=[1, 2]), V),
    "unwrap": (lambda x: np.unwrap(x * 9, axis=0), A),
    "unwrap far": (lambda x: np.unwrap(x * 4, discont=4, period=1.5), V),
    "power 0": (lambda x: np.linalg.matrix_power(x[:, :3], 0), A),
    "apply": (lambda x: np.apply_along_axis(lambda r: r / r.sum(), 0, x), A),
    "apply to matrices": (
        lambda x: np.apply_along_axis(lambda r, k: np.outer(r, r) * k, 1, x, 2.0), A,
    ),
    "apply to numbers": (lambda x: np.apply_along_axis(np.sum, 1, x), A),
    "apply to no numbers": (
        lambda x: np.apply_along_axis(np.sum, 1, x), np.zeros((3, 0)),
    ),
    "apply over": (lambda x: np.apply_over_axes(np.sum, x, [0, 1]), A),
    "nanmean": (lambda x, m: np.nanmean(x, axis=1, where=m, keepdims=True), N, M),
    "nanvar": (lambda x, m: np.nanvar(x, axis=0, where=m, correction=1), N, M),
    "nanstd": (lambda x: np.nanstd(x, axis=0, mean=np.nanmean(x, 0)), N),
    "nanmax": (lambda x: np.nanmax(x, axis=0, initial=0), N),
    "nanmin": (lambda x, m: np.nanmin(x, where=m, initial=0.0), N, M),
    "nanmax of whole numbers": (lambda x: np.nanmax(x, axis=0, initial=5), WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_as_in_numpy_with_derivatives_and_batches(name):
    function, *args = CASES[name]
    wanted = function(*args)
    found = ps.compile(function)(*args)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    rows = [np.stack([a, a[::-1]]) for a in args]
    batched = ps.vmap(function)(*rows)
    for i, one in enumerate(batched):
        wanted = function(*(row[i] for row in rows))
        np.testing.assert_allclose(one, wanted, rtol=1e-12, atol=1e-13)
    if not any(np.isnan(a).any() or a.dtype.kind != "f" for a in args) and args[0].size:
        ps.check_grads(function, tuple(args), order=1)


def test_what_is_refused():
    for error, write in [
        (IndexError, lambda x: np.put(x, [0, 20], 5.0)),
        (TypeError, lambda x: np.put(x, [0.5], 5.0)),
        (ValueError, lambda x: x.fill([5.0])),
        (ValueError, lambda x: np.put(x, [0], 5.0, mode="near")),
        (ValueError, lambda x: np.place(x, x > 0, [])),
        (ValueError, lambda x: np.putmask(x, [True], 1.0)),
        (ValueError, lambda x: np.gradient(x[:, :2], axis=1, edge_order=2)),
        (ValueError, lambda x: np.gradient(x, edge_order=3)),
        (ValueError, lambda x: np.gradient(x, x, axis=0)),
    ]:
        with pytest.raises(error):
            ps.compile(filled(write))(A)


VALUES = {
    "a float": 2.5,
    "an integer": 100,
    "an integer that fits few": -300,
    "a bool": True,
    "a list": [1, 2.5],
    "a list that fits few": [300, 1],
    "nan": float("nan"),
    "a scalar": np.float32(2.5),
    "wide": np.array([1, 2]),
    "floats": np.array([2.5]),
    "bytes": np.array([1, 0], np.int8),
}


@pytest.mark.parametrize("write", ["put", "place", "putmask", "fill"])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("dtype", ["i1", "u4", "f4"])
@pytest.mark.parametrize("captured", [False, True])
def test_values_are_converted_as_in_numpy(write, value, dtype, captured):
    def written(x, value):
        x = x.copy()
        if write == "fill":
            x.fill(value)
        else:
            where = [0, 2] if write == "put" else x < 1
            getattr(np, write)(x, where, value)
        return x

    x, value = np.zeros(3, dtype), VALUES[value]
    function, args = written, (x, value)
    if captured:
        function, args = lambda x: written(x, value), (x,)
    try:
        wanted = function(*args)
    except (TypeError, ValueError, OverflowError) as error:
        kind = (
            ValueError if write == "fill" and isinstance(value, list) else type(error)
        )
        with pytest.raises(kind):
            ps.compile(function)(*args)
    else:
        found = ps.compile(function)(*args)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
