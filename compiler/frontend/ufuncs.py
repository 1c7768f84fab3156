"""Calls of NumPy's ufuncs: dtypes, broadcasting, ``out=``, ``where=`` and methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_into, broadcast_shape, fits_into
from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.host_reals import HostReal
from penstock.frontend.lift import as_array, convert, find_tracer, kind_of, value_of
from penstock.frontend.promotion import Kind, check_cast, integer_range, loop_dtypes
from penstock.frontend.selection import Selection
from penstock.frontend.tracer import Tracer
from penstock.ir.errors import ShapeError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, f64
from penstock.ir.wording import with_article

__all__ = ["call_method", "call_ufunc", "easy_exponent", "ufunc_ops"]

# Ufuncs that are one op on operands of one dtype.
_OPS: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.divide: "div",
    np.negative: "neg",
    np.absolute: "abs",
    np.sqrt: "sqrt",
    np.exp: "exp",
    np.log: "log",
    np.log1p: "log1p",
    np.expm1: "expm1",
    np.exp2: "exp2",
    np.log2: "log2",
    np.log10: "log10",
    np.sin: "sin",
    np.cos: "cos",
    np.tan: "tan",
    np.arcsin: "asin",
    np.arccos: "acos",
    np.arctan: "atan",
    np.arctan2: "atan2",
    np.sinh: "sinh",
    np.cosh: "cosh",
    np.tanh: "tanh",
    np.arcsinh: "asinh",
    np.arccosh: "acosh",
    np.arctanh: "atanh",
    np.cbrt: "cbrt",
    np.hypot: "hypot",
    np.logaddexp: "logaddexp",
    np.logaddexp2: "logaddexp2",
    np.rint: "round",
    np.copysign: "copysign",
    np.nextafter: "nextafter",
    np.spacing: "spacing",
    np.signbit: "signbit",
    np.gcd: "gcd",
    np.lcm: "lcm",
    np.bitwise_count: "bit_count",
    np.left_shift: "shift_left",
    np.right_shift: "shift_right",
    np.sign: "sign",
    np.floor: "floor",
    np.ceil: "ceil",
    np.maximum: "maximum",
    np.minimum: "minimum",
    np.floor_divide: "floor_divide",
    np.remainder: "remainder",
    np.equal: "equal",
    np.not_equal: "not_equal",
    np.less: "less",
    np.less_equal: "less_equal",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
    np.bitwise_and: "and",
    np.bitwise_or: "or",
    np.bitwise_xor: "xor",
    np.invert: "not",
}

# What NumPy's loops on bools do, by the ufunc's op.
_BOOL_OPS = {"add": "or", "mul": "and", "abs": "", "floor": "", "ceil": ""}

_COMPARISONS = frozenset(
    (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
)


def ufunc_ops() -> Mapping[np.ufunc, str]:
    """The op of each ufunc that is one op."""
    return _OPS


def call_ufunc(
    ufunc: np.ufunc,
    inputs: tuple[Any, ...],
    *,
    out: Any = None,
    where: Any = True,
    dtype: Any = None,
    casting: str = "same_kind",
    signature: Any = None,
    **options: Any,
) -> Any:
    """Call a ufunc on operands of which at least one (or ``out``) is traced.

    Raises:
        PenstockError: it cannot be, at the user's line.
    """
    for operand in inputs:
        if type(operand) is Selection:
            if out is not None or where is not True or dtype is not None:
                options["out"] = out
            return operand.__array_ufunc__(ufunc, "__call__", *inputs, **options)
    _refuse_options(ufunc, options)
    tracer = find_tracer((*inputs, out) if out is not None else inputs)
    if ufunc is np.power and type(inputs[1]) in (HostInteger, HostReal):
        inputs = (inputs[0], easy_exponent(kind_of(inputs[0]), inputs[1]))
    if ufunc.signature is not None:
        from penstock.frontend.numpy_functions.contraction import call_gufunc

        return call_gufunc(tracer, ufunc, inputs, out, dtype, casting, signature)
    kinds: list[Kind] = []
    for operand in inputs:
        kind = kind_of(operand)
        kinds.append(as_array(tracer, operand).kind if kind is None else kind)
    if ufunc in _COMPARISONS and int in kinds:
        inputs, kinds = _bring_into_range(tracer, ufunc, inputs, kinds)
    dtypes = loop_dtypes(ufunc, tuple(kinds), dtype, casting, signature)
    values = [
        value_of(tracer, operand, loop)
        for operand, loop in zip(inputs, dtypes[: ufunc.nin], strict=True)
    ]
    if len(values) > 1:
        broadcast_shape(tracer, ufunc.__name__, [v.shape for v in values])
    ordered = all(
        operand.in_order or len(operand.sizes) < 2
        for operand in inputs
        if type(operand) is TracedArray
    )
    results = _apply(tracer, ufunc, values, dtypes, ordered)
    wanted = out if isinstance(out, tuple) else (out,) * ufunc.nout
    finished = [
        _finish(tracer, ufunc, result, target, where, casting)
        for result, target in zip(results, wanted, strict=True)
    ]
    return finished[0] if len(finished) == 1 else tuple(finished)


def easy_exponent(base: Kind | None, exponent: Any) -> Any:
    """An exponent; that an argument is one of the easy ones is guarded.

    For these NumPy squares, divides or takes a root, which is not the last bit of a
    power, nor the same at -inf and -0.
    """
    if not isinstance(base, Dtype) or not base.is_float:
        return exponent
    if type(exponent) is HostInteger:
        return next((easy for easy in (2, -1) if exponent == easy), exponent)
    # A number that no guard can hold would be pinned.
    if type(exponent) is HostReal and exponent.expression is not None:
        return next((easy for easy in (2.0, 0.5, -1.0) if exponent == easy), exponent)
    return exponent


def _refuse_options(ufunc: np.ufunc, options: dict[str, Any]) -> None:
    options.pop("order", None)
    options.pop("subok", None)
    # Where a ufunc itself is compiled, it is called with its own defaults.
    options = {
        name: option
        for name, option in options.items()
        if option is not np._NoValue and (name, option) != ("keepdims", False)  # noqa: SLF001
    }
    if options:
        name = min(options)
        raise UnsupportedError(
            user_location(),
            f"numpy.{ufunc.__name__} with {name}= is not supported",
            code="unsupported-argument",
        )


def _apply(
    tracer: Tracer,
    ufunc: np.ufunc,
    values: list[Value],
    dtypes: tuple[Dtype, ...],
    ordered: bool,
) -> list[TracedArray]:
    """The results of a ufunc on Values of its loop's dtypes."""
    op = _OPS.get(ufunc)
    if op is not None and len({value.dtype for value in values}) == 1:
        kind = values[0].dtype.kind
        if (kind == "b" and op in _BOOL_OPS) or (
            kind in "iu" and op in ("floor", "ceil")
        ):
            op = _BOOL_OPS.get(op, op)
            if not op:
                return [wrap(tracer, values[0], ordered)]
        result = tracer.emit(op, *values)
        return [wrap(tracer, convert(tracer, result, dtypes[-1]), ordered)]
    from penstock.frontend.ufunc_formulas import formula_of

    arrays = [wrap(tracer, value, ordered) for value in values]
    found = formula_of(ufunc)(*arrays)
    results = list(found) if isinstance(found, tuple) else [found]
    return [
        result
        if result.kind is dtype
        else wrap(tracer, convert(tracer, result.value, dtype), ordered)
        for result, dtype in zip(results, dtypes[ufunc.nin :], strict=True)
    ]


