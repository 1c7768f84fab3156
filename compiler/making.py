"""How a variant was made, and why: noted at each compile, shown by ``explain``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.driver import Compilation
from penstock.ir.record import Record
from penstock.runtime.binding import Call
from penstock.runtime.dispatch import Variant

__all__ = ["Making", "reason_for"]


class Making(Record):
    """How a variant was made.

    Attributes:
        number: how many variants had been made by then, itself included.
        reason: why the variants that there were did not serve.
        compilation: its stages; those that the cache made unnecessary are made when
            they are asked for.
        seconds: how long each stage took that was needed.
    """

    number: int
    reason: str
    compilation: Compilation
    seconds: Mapping[str, float]


def reason_for(
    call: Call, variants: Sequence[Variant], makings: Mapping[Variant, Making]
) -> str:
    """Why a call needs a variant of its own.

    Args:
        call: the call.
        variants: those there are, none of which serves it.
        makings: how they were made.
    """
    if not variants:
        return "first call"
    from penstock.runtime.refusal import nearest

    found = nearest(variants, call)
    assert found is not None
    variant, differences = found
    if not differences:
        return "what it captures changed meanwhile"
    listed = "; ".join(entry.reason for entry in differences)
    return f"{listed} (compared with variant {makings[variant].number})"
