"""Settings: of the process by the environment, of a block of code by ``ps.config``."""

from __future__ import annotations

import ctypes
import functools
import os
import re
from _contextvars import ContextVar
from _thread import RLock
from collections.abc import Callable
from types import TracebackType
from typing import Any

from penstock.ir.errors import OptionError
from penstock.ir.record import Record

__all__ = [
    "BLOCKS_WITH_THREADS",
    "SCOPE",
    "SETTINGS",
    "Config",
    "Setting",
    "config",
    "setting",
    "setting_of_process",
    "thread_limit",
]


class Setting(Record):
    """One setting.

    Args:
        name: what ``ps.config`` calls it.
        variable: the environment variable that sets it for the process.
        wanted: what its value must be, for messages.
        read: makes a value of a text or an object; ``None`` where it cannot.
        code: the code of the message for a value that it cannot be.
    """

    name: str
    variable: str
    wanted: str
    read: Callable[[Any], Any]
    code: str = "bad-setting"

    def value(self, given: object, spelled: str) -> Any:
        """The value that was meant.

        Args:
            given: what was given.
            spelled: how messages call the setting where it was given.

        Raises:
            OptionError: it has no such value.
        """
        found = self.read(given)
        if found is None:
            raise OptionError(
                None, f"{spelled}={given!r} is not {self.wanted}", code=self.code
            )
        return found


def _count(given: object) -> int | None:
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given)
    return given if type(given) is int and given > 0 else None


def _text(given: object) -> str | None:
    return given.strip() or None if isinstance(given, str) else None


def _folder(given: object) -> str | None:
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    folder = _text(given)
    try:
        return None if folder is None or b"\0" in os.fsencode(folder) else folder
    except UnicodeEncodeError:
        return None


_FLAGS = {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}


def _flag(given: object) -> bool | None:
    return given if isinstance(given, bool) else _FLAGS.get(str(given).strip().lower())


SETTINGS = {
    entry.name: entry
    for entry in (
        Setting(
            "threads",
            "PENSTOCK_NUM_THREADS",
            "a positive number",
            _count,
            "thread-count",
        ),
        Setting("cache", "PENSTOCK_CACHE", "a folder, or 'off'", _folder),
        Setting("target", "PENSTOCK_TARGET", "the name of a target", _text),
        Setting("dump", "PENSTOCK_DUMP", "a folder", _folder),
        Setting("debug", "PENSTOCK_DEBUG", "on or off", _flag),
    )
}
"""Every setting by name; ``Config`` says what they mean."""


# More threads than anybody has, in few bits.
_MANY = 1 << 30


class _Scope:
    """The settings of a block of code, over those of the blocks around it."""

    __slots__ = ("outer", "threads", "values")

    def __init__(self, values: dict[str, Any], outer: _Scope | None) -> None:
        self.outer = outer
        self.values: dict[str, Any] = (
            values if outer is None else {**outer.values, **values}
        )
        # For the native dispatcher, which reads a number; 0 for none.
        self.threads = min(self.values.get("threads", 0), _MANY)
        if self.threads:
            _count_scopes(1)

    def __del__(self) -> None:
        # A task that was started in the block keeps its settings after the block.
        if self.threads:
            _count_scopes(-1)


BLOCKS_WITH_THREADS = (ctypes.c_int64 * 1)()
"""How many scopes of this process set ``threads``.

The native dispatcher looks for a scope of its own thread only while this is not 0.
"""


class _Counting:
    lock = RLock()

    @classmethod
    def renew(cls) -> None:
        # The thread that held it is not in the child.
        cls.lock = RLock()


os.register_at_fork(after_in_child=_Counting.renew)


def _count_scopes(change: int) -> None:
    with _Counting.lock:
        BLOCKS_WITH_THREADS[0] += change


SCOPE: ContextVar[_Scope | None] = ContextVar("penstock_settings", default=None)
"""The innermost scope of this thread or task."""


