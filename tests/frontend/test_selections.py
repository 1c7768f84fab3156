"""Reductions of what a mask selects."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArgumentError, UnsupportedError
from tests.frontend.running import check, check_refused, run

X = np.array([[1.0, -2.0, 3.0, 0.5], [4.0, 5.0, -6.0, 2.0], [-1.0, 7.0, 8.0, 3.0]])
REDUCTIONS = (
    "sum", "prod", "max", "min", "any", "all", "mean", "var", "std", "count_nonzero",
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1", "?"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_selected_elements(name, dtype):
    reduce = getattr(np, name)
    x = X.astype(dtype)
    check(lambda x: reduce(x[x > 0]), x, ulp=4)
    check(lambda x: reduce(x[x > 0], axis=0), x, ulp=4)
    check(lambda x: reduce(x[x[:, 1] > 0]), x, ulp=4)
    check(lambda x: reduce(x[x[:, 1] > 0], 0), x, ulp=4)
    check(lambda x: reduce(x[x[:, 1] > 0], -2, keepdims=True), x, ulp=4)
    check(lambda x: reduce(x[:, x[1] > 0], axis=1), x, ulp=4)
    check(lambda x: reduce(x[:, x[1] > 0], axis=(0, 1)), x, ulp=4)
    if name != "count_nonzero":
        check(lambda x: getattr(x[x > 0], name)(), x, ulp=4)
        check(lambda x: getattr(x[x[:, 1] > 0], name)(0), x, ulp=4)


def test_parameters_of_reductions():
    check(lambda x: x[x > 0].sum(dtype=np.float32), X)
    check(lambda x: x[x > 0].var(ddof=1), X, ulp=4)
    check(lambda x: x[x > 100].max(initial=-3.0), X)
    check(lambda x: x[x > 100].sum(), X)
    check(lambda x: (x[x > 0].ndim, x[x[:, 1] > 0].ndim, x[x > 0].dtype), X)


def test_groups_of_rows():
    groups = np.array([0, 1, 0])

    def f(x, groups):
        means = [x[groups == g].mean(axis=0) for g in range(2)]
        centred = x[groups == 0] - x[groups == 0].mean(axis=0)
        return means, (centred * centred).sum(axis=0), np.abs(centred).max()

    check(f, X, groups, ulp=4)


@pytest.mark.parametrize("name", ["max", "min"])
def test_extrema_of_nothing_are_errors(name):
    with pytest.raises(ArgumentError, match="no elements"):
        run(lambda x: getattr(x[x > 100], name)(), X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, x[1] > 0].sum(axis=0),
        lambda x: x[x > 0].sum(keepdims=True),
        lambda x: x[x > 0].sum(0, np.float32),
        lambda x: x[x > 0].sum(where=x > 1),
        lambda x: x[x > 0].median(),
        lambda x: np.median(x[x > 0]),
        lambda x: x[x > 0] + x[0],
        lambda x: x[x > 0].size,
        lambda x: np.size(x[x > 0]),
        lambda x: x[x > 0].shape,
    ],
)
def test_what_needs_the_size_is_refused(function):
    with pytest.raises(UnsupportedError, match="selection-size"):
        run(function, X)


def test_unknown_arguments_are_named():
    with pytest.raises(UnsupportedError, match=r"help: did you mean keepdims=\?"):
        run(lambda x: x[x > 0].sum(keepdim=True), X)


def test_a_selection_cannot_be_written():
    def f(x):
        y = x[x > 0]
        y[()] = 0.5
        return y

    with pytest.raises(UnsupportedError, match=r"writing to x\[mask\]"):
        run(f, X)


INTEGERS = np.arange(-2, 4)


@pytest.mark.parametrize(
    ("dtype", "update"),
    [
        (int, lambda v: v.__imul__(1.5)),
        (int, lambda v: v.__iadd__(0.5)),
        (int, lambda v: v.__itruediv__(2)),
        (int, lambda v: v.__iadd__(v / 2)),
        ("u1", lambda v: v.__isub__(np.array(7, np.int16))),
        (bool, lambda v: v.__imul__(np.int8(3))),
        (bool, lambda v: v.__iadd__(1)),
    ],
)
def test_updates_of_selected_elements_keep_to_the_rule_of_casting(dtype, update):
    """They were converted unsafely, where whole arrays and slices raised."""

    def f(v):
        v = v.copy()
        v[v > 0] = update(v[v > 0])
        return v

    check_refused(f, INTEGERS.astype(dtype))


def test_all_updates_of_selected_elements():
    def f(v):
        v = v.copy()
        v[v > 0] <<= 2
        v[v > 3] >>= 1
        v[v > 3] **= 2
        v[v > 3] |= 1
        v[v > 3] &= 29
        v[v > 3] ^= 8
        v[v < 0] //= 2
        v[v < 0] %= 5
        v[v > 4] = ~v[v > 4] << 1
        v[v < 0] = divmod(v[v < 0], 3)[1] + divmod(7, v[v < 0])[0]
        return v, (-v[v > 4]).sum(), (+v[v > 4]).sum()

    check(f, INTEGERS)
    check(f, INTEGERS.astype(np.int8))


def test_an_update_writes_to_the_selection_under_all_its_names():
    def f(v):
        picked = v[v > 0]
        same, copied = picked, picked.copy()
        picked += 10
        return same.sum(), copied.sum(), v

    check(f, INTEGERS)


# Masks that are known when the function is traced.
TUPLE = (True, False, True, True)


def _written(x):
    y = x.copy()
    y[np.array([TUPLE] * 3)] = np.arange(9.0)
    y[:, :3][np.tri(3, dtype=bool)] += 1
    y[~np.eye(3, 4, dtype=bool)] = y[~np.eye(3, 4, dtype=bool)][::-1]
    return y


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[np.array([[True, False, True, True]] * 3)],
        lambda x: x[[[True] * 4, [False] * 4, [True, False, True, False]]],
        lambda x: x[:, :3][~np.eye(3, dtype=bool)],
        lambda x: x[None][:, np.tri(3, 4, dtype=bool)],
        lambda x: x[:, :3, None][np.tri(3, dtype=bool), 0],
        lambda x: x[np.zeros((3, 4), bool)],
        lambda x: np.sort(x[np.array([TUPLE] * 3)].reshape(3, 3)),
        lambda x: x[:, np.array(TUPLE)],
        lambda x: x[:, list(TUPLE)],
        lambda x, mask=TUPLE: x[:, np.array(mask)].shape,
        _written,
    ],
)
def test_masks_known_when_traced(function):
    x = np.linspace(-1.0, 2.0, 12).reshape(3, 4)
    ps.compare(function, x)


def test_gradient_through_a_mask_known_when_traced():
    ps.check_grads(
        lambda x: np.sin(x[~np.eye(3, dtype=bool)]), (np.ones((3, 3)),), order=1
    )
    ps.check_grads(_written, (np.linspace(-1.0, 2.0, 12).reshape(3, 4),), order=1)


def test_mask_of_static_sizes():
    f = ps.compile(lambda x: x[np.eye(*x.shape, dtype=bool)], static=("x",))
    for shape in ((3, 3), (2, 4)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        assert np.array_equal(f(x), x.diagonal())


def test_mask_of_another_shape():
    def f(x):
        return x[np.ones((2, 4), bool)]

    with pytest.raises(IndexError, match="boolean index: sizes n and 2 differ"):
        ps.compile(f)(np.ones((3, 4)))
