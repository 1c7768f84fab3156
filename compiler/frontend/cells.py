"""Storage cells: what the handles of one array share."""

from __future__ import annotations

from itertools import count

from penstock.ir.graph.value import Value

__all__ = ["Cell", "next_serial"]

_serials = count()


class Cell:
    """Storage that handles share.

    Attributes:
        value: what it holds now.
        version: changes with every write.
        owner: whose storage it is, where it must not be written: ``argument x``.
        ordered: whether NumPy would certainly lay it out in C order.
        serial: grows from each cell to the next.
    """

    __slots__ = ("ordered", "owner", "serial", "value", "version")

    value: Value
    version: int
    owner: str
    ordered: bool

    def __init__(self, value: Value, owner: str = "", ordered: bool = True) -> None:
        self.value = value
        self.version = 0
        self.owner = owner
        self.ordered = ordered
        self.serial = next(_serials)

    def put(self, value: Value) -> None:
        """Replace what it holds."""
        self.value = value
        self.version += 1


def next_serial() -> int:
    """A serial between those of the cells before and after."""
    return next(_serials)
