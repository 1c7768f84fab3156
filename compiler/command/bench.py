"""Time a compiled function against the same function in NumPy.

The two take turns, so what else the machine does slows both; the times are medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from penstock.command import source, values

EXAMPLE = "penstock bench model.py:gelu --arg 'f32[1024,1024]'"

# A turn is so long that the clock and the loop around it do not count.
_TURN_SECONDS = 2e-3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "function",
        metavar="FILE.py:FUNC",
        type=source.parse_source,
        help=source.HELP,
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="VALUE",
        type=values.parse_argument,
        help=values.HELP,
    )
    parser.add_argument(
        "--seconds",
        type=_parse_seconds,
        default=2.0,
        help="how long to measure (default: 2)",
    )
    parser.add_argument(
        "--fastmath", action="store_true", help="let algebra change the last bits"
    )


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    # Also nan is not.
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def run(options: argparse.Namespace) -> int:
    """Measure."""
    import numpy as np

    compiled = source.compiled_function(options.function, fastmath=options.fastmath)
    function = compiled.__wrapped__
    positional, named = values.build_call_of(
        compiled, options.arg, np.random.default_rng(0)
    )
    start = time.perf_counter()
    ours = compiled(*positional, **named)
    first = time.perf_counter() - start
    with np.errstate(all="ignore"):
        difference = _largest_difference(function(*positional, **named), ours)
        theirs, own = _take_turns(
            lambda: function(*positional, **named),
            lambda: compiled(*positional, **named),
            options.seconds,
        )
    print(f"numpy      {_duration(theirs)}")
    print(f"penstock   {_duration(own)}   {theirs / own:.2f} times as fast")
    origin = "cached" if compiled.stats().cache_hits else "compiled"
    print(f"first call {_duration(first)}   {origin}")
    print(f"results differ by at most {difference:.2g} of the largest")
    return 0


def _take_turns(
    one: Callable[[], Any], other: Callable[[], Any], seconds: float
) -> tuple[float, float]:
    """Median seconds for a call of each."""
    counts = [_count(one), _count(other)]
    times: tuple[list[float], list[float]] = ([], [])
    deadline = time.perf_counter() + seconds
    while not times[0] or time.perf_counter() < deadline:
        for call, count, found in zip((one, other), counts, times, strict=True):
            found.append(_turn(call, count) / count)
    return statistics.median(times[0]), statistics.median(times[1])


def _turn(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def _count(call: Callable[[], Any]) -> int:
    """How many calls fill a turn."""
    count = 1
    while _turn(call, count) < _TURN_SECONDS:
        count *= 2
    return count


def _largest_difference(expected: Any, found: Any) -> float:
    """The largest difference of two results, by the largest number in them."""
    import numpy as np

    from penstock.runtime.pytree import flatten

    largest = 0.0
    for one, other in zip(flatten(expected)[0], flatten(found)[0], strict=True):
        a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        scale = np.max(np.abs(a), where=np.isfinite(a), initial=0.0)
        apart = np.where(same, 0.0, np.abs(a - b))
        largest = max(largest, float(np.max(apart, initial=0.0)) / (scale or 1.0))
    return largest


def _duration(seconds: float) -> str:
    for unit, scale in (("s ", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:8.2f} {unit}"
    return f"{seconds / 1e-9:8.0f} ns"
