"""A transformed function, before it is known for which arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from penstock.runtime.binding import signature_of

__all__ = ["KEPT", "OMITTED", "Apply", "Transformed"]

KEPT = "__penstock__"
"""The attribute of a function that holds what was compiled of it."""

Apply = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class _Omitted(Enum):
    """Stands for an argument that was left to its default."""

    OMITTED = "its default"

    def __repr__(self) -> str:
        return "..."


OMITTED = _Omitted.OMITTED


class Transformed:
    """A function and what to do with it when it is called in a trace.

    Args:
        function: the function, or a tuple of several.
        apply: called with the function, as the trace sees it, and its arguments.
        name: of the transform.
        omits: whether ``apply`` is to see ``OMITTED`` where an argument was left to
            its default.
    """

    def __init__(
        self, function: Any, apply: Apply, name: str, omits: bool = False
    ) -> None:
        self.function = function
        self.apply = apply
        own = getattr(function, "__name__", type(function).__name__)
        self.__name__ = f"{name}_{own}" if own.isidentifier() else name
        self.__doc__ = getattr(function, "__doc__", None)
        signature = signature_of(function) or _ANY
        # Defaults of NumPy's functions say that nothing was given.
        defaults = [p.default for p in signature.parameters.values()]
        unsaid = any(type(default) is _NO_VALUE for default in defaults)
        is_ufunc = isinstance(function, np.ufunc)
        self.__signature__ = _ANY if is_ufunc or (unsaid and not omits) else signature
        if omits:
            self.__signature__ = self.__signature__.replace(
                parameters=[
                    p if p.default is p.empty else p.replace(default=OMITTED)
                    for p in self.__signature__.parameters.values()
                ]
            )

    def over(self, view: Any) -> Transformed:
        """The same transform of a view of the function."""
        made = Transformed(view, self.apply, "")
        made.__name__ = self.__name__
        made.__signature__ = self.__signature__
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.apply(self.function, args, kwargs)


_NO_VALUE = type(np._NoValue)  # noqa: SLF001

_ANY = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
