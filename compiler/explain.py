"""What a compiled function has done so far, and why: ``Compiled.explain``."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.driver import Compilation, FixedSize
from penstock.ir.dims import evaluate_dim, product, symbols_of
from penstock.ir.location import Location
from penstock.ir.loop.count import KernelCount
from penstock.ir.loop.node import Kernel
from penstock.ir.plan.count import count_launches
from penstock.ir.plan.node import Plan, PlanBind
from penstock.making import Making
from penstock.runtime.binding import Call
from penstock.runtime.dispatch import Statistics, Variant
from penstock.runtime.refusal import host_numbers, readable_guard
from penstock.runtime.signature import ArrayLeaf, CodeReader, RealLeaf

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function
    from penstock.passes.saving_report import Part

__all__ = [
    "ArrayReport",
    "Explanation",
    "GradientReport",
    "KernelReport",
    "VariantReport",
]

_WIDTH = 88


@dataclass(frozen=True)
class KernelReport:
    """One Kernel of a variant, at the sizes of a call.

    Attributes:
        name: the Kernel's name.
        launches: how many places of the program launch it.
        flops: floating-point operations of all these launches together.
        integer_operations: operations on integers and bools that come from memory.
        bytes_moved: bytes of memory that they read and write.
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
class ArrayReport:
    """An array of a gradient that is kept, or computed again, at the sizes of a call.

    Attributes:
        op: the op that computes it.
        type: dtype and shape, as text.
        bytes: its size.
        flops: what it costs to compute it from its operands.
        lines: the user's lines that compute it, as ``file:line``.
    """

    op: str
    type: str
    bytes: int
    flops: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class GradientReport:
    """What a gradient keeps for its backward part, and what it computes again.

    Attributes:
        saved: what the forward part leaves in memory for the backward part, besides
            arguments.
        again: what both parts compute.
        arena_of_all_saved: bytes of memory for what is between Kernels, if all that
            the backward part reads were saved.
    """

    saved: tuple[ArrayReport, ...]
    again: tuple[ArrayReport, ...]
    arena_of_all_saved: int


