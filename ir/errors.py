"""Every kind of error that users meet.

A message is the user's ``file:line:column``, what is wrong in array terms, a
code in brackets, the excerpt with a caret, and one ``help:`` line. Each class
also derives from the exception that NumPy or Python would raise for the same
mistake, so existing ``except`` clauses keep working.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from penstock.ir.helps import HELPS
from penstock.ir.location import Location
from penstock.ir.noted_errors import note

__all__ = [
    "ArgumentError",
    "ArtifactError",
    "AxisError",
    "CheckError",
    "CompileError",
    "DtypeError",
    "IndexOutOfBoundsError",
    "IndexTypeError",
    "LeakedValueError",
    "MatrixError",
    "MissingPackageError",
    "NumberRangeError",
    "OptionError",
    "OutOfMemoryError",
    "PenstockError",
    "RunError",
    "ShapeError",
    "StructureError",
    "TextError",
    "TraceError",
    "TypeRuleError",
    "UnsupportedError",
    "VerifyError",
]


class PenstockError(Exception):
    """The base of all errors that Penstock raises.

    A class without a ``default_code`` is raised with a code of the message.

    Attributes:
        code: a short kebab-case name of the message, shown in brackets.
        loc: the place in the user's source, or ``None``.
        hint: what to do about it, or ``None``; if none is given, what ``HELPS`` says.
    """

    default_code: ClassVar[str]
    # Whether a program meets it for being traced alone: NumPy would go on.
    is_of_tracing: ClassVar[bool] = False

    def __init__(
        self,
        loc: Location | None,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        notes: tuple[tuple[str, Location], ...] = (),
    ) -> None:
        self.loc = loc
        self.message = message
        self.code = code or self.default_code
        self.hint = hint = HELPS.get(self.code) if hint is None else hint
        self.notes = notes
        place = f"{loc}: " if loc is not None else ""
        lines = [f"{place}error: {message} [{self.code}]"]
        if loc is not None and (excerpt := loc.excerpt()):
            lines.append(excerpt)
        lines += [f"  note: {text} ({where.short})" for text, where in notes]
        if hint is not None:
            lines.append(f"  help: {hint}")
        # OSError-like bases would take the arguments apart; a single text cannot be.
        super().__init__("\n".join(lines))
        if self.is_of_tracing:
            note(self)

    def __str__(self) -> str:
        return str(self.args[0])


class CompileError(PenstockError):
    """A program that cannot be compiled, at the line that says why."""


class ShapeError(CompileError, ValueError):
    """Shapes that do not fit together."""

    default_code = "size-mismatch"


class MatrixError(ShapeError, np.linalg.LinAlgError):
    """Shapes of which there is no linear algebra."""


class ArgumentError(CompileError, ValueError):
    """An argument whose value a function does not take."""

    default_code = "bad-argument"


class DtypeError(CompileError, TypeError):
    """A dtype that an operation does not take."""

    default_code = "dtype"


class AxisError(CompileError, ValueError, IndexError):
    """An axis that an array does not have."""

    default_code = "bad-axis"


class IndexOutOfBoundsError(CompileError, IndexError):
    """An index outside an array, found while tracing or while running."""

    default_code = "index-out-of-bounds"


class IndexTypeError(CompileError, IndexError):
    """What is no index, or an index of the wrong form."""

    default_code = "bad-index"


class TraceError(CompileError, TypeError):
    """Something that cannot be asked of a value that is known only later."""

    is_of_tracing = True


class LeakedValueError(TraceError):
    """A traced value used after its function had returned."""

    default_code = "leaked-value"


class NumberRangeError(CompileError, OverflowError):
    """A Python number that the dtype it meets cannot hold."""

    default_code = "integer-range"


class UnsupportedError(CompileError, NotImplementedError, TypeError):
    """A NumPy function, argument or dtype that Penstock does not have."""

    is_of_tracing = True


class StructureError(CompileError, TypeError):
    """Arguments whose nesting or type is not what a function takes."""


class OptionError(PenstockError, ValueError):
    """An option or setting that has no meaning."""

    default_code = "option"


class MissingPackageError(PenstockError, ImportError):
    """A package that a function needs, and that is not installed."""

    default_code = "missing-package"


class RunError(PenstockError, RuntimeError):
    """A compiled program that stopped while running."""


class OutOfMemoryError(RunError, MemoryError):
    """Memory that a compiled program needed while running and did not get."""

    default_code = "out-of-memory"


class CheckError(PenstockError, AssertionError):
    """A check of a program that it does not pass."""

    default_code = "wrong-result"


class ArtifactError(PenstockError, ValueError):
    """A file that is damaged, or made for another machine or version."""


class TextError(PenstockError, ValueError):
    """IR text that does not parse; the location is within the text."""

    default_code = "text"


class VerifyError(PenstockError, ValueError):
    """IR that breaks a rule of its level."""

    default_code = "verify"


class TypeRuleError(Exception):
    """Raised by type rules, which know no location; the builder adds it.

    Args:
        message: what is wrong, in array terms.
        kind: the error class to raise at the user's line.
        code: the message's code.
        hint: what to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: type[PenstockError] = ShapeError,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.code = code
        self.hint = hint

    def at(self, loc: Location | None) -> PenstockError:
        """The same error at a place in the user's source."""
        return self.kind(loc, self.message, code=self.code, hint=self.hint)
