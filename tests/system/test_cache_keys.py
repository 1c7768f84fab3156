"""Programs that differ in what they are called with do not share code in the cache."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps


def filled(x: Any) -> Any:
    y = np.zeros((4, 6))
    y[...] = x
    return y


def kept(x: Any, y: Any) -> Any:
    return np.where(np.arange(5) > 2, x, y)


LINE = np.linspace(0, 1, 24)
REAL, NUMBER = np.float64(2.5), np.array(3.5)
BACK = LINE[::-1]
TABLE = LINE.reshape(4, 6)
NUMBERS = [(3, 5), (5, 3), (3.0, 5), (3, 5.0), (3.5, 5.5)]
PAIRS = [(LINE, BACK), (BACK, LINE), (LINE, LINE), (2.0, LINE), (LINE, 2)]
# The calls of a row are traced to one graph, or nearly so.
CALLS: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = [
    (filled, [(1.5,), (REAL,), (NUMBER,), (-0.0,), (np.array(7),)]),
    (kept, [(1.5, 2.5), (REAL, 2.5), (0.5, REAL), (NUMBER, 2.0), (REAL, NUMBER)]),
    (lambda x, k: x * k, [(LINE, 3), (LINE, np.int64(4)), (LINE, 2.5), (BACK, 5)]),
    (lambda x: x + 1, [(LINE,), (BACK,), (LINE.astype("f4"),), (LINE[:1],)]),
    (lambda x: x.T, [(TABLE,), (TABLE.T,)]),
    (lambda x, y: x - y, PAIRS),
    (lambda x, y: y - x, PAIRS),
    (lambda y, x: x - y, PAIRS),
    (lambda n, m: n - m, NUMBERS),
    (lambda m, n: n - m, NUMBERS),
    (
        lambda d: d["a"] * 2 + d["b"],
        [({"a": LINE, "b": 1.5},), ({"b": 1.5, "a": LINE},), ({"a": 1.5, "b": LINE},)],
    ),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_calls_in_any_order(number: int) -> None:
    function, calls = CALLS[number]
    for first in range(len(calls)):
        # Every function here is new, so all that they share is the cache.
        for arguments in calls[first:] + calls[:first]:
            got = ps.compile(function)(*arguments)
            expected = function(*arguments)
            np.testing.assert_array_equal(got, expected)
            assert np.asarray(got).dtype == np.asarray(expected).dtype
