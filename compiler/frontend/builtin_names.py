"""The builtins of traced functions: a few of them must see through views."""

from __future__ import annotations

import builtins
import functools
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.frontend.functions import GlobalsView
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostNumber, host_integer
from penstock.frontend.tracer import Traced
from penstock.ir.errors import TraceError, UnsupportedError
from penstock.ir.location import user_location
from penstock.runtime.readers import ItemReader, ValueReader

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = ["traced_builtins"]


def traced_builtins(capture: Capture) -> dict[str, Any]:
    """The builtins for the functions of one trace."""
    names = dict(vars(builtins))

    def import_(
        name: str,
        namespace: Any = None,
        local: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if type(namespace) is GlobalsView:
            namespace = namespace.live
        module = builtins.__import__(name, namespace, local, fromlist, level)
        modules = ValueReader(sys.modules, "module")
        return capture.wrap(module, ItemReader(modules, module.__name__))

    def build_class(function: FunctionType, *rest: Any, **options: Any) -> Any:
        # Class bodies look names up in the storage of globals itself.
        namespace = function.__globals__
        if type(namespace) is not GlobalsView:
            return builtins.__build_class__(function, *rest, **options)
        lent = namespace.lend(function.__code__.co_names)
        try:
            return builtins.__build_class__(function, *rest, **options)
        finally:
            namespace.take_back(lent)

    def super_(*args: Any) -> Any:
        if not args:
            frame = sys._getframe(1)
            first = frame.f_code.co_varnames[0]
            args = (frame.f_locals["__class__"], frame.f_locals[first])
        return capture.objects.super_view(*args)

    def len_(value: Any, /) -> Any:
        # Python's own insists on a true int, which would fix the size.
        if issubclass(type(value), TracedArray) and value.sizes:
            return host_integer(value.tracer, value.sizes[0])
        return len(value)

    def print_(*values: Any, **options: Any) -> None:
        # For debugging: what has no elements yet is shown by its type.
        print(*map(_shown, values), **options)

    def globals_() -> Any:
        return sys._getframe(1).f_globals

    names.update(
        __import__=import_,
        __build_class__=build_class,
        super=super_,
        globals=globals_,
        len=len_,
        print=print_,
        max=_asking(max, "np.maximum(a, b) or x.max()"),
        min=_asking(min, "np.minimum(a, b) or x.min()"),
        sorted=_asking(sorted, "np.sort(x)"),
        eval=_refused("eval"),
        exec=_refused("exec"),
    )
    return names


def _shown(value: Any) -> Any:
    kind = type(value)
    traced = issubclass(kind, Traced) and not issubclass(kind, HostNumber)
    return repr(value) if traced else value


def _asking(function: Any, instead: str) -> Any:
    """A builtin that compares; of traced arrays it says what serves instead."""

    @functools.wraps(function)
    def ask(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except TraceError as error:
            if error.code != "truth":
                raise
            raise TraceError(
                user_location(),
                f"{function.__name__}() asks for the elements of traced arrays, which "
                "are known only when the compiled function runs",
                code="truth",
                hint=f"use {instead}",
            ) from None

    return ask


def _refused(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            user_location(),
            f"{name}() is not supported in a compiled function",
            code="unsupported-builtin",
        )

    return refuse
