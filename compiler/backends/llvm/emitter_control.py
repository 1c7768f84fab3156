"""Blocks, branches, loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from penstock.backends.llvm.emitter_core import EmitterCore
from penstock.backends.llvm.operand import Operand, type_text


class Phi:
    """A phi whose incoming values are added as they become known."""

    def __init__(self, emitter: ControlEmitter, element: str, width: int) -> None:
        self.value = emitter.instruction("phi", element, width)
        self._rewrite = emitter.rewriter()
        self._incoming: list[str] = []

    def add(self, value: Operand, label: str) -> None:
        """Add the value that arrives from the block with this label."""
        if value[1:] != self.value[1:]:
            raise TypeError(f"phi of {self.value.typed} was given {value.typed}")
        self._incoming.append(f"[{value.text}, %{label}]")
        kind = type_text(self.value.element, self.value.width)
        self._rewrite(f"  {self.value.text} = phi {kind} {', '.join(self._incoming)}")


class Loop:
    """The inside of a loop: its index and carried values, and after it its results.

    Attributes:
        index: the index of this iteration; ``None`` in a ``repeat`` loop.
        carried: the carried values as this iteration begins.
        results: after the loop, the carried values as it ended.
        condition: what ``again_if`` was given.
    """

    def __init__(self, index: Operand | None, carried: Sequence[Operand]) -> None:
        self._index = index
        self.carried = tuple(carried)
        self.results: tuple[Operand, ...] = ()
        self._next: tuple[Operand, ...] | None = None if carried else ()
        self.condition: Operand | None = None

    @property
    def index(self) -> Operand:
        """The index of this iteration."""
        if self._index is None:
            raise ValueError("a repeat loop has no index")
        return self._index

    def carry(self, *values: Operand) -> None:
        """Give the carried values of the next iteration, in order."""
        if len(values) != len(self.carried):
            raise ValueError(
                f"the loop carries {len(self.carried)} values, not {len(values)}"
            )
        self._next = values

    def again_if(self, condition: Operand) -> None:
        """Give the scalar ``i1`` under which a ``repeat`` loop runs once more."""
        self.condition = condition

    def next_values(self) -> tuple[Operand, ...]:
        """The values given to ``carry``."""
        if self._next is None:
            raise ValueError("the loop's body never called carry()")
        return self._next


class ControlEmitter(EmitterCore):
    """Control flow: labels and branches, and structured forms built from them."""

    def label(self, hint: str = "block") -> str:
        """Return a new label; ``begin`` starts its block."""
        self._labels += 1
        return f"{hint}.{self._labels}"

    def begin(self, label: str) -> None:
        """Start the block with this label. The block before must have ended."""
        self._lines.append(f"{label}:")
        self.current_label = label

    def branch(self, label: str) -> None:
        """End the block with a jump."""
        self._lines.append(f"  br label %{label}")

    def branch_if(
        self,
        condition: Operand,
        then: str,
        otherwise: str,
        *,
        likely: bool | None = None,
    ) -> None:
        """End the block with a conditional jump.

        Args:
            condition: scalar ``i1``.
            then: label where it is true.
            otherwise: label where it is false.
            likely: which way is taken nearly always, where that is known.
        """
        weights = ""
        if likely is not None:
            odds = "i32 2000, i32 1" if likely else "i32 1, i32 2000"
            node = self.module.metadata(f'!{{!"branch_weights", {odds}}}')
            weights = f", !prof {node}"
        self._lines.append(
            f"  br i1 {condition.text}, label %{then}, label %{otherwise}{weights}"
        )

    def phi(self, element: str, width: int = 1) -> Phi:
        """Begin a phi. Phis come first in a block."""
        return Phi(self, element, width)

    def ret(self, value: Operand | None = None) -> None:
        """End the function."""
        self.emit("ret void" if value is None else f"ret {value.typed}")

    @contextmanager
    def when(self, condition: Operand, *, likely: bool | None = None) -> Iterator[None]:
        """Run the body where a scalar ``i1`` is true."""
        then, after = self.label("then"), self.label("after")
        self.branch_if(condition, then, after, likely=likely)
        self.begin(then)
        yield
        self.branch(after)
        self.begin(after)

    @contextmanager
    def leaving(
        self, condition: Operand, *, likely: bool | None = None
    ) -> Iterator[None]:
        """Run the body, which returns, where a scalar ``i1`` is true."""
        failed, passed = self.label("failed"), self.label("passed")
        self.branch_if(condition, failed, passed, likely=likely)
        self.begin(failed)
        yield
        self.begin(passed)

    def choose(
        self,
        condition: Operand,
        then: Callable[[], Sequence[Operand]],
        otherwise: Callable[[], Sequence[Operand]],
        *,
        likely: bool | None = None,
    ) -> tuple[Operand, ...]:
        """Run one of two bodies and return its values.

        Args:
            condition: scalar ``i1``.
            then: emits the body where it is true, and returns its values.
            otherwise: emits the other, and returns as many values of the same types.
            likely: which way is taken nearly always, where that is known.
        """
        labels = self.label("then"), self.label("else")
        after = self.label("after")
        self.branch_if(condition, *labels, likely=likely)
        results: list[Sequence[Operand]] = []
        ends: list[str] = []
        for label, body in zip(labels, (then, otherwise), strict=True):
            self.begin(label)
            results.append(body())
            ends.append(self.current_label)
            self.branch(after)
        self.begin(after)
        return self._merge(results, ends)

    def hidden(self, a: Operand) -> Operand:
        """The same scalar integer, of which LLVM knows nothing.

        Where it cannot see how a counter grows, it does not look for better ways to
        add up addresses: it would find none, and spend half of the compile time.
        """
        kind = type_text(a.element)
        return self.instruction(f'call {kind} asm "", "=r,0"({a.typed})', a.element)

    @contextmanager
    def for_loop(
        self,
        start: Operand,
        stop: Operand,
        step: Operand | int = 1,
        carried: Sequence[Operand] = (),
        test: int | None = None,
    ) -> Iterator[Loop]:
        """Run the body for start, start + step, ... while below stop (signed).

        Args:
            start: scalar integer.
            stop: the same type.
            step: positive; the last index plus the step must not overflow.
            carried: values of the first iteration; the body gives those of the next
                to ``Loop.carry``.
            test: the number of a carried scalar ``i1`` without which the body does not
                run, and the loop ends.

        Example:
            >>> from penstock.backends.llvm.module import Module, Parameter
            >>> from penstock.runtime.machine import host
            >>> f = Module(host()).function("f", [Parameter("n", "i64")], result="i64")
            >>> zero = f.constant(0, "i64")
            >>> with f.for_loop(zero, f.parameters[0], carried=[zero]) as loop:
            ...     loop.carry(f.add(loop.carried[0], loop.index))
            >>> f.ret(loop.results[0])
        """
        if isinstance(step, int):
            step = self.constant(step, start.element)
        kind = type_text(start.element)
        body, after = self.label("loop"), self.label("after")
        before = self.current_label
        # Tested at its end, as LLVM's own passes leave loops: no pass runs behind us.
        some = self.instruction(f"icmp slt {kind} {start.text}, {stop.text}", "i1")
        if test is not None:
            some = self.instruction(f"and i1 {some.text}, {carried[test].text}", "i1")
        self.branch_if(some, body, after)
        self.begin(body)
        index = self.phi(start.element)
        index.add(start, before)
        phis = self._carried_phis(carried, before)
        loop = Loop(index.value, [phi.value for phi in phis])
        yield loop
        following = self.hidden(
            self.instruction(
                f"add nsw {kind} {index.value.text}, {step.text}", start.element
            )
        )
        more = self.instruction(f"icmp slt {kind} {following.text}, {stop.text}", "i1")
        if test is not None:
            holds = loop.next_values()[test]
            more = self.instruction(f"and i1 {more.text}, {holds.text}", "i1")
        index.add(following, self.current_label)
        end = self._close(loop, phis, more, body, after)
        loop.results = self._merge((carried, loop.next_values()), (before, end))

    @contextmanager
    def repeat(self, carried: Sequence[Operand] = ()) -> Iterator[Loop]:
        """Run the body once, and again while the condition it gives is true.

        The body gives the next carried values to ``Loop.carry`` and the condition to
        ``Loop.again_if``.
        """
        body, after = self.label("repeat"), self.label("after")
        before = self.current_label
        self.branch(body)
        self.begin(body)
        phis = self._carried_phis(carried, before)
        loop = Loop(None, [phi.value for phi in phis])
        yield loop
        if loop.condition is None:
            raise ValueError("the repeat loop's body never called again_if()")
        self._close(loop, phis, loop.condition, body, after)
        loop.results = loop.next_values()

    def _carried_phis(self, carried: Sequence[Operand], before: str) -> list[Phi]:
        phis = [self.phi(value.element, value.width) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add(value, before)
        return phis

    def _close(
        self, loop: Loop, phis: Sequence[Phi], more: Operand, body: str, after: str
    ) -> str:
        end = self.current_label
        for phi, value in zip(phis, loop.next_values(), strict=True):
            phi.add(value, end)
        self.branch_if(more, body, after)
        self.begin(after)
        return end

    def _merge(
        self, choices: Sequence[Sequence[Operand]], labels: Sequence[str]
    ) -> tuple[Operand, ...]:
        merged = []
        for values in zip(*choices, strict=True):
            phi = self.phi(values[0].element, values[0].width)
            for value, label in zip(values, labels, strict=True):
                phi.add(value, label)
            merged.append(phi.value)
        return tuple(merged)
