"""Clocks, files, the environment, random state: what no key could hold.

They give other results in each call, but a traced function runs once. It sees
stand-ins for them, which raise when they are used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from penstock.frontend.namespace import Forbidden
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location

__all__ = ["check_key", "forbidden"]

_MODULES = frozenset(
    (
        "glob", "random", "secrets", "shutil", "socket", "subprocess", "tempfile",
        "time", "uuid",
    )
)  # fmt: skip
# What of `os` and its like gives the same result in every call.
_PURE = frozenset(
    (
        "basename", "commonpath", "commonprefix", "cpu_count", "dirname", "fsdecode",
        "fsencode", "fspath", "isabs", "join", "normcase", "normpath", "split",
        "splitdrive", "splitext", "splitroot",
    )
)  # fmt: skip
_PATHS = frozenset({"genericpath", "ntpath", "posixpath"})
_SYSTEM = _PATHS | {"nt", "os", "posix"}
_OPENING = frozenset({"_io", "io"})


def forbidden(value: Any, describe: Callable[[], str]) -> Any:
    """A stand-in for what gives other results each time; ``None`` for all else.

    Args:
        value: captured state.
        describe: how messages call it.
    """
    kind = type(value)
    if issubclass(kind, ModuleType):
        return _module(value)
    path = _path(value)
    if path is not None:
        return path
    if issubclass(kind, type):
        return _clock_class(value)
    if kind.__module__ == "os" and kind.__name__ == "_Environ":
        return Forbidden("os.environ", value)
    # Not imported for this: where it is not, nothing of it can be captured.
    random = sys.modules.get("random")
    if random is not None and isinstance(value, random.Random):
        return Forbidden(kind.__name__, value, is_random=True)
    owner = getattr(value, "__self__", None)
    if random is not None and isinstance(owner, random.Random):
        return Forbidden(f"random.{value.__name__}", value, is_random=True)
    if kind is FunctionType or kind is BuiltinFunctionType:
        return _function(value, owner)
    module = getattr(value, "__module__", None)
    if module in _MODULES and callable(value) and hasattr(value, "__name__"):
        return Forbidden(f"{module}.{value.__name__}", value)
    if hasattr(kind, "__next__") and _is_of_a_library(kind.__module__):
        return Forbidden(describe(), value)
    return None


def check_key(value: Any, name: str) -> None:
    """Raise for a library's object whose state would be read without a record.

    Args:
        value: captured state.
        name: how messages call it.
    """
    kind = type(value)
    if kind.__module__ in ("collections", "array", "queue") or kind is bytearray:
        raise UnsupportedError(
            user_location(),
            f"{name} is a {kind.__name__}, which cannot be captured",
            code="captured-type",
            hint="use a list, a dict, or an object of your own",
        )


def _is_of_a_library(module: str) -> bool:
    top = module.partition(".")[0]
    return top == "numpy" or (top in sys.stdlib_module_names and top != "__main__")


def _function(value: Any, owner: Any) -> Any:
    name, module = value.__name__, value.__module__
    if module in _MODULES:
        return Forbidden(f"{module}.{name}", value)
    if module in _SYSTEM and name not in _PURE:
        shown = "os.path" if module in _PATHS else "os"
        return Forbidden(f"{shown}.{name}", value)
    if module in _OPENING and name == "open":
        return Forbidden("open", value)
    if isinstance(owner, type) and (clock := _clock_class(owner)) is not None:
        return getattr(clock, name)  # `now = datetime.datetime.now`
    return None


def _module(module: ModuleType) -> Any:
    name = module.__name__
    if name in _MODULES:
        return Forbidden(name, module, is_random=name == "random")
    if name in _SYSTEM or name in ("datetime", "io", "pathlib", "sys"):
        return PartlyForbidden(module)
    return None


class PartlyForbidden:
    """A module of which some functions are forbidden.

    Args:
        module: the module.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return ModuleType

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        shown = f"{self._module.__name__}.{name}"
        if type(value) in (list, dict):
            return Forbidden(shown, value)  # `sys.argv`
        stand_in = forbidden(value, lambda: shown)
        return value if stand_in is None else stand_in

    def __repr__(self) -> str:
        return repr(self._module)


class _StandInType(type):
    """The metaclass of classes that stand in for those of dates, times and paths."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type[Any]) -> bool:
        return issubclass(subclass, cls.__mro__[1])


# Those of dates and times, and those of paths.
_clocks: dict[type[Any], type[Any]] = {}
_paths: dict[type[Any], type[Any]] = {}


def _path(value: Any) -> Any:
    """A path, or a class of paths, that cannot look at files; else ``None``."""
    pathlib = sys.modules.get("pathlib")
    kind = value if isinstance(value, type) else type(value)
    if pathlib is None or not issubclass(kind, pathlib.Path):
        return None
    if kind not in _paths:
        names = {
            name: Forbidden(f"pathlib.Path.{name}", getattr(pathlib.Path, name))
            for name in dir(pathlib.Path)
            if not name.startswith("_") and not hasattr(pathlib.PurePath, name)
        }
        # Path itself makes objects of another class, that of the system.
        base = type(pathlib.Path()) if kind is pathlib.Path else kind
        _paths[kind] = _StandInType(kind.__name__, (base,), names)
    return _paths[kind] if value is kind else _paths[kind](value)


def _clock_class(kind: type[Any]) -> Any:
    """``datetime.datetime`` or ``datetime.date``, unable to tell the time."""
    if kind.__module__ != "datetime" or kind.__name__ not in ("date", "datetime"):
        return None
    if kind not in _clocks:
        names: dict[str, Any] = {
            name: Forbidden(f"datetime.{kind.__name__}.{name}", getattr(kind, name))
            for name in ("now", "today", "utcnow")
            if hasattr(kind, name)
        }
        # What it makes are dates and times as they are outside.
        names["__new__"] = lambda cls, *args, **options: kind(*args, **options)
        _clocks[kind] = _StandInType(kind.__name__, (kind,), names)
    return _clocks[kind]
