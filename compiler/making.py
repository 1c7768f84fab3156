"""How a variant was made, and why: noted at each compile, shown by ``explain``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from penstock.driver import Compilation
from penstock.ir.location import user_location
from penstock.ir.record import Record
from penstock.runtime.binding import Call
from penstock.runtime.dispatch import Variant

__all__ = ["Making", "reason_for", "warn_of_dropping"]


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


def warn_of_dropping(name: str, kept: int, reason: str) -> None:
    """Warn, where the user calls it, that a function needs ever more variants.

    Nobody sees otherwise that a call compiles which only another number sets apart.

    Args:
        name: the function.
        kept: how many variants are kept.
        reason: why the call needs one more.
    """
    text = (
        f"{name} needs more than the {kept} variants that are kept, and may compile "
        f"again and again: {reason}. Numbers and arrays that are passed as arguments "
        "need no variant for each value; explain() says why each was made."
    )
    loc = user_location()
    if loc is None:
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, RuntimeWarning, loc.file, loc.line)
