"""What the texts of all levels share: which names they can hold, and places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from penstock.ir.dim_terms import in_few_readable_terms
from penstock.ir.dims import Size, substitute_dim, symbol
from penstock.ir.guards import Guard
from penstock.ir.location import Location
from penstock.ir.reals import Real
from penstock.ir.types import DTYPES

__all__ = [
    "RESERVED_WORDS",
    "format_guard",
    "format_number",
    "format_places",
    "format_size",
    "printable_function_name",
    "printable_name",
    "printable_symbols",
]

RESERVED_WORDS = frozenset(
    ("true", "false", "none", "inf", "nan", "min", "max", "not", "float", "where")
).union(("func", "return", "effects", "int", "token", "hex", "neg", "abs"), DTYPES)
"""Words of the grammars, which symbols of a text may not be called."""

_NUMBER_OR_WORD = re.compile(r"-?\d+|[^\W\d]\w*")
_NOT_A_WORD = r"[^A-Za-z0-9_]"
_NOT_A_FUNCTION_NAME = r"[^A-Za-z0-9_.]"
_NOT_IN_A_FILE = r"[\s,#]"


def _is_word(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def printable_name(name: str, prefix: str, taken: set[str]) -> str:
    """A name for ``%name``, new among those taken; it becomes taken.

    Args:
        name: what it is called.
        prefix: what to put before a name that does not start with a letter, which
            would be taken for a number.
        taken: the names in use.
    """
    clean = name
    if not _is_word(name):
        clean = re.sub(_NOT_A_WORD, "_", name)
        clean = clean if clean[:1].isalpha() else f"{prefix}{clean}"
    new, count = clean, 1
    while new in taken:
        new, count = f"{clean}{count}", count + 1
    taken.add(new)
    return new


def printable_function_name(name: str) -> str:
    """A name for ``@name``."""
    return re.sub(_NOT_A_FUNCTION_NAME, "_", name) or "_"


def printable_symbols(names: Iterable[str]) -> Mapping[str, Size]:
    """New names for the symbols that a text cannot hold."""
    renamed: dict[str, Size] = {}
    taken = set(names) | RESERVED_WORDS
    for name in names:
        if name in RESERVED_WORDS or not _is_word(name):
            renamed[name] = symbol(printable_name(f"{name}_", "s", taken))
    return renamed


def format_size(size: Size) -> str:
    """A size as it stands among words: in brackets, if it is an expression."""
    text = str(in_few_readable_terms(size))
    return text if re.fullmatch(_NUMBER_OR_WORD, text) else f"({text})"


def format_guard(
    guard: Guard, sizes: Mapping[str, Size], reals: Mapping[str, str]
) -> str:
    """A guard, its symbols and float arguments renamed."""
    left, right = (_rename(side, sizes, reals) for side in (guard.left, guard.right))
    return str(Guard(left, guard.relation, right, guard.negated))


def format_number(
    number: Size | Real, sizes: Mapping[str, Size], reals: Mapping[str, str]
) -> str:
    """A number of the host program, its symbols and float arguments renamed."""
    return str(_rename(number, sizes, reals))


def _rename(
    number: Size | Real, sizes: Mapping[str, Size], reals: Mapping[str, str]
) -> Size | Real:
    if isinstance(number, Real):
        return _rename_real(number, sizes, reals)
    return substitute_dim(number, sizes)


def _rename_real(
    real: Real, sizes: Mapping[str, Size], reals: Mapping[str, str]
) -> Real:
    return Real(
        real.operation,
        tuple(_rename_real(argument, sizes, reals) for argument in real.arguments),
        name=reals.get(real.name, real.name),
        value=real.value,
        size=substitute_dim(real.size, sizes),
    )


def format_places(locations: Iterable[Location]) -> str:
    """Places as a comment names them: ``model.py:12:9, model.py:13'``."""
    return ", ".join(
        dict.fromkeys(
            re.sub(_NOT_IN_A_FILE, "_", loc.short) + loc.role for loc in locations
        )
    )
