"""Forward derivatives of control flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Builder, Function, Value
from penstock.passes.bound_sizes import push_bind
from penstock.passes.branch_saving import (
    joint,
    kept_of_branches,
    needed_of,
    or_zeros,
    tangents_alone,
)
from penstock.passes.counted_loops import push_repeated
from penstock.passes.custom import push_custom
from penstock.passes.loop_reads import with_reads_outside
from penstock.passes.loop_segments import in_segments, push_segmented
from penstock.passes.region_rules import (
    copies,
    dependent,
    extract,
    zeros_like,
)
from penstock.passes.turn_saving import saved_of_turn

if TYPE_CHECKING:
    from penstock.passes.pushforward import Pushforward, Tangent

__all__ = ["push_control"]


def push_control(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    """All results of a Value of control flow, and their tangents.

    Args:
        push: what builds.
        value: the Value.
        operands: its operands, built.
        tangents: theirs; ``None`` where zero.
    """
    name = value.op.name
    if name == "loop":
        if push.segments is not None and any(t is not None for t in tangents):
            part = Builder(push.builder.facts)
            own = copies(part, operands, "a")
            results = in_segments(part, value, own, push.segments)
            region = Function("segments", tuple(own), tuple(results))
            return push.in_segments(None).run(region, operands, tangents)
        before = with_reads_outside(push.builder, value) if push.linearize else None
        if before is not None:
            return push.run(before, operands, tangents)
        return _Loop(push, value, operands, tangents).push()
    if name == "if":
        return _push_if(push, value, operands, tangents)
    if name == "while":
        return _push_while(push, value, operands, tangents)
    if name == "recompute":
        return _push_recompute(push, value, operands, tangents)
    if name == "bind":
        return push_bind(push, value, operands, tangents)
    if name == "segmented":
        return push_segmented(push, value, operands, tangents)
    if value.op.family == "custom":
        return push_custom(push, value, operands, tangents)
    raise UnsupportedError(value.loc, f"{name} has no derivative", code="derivative")


class Pushed:
    """A region with the tangents of what it computes, on a builder of its own.

    Attributes:
        builder: of the region.
        parameters: its parameters.
        directions: for each the parameter of its tangent, or ``None``.
        results: what it returns.
        tangents: of the results; ``None`` where zero.
    """

    def __init__(
        self, push: Pushforward, region: Function, active: Sequence[bool]
    ) -> None:
        self.builder = builder = Builder(push.builder.facts)
        self.parameters = copies(builder, region.parameters, "a")
        self.directions = [
            builder.parameter(f"d{i}", p.type, p.locations) if yes else None
            for i, (p, yes) in enumerate(zip(self.parameters, active, strict=True))
        ]
        self.results, self.tangents = push.inner(builder).run(
            region, self.parameters, self.directions
        )

    def tangent(self, position: int) -> Value:
        """The tangent of a result, zeros where there is none."""
        found = self.tangents[position]
        return found or zeros_like(self.builder, self.results[position])

    @property
    def given(self) -> list[Value]:
        """The tangents' parameters."""
        return [d for d in self.directions if d is not None]


def _present(tangents: Sequence[Tangent]) -> list[Value]:
    return [tangent for tangent in tangents if tangent is not None]


