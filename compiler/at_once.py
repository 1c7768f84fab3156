"""Functions of the traced program that may be called outside one too."""

from __future__ import annotations

import inspect
from typing import Any

from penstock.api import compile  # noqa: A004
from penstock.frontend.tracer import current_tracer
from penstock.frontend.transformed import Transformed

__all__ = ["POSITIONAL", "at_once"]


def at_once(function: Any, apply: Any, name: str) -> Any:
    """What applies a transform when it is called: in a trace, or compiled.

    Args:
        function: the user's function, or a tuple of several.
        apply: called with it, as the trace sees it, and the arguments.
        name: of the transform.
    """
    made = Transformed(function, apply, name)
    made.__signature__ = POSITIONAL
    return made if current_tracer() is not None else compile(made)


POSITIONAL = inspect.Signature(
    [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
)
