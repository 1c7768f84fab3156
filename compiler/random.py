"""Random numbers by counters under a key, which is passed as an argument.

    key = ps.random.key(0)
    first, second = ps.random.split(key)
    x = ps.random.normal(first, (3,))

A key is an array ``u64[2]``. The same key gives the same numbers, in every process, on
every machine and with any number of threads: use each key once, and split it for more.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from penstock.api import compile  # noqa: A004
from penstock.at_once import POSITIONAL
from penstock.frontend import random as traced
from penstock.frontend import random_choice, random_keys
from penstock.frontend.tracer import Traced, current_tracer
from penstock.frontend.transformed import Transformed

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "choice",
    "fold_in",
    "integers",
    "key",
    "normal",
    "permutation",
    "split",
    "uniform",
]

Shape = Any
"""An integer, or a tuple of integers."""


def _call(function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """Call a function of the traced program, within one or compiled on its own.

    Args:
        function: of the frontend.
        *args: arrays, and numbers whose value does not shape the program.
        **settings: what does; they can be hashed.
    """
    if current_tracer() is not None:
        return function(*args, **settings)
    return _compiled(function, tuple(settings.items()))(*args)


@cache
def _compiled(function: Callable[..., Any], settings: tuple[Any, ...]) -> Any:
    def apply(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function(*args, **dict(settings))

    made = Transformed(function, apply, "random")
    made.__signature__ = POSITIONAL
    return compile(made)


def _unless(default: float, number: Any) -> Any:
    """``None`` for a parameter that is its default, which needs no arithmetic."""
    return None if type(number) in (int, float) and number == default else number


def key(seed: Any) -> Any:
    """A key of a seed.

    Args:
        seed: an integer, from -2^63 up to 2^64, taken modulo 2^64; one of another
            dtype is converted to ``u64``.

    Returns:
        A key, ``u64[2]``: the seed and 0.

    Raises:
        NumberRangeError: an integer of Python does not fit 64 bits.
        DtypeError: it is no integer.

    Example:
        >>> import penstock as ps
        >>> ps.random.key(7)
        array([7, 0], dtype=uint64)
    """
    if current_tracer() is None and isinstance(seed, (int, np.integer)):
        return np.array([random_keys.seed_word(int(seed)), 0], np.uint64)
    return _call(random_keys.key_of, seed)


def split(key: Any, count: Any = 2) -> Any:
    """Keys that are made of a key, each for numbers of its own.

    Args:
        key: ``u64[2]``; do not use it again.
        count: how many.

    Returns:
        Keys, ``u64[count,2]``, all different from each other.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape.
        ValueError: the count is negative.

    Example:
        >>> import penstock as ps
        >>> keys = ps.random.split(ps.random.key(0), 3)
        >>> keys.shape
        (3, 2)
        >>> x, y, z = (ps.random.uniform(key) for key in keys)
    """
    return _call(random_keys.split, key, count)


def fold_in(key: Any, data: Any) -> Any:
    """A key that is made of a key and an integer, such as the number of a step.

    Args:
        key: ``u64[2]``.
        data: an integer; its 64 bits count.

    Returns:
        A key, ``u64[2]``, another for each integer.

    Raises:
        DtypeError: the key is not of ``u64``, or ``data`` is no integer.
        ShapeError: one of them has another shape.

    Example:
        >>> import penstock as ps
        >>> key = ps.random.key(0)
        >>> ps.random.uniform(ps.random.fold_in(key, 1), (3,)).shape
        (3,)
    """
    return _call(random_keys.fold_in, key, data)


def bits(key: Any, shape: Shape = (), dtype: Any = np.uint64) -> Any:
    """Random bits: unsigned integers, each as likely.

    Args:
        key: ``u64[2]``.
        shape: of the result.
        dtype: an unsigned integer dtype.

    Returns:
        An array of the shape and dtype; in ``u64`` the first two of the four words of
        Philox4x32-10 for each element, in fewer bits the highest of those.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape.
        TypeError: the dtype is none of unsigned integers.
        ValueError: a size is negative.

    Example:
        >>> import penstock as ps
        >>> print(hex(ps.random.bits(ps.random.key(0))))
        0xe169c58d6627e8d5
    """
    return _call(random_keys.bits, key, shape, dtype=np.dtype(dtype))


def uniform(
    key: Any,
    shape: Shape = (),
    dtype: Any = np.float64,
    low: Any = 0.0,
    high: Any = 1.0,
) -> Any:
    """Numbers from a range, each as likely: at least ``low`` and less than ``high``.

    Args:
        key: ``u64[2]``.
        shape: of the result.
        dtype: a floating dtype.
        low: a number, or an array that broadcasts to the shape.
        high: likewise. Derivatives by both are those of ``low + u * (high - low)``.

    Returns:
        An array of the shape and dtype. Where arrays of bounds leave no range, nan.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape, or bounds do not broadcast to the shape.
        TypeError: the dtype is not floating.
        ValueError: a size is negative, or numbers as bounds leave no range.

    Example:
        >>> import penstock as ps
        >>> x = ps.random.uniform(ps.random.key(0), (1000,), low=-1.0)
        >>> bool(((x >= -1) & (x < 1)).all())
        True
    """
    kind = np.dtype(dtype)
    traced.check_bounds(low, high, kind)
    low, high = _unless(0.0, low), _unless(1.0, high)
    return _call(_uniform, key, shape, low, high, dtype=kind)


def _uniform(key: Any, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
    return traced.uniform(key, shape, dtype, low, high)


def normal(
    key: Any,
    shape: Shape = (),
    dtype: Any = np.float64,
    loc: Any = 0.0,
    scale: Any = 1.0,
) -> Any:
    """Numbers of the normal distribution, by the method of Box and Muller.

    Args:
        key: ``u64[2]``.
        shape: of the result.
        dtype: a floating dtype.
        loc: the mean: a number, or an array that broadcasts to the shape.
        scale: the standard deviation, likewise. Derivatives by both are those of
            ``z * scale + loc``.

    Returns:
        An array of the shape and dtype; no number is beyond 8.6 deviations.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape, or parameters do not broadcast to the shape.
        TypeError: the dtype is not floating.
        ValueError: a size is negative, or a number as scale is.

    Example:
        >>> import penstock as ps
        >>> x = ps.random.normal(ps.random.key(0), (10000,), scale=2.0)
        >>> bool(1.9 < x.std() < 2.1)
        True
    """
    loc, scale = _unless(0.0, loc), _unless(1.0, scale)
    return _call(_normal, key, shape, loc, scale, dtype=np.dtype(dtype))


def _normal(key: Any, shape: Any, loc: Any, scale: Any, dtype: Any) -> Any:
    return traced.normal(key, shape, dtype, loc, scale)


def integers(
    key: Any, shape: Shape = (), low: Any = 0, high: Any = 2, dtype: Any = np.int64
) -> Any:
    """Integers from a range, each as likely: at least ``low`` and less than ``high``.

    Args:
        key: ``u64[2]``.
        shape: of the result.
        low: an integer, or a size.
        high: likewise; the range may be all that the dtype holds.
        dtype: an integer dtype.

    Returns:
        An array of the shape and dtype. Probabilities differ by at most 2^-64 of
        themselves.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape.
        TypeError: the dtype is not one of integers, or a bound is a traced array.
        ValueError: a size is negative, or there is no integer in the range, or one
            that the dtype does not hold.

    Example:
        >>> import penstock as ps
        >>> dice = ps.random.integers(ps.random.key(0), (1000,), 1, 7)
        >>> int(dice.min()), int(dice.max())
        (1, 6)
    """
    kind = np.dtype(dtype)
    if _is_plain(low) and _is_plain(high) and current_tracer() is None:
        low, high = operator.index(low), operator.index(high)
        if not all(-(1 << 63) <= number < 1 << 63 for number in (low, high)):
            # Beyond what integer arguments hold: part of the program.
            return _call(_integers, key, shape, low=low, high=high, dtype=kind)
    return _call(_integers, key, shape, low, high, dtype=kind)


def _is_plain(number: Any) -> bool:
    return not issubclass(type(number), Traced) and hasattr(number, "__index__")


def _integers(key: Any, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
    return traced.integers(key, shape, low, high, dtype)


def bernoulli(key: Any, p: Any = 0.5, shape: Shape = None) -> Any:
    """Bools that are true with a probability.

    Args:
        key: ``u64[2]``.
        p: the probability: a number, or an array that broadcasts to the shape.
        shape: of the result; by default that of ``p``.

    Returns:
        ``bool`` of the shape. In an array ``p`` counts below 0 and nan as 0, above 1
        as 1.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape, or ``p`` does not broadcast to the shape.
        ValueError: a size is negative, or a number ``p`` is no probability.

    Example:
        >>> import penstock as ps
        >>> kept = ps.random.bernoulli(ps.random.key(0), 0.9, (1000,))
        >>> bool(850 < kept.sum() < 950)
        True
    """
    return _call(traced.bernoulli, key, p, shape)


def permutation(key: Any, x: Any, axis: int = 0) -> Any:
    """An array in random order along an axis, or the integers below a number.

    Args:
        key: ``u64[2]``.
        x: an array, or an integer.
        axis: along which the array's parts change places; each moves as a whole.

    Returns:
        The array in the new order, or ``i64[x]``. It is the order of random words of
        64 bits: of n elements, two have equal words with a probability below
        n^2 / 2^65, and keep their order then.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape.
        AxisError: there is no such axis.
        TypeError: an array without axes.
        ValueError: a negative integer.

    Example:
        >>> import penstock as ps
        >>> sorted(ps.random.permutation(ps.random.key(0), 5).tolist())
        [0, 1, 2, 3, 4]
    """
    return _call(random_choice.permutation, key, _integer(x), axis=axis)


def _integer(x: Any) -> Any:
    return int(x) if isinstance(x, np.integer) and _is_plain(x) else x


def choice(
    key: Any, a: Any, shape: Shape = (), replace: bool = True, p: Any = None
) -> Any:
    """Elements of an array, or of the integers below a number.

    Args:
        key: ``u64[2]``.
        a: an array, whose first axis is chosen along, or an integer.
        shape: how many, and in which shape.
        replace: whether an element may be chosen again.
        p: for each element a weight; probabilities are their shares of the sum.
            Without replacement each choice is by the weights of those that are left.

    Returns:
        An array of the shape, followed by the axes of an element.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape.
        TypeError: an array without axes.
        ValueError: a size is negative, there are too few elements, or the number of
            weights is another. Outside of compiled functions also where weights are
            negative, not finite, or too few of them are above 0; within one, such
            weights give elements by no distribution in particular.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> coins = ps.random.choice(ps.random.key(0), np.array([1, 5]), (1000,))
        >>> bool(2800 < coins.sum() < 3200)
        True
    """
    if current_tracer() is None:
        random_choice.check_weights(p, None if replace else shape)
    return _call(_choice, key, _integer(a), shape, p, replace=bool(replace))


def _choice(key: Any, a: Any, shape: Any, p: Any, replace: bool) -> Any:
    return random_choice.choice(key, a, shape, replace, p)


def categorical(key: Any, logits: Any, axis: int = -1, shape: Shape = None) -> Any:
    """Indices along an axis, by the logarithms of their probabilities.

    Args:
        key: ``u64[2]``.
        logits: an array; the same number may be added to all along the axis.
        axis: the axis along which the probabilities are.
        shape: of the result; by default that of the logits without the axis, which
            must broadcast to it.

    Returns:
        ``i64`` of the shape.

    Raises:
        DtypeError: the key is not of ``u64``.
        ShapeError: it has another shape, or the logits do not broadcast to the shape.
        AxisError: there is no such axis.
        TypeError: logits without axes.
        ValueError: a size is negative, or there is nothing along the axis.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> logits = np.log([0.2, 0.8])
        >>> drawn = ps.random.categorical(ps.random.key(0), logits, shape=(1000,))
        >>> bool(750 < drawn.sum() < 850)
        True
    """
    return _call(_categorical, key, logits, shape, axis=axis)


def _categorical(key: Any, logits: Any, shape: Any, axis: int) -> Any:
    return random_choice.categorical(key, logits, axis, shape)
