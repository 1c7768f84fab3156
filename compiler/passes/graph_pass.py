"""What a pass is, and the registry of all of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from penstock.ir.graph.value import Function
from penstock.ir.record import Record

__all__ = ["PASSES", "GraphPass", "graph_pass"]


class GraphPass(Record):
    """A pure function from valid Functions to valid Functions, with a name.

    A pass that finds nothing to do returns the Function that it was given.
    """

    name: str
    run: Callable[[Function], Function]

    def __call__(self, function: Function) -> Function:
        """Run the pass."""
        return self.run(function)

    @property
    def description(self) -> str:
        """What the pass does, with its precondition and an example."""
        return self.run.__doc__ or ""


PASSES: dict[str, GraphPass] = {}
"""Every pass by name."""


def graph_pass(name: str) -> Callable[[Callable[[Function], Function]], GraphPass]:
    """Register a pass.

    Args:
        name: in kebab-case, as traces and ``penstock opt`` call it.

    Raises:
        TypeError: the docstring does not say what the pass requires and show texts
            before and after, or the name is taken.
    """

    def register(run: Callable[[Function], Function]) -> GraphPass:
        text = run.__doc__ or ""
        missing = [
            word
            for word in ("Requires:", "Before:", "After:")
            if not re.search(rf"^\s*{word} *\S", text, re.MULTILINE)
        ]
        # With -OO there are no docstrings to read.
        if missing and sys.flags.optimize < 2:
            raise TypeError(f"the pass {name} does not state {', '.join(missing)}")
        if name in PASSES:
            raise TypeError(f"two passes are named {name}")
        PASSES[name] = GraphPass(name, run)
        return PASSES[name]

    return register
