"""The statements that random programs are made of: lines with places to fill.

They are kept in ``statements/*.txt``, an expression or a statement a line; one that
stands there twice is written twice as often. A place ``{x}`` is filled by its kind, the
same wherever the line repeats it; a digit tells two places of one kind apart:

    x n f i b u        an array: any, numeric, float, integer, bool, integer or bool
    w wi               an array that may be written to; one of integers
    t                  an array that is rounded otherwise than NumPy's
    p                  one that broadcasts with the first array of the line
    s h bit few off    a scalar, a host integer, 0 or 1, 1 or 2, -2 to 2
    d di               a dtype, an integer dtype
    ax axis one        an axis; axis= and keepdims=; axis= or nothing
    axes shape         a permutation; a shape to reshape to
    key index          a basic index; an index of integers or bools
    pad                a mode of np.pad
    E                  another expression
    v                  the name that a block assigns to
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["BLOCKS", "EXACT", "ROUNDED", "WRITES"]

_FOLDER = Path(__file__).parent / "statements"


def _lines(name: str) -> list[str]:
    return [line for line in (_FOLDER / f"{name}.txt").read_text().split("\n") if line]


EXACT = [
    line
    for name in ("elementwise", "movement", "reductions", "indexing", "host")
    for line in _lines(name)
]
"""Expressions of which every bit is NumPy's."""

ROUNDED = [
    tuple(part.strip() for part in line.split("#")) for line in _lines("rounded")
]
"""Expressions that are rounded otherwise, and how far ``{r}``, the result, may be off.

``t_bound`` says so of an operand ``t``.
"""

WRITES = _lines("writes")
"""Statements that write to an array."""

BLOCKS = [
    block.strip("\n") for block in (_FOLDER / "blocks.txt").read_text().split("---\n")
]
"""Statements of several lines, which assign to ``{v}``."""
