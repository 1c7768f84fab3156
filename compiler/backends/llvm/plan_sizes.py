"""The sizes of a Plan that its code computes, and holds to 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from penstock.backends.llvm.sizes import computed_sizes
from penstock.ir.dims import Atom, Dim, Size, product, symbols_of
from penstock.ir.loop.node import Let
from penstock.ir.plan.node import Launch, Plan, PlanBuffer, PlanLoop
from penstock.ir.reals import Real

# What holds a size below 2**63 holds it that far below; see `emit_overflow`.
_SLACK = 1 << 16

__all__ = [
    "answered_sizes",
    "asked_of_prepare",
    "checked_sizes",
    "computed_within",
    "names",
]


def checked_sizes(plan: Plan) -> list[Dim]:
    """What ``prepare`` holds to 64 bits, in its order: all that is computed of it.

    The work is an estimate, which may be anything.
    """
    asked = [side for guard in plan.guards for side in (guard.left, guard.right)]
    asked += [*asked_of_prepare(plan), plan.arena]
    every = (part for size in asked for part in computed_sizes(size))
    return list(dict.fromkeys(every))


def asked_of_prepare(plan: Plan) -> list[Size | Real]:
    """What the whole program computes, but for the arena.

    What depends on sizes that are born later is looked at there.
    """
    bound = {*plan.bound}
    asked = dict.fromkeys((*bytes_of_results(plan), *computed_within(plan)))
    sizes = [size for size in asked if not (bound and names(size) & bound)]
    is_within = _within_results(plan)
    return [*answered_sizes(plan), *(size for size in sizes if not is_within(size))]


def _within_results(plan: Plan) -> Callable[[Size], bool]:
    """Whether a size is one of the terms of how many bytes a result has, or several.

    That is looked at anyway, and no term of it is negative. Where the parts of a
    result start is such a size for each of them.
    """
    shapes = (size for buffer in plan.parameters for size in buffer.type.shape)
    lengths = {str(size) for size in shapes} - {*plan.integers}
    whole = [
        size
        for size in map(bytes_of, plan.results)
        if isinstance(size, Dim)
        and all(count > 0 and _are_in(lengths, m) for m, count in size.terms)
    ]
    limits = [{**dict(size.terms), (): _SLACK} for size in whole]

    def is_within(size: Size) -> bool:
        if isinstance(size, int) or size in whole:
            return False
        return any(
            all(0 < count <= limit.get(monomial, 0) for monomial, count in size.terms)
            for limit in limits
        )

    return is_within


def _are_in(lengths: set[str], monomial: tuple[Atom, ...]) -> bool:
    return all(atom.text in lengths for atom in monomial)


def bytes_of(buffer: PlanBuffer) -> Size:
    """How many bytes the elements of an array have."""
    return product([buffer.type.dtype.itemsize, *buffer.type.shape])


def bytes_of_results(plan: Plan) -> Iterator[Size]:
    """How many bytes the results have, where arguments do not show that they fit."""
    # Arrays of any strides may repeat their elements.
    whole = (p.type for p in plan.parameters if not p.strided)
    there = {(type_.shape, type_.dtype.itemsize) for type_ in whole}
    for result in plan.results:
        shape, itemsize = result.type.shape, result.type.dtype.itemsize
        if len(shape) and not any(s == shape and i >= itemsize for s, i in there):
            yield bytes_of(result)


def answered_sizes(plan: Plan) -> list[Size | Real]:
    """The sizes of the results, and the numbers that the function returns."""
    sizes = [size for result in plan.results for size in result.type.shape]
    return [*sizes, *plan.returned]


def computed_within(plan: Plan) -> Iterator[Size]:
    """Sizes that the program computes with: integers of the user's among them."""
    own = {
        kernel: [
            statement.value
            for statement in kernel.body.walk()
            if isinstance(statement, Let) and statement.primitive == "size"
        ]
        for kernel in plan.kernels
    }
    for step in plan.statements():
        if isinstance(step, PlanLoop):
            yield step.trip
        elif isinstance(step, Launch):
            yield from map(step.size, own[step.kernel])
            yield from step.renamed.values()


def names(size: Size) -> set[str]:
    """The symbols of a size."""
    return {*symbols_of(size)}
