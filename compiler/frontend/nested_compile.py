"""Compiled functions within a trace: their bodies become part of it."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostNumber
from penstock.frontend.plain import plain
from penstock.frontend.static import StaticEntries
from penstock.ir.location import user_location
from penstock.runtime.binding import Binder, Call, signature_of

__all__ = ["compiled_in_place"]


def compiled_in_place(function: Any, static: Collection[Any]) -> Any:
    """What a trace sees of a compiled function: the function itself.

    What ``static`` names is fixed in the variant that is traced; the other options are
    those of the whole trace.

    Args:
        function: as the trace sees it.
        static: as of ``ps.compile``.
    """
    if not static:
        return function
    binder = Binder.of(function)

    @functools.wraps(function)
    def fixing(*args: Any, **kwargs: Any) -> Any:
        given = binder.bind(plain(args), plain(kwargs))
        _fix(given, StaticEntries(static))
        return function(*args, **kwargs)

    made: Any = fixing
    made.__signature__ = signature_of(function)
    return made


def _fix(call: Call, static: StaticEntries) -> None:
    """Guard the numbers and sizes that are to be fixed."""
    for leaf, name in zip(call.leaves, call.leaf_names(), strict=True):
        every = static.fixes(name)
        if every and isinstance(leaf, HostNumber):
            leaf.concrete()
        if isinstance(leaf, TracedArray):
            for axis, size in enumerate(leaf.sizes):
                if static.fixes_axis(name, axis) or every:
                    leaf.tracer.pin(size)
    static.check(call.names, user_location())
