"""Operations across the lanes of vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.backends.llvm.emitter_arithmetic import ArithmeticEmitter
from penstock.backends.llvm.operand import Operand, type_text


class LaneEmitter(ArithmeticEmitter):
    """Splats, lane access, reductions."""

    def splat(self, a: Operand, width: int) -> Operand:
        """A scalar in every lane of a vector."""
        if width == 1 or a.width == width:
            return a
        kind = type_text(a.element, width)
        first = self.instruction(
            f"insertelement {kind} poison, {a.typed}, i32 0", a.element, width
        )
        return self._shuffle(first, None, [0] * width)

    def extract(self, a: Operand, lane: int | Operand) -> Operand:
        """One lane of a vector as a scalar; of a scalar, itself."""
        if a.width == 1:
            return a
        index = lane.typed if isinstance(lane, Operand) else f"i32 {lane}"
        return self.instruction(f"extractelement {a.typed}, {index}", a.element)

    def insert(self, a: Operand, lane: int | Operand, value: Operand) -> Operand:
        """A vector with one lane replaced by a scalar; of a scalar, the new one."""
        if a.width == 1:
            return value
        index = lane.typed if isinstance(lane, Operand) else f"i32 {lane}"
        text = f"insertelement {a.typed}, {value.typed}, {index}"
        return self.instruction(text, a.element, a.width)

    def halves(self, a: Operand) -> tuple[Operand, Operand]:
        """The first and the second half of a vector of an even number of lanes."""
        middle = a.width // 2
        first = self._shuffle(a, None, range(middle))
        return first, self._shuffle(a, None, range(middle, a.width))

    def concatenate(self, a: Operand, b: Operand) -> Operand:
        """The lanes of ``a`` followed by those of ``b``, of the same type."""
        if a.width == 1:
            pair = self.splat(a, 2)
            return self.insert(pair, 1, b)
        return self._shuffle(a, b, range(2 * a.width))

    def reverse(self, a: Operand) -> Operand:
        """The lanes in reverse order."""
        if a.width == 1:
            return a
        return self._shuffle(a, None, range(a.width - 1, -1, -1))

    def reduce(
        self, combine: Callable[[Operand, Operand], Operand], a: Operand
    ) -> Operand:
        """Combine all lanes into one.

        The order is fixed: the second half is combined into the first, until one lane
        is left. The result's bits so depend on nothing but the lanes.

        Args:
            combine: such as ``emitter.add``.
            a: a vector of a power of two of lanes.
        """
        while a.width > 1:
            a = combine(*self.halves(a))
        return a

    def any_lane(self, mask: Operand) -> Operand:
        """Whether an ``i1`` holds in any lane, as a scalar."""
        if mask.width == 1:
            return mask
        bits = self._lane_bits(mask)
        return self.instruction(f"icmp ne {bits}, 0", "i1")

    def all_lanes(self, mask: Operand) -> Operand:
        """Whether an ``i1`` holds in all lanes, as a scalar."""
        if mask.width == 1:
            return mask
        bits = self._lane_bits(mask)
        return self.instruction(f"icmp eq {bits}, -1", "i1")

    def first_true(self, mask: Operand) -> Operand:
        """The number of the first lane in which an ``i1`` holds, as an ``i32``.

        Some lane must hold it.
        """
        kind, bits = self._lane_bits(mask).split()
        name = f"llvm.cttz.{kind}"
        self.module.declare(name, f"{kind} @{name}({kind}, i1)")
        count = self.instruction(f"call {kind} @{name}({kind} {bits}, i1 true)", "i64")
        if mask.width == 32:
            return Operand(count.text, "i32")
        opcode = "zext" if mask.width < 32 else "trunc"
        return self.instruction(f"{opcode} {kind} {count.text} to i32", "i32")

    def first_lanes(self, count: Operand, width: int) -> Operand:
        """The mask of the first ``count`` lanes (a scalar ``i32`` or ``i64``, >= 0)."""
        # A count beyond the width needs no care: no lane's number reaches it.
        lanes = self.iota(count.element, width)
        return self.lt(lanes, self.splat(count, width))

    def _lane_bits(self, mask: Operand) -> str:
        kind = f"i{mask.width}"
        bits = self.instruction(f"bitcast {mask.typed} to {kind}", "i64")
        return f"{kind} {bits.text}"

    def _shuffle(self, a: Operand, b: Operand | None, lanes: Sequence[int]) -> Operand:
        second = b.text if b is not None else "poison"
        kind = type_text(a.element, a.width)
        if len(lanes) == 1:
            return self.extract(a, lanes[0])
        order = "zeroinitializer"
        if any(lanes):
            order = f"<{', '.join(f'i32 {lane}' for lane in lanes)}>"
        return self.instruction(
            f"shufflevector {a.typed}, {kind} {second}, <{len(lanes)} x i32> {order}",
            a.element,
            len(lanes),
        )
