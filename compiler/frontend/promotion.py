"""Dtypes of results, by NumPy's own rules (NEP 50), asked of NumPy itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.refusals import bad_type, bad_value, too_large
from penstock.frontend.tracer import Tracer
from penstock.ir.errors import DtypeError, NumberRangeError, UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, dtype_of
from penstock.ir.wording import with_article

__all__ = [
    "Kind",
    "as_dtype",
    "check_cast",
    "check_casting",
    "fits_dtype",
    "loop_dtypes",
    "out_of_range",
    "result_dtype",
    "supported_dtype",
]

# What an operand counts as: a dtype, or `int` or `float` for Python numbers, which
# take the dtype of what they meet.
Kind = Dtype | type


def supported_dtype(dtype: np.dtype[Any], what: str = "arrays") -> Dtype:
    """The Dtype of a NumPy dtype.

    Raises:
        UnsupportedError: there is none, or Penstock does not compute with it yet.
    """
    found = dtype_of(dtype)
    if found is None and not dtype.isnative:
        found = dtype_of(dtype.newbyteorder("="))
    if found is None or found.kind == "c":
        raise UnsupportedError(
            user_location(),
            f"{what} of dtype {dtype} are not supported",
            code="unsupported-dtype",
            hint="use bool, an integer or a floating dtype",
        )
    return found


def as_dtype(dtype: Any) -> Dtype:
    """The Dtype that a ``dtype=`` argument names.

    Raises:
        UnsupportedError: Penstock does not have it.
        TypeError: it names no dtype.
    """
    if isinstance(dtype, Dtype):
        return dtype
    if isinstance(dtype, np.ndarray):
        raise bad_type(
            "a dtype is an array", hint="give the dtype of one, as in a.dtype"
        )
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        hint = "dtypes are np.float32, 'f4', int and the like"
        raise bad_type(f"{error}", hint) from None
    return supported_dtype(found)


_CONVERT = "convert before: x.astype(dtype)"

_BOOL_HINTS = {
    np.subtract: "for bools, use a ^ b or np.logical_xor(a, b)",
    np.negative: "for bools, use ~a or np.logical_not(a)",
}


@lru_cache(maxsize=4096)
def _resolve(
    ufunc: np.ufunc, kinds: tuple[Kind, ...], signature: Any, casting: Any
) -> tuple[np.dtype[Any], ...]:
    given = tuple(k.numpy if isinstance(k, Dtype) else k for k in kinds)
    options: dict[str, Any] = {} if signature is None else {"signature": signature}
    if casting == "equiv":
        # The rules differ for foreign byte order alone, and NumPy 2.4 ends the process
        # where "equiv" refuses a Python number.
        casting = "no"
    resolved: tuple[np.dtype[Any], ...] = ufunc.resolve_dtypes(
        given + (None,) * ufunc.nout, casting=casting, **options
    )
    return resolved


@lru_cache(maxsize=4096)
def _loop(
    ufunc: np.ufunc, kinds: tuple[Kind, ...], signature: Any, casting: str
) -> tuple[Dtype, ...] | None:
    found = [dtype_of(d) for d in _resolve(ufunc, kinds, signature, casting)]
    if any(dtype is None or dtype.kind == "c" for dtype in found):
        return None
    return tuple(dtype for dtype in found if dtype is not None)


def loop_dtypes(
    ufunc: np.ufunc,
    kinds: tuple[Kind, ...],
    dtype: Any = None,
    casting: str = "same_kind",
    signature: Any = None,
) -> tuple[Dtype, ...]:
    """The dtypes in which a ufunc takes operands of these kinds, and its results.

    Raises:
        DtypeError: the ufunc does not take them, as NumPy says.
        UnsupportedError: it would compute in a dtype that Penstock does not have.
    """
    if dtype is not None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    elif isinstance(signature, list):
        signature = tuple(signature)
    check_casting(casting)
    try:
        found = _loop(ufunc, kinds, signature, casting)
    except TypeError:
        names = " and ".join(map(_name, kinds))
        raise DtypeError(
            user_location(),
            f"{ufunc.__name__}: takes no {names}",
            code="dtype",
            hint=_BOOL_HINTS.get(ufunc, _CONVERT) if bool_ in kinds else _CONVERT,
        ) from None
    if found is None:
        names = ", ".join(map(str, _resolve(ufunc, kinds, signature, casting)))
        raise UnsupportedError(
            user_location(),
            f"{ufunc.__name__} would compute in dtypes ({names})",
            code="unsupported-dtype",
            hint="use bool, an integer or a floating dtype",
        )
    return found


def result_dtype(kinds: list[Kind] | tuple[Kind, ...]) -> Dtype:
    """The dtype that values of these kinds have in common (``np.result_type``).

    Raises:
        DtypeError: there is none, as of bf16 and wide integers, says NumPy.
    """
    try:
        found: np.dtype[Any] = np.result_type(
            *(kind.numpy if isinstance(kind, Dtype) else kind(0) for kind in kinds)
        )
    except np.exceptions.DTypePromotionError:
        names = " and ".join(dict.fromkeys(map(_name, kinds)))
        raise DtypeError(
            user_location(),
            f"{names} have no dtype in common",
            code="dtype",
            hint="convert one of them: .astype(np.float32)",
        ) from None
    return supported_dtype(found)


def _name(kind: Kind) -> str:
    return kind.__name__ if isinstance(kind, type) else kind.name


def check_cast(source: Dtype, target: Dtype, casting: str, what: str) -> None:
    """Raise a DtypeError unless NumPy casts so by this rule."""
    check_casting(casting)
    rule: Any = casting
    if source is target or np.can_cast(source.numpy, target.numpy, rule):
        return
    raise DtypeError(
        user_location(),
        f"{what}: cannot cast {source} to {target} by the rule {casting!r}",
        code="cast",
        hint=f"convert it first: .astype({target.numpy.name!r})",
    )


_CASTING_RULES = ("no", "equiv", "safe", "same_kind", "unsafe")


def check_casting(rule: Any) -> None:
    """Raise a ValueError, or a TypeError, for what is no ``casting=`` of NumPy's."""
    if not isinstance(rule, str):
        raise bad_type(
            f"casting= is {with_article(type(rule).__name__)}, not a str",
            hint="use 'no', 'equiv', 'safe', 'same_kind' or 'unsafe'",
        )
    if rule not in _CASTING_RULES:
        raise bad_value(
            f"casting={rule!r} is no rule", f"the rules are {_CASTING_RULES}"
        )


