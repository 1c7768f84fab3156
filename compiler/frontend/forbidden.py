"""Clocks, files, the environment, random state: what no key could hold.

They give other results in each call, but a traced function runs once. It sees
stand-ins for them, which raise when they are used. So it does for what Python and its
libraries keep where no key could look: the state of threads, contexts and references.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from penstock.frontend.namespace import Forbidden
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.wording import with_article

__all__ = ["builtin_base", "check_key", "forbidden"]

_MODULES = frozenset(
    (
        "atexit", "gc", "getpass", "glob", "locale", "random", "resource", "secrets",
        "select", "shutil", "signal", "socket", "subprocess", "tempfile", "time",
        "tracemalloc", "uuid",
    )
)  # fmt: skip
# Built-in classes whose own instances are arguments and captured state.
_PLAIN_BASES = frozenset((int, float, str, bytes, list, dict, set, frozenset))
# What of `os` and its like gives the same result in every call.
_PURE = frozenset(
    (
        "basename", "commonpath", "commonprefix", "cpu_count", "dirname", "fsdecode",
        "fsencode", "fspath", "isabs", "join", "normcase", "normpath", "split",
        "splitdrive", "splitext", "splitroot",
    )
)  # fmt: skip
# Functions that tell or set what is kept where no key looks, by their module.
_STATE_FUNCTIONS = {
    "_contextvars": ("copy_context",),
    "_thread": ("_count", "get_ident", "get_native_id", "stack_size"),
    "_weakref": ("getweakrefcount", "getweakrefs"),
    "decimal": ("getcontext", "localcontext", "setcontext"),
    "logging": ("getLevelName", "disable", "getLoggerClass", "setLoggerClass"),
    "sys": (
        "_getframe", "getallocatedblocks", "getprofile", "getrecursionlimit",
        "getrefcount", "getswitchinterval", "gettrace", "setprofile",
        "setrecursionlimit", "setswitchinterval", "settrace",
    ),
    "threading": (
        "activeCount", "active_count", "currentThread", "current_thread", "enumerate",
        "main_thread", "settrace", "setprofile", "gettrace", "getprofile",
    ),
}  # fmt: skip
# Modules whose own lists and dicts, and some of whose functions, are stand-ins.
_PARTLY = frozenset(
    (
        "_thread", "contextvars", "datetime", "decimal", "io", "logging", "pathlib",
        "sys", "threading", "warnings", "weakref",
    )
)  # fmt: skip
# Modules whose objects have state that cannot be watched.
_STATE_CLASSES = frozenset(
    (
        "_contextvars", "_ctypes", "_thread", "_weakref", "_weakrefset", "contextvars",
        "ctypes", "mmap", "threading", "weakref",
    )
)  # fmt: skip
# Modules whose objects stay as they are, although they have dicts.
_STEADY = frozenset(
    (
        "_frozen_importlib", "_frozen_importlib_external", "abc", "builtins",
        "dataclasses", "enum", "fractions", "functools", "inspect", "ipaddress",
        "operator", "pathlib", "penstock", "re", "types", "typing", "zoneinfo",
    )
)  # fmt: skip
# What loggers may do: once, while tracing, as `print` does.
_LOGGING = frozenset(
    (
        "critical", "debug", "error", "exception", "fatal", "info", "log", "name",
        "warn", "warning",
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
    state = _state(value, kind, describe)
    if state is not None:
        return state
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


def _state(value: Any, kind: type[Any], describe: Callable[[], str]) -> Any:
    """A stand-in for an object whose state is kept where no key looks."""
    if issubclass(kind, type):
        return None
    module = kind.__module__
    if module == "logging":
        return LoggerView(describe(), value)
    is_state = module == "decimal" and kind.__name__ == "Context"
    if is_state or kind is memoryview:
        return State(describe(), value)
    if module in _STATE_CLASSES or any(
        one.__module__ == "_ctypes" for one in kind.__mro__
    ):
        return State(describe(), value)
    return None


def check_key(value: Any, name: str) -> None:
    """Raise for a library's object whose state would be read without a record.

    Args:
        value: captured state.
        name: how messages call it.
    """
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    known = module in ("collections", "array", "queue") or kind is bytearray
    # What a class of Python's or NumPy's keeps in a dict can change unnoticed.
    steady = module in _STEADY or kind in (np.finfo, np.iinfo)
    if known or (not steady and getattr(value, "__dict__", None)):
        raise UnsupportedError(
            user_location(),
            f"{name} is {with_article(kind.__name__)}, which cannot be captured",
            code="captured-type",
            hint="use a list, a dict, or an object of your own",
        )


def builtin_base(kind: type[Any], name: str) -> UnsupportedError:
    """The error for an object whose built-in base keeps state where no view shows it.

    Args:
        kind: its class.
        name: how messages call it; it may be an argument.
    """
    base = kind.__mro__[-2]
    return UnsupportedError(
        user_location(),
        f"{name} is of {kind.__name__}, a subclass of {base.__name__}, which cannot be "
        "watched for changes",
        code="captured-type",
        hint=f"use a plain one: {base.__name__}(...)"
        if base in _PLAIN_BASES
        else "pass what it holds as arguments",
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
    if name in _STATE_FUNCTIONS.get(module, ()):
        return Forbidden(f"{module.lstrip('_')}.{name}", value)
    if module == "logging" and name == "getLogger":
        return lambda *args: LoggerView("logging.getLogger()", value(*args))
    if module in _OPENING and name == "open":
        return Forbidden("open", value)
    if _state(owner, type(owner), lambda: "") is not None:
        return Forbidden(name, value)  # `get = variable.get`
    if isinstance(owner, type) and (clock := _clock_class(owner)) is not None:
        return getattr(clock, name)  # `now = datetime.datetime.now`
    return None


def _module(module: ModuleType) -> Any:
    name = module.__name__
    if name in _MODULES:
        return Forbidden(name, module, is_random=name == "random")
    if name in _SYSTEM or name in _PARTLY:
        return PartlyForbidden(module)
    return None


class State(Forbidden):
    """An object of which nothing can be read: not one attribute of it is watched."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        Forbidden(f"{self._name}.{name}", None).refuse()

    __bool__ = __eq__ = __ne__ = Forbidden.refuse
    __hash__ = object.__hash__


class LoggerView(State):
    """A logger, which may write, as ``print`` may, but tells nothing of itself."""

    def __getattr__(self, name: str) -> Any:
        if name in _LOGGING:
            return getattr(self._value, name)
        return super().__getattr__(name)


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
        if type(value) in (list, dict, set):
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


# Python names it in its own errors, such as those of operators.
PartlyForbidden.__name__ = PartlyForbidden.__qualname__ = "module"