class _Block:
    """Sets settings inside a ``with`` statement; it may be entered again and again."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __enter__(self) -> None:
        SCOPE.set(_Scope(self._values, SCOPE.get()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        scope = SCOPE.get()
        assert scope is not None
        SCOPE.set(scope.outer)


class Config:
    """The settings in effect; called, a block of code with others.

    What a block sets holds in its own thread or task, and in nobody else's.

    ===========  ========================  ==========================================
    ``threads``  ``PENSTOCK_NUM_THREADS``  at most so many threads run a program; by
                                           default ``OMP_NUM_THREADS``, or as many as
                                           affinity and CPU quota allow
    ``cache``    ``PENSTOCK_CACHE``        the folder of compiled code, or ``off``; by
                                           default ``penstock`` in ``XDG_CACHE_HOME``
                                           or ``~/.cache``
    ``target``   ``PENSTOCK_TARGET``       the processor to compile for: ``x86-64``,
                                           ``x86-64-v2``, ``x86-64-v3``,
                                           ``x86-64-v4``; by default this machine's
    ``dump``     ``PENSTOCK_DUMP``         a folder to write all stages of every
                                           compile to; by default none
    ``debug``    ``PENSTOCK_DEBUG``        ``on`` to check the graph after every
                                           pass and to leave our own frames in
                                           tracebacks; by default ``off``
    ===========  ========================  ==========================================

    Example:
        >>> import penstock as ps
        >>> with ps.config(threads=1, debug=True):
        ...     print(ps.config.threads, ps.config.debug)
        1 True
    """

    __slots__ = ()

    def __call__(self, **settings: Any) -> _Block:
        """A context manager that sets settings.

        Args:
            **settings: the settings by name.

        Raises:
            OptionError: there is no such setting, or it has no such value.
        """
        return _Block(
            {
                name: _setting_named(name).value(given, name)
                for name, given in settings.items()
            }
        )

    @property
    def threads(self) -> int:
        """At most so many threads run a program."""
        from penstock.runtime.threads import thread_count

        return setting_of_block("threads") or thread_count()

    @property
    def cache(self) -> str | None:
        """The folder of compiled code; ``None`` if there is none."""
        from penstock.runtime.cache import default_cache

        return default_cache().folder

    @property
    def target(self) -> str:
        """The processor that programs are compiled for."""
        from penstock.runtime.machine import host

        return host().cpu

    @property
    def dump(self) -> str | None:
        """The folder that all stages of every compile are written to, if any."""
        found: str | None = setting("dump")
        return found

    @property
    def debug(self) -> bool:
        """Whether the graph is checked after every pass."""
        return bool(setting("debug"))

    def __setattr__(self, name: str, value: object) -> None:
        variable = _setting_named(name).variable
        raise OptionError(
            None,
            f"config.{name} cannot be assigned to",
            code="config-assignment",
            hint=f"write `with ps.config({name}={value!r}):`, or set {variable} for "
            "the whole process",
        )

    def __getattr__(self, name: str) -> Any:
        # What is looked up here is none of the properties above.
        raise AttributeError(_unknown(name, list(SETTINGS), "setting"))

    def __dir__(self) -> list[str]:
        return sorted(SETTINGS)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={getattr(self, name)!r}" for name in SETTINGS)
        return f"<penstock.config {listed}>"


config = Config()


def _setting_named(name: str) -> Setting:
    if name not in SETTINGS:
        raise _unknown(name, list(SETTINGS), "setting")
    return SETTINGS[name]


def _unknown(name: str, known: list[str], noun: str) -> OptionError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return OptionError(
        None, f"there is no {noun} {name}", code="unknown-setting", hint=hint
    )


def setting(name: str) -> Any:
    """The value of a setting in this thread or task; ``None`` if it is not set.

    Args:
        name: its name in ``SETTINGS``.

    Raises:
        OptionError: the environment gives it a value that it cannot have.
    """
    found = setting_of_block(name)
    return setting_of_process(name) if found is None else found


def setting_of_block(name: str) -> Any:
    """The value that a block around the caller gives; ``None`` if none does."""
    scope = SCOPE.get()
    return None if scope is None else scope.values.get(name)


def setting_of_process(name: str) -> Any:
    """The value that the environment gives; ``None`` if it does not.

    Raises:
        OptionError: it is one that the setting cannot have, or a variable is set whose
            name begins as ours do, but is none of them.
    """
    _check_environment()
    entry = SETTINGS[name]
    text = os.environ.get(entry.variable, "").strip()
    return entry.value(text, entry.variable) if text else None


# Kubernetes gives every container such names, for a service that is called penstock.
_SERVICE = r"PENSTOCK_(\w+_)?(SERVICE_|PORT)\w*"


@functools.cache
def _check_environment() -> None:
    """Raise an OptionError for a misspelt variable; once none was found, not again."""
    known = [entry.variable for entry in SETTINGS.values()]
    for name in os.environ:
        if name.startswith("PENSTOCK_") and name not in known:
            if not re.fullmatch(_SERVICE, name):
                raise _unknown(name, known, "environment variable")


def thread_limit(own: int | None) -> int | None:
    """At most so many threads run a program in this block; ``None`` for the default.

    Args:
        own: the limit that the compiled function has of its own.
    """
    wanted: int | None = setting_of_block("threads")
    if wanted is None or own is None:
        return own or wanted
    return min(own, wanted)
