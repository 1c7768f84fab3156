"""A transformed function, before it is known for which arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Transformed"]

Apply = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class Transformed:
    """A function and what to do with it when it is called in a trace.

    Args:
        function: the function, or a tuple of several.
        apply: called with the function, as the trace sees it, and its arguments.
        name: of the transform.
    """

    def __init__(self, function: Any, apply: Apply, name: str) -> None:
        self.function = function
        self.apply = apply
        own = getattr(function, "__name__", type(function).__name__)
        self.__name__ = f"{name}_{own}" if own.isidentifier() else name
        self.__doc__ = getattr(function, "__doc__", None)
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            signature = _ANY
        # Defaults of NumPy's functions say that nothing was given.
        defaults = [p.default for p in signature.parameters.values()]
        unsaid = any(type(default) is _NO_VALUE for default in defaults)
        is_ufunc = isinstance(function, np.ufunc)
        self.__signature__ = _ANY if unsaid or is_ufunc else signature

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