def _bring_into_range(
    tracer: Tracer, ufunc: np.ufunc, inputs: tuple[Any, ...], kinds: list[Kind]
) -> tuple[tuple[Any, ...], list[Kind]]:
    """Comparisons with Python integers that the other operand's dtype cannot hold.

    NumPy compares them as the numbers they are, so the comparison with the least or
    greatest number of the dtype, or with a constant, stands in for it.
    """
    weak = kinds.index(int)
    other = kinds[1 - weak]
    number = inputs[weak]
    if not isinstance(other, Dtype) or not other.is_integer:
        return inputs, kinds
    if type(number) is HostInteger:
        # Integers of two dtypes compare as the numbers they are.
        exact = wrap(tracer, value_of(tracer, number))
        changed = (inputs[0], exact) if weak else (exact, inputs[1])
        return changed, [exact.kind if kind is int else kind for kind in kinds]
    least, greatest = integer_range(other)
    if least <= number <= greatest:
        return inputs, kinds
    # Any array compares with an infinity as with a number beyond its range.
    beyond = float("inf") if number > greatest else float("-inf")
    array = as_array(tracer, inputs[1 - weak])
    as_float = wrap(tracer, tracer.emit("astype", array.value, dtype=f64))
    bounded = (as_float, beyond) if weak else (beyond, as_float)
    return bounded, [float if k is int else f64 for k in kinds]


def _finish(
    tracer: Tracer,
    ufunc: np.ufunc,
    result: TracedArray,
    out: Any,
    where: Any,
    casting: str,
) -> TracedArray:
    """The result put into ``out`` where ``where`` holds."""
    if out is None and where is True:
        return result
    name = ufunc.__name__
    if out is not None and type(out) is not TracedArray:
        raise UnsupportedError(
            user_location(),
            f"{name}: out= is {with_article(type(out).__name__)}, which is not traced",
            code="out-argument",
            hint="make it within the function: np.empty(...) or np.zeros(...)",
        )
    if out is not None and result.kind is not out.kind:
        check_cast(result.kind, out.kind, casting, name)
        result = wrap(tracer, convert(tracer, result.value, out.kind))
    shapes = [result.sizes]
    if where is not True:
        mask = value_of(tracer, where)
        if mask.dtype is not bool_:
            check_cast(mask.dtype, bool_, "safe", f"{name} where=")
        shapes.append(mask.shape)
    if out is not None:
        _check_out_shape(tracer, name, shapes, out)
    if where is not True:
        # Where the mask is False without `out`, NumPy leaves memory as it was; any
        # number will do there.
        base = out.value if out is not None else tracer.constant(0, result.kind)
        broadcast_shape(tracer, name, [*shapes, base.shape])
        selected = tracer.emit("select", mask, result.value, base)
        result = wrap(tracer, selected, result.cell.ordered)
    if out is None:
        return result
    out.write(broadcast_into(tracer, result, out.sizes))
    traced: TracedArray = out
    return traced


def _check_out_shape(
    tracer: Tracer, name: str, shapes: list[Any], out: TracedArray
) -> None:
    common = broadcast_shape(tracer, name, shapes)
    if not fits_into(tracer, common, out.sizes):
        raise ShapeError(
            user_location(),
            f"{name}: out= is {out.tensor}, too small for the result",
            code="out-shape",
            hint="make it of the result's shape, or leave it out",
        )


def call_method(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Answer ``__array_ufunc__``.

    Raises:
        PenstockError: the method cannot be called so, at the user's line.
    """
    out = options.pop("out", None)
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    if out is not None:
        options["out"] = out
    if method == "__call__":
        return call_ufunc(ufunc, inputs, **options)
    from penstock.frontend.namespace import call_checked
    from penstock.frontend.ufunc_methods import METHODS

    name = f"numpy.{ufunc.__name__}.{method}"
    return call_checked(METHODS[method], name, (ufunc, *inputs), options)
