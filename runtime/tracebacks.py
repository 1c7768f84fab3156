"""Tracebacks of errors: the frames of the user's code, without ours in between."""

from __future__ import annotations

from types import TracebackType

from penstock.ir.errors import PenstockError
from penstock.ir.location import is_user_code
from penstock.runtime.config import config

__all__ = ["hide_own_frames"]


# Traced arrays and views of objects raise Python's error for names they do not have.
_MEANT = (PenstockError, AttributeError)


def hide_own_frames(error: Exception) -> None:
    """Leave our frames and NumPy's out of the traceback of an error.

    It is left as it is where the setting ``debug`` is on, and where the error may show
    a fault of ours: what Python or NumPy raised in our code.

    Args:
        error: caught where user code called ours; that caught it must raise it again
            by a bare ``raise``, or will be in the traceback itself.
    """
    if config.debug:
        return
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += (one.__cause__, one.__context__)
        frames = _frames(one.__traceback__)
        if isinstance(one, _MEANT) or (frames and _is_users(frames[-1])):
            one.__traceback__ = _chain([frame for frame in frames if _is_users(frame)])


def _is_users(frame: TracebackType) -> bool:
    return is_user_code(frame.tb_frame.f_code)


def _frames(traceback: TracebackType | None) -> list[TracebackType]:
    """The frames of a traceback, the outermost first."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames


def _chain(frames: list[TracebackType]) -> TracebackType | None:
    """A traceback of these frames."""
    following: TracebackType | None = None
    for frame in reversed(frames):
        following = TracebackType(
            following, frame.tb_frame, frame.tb_lasti, frame.tb_lineno
        )
    return following
