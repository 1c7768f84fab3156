"""Device functions that combine the parts of a carried value over a block."""

from __future__ import annotations

from penstock.backends.cuda.c_types import REGISTER_TYPES
from penstock.backends.cuda.launch import WARP
from penstock.backends.cuda.primitives import Expressions
from penstock.ir.types import Dtype

__all__ = ["Reductions"]

_EVERY_LANE = "0xffffffffu"


class Reductions:
    """The combining functions that a unit calls.

    The order of combining depends on the size of the block alone: results are the same
    to the bit however the threads run.

    Args:
        expressions: the unit's.
    """

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.texts: dict[str, str] = {}

    def of_warp(self, combine: str, dtype: Dtype) -> str:
        """The name of a function that gives a warp's first thread the warp's total."""
        name = f"warp_{combine}_{dtype}"
        kind = REGISTER_TYPES[dtype.name]
        # Shuffles move numbers of 32 and 64 bits.
        sent, received = "part", ""
        if dtype.kind in "biu" and dtype.bits < 32:
            sent, received = "(int)part", f"({kind})"
        combined = self._combined(combine, "part", "other", dtype)
        self.texts[name] = (
            f"__device__ __forceinline__ {kind} {name}({kind} part) {{\n"
            f"  for (int lanes = {WARP // 2}; lanes > 0; lanes /= 2) {{\n"
            f"    const {kind} other = {received}__shfl_down_sync("
            f"{_EVERY_LANE}, {sent}, lanes);\n"
            f"    part = {combined};\n"
            "  }\n"
            "  return part;\n"
            "}\n"
        )
        return name

    def of_block(self, combine: str, dtype: Dtype) -> str:
        """The name of a function that combines the totals of all warps."""
        name = f"block_{combine}_{dtype}"
        kind = REGISTER_TYPES[dtype.name]
        combined = self._combined(combine, "total", "parts[warp]", dtype)
        self.texts[name] = (
            f"__device__ __forceinline__ {kind} {name}({kind} total, "
            f"const {kind}* parts) {{\n"
            f"  for (int warp = 0; warp < (int)blockDim.x / {WARP}; ++warp) {{\n"
            f"    total = {combined};\n"
            "  }\n"
            "  return total;\n"
            "}\n"
        )
        return name

    def _combined(self, combine: str, a: str, b: str, dtype: Dtype) -> str:
        return self.expressions.primitive(combine, [a, b], [dtype, dtype], dtype)
