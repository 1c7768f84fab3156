"""The ops, one class each, one file per family of meaning.

Importing this package fills ``penstock.ir.op.OPS``.
"""

from penstock.ir.ops import (  # noqa: F401
    arithmetic,
    bits,
    compare,
    contraction,
    control,
    convolution,
    create,
    custom,
    elementary,
    gamma,
    index,
    inverse,
    joining,
    movement,
    order,
    random,
    reduce,
    require,
    scan,
    scatter,
    search,
    slicing,
    special,
    tangent,
    transcendental,
    transform,
)
