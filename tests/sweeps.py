"""Long sweeps: some of their cases with `make test`, all with `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["one_in"]


def one_in(count: int, cases: Iterable[Any]) -> list[Any]:
    """The parameters of a sweep, of which all but each ``count``-th are slow tests.

    Cases that are made of several things, such as an op and a dtype, are best passed
    as their product, with a ``count`` that divides none of their numbers: then each
    thing is among those that are left, if not with each other.

    Args:
        count: how far apart the cases are that always run; the first is one of them.
        cases: a parameter each, or a plain tuple of several.

    Example:
        >>> [len(case.marks) for case in one_in(2, "abc")]
        [0, 1, 0]
    """
    return [
        pytest.param(
            *(case if type(case) is tuple else (case,)),
            marks=[pytest.mark.slow] if number % count else [],
        )
        for number, case in enumerate(cases)
    ]
