"""The builtins of traced functions: a few of them must see through views."""

from __future__ import annotations

import builtins
import functools
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.frontend.containers import FrozenDict, FrozenList, FrozenSet
from penstock.frontend.functions import GlobalsView
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostNumber, host_integer, size_of
from penstock.frontend.namespace import Forbidden, NumpyFunction, NumpyUfunc
from penstock.frontend.refusals import bad_type
from penstock.frontend.tracer import Traced
from penstock.ir.errors import TraceError, UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.noted_errors import forget
from penstock.runtime.readers import ItemReader, ValueReader

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = ["traced_builtins"]


class _TypeOfType(type):
    def __call__(cls, *args: Any, **options: Any) -> Any:
        if cls is not TypeName:
            return super().__call__(*args, **options)
        if len(args) == 1 and not options:
            return _seen_type(args[0])
        return type(*args, **options)

    def __instancecheck__(cls, value: object) -> bool:
        if cls is TypeName:
            return isinstance(value, type)
        return super().__instancecheck__(value)

    def __subclasscheck__(cls, kind: type[Any]) -> bool:
        return (
            issubclass(kind, type)
            if cls is TypeName
            else super().__subclasscheck__(kind)
        )

    def __eq__(cls, other: object) -> bool:
        return cls is other or (cls is TypeName and other is type)

    def __hash__(cls) -> int:
        return hash(type) if cls is TypeName else super().__hash__()

    def __repr__(cls) -> str:
        return repr(type) if cls is TypeName else super().__repr__()


class TypeName(type, metaclass=_TypeOfType):
    """``type`` as traced functions see it: ``type(n) is int`` holds as it does outside.

    It is a class, since it may be a base of metaclasses.
    """


def _seen_type(value: Any) -> type[Any]:
    if value is TypeName:
        return TypeName
    kind = type(value)
    if kind.__module__.startswith("penstock.frontend."):
        if issubclass(kind, (FrozenList, FrozenDict, FrozenSet)):
            outside: type[Any] = value.outside_type
            return outside
        if issubclass(kind, (NumpyFunction, NumpyUfunc)):
            return type(value.__wrapped__)
        seen: type[Any] = value.__class__
        return seen
    return kind


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

    def getattr_(value: Any, name: str, /, *default: Any) -> Any:
        note_absence(value, name)
        return getattr(value, name, *default)

    def hasattr_(value: Any, name: str, /) -> bool:
        note_absence(value, name)
        return hasattr(value, name)

    def note_absence(value: Any, name: str) -> None:
        # Views of functions are functions, so that only here can it be noticed.
        if type(value) is FunctionType and not hasattr(value, name):
            capture.functions.record_absence(value, name)

    def globals_() -> Any:
        found = sys._getframe(1).f_globals
        return found.whole() if type(found) is GlobalsView else found

    names.update(
        __import__=import_,
        __build_class__=build_class,
        super=super_,
        type=TypeName,
        getattr=getattr_,
        hasattr=hasattr_,
        globals=globals_,
        len=len_,
        print=print_,
        pow=_power,
        max=_asking(max, "np.maximum(a, b) or x.max()"),
        min=_asking(min, "np.minimum(a, b) or x.min()"),
        sorted=_asking(sorted, "np.sort(x)"),
        open=Forbidden("open", open),
        input=Forbidden("input", input),
        eval=_refused("eval"),
        exec=_refused("exec"),
    )
    return names


@functools.wraps(pow)
def _power(base: Any, exp: Any, mod: Any = None) -> Any:
    numbers = (base, exp, mod)
    if mod is None or not any(isinstance(number, Traced) for number in numbers):
        return pow(base, exp, mod)
    # Python asks its own integers first, and these know no others.
    if all(size_of(number) is not None for number in numbers):
        return pow(*map(int, numbers))
    raise bad_type(
        "pow: with a third argument all of them must be Python's integers",
        hint="of arrays, where the power fits its dtype: x**n % m",
    )


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
            forget(error)
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
