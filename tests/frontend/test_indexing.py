"""Reading and writing ``x[...]``, held against NumPy."""

import random

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import (
    ArgumentError,
    IndexOutOfBoundsError,
    NumberRangeError,
    ShapeError,
    TraceError,
    UnsupportedError,
)
from penstock.runtime.binding import Binder
from tests.frontend.arrays import BOOLS, CUBE, INTEGERS, SQUARE, X, Y
from tests.frontend.running import check, execute, run, serves, traced

READS = {
    "integers": lambda x: (x[0], x[-1], x[1, 2], x[..., 0], x[0, ..., -1], x[()]),
    "slices": lambda x: (
        x[1:],
        x[:-1],
        x[::2],
        x[::-1],
        x[:, 1:3],
        x[5:],
        x[-2:, ::-2],
    ),
    "new axes": lambda x: (x[None], x[:, None], x[..., None], x[None, 0, None, 1:]),
    "arrays": lambda x: (x[[0, 2]], x[:, [1, 0]], x[np.array([[0, 1], [2, 0]])]),
    "two arrays": lambda x: (x[[0, 1], [2, 3]], x[[[0], [2]], [1, 3]], x[[0, 1], 2]),
    "array and slice": lambda x: (x[[0, 1], 1:], x[1:, [0, 3]], x[[True, False, True]]),
    "traced array": lambda x: x[np.argmax(x, axis=0), np.arange(4)],
    "traced integer": lambda x: (x[np.argmax(x[:, 0])], x[0, np.argmin(x[0])]),
    "nested": lambda x: (x[1:][0][::-1][:2], x.T[1:, 0], x[0][None][..., 1]),
}


def _rows(x):
    y = x.copy()
    row = y[1]
    row += 1
    y[0] = row
    y[-1] = 7
    return y, row


def _slices(x):
    y = x.copy()
    y[1:] += 10
    y[:, ::2] *= 2
    y[::-1, 0] = np.arange(3)
    y[...] -= 1
    y[:, -1:] = y[:, :1]
    return y


def _transposed(x):
    y = x.copy()
    y.T[0] = 5
    y.T[1:] += y.T[:-1]
    y.reshape(-1)[::5] = -1
    y.ravel()[1] = 9
    return y


def _arrays(x):
    y = x.copy()
    y[[0, 2]] = 1
    y[:, [1, 3]] = y[:, [3, 1]]
    y[[0, 1], [2, 3]] = [8, 9]
    y[[0, 0], 0] = [1, 2]
    y[[0, 1], 1:3] += 4
    return y


def _masks(x):
    y = x.copy()
    y[y > 1] = 0
    y[y < 0] *= 2
    y[x > 0] = x[x > 0] + 1
    y[:, np.array([True, False, False, True])] = 3
    y[BOOLS] = -y[BOOLS]
    y[x[:, 0] > 0] = 4
    y[x[:, 0] > 0] = [1, 2, 3, 4]
    return y, x[x > 0].sum(), x[x > 0].mean(), x[x > 9].any()


def _dynamic(x):
    y = x.copy()
    i = np.argmax(y[:, 0])
    row = y[i]
    row += 100
    y[i, 1] = 5
    y[i, 2:] -= 1
    return y, row


def _converted(x):
    i = np.zeros(x.shape, np.int64)
    i[0] = x[0] * 10
    i[1] = 3.7
    i[2] = True
    b = np.zeros(3, bool)
    b[1] = x[0, 0]
    return i, b


@pytest.mark.parametrize("name", READS)
def test_reads(name):
    check(READS[name], X)


@pytest.mark.parametrize(
    "function",
    [_rows, _slices, _transposed, _arrays, _masks, _dynamic, _converted],
)
def test_writes(function):
    check(function, X)


def _random_slice(choose, size):
    ends = [None, None, *range(-size - 2, size + 3)]
    steps = [None, None, 1, 2, 3, -1, -2]
    return slice(choose.choice(ends), choose.choice(ends), choose.choice(steps))


def _random_index(choose, shape):
    """An index of some of these: integers, slices, None, an ellipsis, arrays."""
    parts: list = []
    axis = 0
    while axis < len(shape):
        size, kind = shape[axis], choose.random()
        if kind < 0.1:
            parts.append(None)
            continue
        if kind < 0.18 and Ellipsis not in [p for p in parts if p is Ellipsis]:
            parts.append(Ellipsis)
            axis += choose.randrange(len(shape) - axis + 1)
            continue
        if kind < 0.4:
            parts.append(choose.randrange(-size, size))
        elif kind < 0.7:
            parts.append(_random_slice(choose, size))
        elif kind < 0.9:
            length = choose.choice([1, 2])
            parts.append(
                np.array([choose.randrange(-size, size) for _ in range(length)])
            )
        else:
            break
        axis += 1
    return tuple(parts) if len(parts) != 1 or choose.random() < 0.5 else parts[0]


