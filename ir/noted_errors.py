"""Errors that must not be lost although the traced program catches them.

A program that catches an error of tracing goes another way than it would go with
NumPy, which raises none there. So these are noted where they are made, and whoever
traces the program looks for them when it has returned.
"""

from __future__ import annotations

from _thread import _local
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["forget", "note", "noted_errors"]


class _Noted(_local):
    errors: list[Exception] | None = None


_noted = _Noted()


@contextmanager
def noted_errors() -> Iterator[list[Exception]]:
    """What is noted in this thread meanwhile, the first error first.

    What is traced within another trace is part of that, and so are its errors.
    """
    outer, own = _noted.errors, list[Exception]()
    _noted.errors = own
    try:
        yield own
    finally:
        _noted.errors = outer
        if outer is not None:
            outer += own
        # Errors know the frames that they came through, one of which has the list.
        own.clear()


def note(error: Exception) -> None:
    """Note an error, if someone looks for them."""
    if _noted.errors is not None:
        _noted.errors.append(error)


def forget(error: Exception) -> None:
    """Note an error no longer: it was our own code that caught it."""
    if _noted.errors is not None:
        _noted.errors[:] = [noted for noted in _noted.errors if noted is not error]
