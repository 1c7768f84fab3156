"""Errors for arguments that NumPy's own functions refuse too."""

from __future__ import annotations

from penstock.ir.errors import ArgumentError, IndexTypeError, StructureError
from penstock.ir.location import user_location

__all__ = ["bad_index", "bad_type", "bad_value"]


def bad_value(message: str, hint: str | None = None) -> ArgumentError:
    """The error for an argument of a wrong value: a ``ValueError``."""
    return ArgumentError(user_location(), message, code="bad-argument", hint=hint)


def bad_type(message: str, hint: str | None = None) -> StructureError:
    """The error for an argument of a wrong type: a ``TypeError``."""
    return StructureError(user_location(), message, code="bad-type", hint=hint)


def bad_index(message: str, hint: str | None = None) -> IndexTypeError:
    """The error for what is no index at all: an ``IndexError``."""
    return IndexTypeError(user_location(), message, code="bad-index", hint=hint)