def _push_if(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    active = [tangent is not None for tangent in tangents[1:]]
    branches = [Pushed(push, region, active) for region in value.regions]
    moving = [
        i
        for i in range(len(branches[0].results))
        if any(branch.tangents[i] is not None for branch in branches)
    ]
    if not moving:
        primal = push.builder.results(push.builder.rebuild(value, operands))
        return primal, [None] * len(primal)
    parts = [joint(branch, moving) for branch in branches]
    names = value.op.region_names
    needed = needed_of(parts)
    kept = kept_of_branches(branches, parts, needed) if push.linearize else None
    if kept is None:
        # The tangents' regions compute again what they need.
        primal = push.builder.results(push.builder.rebuild(value, operands))
        residuals, regions = [], [tangents_alone(part, needed) for part in parts]
    else:
        needed, saved = kept
        primal = push.builder.results(
            push.builder.add(
                "if",
                *operands,
                locations=value.locations,
                regions=tuple(
                    Function(
                        name,
                        tuple(branch.parameters),
                        (*branch.results, *or_zeros(branch.builder, saved, own)),
                    )
                    for name, branch, own in zip(names, branches, saved, strict=True)
                ),
            )
        )
        count = len(branches[0].results)
        primal, residuals = primal[:count], primal[count:]
        regions = [
            tangents_alone(part, needed, saved, own)
            for part, own in zip(parts, saved, strict=True)
        ]
    found = push.builder.results(
        push.builder.add(
            "if",
            operands[0],
            *(operands[1 + i] for i in needed),
            *residuals,
            *_present(tangents[1:]),
            locations=value.locations,
            regions=tuple(
                Function(name, region.parameters, region.results)
                for name, region in zip(names, regions, strict=True)
            ),
        )
    )
    ends: list[Tangent] = [None] * len(primal)
    for position, tangent in zip(moving, found, strict=True):
        ends[position] = tangent
    return primal, ends


def _push_recompute(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    (region,) = value.regions
    body = Pushed(push, region, [tangent is not None for tangent in tangents])
    primal = push.builder.results(push.builder.rebuild(value, operands))
    moving = [i for i, tangent in enumerate(body.tangents) if tangent is not None]
    if not moving:
        return primal, [None] * len(primal)
    part = joint(body, moving)
    needed = needed_of([part])
    found = push.builder.results(
        push.builder.add(
            "recompute",
            *(operands[i] for i in needed),
            *_present(tangents),
            locations=value.locations,
            regions=(tangents_alone(part, needed),),
            **value.attributes,
        ),
    )
    ends: list[Tangent] = [None] * len(primal)
    for position, tangent in zip(moving, found, strict=True):
        ends[position] = tangent
    return primal, ends


def _push_while(
    push: Pushforward,
    value: Value,
    operands: Sequence[Value],
    tangents: Sequence[Tangent],
) -> tuple[list[Value], list[Tangent]]:
    cond, body = value.regions
    active = [tangent is not None for tangent in tangents]
    while True:
        pushed = Pushed(push, body, active)
        grown = [
            yes or tangent is not None
            for yes, tangent in zip(active, pushed.tangents, strict=True)
        ]
        if grown == active:
            break
        active = grown
    if not any(active):
        primal = push.builder.results(push.builder.rebuild(value, operands))
        return primal, [None] * len(primal)
    if push.linearize:
        return push_repeated(push, value, operands, tangents, active)
    moving = [i for i, yes in enumerate(active) if yes]
    started = [tangents[i] or zeros_like(push.builder, operands[i]) for i in moving]
    test = Builder(push.builder.facts)
    own = copies(test, cond.parameters, "a")
    more = copies(test, started, "d")
    (holds,) = extract(test, cond.results, dict(zip(cond.parameters, own, strict=True)))
    regions = (
        Function("cond", (*own, *more), (holds,)),
        Function(
            "body",
            (*pushed.parameters, *pushed.given),
            (*pushed.results, *(pushed.tangent(i) for i in moving)),
        ),
    )
    found = push.builder.results(
        push.builder.add(
            "while", *operands, *started, locations=value.locations, regions=regions
        )
    )
    ends: list[Tangent] = [None] * len(operands)
    for position, tangent in zip(moving, found[len(operands) :], strict=True):
        ends[position] = tangent
    return found[: len(operands)], ends


class _Loop:
    """The derivative of a loop.

    Forward it is one loop, which carries tangents beside values. To be transposed it
    is two: the first also stacks what the second, which is linear, needs of it.
    """

    def __init__(
        self,
        push: Pushforward,
        value: Value,
        operands: Sequence[Value],
        tangents: Sequence[Tangent],
    ) -> None:
        attributes: Any = value.attributes
        self.push_, self.builder, self.value = push, push.builder, value
        self.operands, self.tangents = list(operands), list(tangents)
        self.trip, self.reverse = attributes["trip"], attributes["reverse"]
        self.carried, self.sliced = attributes["carried"], attributes["sliced"]
        (self.region,) = value.regions
        # Which carried values come to have tangents.
        active = [tangent is not None for tangent in tangents]
        while True:
            self.body = Pushed(push, self.region, [False, *active])
            grown = [
                yes or tangent is not None
                for yes, tangent in zip(
                    active[: self.carried],
                    self.body.tangents[: self.carried],
                    strict=True,
                )
            ]
            if grown == active[: self.carried]:
                break
            active[: self.carried] = grown
        self.active = active
        for i, yes in enumerate(active[: self.carried]):
            if yes and self.tangents[i] is None:
                self.tangents[i] = zeros_like(self.builder, self.operands[i])
        self.moving = [i for i, yes in enumerate(active[: self.carried]) if yes]
        # Stacks with tangents.
        self.stacked = [
            i
            for i in range(self.carried, len(self.body.results))
            if self.body.tangents[i] is not None
        ]

    def push(self) -> tuple[list[Value], list[Tangent]]:
        count = len(self.body.results)
        if not self.moving and not self.stacked:
            primal = self.builder.results(
                self.builder.rebuild(self.value, self.operands)
            )
            return primal, [None] * count
        results, found = self.linear() if self.push_.linearize else self.joint()
        ends: list[Tangent] = [None] * count
        for position, tangent in zip((*self.moving, *self.stacked), found, strict=True):
            ends[position] = tangent
        return results, ends

    def sections(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """What belongs to carried values, to slices and to invariants."""
        end = self.carried + self.sliced
        return (
            list(values[: self.carried]),
            list(values[self.carried : end]),
            list(values[end:]),
        )

    def loop(
        self,
        body: Function,
        carried: Sequence[Value],
        sliced: Sequence[Value],
        invariant: Sequence[Value],
    ) -> list[Value]:
        """A loop of as many turns, and all its results."""
        return self.builder.results(
            self.builder.add(
                "loop",
                *carried,
                *sliced,
                *invariant,
                locations=self.value.locations,
                regions=(body,),
                trip=self.trip,
                carried=len(carried),
                sliced=len(sliced),
                reverse=self.reverse,
            )
        )

    def joint(self) -> tuple[list[Value], list[Value]]:
        body = self.body
        counter, *own = body.parameters
        parts = zip(self.sections(own), self.sections(body.directions[1:]), strict=True)
        (c, dc), (s, ds), (v, dv) = ((list(a), _present(b)) for a, b in parts)
        parameters = (counter, *c, *dc, *s, *ds, *v, *dv)
        results = (
            *body.results[: self.carried],
            *(body.tangent(i) for i in self.moving),
            *body.results[self.carried :],
            *(body.tangent(i) for i in self.stacked),
        )
        outer = zip(
            self.sections(self.operands), self.sections(self.tangents), strict=True
        )
        (c, dc), (s, ds), (v, dv) = ((a, _present(b)) for a, b in outer)
        found = self.loop(
            Function("body", parameters, results), [*c, *dc], [*s, *ds], [*v, *dv]
        )
        first, second = self.carried, self.carried + len(self.moving)
        third = second + len(body.results) - self.carried
        return found[:first] + found[second:third], found[first:second] + found[third:]

    def linear(self) -> tuple[list[Value], list[Value]]:
        body = self.body
        counter, *own = body.parameters
        _, s, v = self.sections(own)
        ends = [body.tangent(i) for i in (*self.moving, *self.stacked)]
        whole = Function("joint", (*body.parameters, *body.given), tuple(ends))
        linear = dependent(whole.values, body.given)
        kept = saved_of_turn(whole, linear, {counter, *s, *v})
        primal = self.loop(
            Function("body", tuple(body.parameters), (*body.results, *kept)),
            *self.sections(self.operands),
        )
        stacks = primal[len(body.results) :]
        # The linear loop: its own parameters, then what it reads.
        builder = Builder(self.builder.facts)
        inside: dict[Value, Value] = {}

        def parameters(values: Sequence[Value], prefix: str) -> list[Value]:
            made = copies(builder, values, prefix)
            inside.update(zip(values, made, strict=True))
            return made

        dc, ds, dv = (_present(part) for part in self.sections(body.directions[1:]))
        (first,) = parameters([counter], "i")
        own_parameters = (
            first,
            *parameters(dc, "dc"),
            *parameters(ds, "ds"),
            *parameters(s, "s"),
            *parameters(kept, "r"),
            *parameters(dv, "dv"),
            *parameters(v, "v"),
        )
        results = extract(builder, ends, inside)
        outer_s, outer_v = self.sections(self.operands)[1:]
        odc, ods, odv = (_present(p) for p in self.sections(self.tangents))
        found = self.loop(
            Function("body", own_parameters, tuple(results)),
            odc,
            [*ods, *outer_s, *stacks],
            [*odv, *outer_v],
        )
        return primal[: len(body.results)], found