@pytest.mark.parametrize("seed", range(8))
def test_random_indices(seed):
    choose = random.Random(seed)
    for _ in range(12):
        shape = tuple(choose.randrange(1, 5) for _ in range(choose.randrange(1, 4)))
        x = np.random.default_rng(seed).standard_normal(shape)
        index = _random_index(choose, shape)
        try:
            value = -np.ones_like(x[index])
        except IndexError:
            continue  # Arrays of unequal lengths.

        def read(x, index=index):
            return x[index]

        def write(x, value, index=index):
            y = x.copy()
            y[index] = value
            y[index] += 2
            return y

        check(read, x)
        check(write, x, value)
        _check_other_sizes(choose, read, x)


def _check_other_sizes(choose, read, x):
    found = traced(read, x)
    for _ in range(2):
        other = np.arange(4.0**x.ndim).reshape((4,) * x.ndim)
        other = other[tuple(slice(choose.randrange(5)) for _ in range(x.ndim))]
        if not serves(found, read, other):
            continue
        try:
            expected = read(other)
        except IndexError:
            # Index arrays are checked at run time.
            with pytest.raises(IndexError):
                execute(found, Binder.of(read).bind((other,), {}))
            continue
        np.testing.assert_array_equal(
            execute(found, Binder.of(read).bind((other,), {})), expected
        )


def test_one_trace_serves_all_sizes_that_slices_allow():
    def f(x):
        return x[1:-1] + x[2:]

    found = traced(lambda x: x[1:-1, ::2], CUBE[0])
    assert serves(found, lambda x: x, np.zeros((9, 5)))
    assert not serves(found, lambda x: x, np.zeros((1, 5)))
    found = traced(lambda x: x[:2], X)
    assert [str(guard) for guard in found.function.guards] == ["n >= 2"]


def test_views_share_and_copies_do_not():
    def f(x):
        a = x.copy()
        b, c, d = a[0], a[0].copy(), a[[0]]
        e = a.astype(a.dtype)
        a += 1
        return a, b, c, d, e

    check(f, X)


def test_scalars_are_immutable():
    def f(x):
        s = x.sum()
        t = s
        t += 1
        u = x[0, 0]
        u *= 2
        return s, t, u, x

    check(f, X)
    with pytest.raises(TypeError, match="does not support item assignment"):
        traced(lambda x: x.sum().__setitem__(..., 1), X)


def test_writes_to_what_is_not_ours_are_refused():
    def augmented(x):
        x += 1
        return x

    def through_a_view(x):
        x[0][1:] = 2
        return x

    def broadcast(x):
        y = np.broadcast_to(x[0].copy(), x.shape)
        y[0] = 1
        return y

    def diagonal(x):
        d = x.copy().diagonal()
        d[0] = 1
        return d

    for function in (augmented, through_a_view, broadcast, diagonal):
        with pytest.raises((TraceError, ArgumentError)):
            traced(function, SQUARE)


def test_indices_out_of_range_are_refused():
    with pytest.raises(IndexOutOfBoundsError):
        traced(lambda x: x[3], X)
    with pytest.raises(IndexOutOfBoundsError):
        traced(lambda x: x[0, -5], X)
    with pytest.raises(IndexOutOfBoundsError):
        traced(lambda x: x[0, 0, 0], X)
    with pytest.raises(IndexError):
        traced(lambda x: x[1.5], X)
    with pytest.raises(IndexError):
        traced(lambda x: x[x], X)
    with pytest.raises(IndexError):
        run(lambda x, i: x[i], X, np.array([7]))


def test_assignments_must_fit():
    def wrong_shape(x):
        y = x.copy()
        y[0] = [1, 2, 3]
        return y

    def nan(x):
        y = np.zeros(3, int)
        y[0] = float("nan")
        return y

    def too_large(x):
        y = np.zeros(3, np.uint8)
        y[0] = 300
        return y

    with pytest.raises(ShapeError):
        traced(wrong_shape, X)
    with pytest.raises(ValueError, match="nan is no integer"):
        traced(nan, X)
    with pytest.raises(NumberRangeError):
        traced(too_large, X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[x > 0],
        lambda x: len(x[x > 0]),
        lambda x: x[x > 0] + x[x < 0],
        lambda x: x[x > 0] @ x[x > 0],
        lambda x: np.sort(x[x > 0]),
        lambda x: np.where(x > 0),
        lambda x: x.nonzero(),
        lambda x: x[0, x[0] > 0],
        lambda x: x[: np.argmax(x)],
    ],
)
def test_sizes_known_only_at_run_time_are_refused(function):
    with pytest.raises((UnsupportedError, TraceError)):
        traced(function, X)


