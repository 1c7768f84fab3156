"""Linear control flow, transposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.counted_loops import repeated_by_count
from penstock.passes.custom import pull_transposed
from penstock.passes.region_rules import copies, extract, zeros_like

__all__ = ["adds_to_known", "pull_control"]

Cotangents = list[Value | None]


def adds_to_known(value: Value) -> list[bool]:
    """For each operand of control flow, whether its cotangent is summed up inside.

    Then it is added to what is known of it before, in the memory of that.
    """
    count = len(value.operands)
    if value.is_op("loop"):
        carried, sliced = value.attributes["carried"], value.attributes["sliced"]
        return [i >= carried + sliced for i in range(count)]
    return [not value.is_op("transposed")] * count


def pull_control(
    builder: Builder,
    value: Value,
    linear: Sequence[bool],
    cotangents: Sequence[Value | None],
    known: Sequence[Value | None],
) -> Cotangents:
    """The cotangents of the operands of control flow.

    Args:
        builder: of the Function that receives them.
        value: a Value that is linear in some of its operands.
        linear: in which.
        cotangents: of its results; ``None`` where zero.
        known: for each operand what its cotangent is added to, if anything is; only
            where ``adds_to_known``.
    """
    if value.is_op("if"):
        return _pull_if(builder, value, linear, cotangents, known)
    if value.op.name in ("recompute", "segmented"):
        return _pull_inline(builder, value, linear, cotangents, known)
    if value.is_op("bind"):
        return _pull_inline(builder, value, linear, cotangents, known, 1)
    if value.is_op("while"):
        repeated = repeated_by_count(builder, value, value.operands)
        flags, sums = [False, *linear], [None, *known]
        return _pull_inline(builder, repeated, flags, cotangents, sums, 1)[1:]
    if value.is_op("loop"):
        return _pull_loop(builder, value, linear, cotangents, known)
    if value.is_op("transposed"):
        return pull_transposed(builder, value, linear, cotangents)
    raise UnsupportedError(
        value.loc, f"{value.op.name} has no derivative in reverse mode",
        code="derivative",
    )  # fmt: skip


class Transposed:
    """A region that is linear in some parameters, transposed.

    Attributes:
        builder: of the transposed region.
        fixed: its parameters for those that are not linear.
        given: its parameters for the cotangents of the results that have one.
        sums: its parameters for what cotangents of linear parameters are added to.
        found: the cotangents of the linear parameters, zeros included.
    """

    def __init__(
        self,
        outer: Builder,
        region: Function,
        linear: Sequence[bool],
        live: Sequence[bool],
        added: Sequence[bool],
    ) -> None:
        from penstock.passes.pullback import Transposition

        self.builder = builder = Builder(outer.facts)
        parameters = copies(builder, region.parameters, "a")
        results = extract(
            builder,
            region.results,
            dict(zip(region.parameters, parameters, strict=True)),
        )
        pairs = list(zip(parameters, linear, strict=True))
        self.fixed = [p for p, yes in pairs if not yes]
        inputs = [p for p, yes in pairs if yes]
        sums = [
            p
            for p, yes, adds in zip(parameters, linear, added, strict=True)
            if yes and adds
        ]
        ends = [r for r, yes in zip(results, live, strict=True) if yes]
        self.given = copies(builder, ends, "g")
        self.sums = copies(builder, sums, "t")
        known = dict(zip(sums, self.sums, strict=True))
        found = Transposition(builder, inputs, ends).run(
            self.given, [known.get(p) for p in inputs]
        )
        self.found = [
            zeros_like(builder, p) if c is None else c
            for p, c in zip(inputs, found, strict=True)
        ]


def _present(cotangents: Sequence[Value | None]) -> list[Value]:
    return [cotangent for cotangent in cotangents if cotangent is not None]


def _spread(flags: Sequence[bool], found: Sequence[Value]) -> Cotangents:
    """One for each flag that is set, ``None`` for the others."""
    rest = iter(found)
    return [next(rest) if yes else None for yes in flags]


def _pull_if(
    builder: Builder,
    value: Value,
    linear: Sequence[bool],
    cotangents: Sequence[Value | None],
    known: Sequence[Value | None],
) -> Cotangents:
    live = [cotangent is not None for cotangent in cotangents]
    branches = [
        Transposed(
            builder, region, linear[1:], live, [k is not None for k in known[1:]]
        )
        for region in value.regions
    ]
    fixed = [o for o, yes in zip(value.operands, linear, strict=True) if not yes]
    found = builder.results(
        builder.add(
            "if",
            *fixed,
            *_present(cotangents),
            *_present(known),
            locations=value.locations,
            regions=tuple(
                Function(name, (*b.fixed, *b.given, *b.sums), tuple(b.found))
                for name, b in zip(value.op.region_names, branches, strict=True)
            ),
        ),
    )
    return _spread(linear, found)


def _pull_inline(
    builder: Builder,
    value: Value,
    linear: Sequence[bool],
    cotangents: Sequence[Value | None],
    known: Sequence[Value | None],
    leading: int = 0,
) -> Cotangents:
    """The same op around the transposed region; it has ``leading`` operands before."""
    live = [cotangent is not None for cotangent in cotangents]
    added = [k is not None for k in known[leading:]]
    body = Transposed(builder, value.regions[0], linear[leading:], live, added)
    fixed = [o for o, yes in zip(value.operands, linear, strict=True) if not yes]
    found = builder.results(
        builder.add(
            value.op,
            *fixed,
            *_present(cotangents),
            *_present(known),
            locations=value.locations,
            regions=(
                Function(
                    "body", (*body.fixed, *body.given, *body.sums), tuple(body.found)
                ),
            ),
            **value.attributes,
        )
    )
    return _spread(linear, found)


def _pull_loop(
    builder: Builder,
    value: Value,
    linear: Sequence[bool],
    cotangents: Sequence[Value | None],
    known: Sequence[Value | None],
) -> Cotangents:
    """The loop backwards.

    It carries the cotangents of what the loop carried, all of which is linear, and
    sums of those of linear invariants.
    """
    attributes: Any = value.attributes
    carried, sliced = attributes["carried"], attributes["sliced"]
    end = carried + sliced
    (region,) = value.regions
    live = [True] * carried + [c is not None for c in cotangents[carried:]]
    flags = [False, *linear]
    flags[1 : 1 + carried] = [True] * carried
    added = [i > end for i in range(len(flags))]
    body = Transposed(builder, region, flags, live, added)
    slices, invariants = linear[carried:end], linear[end:]
    count = sum(slices)
    of_carried = body.found[:carried]
    of_slices = body.found[carried : carried + count]
    of_invariants = body.found[carried + count :]
    counter, *fixed = body.fixed
    fixed_slices = fixed[: sliced - count]
    fixed_invariants = fixed[sliced - count :]
    parameters = (
        counter,
        *body.given[:carried],
        *body.sums,
        *body.given[carried:],
        *fixed_slices,
        *fixed_invariants,
    )
    results = (
        *of_carried,
        *of_invariants,
        *of_slices,
    )

    def chosen(first: int, last: int, is_linear: bool) -> list[Value]:
        return [
            operand
            for operand, yes in zip(
                value.operands[first:last], linear[first:last], strict=True
            )
            if yes is is_linear
        ]

    start = [
        zeros_like(builder, operand) if cotangent is None else cotangent
        for operand, cotangent in zip(
            value.operands, cotangents[:carried], strict=False
        )
    ]
    sums = [
        zeros_like(builder, operand) if part is None else part
        for operand, part, yes in zip(
            value.operands[end:], known[end:], linear[end:], strict=True
        )
        if yes
    ]
    given = _present(cotangents[carried:])
    found = builder.results(
        builder.add(
            "loop",
            *start,
            *sums,
            *given,
            *chosen(carried, end, False),
            *chosen(end, len(linear), False),
            locations=value.locations,
            regions=(Function("body", parameters, results),),
            trip=attributes["trip"],
            carried=carried + len(sums),
            sliced=len(given) + sliced - count,
            reverse=not attributes["reverse"],
        )
    )
    ends = found[:carried] + found[carried + len(sums) :]
    totals = found[carried : carried + len(sums)]
    return (
        [
            cotangent if yes else None
            for cotangent, yes in zip(ends[:carried], linear, strict=False)
        ]
        + _spread(slices, ends[carried:])
        + _spread(invariants, totals)
    )
