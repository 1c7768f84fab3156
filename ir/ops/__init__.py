"""The ops, one class each, one file per family of meaning.

Importing this package fills ``penstock.ir.op.OPS``.
"""

from penstock.ir.ops import (  # noqa: F401
    arithmetic,
    compare,
    contraction,
    control,
    convolution,
    create,
    index,
    joining,
    movement,
    order,
    reduce,
    slicing,
    transcendental,
)
