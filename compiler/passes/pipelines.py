"""The order of the passes, and why."""

from __future__ import annotations

import time
from collections.abc import Callable

from penstock.ir.graph.value import Function
from penstock.ir.record import Record
from penstock.passes.cse import cse
from penstock.passes.dce import dce
from penstock.passes.drop_custom import drop_custom
from penstock.passes.expand import expand
from penstock.passes.fold import fold
from penstock.passes.graph_pass import GraphPass
from penstock.passes.shapes import shapes
from penstock.passes.simplify import simplify, simplify_fast
from penstock.passes.transforms import transforms
from penstock.runtime.config import config

__all__ = ["FAST", "STANDARD", "PassReport", "Pipeline", "run_pipeline"]

Pipeline = tuple[tuple[GraphPass, str], ...]

STANDARD: Pipeline = (
    (transforms, "what follows knows derivatives and batches only as plain graphs"),
    (drop_custom, "no derivative is left to ask for what users say of theirs"),
    (expand, "the rules below know no composite ops, and apply to what they hold"),
    (shapes, "constants and algebra show once nothing is broadcast in between"),
    (fold, "known numbers make algebraic rules apply"),
    (simplify, "less to compute, and to look at in what follows"),
    (fold, "rules gather constants next to each other"),
    (shapes, "what algebra removed stood between ops that now cancel"),
    (cse, "rules bring different forms of one computation to the same form"),
    (dce, "last: each pass above may leave results that nobody reads"),
)
"""What every Function goes through before fusion; all of it keeps every bit."""

FAST: Pipeline = tuple(
    (simplify_fast if entry is simplify else entry, reason)
    for entry, reason in STANDARD
)
"""The same where the user allows ``fastmath``."""


class PassReport(Record):
    """What one pass did.

    Attributes:
        name: the pass.
        reason: why it stands where it does.
        before, after: the Function that it took and the one that it gave.
        seconds: how long it ran.
    """

    name: str
    reason: str
    before: Function
    after: Function
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether the pass found something to do."""
        return self.after is not self.before


def run_pipeline(
    function: Function,
    pipeline: Pipeline = STANDARD,
    *,
    check: bool | None = None,
    observe: Callable[[PassReport], None] | None = None,
) -> Function:
    """Run passes one after the other.

    Args:
        function: a valid Function.
        pipeline: the passes in order, each with its reason.
        check: verify the Function before the first pass and after each; by default
            if the setting ``debug`` is on.
        observe: called after each pass with what it did.

    Raises:
        VerifyError: a pass broke a rule of the graph; a note names the pass.
    """
    if check is None:
        check = config.debug
    if check:
        _verify(function, "the Function before the first pass")
    for entry, reason in pipeline:
        start = time.perf_counter()
        after = entry(function)
        seconds = time.perf_counter() - start
        if check and after is not function:
            _verify(after, f"the Function after the pass {entry.name}")
        if observe is not None:
            observe(PassReport(entry.name, reason, function, after, seconds))
        function = after
    return function


def _verify(function: Function, what: str) -> None:
    # Imported where it is needed, since ordinary runs do without.
    from penstock.ir.graph.verify import verify

    try:
        verify(function)
    except Exception as error:
        error.add_note(f"this is {what}")
        raise
