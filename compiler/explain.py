"""What a compiled function has done so far, and why: ``Compiled.explain``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.driver import Compilation, FixedSize
from penstock.ir.dims import evaluate_dim
from penstock.ir.location import Location
from penstock.ir.loop.count import count_kernel
from penstock.ir.loop.node import Kernel
from penstock.ir.plan.node import Launch, Plan
from penstock.making import Making
from penstock.runtime.binding import Call
from penstock.runtime.dispatch import Statistics, Variant
from penstock.runtime.refusal import host_numbers, readable_guard
from penstock.runtime.signature import ArrayLeaf, RealLeaf

__all__ = ["Explanation", "KernelReport", "VariantReport"]

_WIDTH = 88


@dataclass(frozen=True)
class KernelReport:
    """One Kernel of a variant, at the sizes of a call.

    Attributes:
        name: the Kernel's name.
        launches: how many places of the program launch it.
        flops: floating-point operations of one launch.
        integer_operations: operations on integers and bools that come from memory.
        bytes_moved: bytes of memory that one launch reads and writes.
        intensity: floating-point operations for each of these bytes.
        lines: the user's lines that it computes, as ``file:line``.
    """

    name: str
    launches: int
    flops: int
    integer_operations: int
    bytes_moved: int
    intensity: float
    lines: tuple[str, ...]

    def __str__(self) -> str:
        parts = []
        if self.flops or not self.integer_operations:
            parts.append(_quantity(self.flops, "flop"))
        if self.integer_operations:
            parts.append(_quantity(self.integer_operations, "intop"))
        parts.append(_quantity(self.bytes_moved, "B"))
        parts.append(f"{self.intensity:.2f} flop/byte")
        if self.launches != 1:
            parts.append(f"{self.launches} launches")
        return f"{self.name}: {', '.join(parts)}"


@dataclass(frozen=True)
class VariantReport:
    """One variant.

    Attributes:
        number: variants are numbered in the order in which they were made.
        takes: what each argument must be.
        captures: what each global, default and the like that it reads must be.
        guards: what must hold besides.
        fixed: the sizes that are fixed so that loops keep their state in registers.
        reason: why it was made.
        calls: how many calls it has served.
        from_cache: whether its code was found in the cache.
        target: the processor that it was compiled for.
        seconds: how long each stage took that was needed.
        sizes: the sizes that the figures below are for.
        arena: bytes of memory for what is between Kernels.
        kernels: its Kernels, in the order of their first launch.
    """

    number: int
    takes: tuple[str, ...]
    captures: tuple[str, ...]
    guards: tuple[str, ...]
    fixed: tuple[str, ...]
    reason: str
    calls: int
    from_cache: bool
    target: str
    seconds: Mapping[str, float]
    sizes: Mapping[str, int]
    arena: int
    kernels: tuple[KernelReport, ...]

    @classmethod
    def of(cls, variant: Variant, making: Making, call: Call | None) -> VariantReport:
        """Report on a variant.

        Args:
            variant: the variant.
            making: how it was made.
            call: a call that it serves, for its sizes; ``None`` for the one that it
                was made for.
        """
        compilation = making.compilation
        plan = compilation.plan
        leaves = tuple(_leaves(compilation))
        count = variant.signature.argument_count
        sizes: Mapping[str, Any] = compilation.traced.hints
        if call is not None:
            captured = variant.signature.read_captured(call.leaves)
            sizes = host_numbers(variant, call.leaves + (captured or []))
        return cls(
            making.number,
            leaves[:count],
            leaves[count:],
            tuple(map(readable_guard, compilation.traced.function.guards)),
            tuple(map(_fixed_text, compilation.traced.fixed)),
            making.reason,
            variant.calls,
            variant.from_cache,
            compilation.machine.cpu,
            making.seconds,
            {name: sizes[name] for name in plan.symbols},
            evaluate_dim(plan.arena, sizes),
            tuple(_kernel_report(kernel, plan, sizes) for kernel in plan.kernels),
        )

    def __str__(self) -> str:
        lines = [f"variant {self.number}"]
        lines += _entry("takes", self.takes or ("nothing",))
        lines += _entry("captures", self.captures or ("nothing",))
        lines += _entry("guards", self.guards or ("none",))
        if self.fixed:
            lines += _entry("fixed", self.fixed)
        lines += _entry("reason", textwrap.wrap(self.reason, _WIDTH - 12))
        lines += _entry("calls", (str(self.calls),))
        origin = "from the cache" if self.from_cache else "compiled"
        lines += _entry("code", (f"{origin}, for {self.target}",))
        stages = [f"{name} {_time(s)}" for name, s in self.seconds.items()]
        lines += _entry("time", textwrap.wrap(", ".join(stages), _WIDTH - 12))
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        lines += _entry("sizes", (sizes or "all fixed",))
        lines += _entry("arena", (_quantity(self.arena, "B"),))
        below = [kernel.lines for kernel in self.kernels]
        lines += _entry("kernels", map(str, self.kernels), below)
        return "\n".join(lines)


@dataclass(frozen=True)
class Explanation:
    """What a compiled function has done so far, and why.

    Attributes:
        name: the function's name.
        statistics: its counts.
        variants: its variants, or the one that serves the call that was asked about.
    """

    name: str
    statistics: Statistics
    variants: tuple[VariantReport, ...]

    @property
    def reason(self) -> str | None:
        """Why the youngest of the variants was made; ``None`` if there are none."""
        youngest = max(self.variants, key=lambda one: one.number, default=None)
        return None if youngest is None else youngest.reason

    def __str__(self) -> str:
        counts = self.statistics
        parts = [
            _counted(counts.variants, "variant"),
            _counted(counts.calls, "call"),
            f"{counts.compiles} compiled, {counts.cache_hits} from the cache",
            f"in {_time(counts.compile_seconds)}",
        ]
        if counts.evictions:
            parts.append(f"{counts.evictions} dropped")
        head = f"{self.name}: {', '.join(parts)}"
        return "\n\n".join((head, *map(str, self.variants)))


def _leaves(compilation: Compilation) -> Iterable[str]:
    """What each leaf must be, sizes by the names that guards give them."""
    traced = compilation.traced
    signature = traced.signature
    parameters = iter(traced.function.parameters)
    for name, leaf in zip(signature.leaf_names(), signature.leaves, strict=True):
        text = leaf.describe()
        if isinstance(leaf, RealLeaf):
            next(parameters)
        elif isinstance(leaf, ArrayLeaf):
            strided = " strided" * (leaf.layout == "strided")
            text = f"{next(parameters).type}{strided}"
        yield f"{name}: {text}"


def _kernel_report(
    kernel: Kernel, plan: Plan, sizes: Mapping[str, int]
) -> KernelReport:
    count = count_kernel(kernel, sizes)
    launches = [
        statement
        for statement in plan.statements()
        if isinstance(statement, Launch) and statement.kernel is kernel
    ]
    return KernelReport(
        kernel.name,
        len(launches),
        count.flops,
        count.integer_operations,
        count.bytes_moved,
        count.intensity,
        _lines(kernel.locations),
    )


def _lines(locations: Iterable[Location]) -> tuple[str, ...]:
    places = sorted({(loc.file, loc.line) for loc in locations})
    return tuple(Location(file, line).short for file, line in places)


def _entry(
    word: str, texts: Iterable[str], below: Sequence[Sequence[str]] = ()
) -> Iterable[str]:
    """A word with texts under each other beside it, and further texts below each."""
    margin = f"  {word}".ljust(12)
    for number, text in enumerate(texts):
        yield f"{margin}{text}"
        margin = " " * 12
        if below and below[number]:
            listed = ", ".join(below[number])
            for line in textwrap.wrap(listed, _WIDTH - 14):
                yield f"{margin}  {line}"


def _fixed_text(fixed: FixedSize) -> str:
    """A size that is fixed, and why."""
    place = "a loop" if fixed.loc is None else f"the loop of {fixed.loc.short}"
    return f"{fixed.size} == {fixed.number}: {place} keeps its state in registers"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def _quantity(amount: int, unit: str) -> str:
    """An amount in up to four digits: ``4096 B``, ``33.79 Mflop``."""
    if amount < 10_000:
        return f"{amount} {unit}"
    power = min((len(str(amount)) - 1) // 3, 4)
    return f"{amount / 1000**power:.4g} {'kMGT'[power - 1]}{unit}"
