"""The numbers by which loops are cut, and costs estimated.

They were measured on AVX-512 and AVX2 machines; results never depend on them, nor
on anything else but sizes, except in the last bits of sums.
"""

from __future__ import annotations

from penstock.ir.dims import Size

__all__ = [
    "BLOCK",
    "COLUMN_BLOCK",
    "MINIMUM_CHUNK_PICOSECONDS",
    "REDUCTION_BLOCK",
    "SHORT_LOOP",
    "TERM_PICOSECONDS",
    "chunk_of",
    "element_cost",
    "is_short",
]

# Elements of a long axis that one iteration of a parallel loop covers: long enough
# that starting it costs nothing, short enough to share a million elements.
BLOCK = 4096

# Elements of a sum that one iteration adds up; the partial sums are added after.
REDUCTION_BLOCK = 16384

# Neighbouring columns that are reduced together along an outer axis: whole cache
# lines, in as many registers as keep the adders busy.
COLUMN_BLOCK = 64

# A loop of so few iterations is no good for vectors: most lanes would be idle.
SHORT_LOOP = 8

# Work that is worth handing to another thread.
MINIMUM_CHUNK_PICOSECONDS = 50_000_000

# One term of a sum of products, in a vector loop.
TERM_PICOSECONDS = 12


def is_short(size: Size) -> bool:
    """Whether a loop is known to be too short for vectors."""
    return isinstance(size, int) and size <= SHORT_LOOP


def element_cost(flops: int, accesses: int) -> int:
    """Picoseconds for one element in a vector loop, roughly."""
    return 60 * accesses + 15 * flops + 20


def chunk_of(picoseconds: Size) -> Size:
    """Iterations of a parallel loop that one thread takes at a time.

    Args:
        picoseconds: what one iteration costs.
    """
    if isinstance(picoseconds, int):
        return max(1, MINIMUM_CHUNK_PICOSECONDS // max(picoseconds, 1))
    return MINIMUM_CHUNK_PICOSECONDS // (picoseconds + 1) + 1
