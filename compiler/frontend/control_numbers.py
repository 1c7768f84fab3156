"""Numbers that say how often loops go on and which branch is taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.host_numbers import host_integer, size_of
from penstock.frontend.lift import convert, value_of
from penstock.frontend.promotion import check_fits
from penstock.frontend.refusals import bad_value
from penstock.frontend.tracer import Traced, Tracer, require_tracer
from penstock.ir.dims import Size
from penstock.ir.errors import DtypeError, StructureError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import i64, u64

__all__ = [
    "counter_of",
    "host_size_of",
    "index_of_branch",
    "require_range",
    "turns_of",
]


def host_size_of(number: Any) -> Size | None:
    """The size that a number of the program is; ``None`` where it is traced."""
    if isinstance(number, np.integer) and not issubclass(type(number), Traced):
        return int(number)
    return size_of(number)


def require_range(tracer: Tracer, size: Size) -> None:
    """Raise a NumberRangeError for a constant beyond what counters hold."""
    if isinstance(size, int):
        check_fits(tracer, size, i64)


def counter_of(tracer: Tracer, number: Any) -> TracedArray:
    """A bound of ``fori_loop`` that is known when the program runs, as ``i64[]``."""
    value = _one_integer(tracer, number, "fori_loop: a bound")
    if value.dtype is u64:
        raise DtypeError(
            user_location(),
            "fori_loop: a bound is u64[], but counters are i64",
            code="counter-dtype",
            hint="convert it: n.astype(np.int64)",
        )
    return wrap(tracer, convert(tracer, value, i64))


def _one_integer(tracer: Tracer, number: Any, what: str) -> Value:
    """A number that is known when the program runs."""
    value = value_of(tracer, number)
    type_ = tracer.type_of(value)
    if type_.shape != () or type_.dtype.is_float:
        raise DtypeError(
            user_location(),
            f"{what} is {type_}, but must be an integer",
            code="counter-dtype",
            hint="convert it: n.astype(int)",
        )
    return value


def index_of_branch(number: Any) -> Any:
    """What ``switch`` chooses by: a number of the program, or a traced integer.

    Raises:
        DtypeError: it is no integer.
    """
    tracer = require_tracer("switch")
    size = host_size_of(number)
    if size is not None:
        return host_integer(tracer, size)
    return wrap(tracer, _one_integer(tracer, number, "switch: the index"))


def turns_of(tracer: Tracer, length: Any) -> Size:
    """How often ``scan`` goes on, where it is told.

    Raises:
        StructureError: the length is no integer that is known while tracing.
        ArgumentError: it is below 0.
        NumberRangeError: it does not fit a counter.
    """
    trip = host_size_of(length)
    if trip is None:
        type_ = tracer.type_of(value_of(tracer, length))
        raise StructureError(
            user_location(),
            f"scan: length is {type_}, but must be a Python integer",
            code="scan-length",
            hint="pass length=n",
        )
    require_range(tracer, trip)
    if not tracer.ask(trip, ">=", 0):
        raise bad_value(
            f"scan: length is {tracer.number(trip)}, below 0",
            hint="give a length of 0 or more",
        )
    return trip
