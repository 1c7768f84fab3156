"""The letters of Einstein summation."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.ir.dims import Size
from penstock.ir.errors import TypeRuleError
from penstock.ir.types import TensorType

__all__ = ["letter_sizes", "split_spec"]


def split_spec(spec: str) -> tuple[list[str], str]:
    """The letters of the operands and of the result."""
    left, arrow, output = spec.partition("->")
    if not arrow:
        raise TypeRuleError(f"contract: {spec!r} names no result")
    return left.split(","), output


def letter_sizes(spec: str, types: Sequence[TensorType]) -> dict[str, Size]:
    """The size that each letter stands for.

    Raises:
        TypeRuleError: an operand has other axes, or a letter two sizes.
    """
    sizes: dict[str, Size] = {}
    inputs, _ = split_spec(spec)
    for letters, type_ in zip(inputs, types, strict=True):
        if len(letters) != type_.rank:
            raise TypeRuleError(
                f"contract: {letters!r} does not letter the axes of {type_}"
            )
        for letter, size in zip(letters, type_.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise TypeRuleError(
                    f"contract: {letter!r} in {spec!r} is both {sizes[letter]} "
                    f"and {size}"
                )
    return sizes
