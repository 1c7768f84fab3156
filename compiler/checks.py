"""Tests for users: derivatives against differences, compiled results against NumPy."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from penstock.api import Compiled, compile  # noqa: A004
from penstock.at_once import POSITIONAL
from penstock.frontend.lift import as_array
from penstock.frontend.tracer import require_tracer
from penstock.frontend.transform import Linearized
from penstock.frontend.transform_leaves import argument_name
from penstock.frontend.transformed import Transformed
from penstock.ir.errors import CheckError, OptionError
from penstock.ir.types import dtype_of
from penstock.runtime.pytree import flatten, unflatten

__all__ = ["check_grads", "compare"]

Array = np.ndarray[Any, Any]

_MODES = ("forward", "reverse")

# Steps of differences, and how far derivatives may be from them, by bits of the dtype:
# the step balances eps^2 of the difference against (unit roundoff) / eps of rounding.
_STEPS = {64: 1e-6, 32: 5e-3, 16: 0.1}
_TOLERANCES = {64: 1e-6, 32: 2e-3, 16: 5e-2}
_COARSE = {64: 1e-6, 32: 2e-2, 16: 0.3}
# The identity of both modes is one of exact arithmetic.
_ROUNDING = {64: 1e-10, 32: 1e-4, 16: 5e-2}


def check_grads(
    function: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = _MODES,
    *,
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Hold the derivatives of a function against central differences.

    Each floating array in the arguments is moved along a random direction; what is
    differentiated in one mode is differentiated again in both, ``order`` times in all.
    The differences are taken in float64 wherever the function computes in it. Both
    modes are also held against each other. Choose arguments away from kinks, such as
    zeros of ``abs``.

    Args:
        function: of nested arrays.
        args: its arguments. What is not floating stays fixed.
        order: the highest derivative to check.
        modes: ``"forward"``, ``"reverse"`` or both.
        eps: the step; by dtype if not given.
        rtol: how far a derivative may be from the difference, relative to it.
        atol: and beside that, absolutely.
        seed: of the directions.

    Raises:
        CheckError: a derivative is wrong; the message says by which argument, of which
            result, and shows the numbers.
        OptionError: there is nothing floating to check, no tuple of arguments, or no
            such mode.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.check_grads(lambda x, y: np.sin(x) * y, (np.ones(3), np.ones(3)))
    """
    if isinstance(modes, str):
        modes = (modes,)
    unknown = [mode for mode in modes if mode not in _MODES]
    if unknown or not modes or order < 1:
        raise OptionError(
            None,
            f"check_grads has no modes {tuple(modes)!r} of order {order}",
            code="bad-check",
            hint="modes are 'forward' and 'reverse', and the order is at least 1",
        )
    if not isinstance(args, (tuple, list)):
        raise OptionError(
            None,
            "check_grads: args must be a tuple of arguments, not "
            f"{type(args).__name__}",
            code="bad-check",
            hint="one argument is a tuple too: ps.check_grads(f, (x,))",
        )
    checked = _Checked.of(function, tuple(args))
    tolerances = (eps, rtol, atol)
    _check(checked, order, tuple(modes), tolerances, np.random.default_rng(seed))


