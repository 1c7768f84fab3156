"""Random NumPy programs mean what they mean in NumPy."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.random_numpy import Program, Statement, program_of_seed
from tests.system.holding import Difference, hold
from tests.system.known_differences import KNOWN_DIFFERENCES, is_known, program_of
from tests.system.shrinking import shrink

PER_TEST = 15
# Few that together write all that the first 1,200 do: each in turn was the one that
# wrote most of what those before it had not written.
FEW = (
    2, 7, 13, 15, 20, 24, 27, 34, 40, 49, 50, 58, 67, 73, 76, 80, 81, 95, 101,
    104, 112, 113, 114, 117, 121, 132, 137, 139, 141, 143, 148, 151, 156, 159,
    162, 163, 167, 184, 200, 220, 234, 238, 259, 268, 280, 282, 291, 292, 295,
    307, 319, 328, 329, 333, 334, 348, 354, 359, 360, 378, 380, 402, 405, 441,
    461, 463, 464, 484, 499, 529, 539, 554, 566, 569, 584, 601, 606, 625, 649,
    661, 670, 677, 679, 710, 713, 714, 728, 730, 741, 757, 759, 761, 773, 786,
    798, 812, 816, 832, 864, 868, 894, 903, 909, 919, 926, 1002, 1022, 1080,
    1111, 1148, 1180,
)  # fmt: skip
MANY = (*sorted(set(range(300)).difference(FEW)), *range(1_000_000, 1_006_000))


def held(program: Program) -> Counter[str]:
    """Hold a program; the failure is a script to paste."""
    try:
        return hold(program)
    except Difference as difference:
        if is_known(program, difference):
            return Counter(known=1)
        raise shrink(program, difference) from None


def each_test(seeds: Sequence[int]) -> pytest.MarkDecorator:
    parts = [seeds[i : i + PER_TEST] for i in range(0, len(seeds), PER_TEST)]
    return pytest.mark.parametrize("seeds", parts, ids=lambda part: str(part[0]))


def hold_all(seeds: Sequence[int]) -> None:
    counts: Counter[str] = Counter()
    for seed in seeds:
        counts += held(program_of_seed(seed))
    # Else the programs would show nothing.
    assert counts["held"] > 2 * len(seeds), counts


@each_test(FEW)
def test_random_programs(seeds: Sequence[int]) -> None:
    hold_all(seeds)


@pytest.mark.slow
@each_test(MANY)
def test_many_random_programs(seeds: Sequence[int]) -> None:
    hold_all(seeds)


TWO = ('array("f8", (2, 3))', 'array("f8", (4, 3))')


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that forgets a sign is caught, by a script of three lines."""
    right = program_of("u = a * 2; v = a + 1; w = v - u", *TWO)
    assert hold(right) == Counter(held=2)
    monkeypatch.setattr(
        "tests.system.holding.ps.compile", lambda f: lambda a: abs(f(a))
    )
    with pytest.raises(Difference, match="differs at") as caught:
        held(right)
    text = str(caught.value)
    assert "v = a + 1" in text
    assert "u = a * 2" not in text
    assert "(4, 3)" not in text


def test_other_kinds_of_errors_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = program_of("v = a.reshape(5, 5)", *TWO)
    assert hold(wrong) == Counter(raised=2)
    monkeypatch.setattr(
        "tests.system.holding.ps.compile", lambda f: lambda a: np.zeros((5, 5))
    )
    with pytest.raises(Difference, match="compiled gives"):
        hold(wrong)
    right = replace(wrong, body=(Statement("v = a.copy()"),))
    with pytest.raises(Difference, match=r"float64\(5, 5\) is not float64\(2, 3\)"):
        hold(right)


@pytest.mark.parametrize("wrong", ["v1 = a[[5]]", "v1 = a ** (a - 9)"])
def test_elements_that_no_result_needs_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Where NumPy raises, only what would raise if it were a result may pass."""
    dead = program_of(f"{wrong}; v2 = a + 1", 'array("i4", (3,))', result="v2")
    assert hold(dead) == Counter(raised=1)
    monkeypatch.setattr(
        "tests.system.holding.ps.compile", lambda f: lambda a: (a + 1).copy()
    )
    with pytest.raises(Difference, match="NumPy raises"):
        hold(dead)


@pytest.mark.parametrize("known", KNOWN_DIFFERENCES, ids=lambda known: known.reason)
def test_known_differences_are_still_there(known) -> None:
    """A difference that is gone leaves the list."""
    with pytest.raises(Difference) as caught:
        hold(known.example)
    assert is_known(known.example, caught.value)
