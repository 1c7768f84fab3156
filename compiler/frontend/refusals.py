"""Errors for arguments that NumPy's own functions refuse too."""

from __future__ import annotations

from types import TracebackType

from penstock.ir.errors import (
    ArgumentError,
    CompileError,
    IndexTypeError,
    NumberRangeError,
    StructureError,
)
from penstock.ir.location import is_user_code, user_location

__all__ = ["bad_index", "bad_type", "bad_value", "refusal_of", "too_large"]


def bad_value(message: str, hint: str | None = None) -> ArgumentError:
    """The error for an argument of a wrong value: a ``ValueError``."""
    return ArgumentError(user_location(), message, code="bad-argument", hint=hint)


def bad_type(message: str, hint: str | None = None) -> StructureError:
    """The error for an argument of a wrong type: a ``TypeError``."""
    return StructureError(user_location(), message, code="bad-type", hint=hint)


def bad_index(message: str, hint: str | None = None) -> IndexTypeError:
    """The error for what is no index at all: an ``IndexError``."""
    return IndexTypeError(user_location(), message, code="bad-index", hint=hint)


def too_large(message: str, hint: str | None = None) -> NumberRangeError:
    """The error for a number that a dtype cannot hold: an ``OverflowError``."""
    return NumberRangeError(user_location(), message, code="integer-range", hint=hint)


_REFUSALS = {
    TypeError: bad_type,
    ValueError: bad_value,
    IndexError: bad_index,
    OverflowError: too_large,
}


def refusal_of(error: Exception, name: str) -> CompileError | None:
    """What NumPy or Python raised for an argument of a function, at the user's line.

    ``None`` for what the user's own code raised, and for other classes of errors.

    Args:
        error: caught by the caller of what raised it.
        name: the function.
    """
    refuse = _REFUSALS.get(type(error))
    frame: TracebackType | None = error.__traceback__
    while frame is not None:
        if is_user_code(frame.tb_frame.f_code):
            return None
        frame = frame.tb_next
    if refuse is None:
        return None
    # The words are NumPy's or Python's own, which say what is wrong alone.
    return refuse(f"{name}: {error}", f"see help({name}) for what it takes")
