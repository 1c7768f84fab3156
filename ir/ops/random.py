"""The op behind random numbers: a block cipher of counters."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.loop import scalar
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Operand, Unsupported, define
from penstock.ir.ops.families import Elementwise
from penstock.ir.types import Dtype, u64

_ROUNDS = 10
# The multipliers of the two halves of a block, and what is added to the halves of
# the key after each round (Random123, philox.h).
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF

_right = scalar.primitive("shift_right")
_left = scalar.primitive("shift_left")
_xor = scalar.primitive("xor")


class Word(Operand):
    """An operand of ``u64``."""

    kinds = "u"
    noun = "u64"

    def check(self, op_name: str, dtype: Dtype) -> None:
        """Raise a TypeRuleError unless the dtype is ``u64``."""
        if dtype is not u64:
            raise TypeRuleError(
                f"{op_name}: {self.name} is {dtype}, but must be {self.noun}",
                kind=DtypeError,
            )


def _philox(block: Any, key: Any, stream: Any, *, half: int) -> Any:
    low, shift = np.uint64(_LOW), np.uint64(32)
    words = [block & low, block >> shift, stream & low, stream >> shift]
    keys = [key & low, key >> shift]
    for turn in range(_ROUNDS):
        if turn:
            keys = [
                (k + np.uint64(step)) & low
                for k, step in zip(keys, _STEPS, strict=True)
            ]
        first = words[0] * np.uint64(_MULTIPLIERS[0])
        second = words[2] * np.uint64(_MULTIPLIERS[1])
        words = [
            (second >> shift) ^ words[1] ^ keys[0],
            second & low,
            (first >> shift) ^ words[3] ^ keys[1],
            first & low,
        ]
    return words[2 * half] | (words[2 * half + 1] << shift)


def _is_half(attribute: Any) -> bool:
    return type(attribute) is int and attribute in (0, 1)


@define
class Philox(Elementwise):
    """64 of the 128 bits that Philox4x32-10 makes of a counter under a key.

    block, key, stream: u64 [...]  ->  u64 [...].

    Words of 32 bits are taken from the low end: the counter is the block, then the
    stream; ``half`` 0 is the first two words of the result, 1 the last two.
    """

    name = "philox"
    operands = (Word("block"), Word("key"), Word("stream"))
    attributes = ("half",)
    attribute_kinds = {"half": (_is_half, "0 or 1")}
    reference = staticmethod(_philox)
    source = "Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), 3.3"
    # Half of it multiplications of integers; what it costs beside floating point.
    flops = 40
    partials = Unsupported("the result is piecewise constant in integers")

    @staticmethod
    def lower(block: Scalar, key: Scalar, stream: Scalar, *, half: int) -> Scalar:
        """Words as the low halves of 64 bits, whose products then are exact."""
        builder = block.builder
        assert builder is not None

        def constant(number: int) -> Scalar:
            return builder.constant(number, u64)

        low, shift = constant(_LOW), constant(32)
        words = [block & low, _right(block, shift), stream & low, _right(stream, shift)]
        keys = [key & low, _right(key, shift)]
        for turn in range(_ROUNDS):
            if turn:
                keys = [
                    (k + constant(step)) & low
                    for k, step in zip(keys, _STEPS, strict=True)
                ]
            first = words[0] * constant(_MULTIPLIERS[0])
            second = words[2] * constant(_MULTIPLIERS[1])
            words = [
                _xor(_xor(_right(second, shift), keys[0]), words[1]),
                second & low,
                _xor(_xor(_right(first, shift), keys[1]), words[3]),
                first & low,
            ]
        return words[2 * half] | _left(words[2 * half + 1], shift)
