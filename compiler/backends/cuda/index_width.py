"""How large index arithmetic can get, to tell where it cannot overflow."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.ir.dims import symbols_of
from penstock.ir.loop.node import For, Let, Scalar

__all__ = ["IndexWidths"]

# A process addresses 47 bits of memory, so no size of an array exceeds them.
_SIZE_BITS = 47
_UNKNOWN = 64
# A signed 64-bit integer holds magnitudes of so many bits.
_HELD = 63


class IndexWidths:
    """Bounds for the magnitudes of a Kernel's integers, in bits.

    Signed overflow has no meaning in C, so arithmetic that may overflow is printed with
    unsigned numbers. Most of a Kernel's is on indices, and cannot.

    Args:
        integers: symbols that are no sizes of arrays but any integers.
    """

    def __init__(self, integers: Iterable[str]) -> None:
        self.integers = frozenset(integers)
        self.bits: dict[Scalar, int] = {}

    def define(self, let: Let) -> None:
        """Note the result of a statement, whose operands are noted."""
        self.bits[let.result] = self._bits_of(let)

    def may_overflow(self, scalar: Scalar) -> bool:
        """Whether the exact result may not fit."""
        return self._known(scalar) > _HELD

    def _bits_of(self, let: Let) -> int:
        if let.result.dtype.name != "i64":
            return _UNKNOWN
        if let.primitive == "const":
            return int(let.value).bit_length()
        if let.primitive == "size":
            mentioned = self.integers.intersection(symbols_of(let.value))
            return _UNKNOWN if mentioned else _SIZE_BITS
        if let.primitive == "convert" and let.operands[0].dtype.is_integer:
            return let.operands[0].dtype.bits
        operands = [self._known(operand) for operand in let.operands]
        if _UNKNOWN in operands:
            return _UNKNOWN
        if let.primitive in ("add", "sub"):
            return min(max(operands) + 1, _UNKNOWN)
        if let.primitive == "mul":
            return min(sum(operands), _UNKNOWN)
        if let.primitive in ("minimum", "maximum"):
            return max(operands)
        if let.primitive == "floor_divide":
            return operands[0]
        if let.primitive == "remainder":
            return operands[1]
        return _UNKNOWN

    def _known(self, scalar: Scalar) -> int:
        loop = scalar.definition
        if isinstance(loop, For) and scalar is loop.index:
            return max(self._known(loop.start), self._known(loop.stop))
        return self.bits.get(scalar, _UNKNOWN)
