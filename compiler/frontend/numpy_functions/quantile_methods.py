"""Where quantiles lie among sorted elements, by each of NumPy's methods.

R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American
Statistician 50 (1996); the methods that they do not have are those of numpy.quantile.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.numpy_functions.arguments import numpy
from penstock.frontend.refusals import bad_value

__all__ = ["check_method", "located"]

# The alpha and beta of the methods that interpolate at n q + alpha + q (1 - alpha -
# beta) - 1.
_CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
_DISCRETE = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
_METHODS = (
    *_CONTINUOUS, *_DISCRETE, "linear", "averaged_inverted_cdf", "midpoint",
)  # fmt: skip


def check_method(name: str, method: Any) -> None:
    """Raise a ValueError for what is no method."""
    if method not in _METHODS:
        raise bad_value(
            f"{name}: there is no method {method!r}",
            hint=f"the methods are {', '.join(sorted(_METHODS))}",
        )


def located(method: str, count: Any, q: Any) -> tuple[Any, Any, Any]:
    """The elements around a quantile, and how far it is from the first of them.

    Args:
        method: as NumPy names it.
        count: how many elements there are: a size, or integers.
        q: floats between 0 and 1.

    Returns:
        Two indices within the elements, and a part of 1; ``None`` for the part where
        the quantile is the first of them.
    """
    last = count - 1
    if method in _DISCRETE:
        place = _observation(method, count, q)
        first = numpy.clip(place.astype(np.int64), 0, last)
        return first, first, None
    if method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS[method]
        place = count * q + (alpha + q * (1 - alpha - beta)) - 1
    elif method == "averaged_inverted_cdf":
        place = count * q - 1
    else:
        place = last * q
    low = numpy.floor(place)
    part = place - low
    if method == "averaged_inverted_cdf":
        part = numpy.where(part == 0, q.dtype.type(0.5), q.dtype.type(1))
    elif method == "midpoint":
        part = numpy.where(part == 0, q.dtype.type(0), q.dtype.type(0.5))
    first = numpy.clip(low.astype(np.int64), 0, last)
    return first, numpy.clip(low.astype(np.int64) + 1, 0, last), part


def _observation(method: str, count: Any, q: Any) -> Any:
    """Which element the quantile is; beyond the ends for the first or last."""
    if method == "lower":
        return numpy.floor((count - 1) * q)
    if method == "higher":
        return numpy.ceil((count - 1) * q)
    if method == "nearest":
        return numpy.rint((count - 1) * q)
    if method == "inverted_cdf":
        return numpy.ceil(count * q - 1)
    place = count * q - 1.5
    # Of two that are as near, the even one, counted from 1.
    low = numpy.floor(place)
    return numpy.where((place == low) & (low % 2 == 1), low, low + 1)
