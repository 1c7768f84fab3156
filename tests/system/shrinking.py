"""Makes a program that fails smaller, keeping how it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.random_numpy import Call, Program
from tests.system.holding import Difference, hold

__all__ = ["shrink"]


def shrink(program: Program, failure: Difference) -> Difference:
    """The failure of the smallest program found that fails in the same way.

    Args:
        program: the program.
        failure: how it fails.
    """
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(program):
            found = _failure(smaller)
            if found is not None and found.kind == failure.kind:
                program, failure, progress = smaller, found, True
                break
    return failure


def _failure(program: Program) -> Difference | None:
    try:
        hold(program)
    except Difference as failure:
        return failure
    # What is left may make no sense at all.
    except Exception:  # noqa: BLE001
        return None
    return None


def _smaller(program: Program) -> Iterator[Program]:
    """Programs that lack one thing."""
    calls = program.calls
    if len(calls) > 1:
        yield replace(program, calls=calls[:-1])
        setup = ""
        for call in calls:
            setup = call.setup or setup
            yield replace(program, calls=(Call(setup, call.arguments),))
        for number in range(1, len(calls) - 1):
            yield replace(program, calls=calls[:number] + calls[number + 1 :])
    names = re.findall(r"\b(?:v\d+|[abc])\b(?!=)", program.result)
    if len(names) > 1:
        for name in names:
            bound = f"{name}_bound" if f"{name}_bound" in program.bounds else "None"
            yield replace(program, result=f"({name},)", bounds=f"({bound},)")
    for number in reversed(range(len(program.body))):
        body = program.body[:number] + program.body[number + 1 :]
        yield replace(program, body=body)
