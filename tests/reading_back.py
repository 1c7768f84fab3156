"""Reads back the texts of the programs that tests run, each text once."""

from __future__ import annotations

import re
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from penstock.ir.errors import PenstockError
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function
from penstock.ir.plan.node import Plan
from penstock.ir.plan.text_parse import parse_plan

if TYPE_CHECKING:
    from penstock.driver import Compilation

__all__ = ["read_back", "read_back_compilation", "read_back_stages"]

_READ: set[int] = set()


def read_back(program: Function | Plan) -> None:
    """Hold that the text of a program parses to one of the same text.

    Raises:
        AssertionError: it does not parse, or parses to another.
    """
    text = str(program)
    if hash(text) in _READ:
        return
    _READ.add(hash(text))
    again: Function | Plan
    try:
        if isinstance(program, Function):
            again = parse_function(text)
        else:
            again = parse_plan(text)
    except PenstockError as error:
        if error.message.endswith("does not fit 64 bits") and _has_large_size(text):
            # No call has arrays of such a size.
            return
        # Tests that expect an error of this class would take it for theirs.
        raise AssertionError(f"{error}\n{text}") from error
    assert str(again) == text, _difference(str(again), text)


def _has_large_size(text: str) -> bool:
    return any(int(number) >= 2**63 for number in re.findall(r"\d+", text))


def _difference(found: str, wanted: str) -> str:
    """The lines in which two texts differ."""
    lines = unified_diff(wanted.splitlines(), found.splitlines(), lineterm="", n=0)
    return "\n".join(lines)


def read_back_stages(compiled: Any) -> None:
    """Hold it of each stage through which the variants of ``ps.compile`` went."""
    for making in compiled._state.makings.values():
        read_back(making.compilation.traced.function)
        read_back_compilation(making.compilation, ("graph", "fused", "plan"))


def read_back_compilation(
    compilation: Compilation, stages: tuple[str, ...] = ("graph",)
) -> None:
    """Hold it of some stages of a compilation; by default of the graph."""
    for stage in stages:
        # A variant from the cache has not been through all of them.
        if stage in vars(compilation):
            read_back(getattr(compilation, stage))
