"""Places in the user's source, captured cheaply and resolved on demand."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterable
from functools import cache, lru_cache
from types import CodeType, FrameType

import numpy as np

__all__ = [
    "Location",
    "end_at",
    "hide_directory",
    "in_role",
    "is_asked_by_library",
    "is_user_code",
    "user_location",
]

_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_own_directories: list[str] = [os.path.dirname(os.path.abspath(__file__)) + os.sep]


def hide_directory(path: str) -> None:
    """Leave frames of files under ``path`` out of user locations.

    Args:
        path: a directory of the package's own code.
    """
    directory = os.path.abspath(path) + os.sep
    if directory not in _own_directories:
        _own_directories.append(directory)
        _is_own.cache_clear()
        _is_hidden.cache_clear()


# Functions that call user code with nothing of the user's around them.
_first_callers: set[CodeType] = set()


def end_at(code: CodeType) -> None:
    """Leave what calls a function out of user locations, for good.

    Args:
        code: of a function that no user's code calls, such as a command line's.
    """
    _first_callers.add(code)


@cache
def _is_own(filename: str) -> bool:
    return os.path.abspath(filename).startswith(tuple(_own_directories))


@cache
def _is_hidden(filename: str) -> bool:
    return _is_own(filename) or _is_of_library(os.path.abspath(filename))


def _is_of_library(path: str) -> bool:
    """Whether a file is NumPy's or SciPy's, which is imported if its code runs."""
    scipy = getattr(sys.modules.get("scipy"), "__file__", None)
    if scipy is not None and path.startswith(os.path.dirname(scipy) + os.sep):
        return True
    return path.startswith(_NUMPY)


# Of few functions, so that what was compiled and dropped does not stay.
@lru_cache(maxsize=64)
def _table(code: CodeType) -> tuple[tuple[int | None, ...], ...]:
    """First and last line, first and last column of each instruction."""
    return tuple(code.co_positions())


def _positions(code: CodeType, instruction: int) -> tuple[int, int, int]:
    """Line, first column and last column of one instruction (0 where unknown)."""
    table = _table(code)
    if not 0 <= instruction < len(table) or table[instruction][0] is None:
        return _definition_line(code), 0, 0
    line, end_line, start, end = table[instruction]
    assert line is not None
    if start is None or end is None:
        return line, 0, 0
    if line != end_line:
        # An expression of several lines is marked on its first.
        text = linecache.getline(code.co_filename, line).rstrip()
        end = len(text.encode())
        return (line, start, end) if end > start else (line, 0, 0)
    return line, start, end


def _definition_line(code: CodeType) -> int:
    """The line with the ``def`` of a function, after the decorators above it."""
    first = code.co_firstlineno
    lines = linecache.getlines(code.co_filename)[first - 1 :]
    if lines and lines[0].lstrip().startswith("@"):
        for number, line in enumerate(lines):
            if re.match(r"\s*(async\s+)?(def|class)\b", line):
                return first + number
    return first


class Location:
    """One place in a source file: file, line, and columns where known.

    Columns count from zero in UTF-8 bytes, as ``code.co_positions`` gives them;
    ``end == 0`` says that only the line is known. The position is worked out
    when it is first asked for, because most locations are never shown.

    A Value that reverse mode made from what is written there says so by a ``role``:
    ``'`` for a part of its derivative, ``*`` for what depends on cotangents.

    Example:
        >>> str(Location("model.py", 12, 8, 13))
        'model.py:12:9'
    """

    __slots__ = ("_code", "_instruction", "_position", "file", "role")

    def __init__(
        self,
        file: str,
        line: int,
        column: int = 0,
        end: int = 0,
        role: str = "",
    ) -> None:
        self.file = file
        self.role = role
        self._code: CodeType | None = None
        self._instruction = 0
        self._position: tuple[int, int, int] | None = (line, column, end)

    @classmethod
    def of_frame(cls, frame: FrameType) -> Location:
        """The place where ``frame`` is now."""
        self = cls.__new__(cls)
        self.file = frame.f_code.co_filename
        self.role = ""
        self._code = frame.f_code
        self._instruction = frame.f_lasti // 2
        self._position = None
        return self

    @classmethod
    def of_definition(cls, code: CodeType) -> Location:
        """The place where the function of ``code`` is defined."""
        self = cls.__new__(cls)
        self.file = code.co_filename
        self.role = ""
        self._code = code
        self._instruction = -1
        self._position = None
        return self

    def with_role(self, role: str) -> Location:
        """The same place in another role."""
        if self.role == role:
            return self
        other = Location.__new__(Location)
        other.file = self.file
        other.role = role
        # Not by `copy`, which takes longer than many a pass has for a Value.
        for name in ("_code", "_instruction", "_position"):
            setattr(other, name, getattr(self, name))
        return other

    def _resolve(self) -> tuple[int, int, int]:
        if self._position is None:
            assert self._code is not None
            self._position = _positions(self._code, self._instruction)
            self._code = None
        return self._position

    @property
    def line(self) -> int:
        """Line number, from 1."""
        return self._resolve()[0]

    @property
    def column(self) -> int:
        """First column, from 0."""
        return self._resolve()[1]

    @property
    def end(self) -> int:
        """Column after the last one; 0 where unknown."""
        return self._resolve()[2]

    def _key(self) -> tuple[str, str, int, int, int]:
        return (self.file, self.role, *self._resolve())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}:{self.column + 1}" if self.end else place

    def __repr__(self) -> str:
        return f"Location({self})"

    @property
    def short(self) -> str:
        """File name without its folder, line, and column where known."""
        place = f"{os.path.basename(self.file)}:{self.line}"
        return f"{place}:{self.column + 1}" if self.end else place

    def source_line(self) -> str:
        """The text of the line, or ``""`` where the file is not to be had."""
        return linecache.getline(self.file, self.line)

    def excerpt(self) -> str:
        """The source line with a caret under the expression, or ``""``."""
        source = self.source_line().rstrip()
        if not source.strip():
            return ""
        raw = source.encode()
        indent = len(source) - len(source.lstrip())
        if self.end > self.column:
            # Columns count bytes, carets count characters.
            start = len(raw[: self.column].decode(errors="replace"))
            stop = len(raw[: self.end].decode(errors="replace"))
        else:
            start, stop = indent, len(source)
        number = str(self.line)
        margin = " " * len(number)
        text, start, stop = _clipped(source.expandtabs(1), start, stop)
        return (
            f"  {margin} |\n"
            f"  {number} | {text}\n"
            f"  {margin} | {' ' * start}{'^' * max(stop - start, 1)}"
        )


# Longer lines of source are shown around the expression.
_WIDEST = 120
_BEFORE = 30


def _clipped(text: str, start: int, stop: int) -> tuple[str, int, int]:
    """A line short enough to be shown, and where the expression is in it."""
    if len(text) <= _WIDEST:
        return text, start, stop
    left = min(start - _BEFORE, len(text) - _WIDEST) if stop > _WIDEST - 3 else 0
    left = max(left, 0)
    shown = text[left : left + _WIDEST]
    if left:
        shown = f"...{shown[3:]}"
    if left + _WIDEST < len(text):
        shown = f"{shown[:-3]}..."
    return shown, start - left, min(stop - left, _WIDEST)


def in_role(locations: Iterable[Location], role: str) -> tuple[Location, ...]:
    """Places in another role, each once."""
    return tuple(dict.fromkeys(loc.with_role(role) for loc in locations))


def is_user_code(code: CodeType) -> bool:
    """Whether code is neither ours nor NumPy's nor SciPy's."""
    return not _is_hidden(code.co_filename)


def user_location() -> Location | None:
    """The innermost frame that is no code of ours, NumPy or SciPy, or ``None``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_hidden(frame.f_code.co_filename):
        if frame.f_code in _first_callers:
            return None
        frame = frame.f_back
    return None if frame is None else Location.of_frame(frame)


def is_asked_by_library() -> bool:
    """Whether code of NumPy or SciPy has called ours, on behalf of a user's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_own(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and _is_hidden(frame.f_code.co_filename)
