"""Programs that differ in what they are called with do not share code in the cache."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import driver
from penstock.driver import cache_key, compiler_fingerprint


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


def key_of(
    function: Callable[..., Any], target: str | None = None, **options: Any
) -> str:
    with ps.config(target=target) if target else nullcontext():
        return cache_key(ps.compile(function, **options).lower(LINE).compilation)


def half(x: Any) -> Any:
    return np.sqrt(x) / 3


def test_what_code_is_made_for_and_by_is_part_of_the_key(monkeypatch) -> None:
    """The machine and its features, the options, the compiler and LLVM."""
    own = key_of(half)
    others = [
        key_of(half, "x86-64"),
        key_of(half, "x86-64-v2"),
        key_of(half, fastmath=True),
        key_of(lambda x: np.sqrt(x) / 4),
    ]
    assert len({own, *others}) == 5
    assert key_of(half) == own
    monkeypatch.setattr(driver, "compiler_fingerprint", lambda: "another state")
    assert key_of(half) != own


def test_what_the_fingerprint_sees(tmp_path, monkeypatch) -> None:
    """A file of the compiler that was changed, and another version."""
    new = compiler_fingerprint.__wrapped__
    own = new()
    assert new() == own == compiler_fingerprint()
    monkeypatch.setattr(ps, "__version__", "9.9")
    assert new() != own
    monkeypatch.undo()
    (tmp_path / "part").mkdir()
    file = tmp_path / "part" / "file.py"
    file.write_text("x = 1")
    monkeypatch.setattr(driver, "__file__", str(tmp_path / "driver.py"))
    before = new()
    assert before != own
    file.write_text("x = 10")
    assert new() != before
