"""Reads back the texts of the programs that tests run, each text once."""

from __future__ import annotations

from typing import Any

from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function
from penstock.ir.plan.node import Plan
from penstock.ir.plan.text_parse import parse_plan

__all__ = ["read_back", "read_back_stages"]

_READ: set[int] = set()


def read_back(program: Function | Plan) -> None:
    """Hold that the text of a program parses to one of the same text.

    Raises:
        AssertionError: it parses to another.
        PenstockError: it does not parse.
    """
    text = str(program)
    if hash(text) in _READ:
        return
    _READ.add(hash(text))
    again = parse_function(text) if isinstance(program, Function) else parse_plan(text)
    assert str(again) == text


def read_back_stages(compiled: Any) -> None:
    """Hold it of each stage through which the variants of ``ps.compile`` went."""
    for making in compiled._state.makings.values():
        compilation = making.compilation
        read_back(compilation.traced.function)
        for stage in ("graph", "fused", "plan"):
            # A variant from the cache has not been through all of them.
            if stage in vars(compilation):
                read_back(getattr(compilation, stage))