class _Checked:
    """A function of a tuple of floating arrays that returns such a tuple.

    Attributes:
        function: takes the arrays, and further ones of each derivative before it.
        xs: where it is checked.
        further: what it takes beside them.
        names: of the arrays.
        results: names of what it returns, once it has been run.
        bits: those of the narrowest dtype on the way.
        is_coarse: whether something is narrower however its arguments are converted.
    """

    def __init__(
        self,
        function: Transformed,
        xs: tuple[Array, ...],
        further: tuple[Any, ...],
        names: list[str],
        results: list[str],
    ) -> None:
        self.xs, self.further = xs, further
        self.function, self.names, self.results = function, names, results
        self.run = compile(function)
        self.bits = min(x.dtype.itemsize * 8 for x in xs)
        self.is_coarse = False

    @classmethod
    def of(cls, function: Callable[..., Any], args: tuple[Any, ...]) -> _Checked:
        """A user's function, at its arguments."""
        leaves, structure = flatten(args)
        places = [i for i, leaf in enumerate(leaves) if _is_floating(leaf)]
        if not places:
            raise OptionError(
                None,
                "check_grads: no argument is floating",
                code="bad-check",
                hint="pass a tuple of arguments, of which some are arrays of floats",
            )
        results: list[str] = []

        def apply(f: Any, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            tracer = require_tracer("check_grads")
            whole = list(leaves)
            for place, x in zip(places, given[0], strict=True):
                whole[place] = x
            found, nesting = flatten(tracer.plain(f(*unflatten(structure, whole))))
            arrays = [as_array(tracer, leaf) for leaf in found]
            chosen = [i for i, array in enumerate(arrays) if array.kind.is_float]
            results[:] = [f"result{nesting.paths()[i]}" for i in chosen]
            return tuple(arrays[i] for i in chosen)

        paths = structure.paths()
        return cls(
            _with_signature(function, apply),
            tuple(np.asarray(leaves[place]) for place in places),
            (),
            [argument_name(paths[place]) for place in places],
            results,
        )

    def at(self, xs: Sequence[Array]) -> list[Array]:
        """The function's results elsewhere."""
        return [np.asarray(y) for y in self.run(tuple(xs), *self.further)]

    def along(self, before: _Checked, directions: tuple[Array, ...]) -> list[Array]:
        """The results of a forward derivative along other directions."""
        found = self.run(self.xs, *before.further, directions)
        return [np.asarray(t) for t in found]

    def derivative(self, mode: str, directions: tuple[Array, ...]) -> _Checked:
        """Its derivative along fixed directions."""
        forward = mode == "forward"

        def apply(f: Any, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            xs, *further, along = given
            linear = Linearized(lambda *ys: f(ys, *further), tuple(xs))
            return linear.tangent(along) if forward else linear.cotangent(along)

        results = (
            [f"tangent of {name}" for name in self.results]
            if forward
            else [f"cotangent of {name}" for name in self.names]
        )
        made = _Checked(
            _with_signature(self.function, apply), self.xs,
            (*self.further, directions), self.names, results,
        )  # fmt: skip
        made.bits, made.is_coarse = self.bits, self.is_coarse
        return made


def _is_floating(leaf: Any) -> bool:
    if isinstance(leaf, (bool, int, str, bytes)):
        return False
    if isinstance(leaf, float):
        return True
    dtype = getattr(leaf, "dtype", None)
    known = dtype_of(dtype) if isinstance(dtype, np.dtype) else None
    return known is not None and known.is_float


def _with_signature(function: Any, apply: Any) -> Transformed:
    made = Transformed(function, apply, "check")
    made.__signature__ = POSITIONAL
    return made


_Given = tuple[float | None, float | None, float | None]


def _check(
    checked: _Checked,
    order: int,
    modes: tuple[str, ...],
    given: _Given,
    random: np.random.Generator,
) -> None:
    values = checked.at(checked.xs)
    if not values:
        raise OptionError(
            None,
            "check_grads: no result is floating",
            code="bad-check",
            hint="integers and bools have no derivative: return an array of floats",
        )
    vs = tuple(_random_like(x, random) for x in checked.xs)
    cs = tuple(_random_like(y, random) for y in values)
    bits = checked.bits = min(checked.bits, *(y.dtype.itemsize * 8 for y in values))
    # In wider arguments: does the function compute in them?
    wide = checked.at([x.astype(np.float64) for x in checked.xs])
    checked.is_coarse |= any(y.dtype != np.float64 for y in wide)
    derived = {
        mode: checked.derivative(mode, vs if mode == "forward" else cs)
        for mode in modes
    }
    sizes = [_largest(value) for value in values]
    for i, (v, name) in enumerate(zip(vs, checked.names, strict=True)):
        # Along one argument at a time, so that the message can name it.
        alone = tuple(v if i == j else np.zeros_like(u) for j, u in enumerate(vs))
        differences = _differences(checked, alone, given[0])
        limits = (_COARSE if checked.is_coarse else _TOLERANCES)[bits]
        if "forward" in modes:
            tangents = derived["forward"].along(checked, alone)
            rows = zip(checked.results, tangents, differences, sizes, strict=True)
            for result, found, wanted, size in rows:
                what = f"{result} by {name} in forward mode"
                _require(what, "differences", found, wanted, limits, size, given)
        if "reverse" in modes:
            cotangent = derived["reverse"].at(checked.xs)[i]
            back, size = _dot([cotangent], [v])
            ahead, other = _dot(cs, differences)
            what = f"{', '.join(checked.results)} by {name} in reverse mode"
            size = max(size, other, *sizes)
            _require(what, "differences", back, ahead, limits, size, given)
        if len(modes) == 2:
            ahead, other = _dot(cs, tangents)
            rounding = _ROUNDING[bits]
            _require(what, "forward mode", back, ahead, rounding, other, given)
    if order > 1:
        for one in derived.values():
            _check(one, order - 1, modes, given, random)


def _random_like(x: Array, random: np.random.Generator) -> Array:
    return np.asarray(random.standard_normal(x.shape)).astype(x.dtype)


def _largest(x: Any) -> float:
    return float(np.max(np.abs(np.asarray(x, np.float64)), initial=0))


def _dot(left: Sequence[Array], right: Sequence[Array]) -> tuple[float, float]:
    """A sum of products, and that of their magnitudes."""
    products = [
        np.multiply(a.astype(np.float64), b.astype(np.float64))
        for a, b in zip(left, right, strict=True)
    ]
    return (
        float(sum(product.sum() for product in products)),
        float(sum(np.abs(product).sum() for product in products)),
    )


def _differences(
    checked: _Checked, directions: tuple[Array, ...], eps: float | None
) -> list[Array]:
    """The central differences along directions."""
    step = eps or _STEPS[checked.bits if checked.is_coarse else 64]

    def moved(step: float) -> list[Array]:
        pairs = zip(checked.xs, directions, strict=True)
        wide = [x.astype(np.float64) + step * v.astype(np.float64) for x, v in pairs]
        if checked.is_coarse:
            wide = [w.astype(x.dtype) for w, x in zip(wide, checked.xs, strict=True)]
        return [y.astype(np.float64) for y in checked.at(wide)]

    return [
        np.asarray((ahead - behind) / (2 * step))
        for ahead, behind in zip(moved(step), moved(-step), strict=True)
    ]


def _require(
    what: str,
    by: str,
    found: Any,
    wanted: Any,
    tolerance: float,
    size: float,
    given: _Given,
) -> None:
    """Raise a CheckError unless a derivative is what it should be."""
    _, rtol, atol = given
    rtol = tolerance if rtol is None else rtol
    atol = tolerance * max(1.0, size) if atol is None else atol
    have, want = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    wrong = ~np.isclose(have, want, rtol, atol, equal_nan=True)
    if not np.any(wrong):
        return
    raise CheckError(
        None,
        f"the derivative of {what} does not agree with {by}: "
        + _worst(have, want, wrong, by),
        code="wrong-derivative",
        hint="at a kink neither is right: choose other arguments; where rounding is "
        "to blame, set eps, rtol or atol",
    )


def _worst(have: Array, want: Array, wrong: Array, source: str) -> str:
    """The element that is furthest off, in words."""
    off = np.where(wrong, np.abs(have - want), -1.0)
    off = np.where(np.isnan(off), np.inf, off)
    place = np.unravel_index(int(np.argmax(off)), off.shape)
    at = f"at [{', '.join(map(str, place))}] " if place else ""
    count = f" ({int(wrong.sum())} of {wrong.size} elements)" if place else ""
    return f"{at}{have[place]:.9g}, {source} {want[place]:.9g}{count}"


def compare(
    function: Callable[..., Any],
    *args: Any,
    rtol: float | None = None,
    atol: float | None = None,
    **kwargs: Any,
) -> None:
    """Hold the compiled function against NumPy: nesting, dtypes, shapes and values.

    Args:
        function: of nested arrays, compiled or not.
        *args: its arguments; both get copies of their own.
        rtol: how far floats may be off, relative to the result; by dtype if not given.
        atol: and beside that, absolutely; relative to the largest element if not given.
        **kwargs: further arguments.

    Raises:
        CheckError: they differ; the message names the part of the result, and shows
            the numbers.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.compare(lambda x: {"sum": x.sum(), "top": x[:2]}, np.arange(4.0))
    """
    plain = function.__wrapped__ if isinstance(function, Compiled) else function
    if isinstance(plain, Transformed):
        raise OptionError(
            None,
            f"compare: NumPy knows nothing of {plain.__name__}",
            code="bad-check",
            hint="compare the function itself, and check derivatives with "
            "ps.check_grads",
        )
    made = copy.deepcopy((args, kwargs))
    wanted = plain(*made[0], **made[1])
    compiled = function if plain is not function else compile(function)
    made = copy.deepcopy((args, kwargs))
    found = compiled(*made[0], **made[1])
    have, structure = flatten(found)
    want, expected = flatten(wanted)
    if structure != expected:
        raise _different(f"{structure!r}, NumPy's {expected!r}")
    for path, a, b in zip(expected.paths(), have, want, strict=True):
        _compare_leaf(f"result{path}", a, b, rtol, atol)


def _different(text: str) -> CheckError:
    return CheckError(None, f"the compiled result is {text}", code="wrong-result")


def _compare_leaf(
    what: str, found: Any, wanted: Any, rtol: float | None, atol: float | None
) -> None:
    if not isinstance(wanted, (np.ndarray, np.generic, float)):
        if type(found) is not type(wanted) or found != wanted:
            raise _different(f"{found!r} in {what}, NumPy's {wanted!r}")
        return
    have, want = np.asarray(found), np.asarray(wanted)
    if (have.dtype, have.shape) != (want.dtype, want.shape):
        raise _different(
            f"{have.dtype}{list(have.shape)} in {what}, NumPy's "
            f"{want.dtype}{list(want.shape)}"
        )
    if not _is_floating(want):
        wrong = np.asarray(have != want)
        have, want = have.astype(object), want.astype(object)
        if np.any(wrong):
            place = tuple(np.argwhere(wrong)[0]) if wrong.ndim else ()
            at = f" at {[int(i) for i in place]}" if place else ""
            raise _different(f"{have[place]} in {what}{at}, NumPy's {want[place]}")
        return
    tolerance = _RESULTS[want.dtype.itemsize * 8]
    have, want = have.astype(np.float64), want.astype(np.float64)
    finite = want[np.isfinite(want)]
    atol = tolerance * _largest(finite) if atol is None else atol
    rtol = tolerance if rtol is None else rtol
    wrong = ~np.isclose(have, want, rtol, atol, equal_nan=True)
    if np.any(wrong):
        raise _different(f"off in {what}: {_worst(have, want, wrong, 'NumPy')}")


# A few hundred units in the last place: sums are added up in another order.
_RESULTS = {64: 1e-13, 32: 3e-5, 16: 2e-2}
