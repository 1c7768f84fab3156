"""Tells mistakes of users, which get one clear message, from those of Penstock."""

from __future__ import annotations

import errno
import os
import sysconfig
import traceback
from collections.abc import Sequence

import penstock.ir
import penstock.runtime
from penstock.ir.errors import PenstockError

__all__ = ["CommandError", "UsageError", "describe_error"]


class CommandError(Exception):
    """Something that the user can put right, in one line.

    Attributes:
        status: the exit status that goes with it.
    """

    status = 1


class UsageError(CommandError):
    """A command line that means nothing."""

    status = 2


_OURS = tuple(
    os.path.dirname(os.path.realpath(str(package.__file__))) + os.sep
    for package in (penstock, penstock.ir, penstock.runtime)
)
_LIBRARIES = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep
    for name in ("stdlib", "purelib", "platlib")
)


# What writing to a device that is full, or to one that has gone, ends with; files
# have names.
_OF_OUTPUT = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def describe_error(error: Exception) -> str | None:
    """The message for an error that is not Penstock's own fault.

    Args:
        error: the error, as it was caught.

    Returns:
        The message; ``None`` for an error that deserves a traceback.
    """
    if isinstance(error, CommandError):
        return f"error: {error}"
    if isinstance(error, PenstockError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _OF_OUTPUT:
        return f"error: standard output: {error.strerror}"
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    place = _place(error)
    if place is None:
        return None
    detail = " ".join(str(error).split())
    return f"{place}: {type(error).__name__}{f': {detail}' if detail else ''}"


def _place(error: Exception) -> str | None:
    """Where the user's code raised the error; ``None`` if ours did."""
    frames: list[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    if isinstance(error, AttributeError):
        frames = frames[: _asked(frames)]
    for frame in reversed(frames):
        path = os.path.realpath(frame.filename)
        if _is_ours(path):
            return None
        if frame.filename.startswith("<frozen ") or path.startswith(_LIBRARIES):
            continue
        return f"{frame.filename}:{frame.lineno}"
    return None


def _asked(frames: Sequence[traceback.FrameSummary]) -> int:
    """How many frames there are without those in which an object of ours answers.

    A traced array says that it has no such attribute as an array of NumPy does, in
    whose place it stands: what asked for the attribute has raised the error.
    """
    for index, frame in enumerate(frames):
        ours = _is_ours(os.path.realpath(frame.filename))
        if ours and frame.name == "__getattr__":
            return index
    return len(frames)


def _is_ours(path: str) -> bool:
    return path.startswith(_OURS)
