"""Methods of enumerations and exceptions, which run as they are, not over views.

An enumeration's members must stay themselves (``mode is Mode.FAST``), and exceptions
are raised, so that neither has a mirror. What their methods read of globals would be
read while tracing alone: methods that read none but modules and enumerations are run,
others are errors.
"""

from __future__ import annotations

import dis
import enum
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from penstock.frontend.libraries import is_library
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.runtime.readers import AttributeReader, Reader

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = ["record_untraced"]


def record_untraced(capture: Capture, kind: type[Any], reader: Reader) -> None:
    """Record the methods of a class that has no mirror; raise for what they read.

    Args:
        capture: of the trace.
        kind: any class.
        reader: reads it.

    Raises:
        UnsupportedError: a method reads a global that could change.
    """
    if not issubclass(kind, (enum.Enum, BaseException)) or is_library(kind.__module__):
        return
    for one in kind.__mro__:
        if is_library(one.__module__):
            continue
        for name, value in vars(one).items():
            for function in _functions(value):
                _refuse_reads(kind, name, function)
                if getattr(kind, name, None) is value:
                    capture.record_once(AttributeReader(reader, name), value)


def _functions(value: Any) -> Iterator[FunctionType]:
    """The user's functions that an entry of a class's dict runs."""
    found = (
        (value.fget, value.fset)
        if isinstance(value, property)
        else (getattr(value, "__func__", value),)
    )
    for function in found:
        if type(function) is FunctionType and not is_library(function.__module__):
            yield function


def _refuse_reads(kind: type[Any], name: str, function: FunctionType) -> None:
    noun = "enumerations" if issubclass(kind, enum.Enum) else "exceptions"
    names = [read for read in function.__code__.co_freevars if read != "__class__"]
    for read in _globals_of(function.__code__):
        value = function.__globals__.get(read)
        is_class = isinstance(value, type) and issubclass(value, enum.Enum)
        is_steady = value is None or value is kind or isinstance(value, ModuleType)
        if not is_steady and not is_class:
            names.append(read)
    for read in names:
        raise UnsupportedError(
            user_location(),
            f"{kind.__name__}.{name} reads {read}, which is not watched in methods of "
            f"{noun}",
            code="captured-type",
            hint=f"make {name} a function, or pass {read} as an argument",
        )


def _globals_of(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)