def test_selected_elements_keep_their_place():
    def f(x, y):
        z = x.copy()
        mask = x > 0
        z[mask] = np.sqrt(x[mask]) * 2 + y[mask]
        z[~mask] = abs(z[~mask]) // 1
        return z, (x[mask] > 1).any(), (x[mask] > 0).all(), x[mask].astype(int).sum()

    check(f, Y, Y * 3, ulp=2)


def _alias_program(steps):
    """A function that makes views and writes through them, as the steps say."""

    def f(x):
        arrays = [x.copy()]
        for name, place, number in steps:
            array = arrays[place % len(arrays)]
            if name in _MAKE:
                arrays.append(_MAKE[name](array))
            elif array.ndim:
                _WRITE[name](array, number)
        return tuple(arrays)

    return f


_MAKE = {
    "transpose": lambda a: a.T,
    "tail": lambda a: a[1:] if a.ndim else a[None],
    "back": lambda a: a[::-1] if a.ndim else a[None],
    "every other": lambda a: a[..., ::2] if a.ndim else a[None],
    "column": lambda a: a[..., 0] if a.ndim else a[None],
    "flat": lambda a: a.reshape(-1),
    "halves": lambda a: a.reshape((2, -1)) if a.size % 2 == 0 and a.size else a[None],
    "ravel": lambda a: a.ravel(),
    "copy": lambda a: a.copy(),
    "unit": lambda a: a[None],
    "swap": lambda a: np.swapaxes(a, 0, -1) if a.ndim else a[None],
}


def _increase(array, number):
    array += number


def _set_first(array, number):
    if array.shape[0]:
        array[0] = number


def _set_all(array, number):
    array[...] = number


def _double_positive(array, number):
    array[array > number] *= 2


_WRITE = {
    "increase": _increase,
    "set first": _set_first,
    "set all": _set_all,
    "double": _double_positive,
}


@pytest.mark.parametrize("seed", range(10))
def test_random_views_alias_as_in_numpy(seed):
    choose = random.Random(seed)
    for _ in range(12):
        names = choose.choices([*_MAKE, *_WRITE], k=choose.randrange(2, 9))
        steps = [(name, choose.randrange(9), choose.randrange(-3, 4)) for name in names]
        shape = tuple(choose.randrange(1, 5) for _ in range(choose.randrange(1, 4)))
        x = np.random.default_rng(seed).standard_normal(shape)
        check(_alias_program(steps), x)


def test_reshape_of_what_numpy_may_copy():
    def copied(x):
        y = x.copy()
        flat = y.T.reshape(-1)
        y[0] = 0
        flat[1] = 5
        return y, flat

    def viewed(x):
        y = x.copy()
        part = y[:, 0].reshape(-1)
        y[0] = 0
        part[1] = 5
        return y, part

    for shape in ((3, 4), (1, 4), (3, 1), (1, 1)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        if shape[0] > 1:
            check(viewed, x)
        if np.prod(shape) > 1:
            check(copied, x)


def test_layouts_that_are_not_known_are_not_guessed():
    def f(x):
        y = x.T + 1
        flat = y.reshape(-1)
        y[0] = 0
        return flat

    with pytest.raises(TraceError, match="memory layout"):
        traced(f, X)


def test_integers_of_any_kind_index():
    check(lambda x, i: (x[i], x[i:], x[:i], x[i - 1 : i + 1]), X, 1)
    check(lambda x: (x[np.int64(1)], x[x.shape[0] - 1], x[x.ndim - 1 :]), X)
    check(lambda i: i[i[0, 0] * 0], INTEGERS)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, i: x[i].shape[0],
        lambda x, i: np.zeros_like(x[i]),
        lambda x, i: x.astype(int)[i] * 0,
        lambda x, i: x.astype(int)[i] - x.astype(int)[i],
        lambda x, i: x[:, None][:, :0][i],
    ],
)
def test_an_index_is_not_looked_at_where_no_element_is(function):
    """What docs/numpy.md lists; a result that needs an element raises."""
    x = np.arange(5.0)
    inside, outside = np.array([4]), np.array([9])
    np.testing.assert_array_equal(ps.compile(function)(x, outside), function(x, inside))
    with pytest.raises(IndexError):
        ps.compile(lambda x, i: (function(x, i), x[i]))(x, outside)
