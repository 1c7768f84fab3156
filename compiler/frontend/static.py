"""Which arguments and sizes ``static`` fixes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from penstock.ir.errors import OptionError
from penstock.ir.location import Location

__all__ = ["StaticEntries"]


class StaticEntries:
    """The entries of ``static``, and which of them name something.

    Args:
        entries: names of arguments, all of whose numbers and sizes are fixed (``"n"``),
            and ``(name, axis)`` for one size (``("x", 1)``).
    """

    def __init__(self, entries: Collection[Any]) -> None:
        self._entries = frozenset(entries)
        self._used: set[Any] = set()

    def fixes(self, name: str) -> bool:
        """Whether a leaf is fixed: ``x``, or ``x[0]``, which is part of it."""
        found = [
            entry
            for entry in self._entries
            if isinstance(entry, str)
            and name.startswith(entry)
            and name[len(entry) : len(entry) + 1] in ("", "[", ".")
        ]
        self._used.update(found)
        return bool(found)

    def fixes_axis(self, name: str, axis: int) -> bool:
        """Whether the size of an axis is fixed by itself."""
        if (name, axis) not in self._entries:
            return False
        self._used.add((name, axis))
        return True

    def check(self, names: Collection[str], loc: Location | None = None) -> None:
        """Raise an OptionError for what names none of the arguments.

        Args:
            names: of the arguments, those without leaves among them.
            loc: the call, if it is in traced code.
        """
        unused = [e for e in self._entries if e not in self._used and e not in names]
        if unused:
            raise OptionError(
                loc,
                f"static names {min(unused, key=str)!r}, which is no argument of this "
                "call",
                code="static-name",
                hint="name an argument, 'x', or one of its axes, ('x', 0)",
            )
