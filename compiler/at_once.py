"""Functions of the traced program that may be called outside one too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from penstock.api import BoundCompiled, Compiled, compile  # noqa: A004
from penstock.frontend.tracer import current_tracer
from penstock.frontend.transformed import KEPT, Apply, Transformed

__all__ = ["POSITIONAL", "at_once", "kept"]


def at_once(function: Any, apply: Apply, name: str, key: Hashable = None) -> Any:
    """What applies a transform when it is called: in a trace, or compiled.

    Args:
        function: the user's function, or a tuple of several.
        apply: called with it, as the trace sees it, and the arguments.
        name: of the transform.
        key: what ``apply`` depends on besides, if another call with an equal one may
            use the same compiled function.
    """
    if current_tracer() is not None:
        return _positional(function, apply, name)
    if key is None:
        return compile(_positional(function, apply, name))
    if isinstance(function, BoundCompiled):
        function = function.__wrapped__
    if type(function) is not MethodType:
        return kept(
            function, (name, key), lambda: compile(_positional(function, apply, name))
        )

    # Each look at a method makes another object; its function stays.
    def of_method(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return apply(functools.partial(f, args[0]), args[1:], kwargs)

    plain = function.__func__
    run = kept(
        plain,
        (name, key, "method"),
        lambda: compile(_positional(plain, of_method, name)),
    )
    return functools.partial(run, function.__self__)


def _positional(function: Any, apply: Apply, name: str) -> Transformed:
    made = Transformed(function, apply, name)
    made.__signature__ = POSITIONAL
    return made


POSITIONAL = inspect.Signature(
    [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
)


class _Kept(dict[Any, Any]):
    """What was compiled of a function, kept in the function's own dictionary.

    So it dies with the function, which a table of weak references could not bring
    about: what is compiled refers to the function. It is neither copied nor pickled.
    """

    def __reduce__(self) -> Any:
        return _Kept, ()


# NumPy's own live as long as the process.
_of_ufuncs: dict[np.ufunc, _Kept] = {}


def kept(function: Any, key: Hashable, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, made once for a function and a key.

    Functions that are not Python's own, and have no dictionary, have it made anew.
    """
    if type(function) is np.ufunc:
        table = _of_ufuncs.setdefault(function, _Kept())
    elif type(function) is FunctionType or isinstance(function, Compiled):
        table = vars(function).setdefault(KEPT, _Kept())
    else:
        return make()
    # What wraps a function takes over its dictionary, and a function's code and
    # defaults may be exchanged.
    now = (function, *(getattr(function, name, None) for name in _PARTS))
    entry = table.get(key)
    if entry is None or not all(a is b for a, b in zip(entry[0], now, strict=True)):
        entry = table[key] = (now, make())
    return entry[1]


_PARTS = ("__code__", "__defaults__", "__kwdefaults__")
