"""What a gradient keeps for its backward part, and what it computes again, to tell."""

from __future__ import annotations

from penstock.ir.graph.value import Function, Value
from penstock.ir.location import Location
from penstock.ir.record import Record
from penstock.ir.types import TensorType
from penstock.passes.fuse import Fuser
from penstock.passes.fusion_saving import Saving, is_backward

__all__ = ["Part", "SavingReport", "saving_report"]


class Part(Record):
    """An array that is kept or computed again.

    Attributes:
        op: the op that computes it.
        type: its type; sizes may be symbols.
        flops: floating-point operations for each element.
        locations: the user's lines that compute it.
    """

    op: str
    type: TensorType
    flops: int
    locations: tuple[Location, ...]


class SavingReport(Record):
    """What a gradient keeps and computes again.

    Attributes:
        saved: arrays that the forward part leaves in memory for the backward part;
            arguments are not among them.
        again: what the backward part computes though the forward part does too.
    """

    saved: tuple[Part, ...]
    again: tuple[Part, ...]


def saving_report(
    function: Function, *, strided: frozenset[str] = frozenset()
) -> SavingReport | None:
    """What the fusion of a Function decides; ``None`` if it has no backward part.

    Args:
        function: as it is fused.
        strided: as for ``fuse``.
    """
    if not any(is_backward(value) for value in function.values):
        return None
    fuser = Fuser(function, strided, function.facts)
    fuser.place_all()
    saving = Saving(fuser)
    saving.choose()
    live = saving.live(saving.again)
    saved: dict[Value, None] = {}
    again: dict[Value, None] = {}
    computed_by: dict[Value, int] = {}
    for group, (_, computed) in live.items():
        for value in computed:
            computed_by[value] = computed_by.get(value, 0) + 1
            own = fuser.group_of[value] is group
            if own and not is_backward(value):
                continue
            for source, _ in saving.sources(value, False):
                if source not in computed and source in fuser.group_of:
                    saved[source] = None
    for value, count in computed_by.items():
        if count > 1 and not is_backward(value):
            again[value] = None
    order = {value: number for number, value in enumerate(function.values)}
    return SavingReport(
        tuple(_part(v) for v in sorted(saved, key=order.__getitem__) if _is_kept(v)),
        tuple(_part(v) for v in sorted(again, key=order.__getitem__)),
    )


def _is_kept(value: Value) -> bool:
    """Whether this is of the forward part, or a factor of the derivative."""
    places = value.locations
    return not places or any(loc.role != "*" for loc in places)


def _part(value: Value) -> Part:
    flops = value.op.flops
    maker = value.operands[0] if value.is_op("get") else value
    return Part(
        maker.op.name,
        value.tensor,
        flops if isinstance(flops, int) else 0,
        value.locations,
    )