def fits_dtype(tracer: Tracer, number: Any, dtype: Dtype) -> bool:
    """Whether a Python integer fits an integer dtype; sizes are guarded."""
    least, greatest = integer_range(dtype)
    if type(number) is not HostInteger:
        return least <= int(number) <= greatest
    if dtype.bits == 64 and dtype.kind == "i":
        return True
    size = number.size
    # The upper half of u64 is beyond what sizes hold.
    return tracer.ask(size, ">=", least) and (
        dtype.bits == 64 or tracer.ask(size, "<=", greatest)
    )


def integer_range(dtype: Dtype) -> tuple[int, int]:
    """The least and greatest integer of an integer dtype."""
    information = np.iinfo(dtype.numpy)
    return int(information.min), int(information.max)


def check_fits(tracer: Tracer, number: Any, dtype: Dtype) -> None:
    """Raise a NumberRangeError unless a Python integer fits an integer dtype."""
    if not fits_dtype(tracer, number, dtype):
        text = tracer.number(number.size) if type(number) is HostInteger else number
        raise out_of_range(f"the Python integer {text}", dtype)


def out_of_range(what: str, dtype: Dtype | None) -> NumberRangeError:
    """The error for a number that an integer dtype cannot hold."""
    return too_large(
        f"{what} does not fit {dtype or 'any dtype'}",
        "give it a dtype of its own, e.g. np.int64(...)",
    )