@dataclass(frozen=True)
class VariantReport:
    """One variant.

    Attributes:
        number: variants are numbered in the order in which they were made.
        takes: what each argument must be.
        captures: what each global, default and the like that it reads must be.
        guards: what must hold besides.
        fixed: the small sizes that are fixed, and for the sake of what.
        reason: why it was made.
        calls: how many calls it has served.
        from_cache: whether its code was found in the cache.
        target: the processor that it was compiled for.
        seconds: how long each stage took that was needed.
        sizes: the sizes that the figures below are for.
        arena: bytes of memory for what is between Kernels.
        born: for each size that is known only while the program runs, what memory it
            takes; figures of Kernels are for 1000.
        kernels: its Kernels, in the order of their first launch.
        gradient: what is kept for a backward part; ``None`` if there is none.
        unrolled: the lines that loops of Python, which are unrolled, went through a
            hundred times and more, by the number of times.
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
    born: tuple[str, ...]
    kernels: tuple[KernelReport, ...]
    gradient: GradientReport | None = None
    unrolled: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

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
        kernel_sizes = {**dict.fromkeys(plan.bound, _TAKEN), **sizes}
        return cls(
            making.number,
            leaves[:count],
            # That functions have the code they had goes without saying.
            tuple(
                leaf
                for leaf, entry in zip(
                    leaves[count:], variant.signature.captured, strict=True
                )
                if not isinstance(entry.reader, CodeReader)
            ),
            tuple(map(readable_guard, compilation.traced.function.guards)),
            tuple(map(_fixed_text, compilation.traced.fixed)),
            making.reason,
            variant.calls,
            variant.from_cache,
            compilation.machine.cpu,
            making.seconds,
            {name: sizes[name] for name in plan.symbols},
            evaluate_dim(plan.arena, sizes),
            tuple(_born(plan, kernel_sizes)),
            tuple(
                _kernel_report(kernel, counts)
                for kernel, counts in _counts(plan, kernel_sizes).items()
            ),
            _gradient_report(compilation, kernel_sizes),
            _unrolled(compilation.traced.function),
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
        turns = [f"{count} turns: ps.fori_loop compiles one" for count in self.unrolled]
        lines += _entry("unrolled", turns, [*self.unrolled.values()])
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        lines += _entry("sizes", (sizes or "all fixed",))
        lines += _entry("arena", (_quantity(self.arena, "B"), *self.born))
        if self.gradient is not None:
            lines += _gradient_lines(self.gradient, self.arena)
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

    # At the prompt it is to be read.
    __repr__ = __str__


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


# So many turns take about a second to compile, or more.
_MANY_TURNS = 100


def _unrolled(function: Function) -> Mapping[int, tuple[str, ...]]:
    """Lines that made many Values, by how often: the same op at the same place."""
    made = Counter(
        (loc, value.op) for value in function.values for loc in value.locations
    )
    turns: dict[tuple[str, int], int] = {}
    for (loc, _), count in made.items():
        line = (loc.file, loc.line)
        turns[line] = max(count, turns.get(line, 0))
    counts = sorted({n for n in turns.values() if n >= _MANY_TURNS}, reverse=True)
    return {
        count: tuple(
            Location(*line).short for line, own in sorted(turns.items()) if own == count
        )
        for count in counts
    }


# What sizes are taken to be that are known only while the program runs.
_TAKEN = 1000


def _born(plan: Plan, sizes: Mapping[str, int]) -> Iterable[str]:
    """The memory of each bind, with what its size is taken to be."""
    for statement in plan.statements():
        if isinstance(statement, PlanBind):
            names = dict.fromkeys(
                name for name in symbols_of(statement.arena) if name in plan.bound
            )
            taken = " and ".join(f"{name} = {sizes[name]}" for name in names)
            amount = _quantity(evaluate_dim(statement.arena, sizes), "B")
            if names:
                yield f"{amount} where {taken}, known when it runs"


def _counts(plan: Plan, sizes: Mapping[str, int]) -> Mapping[Kernel, list[KernelCount]]:
    """What each launch of each Kernel does, in the order of their first."""
    found: dict[Kernel, list[KernelCount]] = {}
    for launch, count in count_launches(plan, sizes).items():
        found.setdefault(launch.kernel, []).append(count)
    return found


def _kernel_report(kernel: Kernel, counts: Sequence[KernelCount]) -> KernelReport:
    count = sum(counts, KernelCount())
    return KernelReport(
        kernel.name,
        len(counts),
        count.flops,
        count.integer_operations,
        count.bytes_moved,
        count.intensity,
        _lines(kernel.locations),
    )


def _gradient_report(
    compilation: Compilation, sizes: Mapping[str, int]
) -> GradientReport | None:
    report = compilation.saving
    if report is None:
        return None

    def at_sizes(part: Part) -> ArrayReport:
        elements = evaluate_dim(product(part.type.shape), sizes)
        return ArrayReport(
            part.op,
            str(part.type),
            elements * part.type.dtype.itemsize,
            elements * part.flops,
            _lines(part.locations),
        )

    return GradientReport(
        tuple(map(at_sizes, report.saved)),
        tuple(map(at_sizes, report.again)),
        evaluate_dim(compilation.arena_of_all_saved, sizes),
    )


def _gradient_lines(gradient: GradientReport, arena: int) -> Iterable[str]:
    """What is kept, what is computed again, and the memory that this spares."""
    if gradient.arena_of_all_saved != arena:
        all_saved = _quantity(gradient.arena_of_all_saved, "B")
        yield f"            {all_saved} if all were saved that is read"
    saved = gradient.saved
    if not saved:
        yield from _entry("saved", ("nothing but arguments",))
    texts = [
        f"{array.op}: {array.type}, {_quantity(array.bytes, 'B')}" for array in saved
    ]
    yield from _entry("saved", texts, [array.lines for array in saved])
    if gradient.again:
        flops = sum(array.flops for array in gradient.again)
        counted = _counted(len(gradient.again), "array")
        lines = dict.fromkeys(line for array in gradient.again for line in array.lines)
        yield from _entry(
            "again", (f"{counted}, {_quantity(flops, 'flop')}",), [tuple(lines)]
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
    if fixed.is_row:
        why = "rows so short are computed side by side"
    else:
        place = "a loop" if fixed.loc is None else f"the loop of {fixed.loc.short}"
        why = f"{place} keeps its state in registers"
    return f"{fixed.size} == {fixed.number}: {why}"


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
