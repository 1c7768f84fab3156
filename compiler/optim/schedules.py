"""Learning rates that depend on the number of steps: functions from it to the rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "Schedule",
    "cosine_decay",
    "exponential_decay",
    "piecewise_constant",
    "warmup",
]

Schedule = Callable[[Any], Any]


def cosine_decay(start: float, steps: int, end: float = 0.0) -> Schedule:
    """From ``start`` to ``end`` in half a turn of a cosine: arXiv:1608.03983.

    Args:
        start: the rate at step 0.
        steps: how many it takes.
        end: the rate from then on.

    Example:
        >>> import penstock as ps
        >>> rate = ps.optim.cosine_decay(1.0, 100)
        >>> [float(np.round(rate(step), 6)) for step in (0, 50, 100, 1000)]
        [1.0, 0.5, 0.0, 0.0]
    """

    def rate(step: Any) -> Any:
        part = np.minimum(step / steps, 1.0)
        return end + (start - end) * 0.5 * (1 + np.cos(np.pi * part))

    return rate


def exponential_decay(start: float, steps: float, factor: float) -> Schedule:
    """``start * factor**(step / steps)``.

    Example:
        >>> import penstock as ps
        >>> float(ps.optim.exponential_decay(1.0, 10, 0.5)(20))
        0.25
    """
    return lambda step: start * factor ** (step / steps)


def piecewise_constant(rates: Sequence[float], steps: Sequence[int]) -> Schedule:
    """The first of some rates, and the next from each of some steps on.

    Args:
        rates: one more than there are steps.
        steps: ascending.

    Example:
        >>> import penstock as ps
        >>> rate = ps.optim.piecewise_constant([1.0, 0.1], [100])
        >>> float(rate(99)), float(rate(100))
        (1.0, 0.1)
    """
    if len(rates) != len(steps) + 1:
        raise ValueError(f"{len(steps)} steps need {len(steps) + 1} rates")

    def rate(step: Any) -> Any:
        found: Any = rates[0]
        for border, value in zip(steps, rates[1:], strict=True):
            found = np.where(step >= border, value, found)
        return found

    return rate


def warmup(steps: int, then: float | Schedule) -> Schedule:
    """Ascends from near 0, and follows another rate from ``steps`` steps on.

    Args:
        steps: how long it ascends.
        then: a rate, or a schedule, which counts from the end of the ascent.

    Example:
        >>> import penstock as ps
        >>> rate = ps.optim.warmup(10, ps.optim.cosine_decay(1.0, 90))
        >>> [float(np.round(rate(step), 6)) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """

    def rate(step: Any) -> Any:
        later: Any = then(np.maximum(step - steps, 0)) if callable(then) else then
        return later * np.minimum((step + 1) / steps, 1.0) if steps else later

    return rate
