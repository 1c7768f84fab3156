"""Barriers stand where threads meet in memory, and nowhere else.

That one is missing the emulation finds. That none is idle is tried by taking each away.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from penstock.backends.cuda import emit_cuda
from tests.backends.cuda.emulation.emulator import (
    EmulatedPlan,
    EmulationError,
    compile_unit,
)
from tests.backends.cuda.plans import plan_of_kernel

REVERSED = """
kernel @reversed_0(%x: in f32[n], %t: inout f32[n], %y: out f32[n], n: index) {
  vector %i = 0 to n {
    %0 = load %x[%i] : f32
    store %0, %t[%i]
  }
  %1 = sub n, 1 : i64
  vector %j = 0 to n {
    %2 = sub %1, %j : i64
    %3 = load %t[%2] : f32
    store %3, %y[%j]
  }
}
"""
KEPT = """
kernel @kept_0(%x: in f32[n], %t: inout f32[n], n: index) {
  vector %i = 0 to n {
    %0 = load %x[%i] : f32
    store %0, %t[%i]
  }
  vector %j = 0 to n {
    %1 = load %t[%j] : f32
    %2 = add %1, %1 : f32
    store %2, %t[%j]
  }
}
"""
SHIFTED_START = """
kernel @shifted_start_0(%x: in f32[n], %t: inout f32[n], n: index) {
  vector %i = 0 to n {
    %0 = load %x[%i] : f32
    store %0, %t[%i]
  }
  vector %j = 1 to n {
    %1 = load %t[%j] : f32
    %2 = add %1, %1 : f32
    store %2, %t[%j]
  }
}
"""
SMOOTHED = """
kernel @smoothed_0(%x: in f32[n], %t: inout f32[n], %y: inout f32[n],
    n: index, steps: index) {
  vector %i = 0 to n {
    %0 = load %x[%i] : f32
    store %0, %t[%i]
    store %0, %y[%i]
  }
  serial %s = 0 to steps {
    vector %j = 1 to n {
      %1 = sub %j, 1 : i64
      %2 = load %t[%1] : f32
      %3 = load %t[%j] : f32
      %4 = add %2, %3 : f32
      store %4, %y[%j]
    }
    vector %k = 1 to n {
      %5 = load %y[%k] : f32
      store %5, %t[%k]
    }
  }
}
"""
SPREAD = """
kernel @spread_0(%x: in f32[n], %t: inout f32[1], %y: out f32[n], n: index) {
  %0 = const 0.0 : f32
  vector %i = 0 to n carry (%1 = %0 add) -> (%2) {
    %3 = load %x[%i] : f32
    %4 = add %1, %3 : f32
    yield %4
  }
  store %2, %t[0]
  vector %j = 0 to n {
    %5 = load %t[0] : f32
    store %5, %y[%j]
  }
}
"""
ROWS = """
kernel @rows_0(%x: in f32[n,m], %y: out f32[n], n: index, m: index) {
  %0 = const 0.0 : f32
  parallel %p = 0 to n {
    vector %i = 0 to m carry (%1 = %0 add) -> (%2) {
      %3 = load %x[%p, %i] : f32
      %4 = add %1, %3 : f32
      yield %4
    }
    store %2, %y[%p]
  }
}
"""
TWO_PASSES = """
kernel @two_passes_0(%x: in f32[n,m], %y: out f32[n], n: index, m: index) {
  %0 = const 0.0 : f32
  parallel %p = 0 to n {
    vector %i = 0 to m carry (%1 = %0 add) -> (%2) {
      %3 = load %x[%p, %i] : f32
      %4 = add %1, %3 : f32
      yield %4
    }
    vector %j = 0 to m carry (%5 = %0 maximum) -> (%6) {
      %7 = load %x[%p, %j] : f32
      %8 = sub %7, %2 : f32
      %9 = maximum %5, %8 : f32
      yield %9
    }
    store %6, %y[%p]
  }
}
"""
NESTED = """
kernel @nested_0(%x: in f32[n,m], %y: out f32[], n: index, m: index) {
  %0 = const 0.0 : f32
  serial %s = 0 to n carry (%1 = %0 add) -> (%2) {
    vector %i = 0 to m carry (%3 = %1 add) -> (%4) {
      %5 = load %x[%s, %i] : f32
      %6 = add %3, %5 : f32
      yield %6
    }
    yield %4
  }
  store %2, %y[]
}
"""
ONE_BY_ONE = """
kernel @one_by_one_0(%x: in f32[n], %at: in i64[m], %y: inout f32[n],
    n: index, m: index) {
  %0 = const 1.0 : f32
  vector %i = 0 to n {
    %1 = load %x[%i] : f32
    store %1, %y[%i]
  }
  serial %s = 0 to m {
    %2 = load %at[%s] : i64
    %3 = load %y[%2] : f32
    %4 = add %3, %0 : f32
    store %4, %y[%2]
  }
}
"""
COUNTED = """
kernel @counted_0(%x: in f32[n], %y: inout f32[n], %last: out f32[], n: index) {
  %0 = const 0.0 : f32
  vector %i = 0 to n {
    %1 = load %x[%i] : f32
    store %1, %y[%i]
  }
  serial %s = 0 to n carry (%2 = %0) -> (%3) {
    %4 = load %y[%s] : f32
    %5 = add %2, %4 : f32
    store %5, %y[%s]
    yield %5
  }
  store %3, %last[]
}
"""

GUARDED = """
kernel @guarded_0(%x: in f32[n], %t: inout f32[n], %y: out f32[n], n: index,
    k: index) {
  %0 = less k, 0 : bool
  %1 = const 0.0 : f32
  %2 = sub n, 1 : i64
  vector %i = 0 to n {
    %3 = load %x[%i] : f32
    store %3, %t[%i]
  }
  if %0 {
    vector %j = 0 to n carry (%4 = %1 maximum) -> (%5) {
      %6 = load %t[%j] : f32
      %7 = maximum %4, %6 : f32
      yield %7
    }
    store %5, %t[0]
  }
  vector %l = 0 to n {
    %8 = sub %2, %l : i64
    %9 = load %t[%8] : f32
    store %9, %y[%l]
  }
}
"""

X = np.arange(1, 101, dtype=np.float32)
TABLE = np.arange(700, dtype=np.float32).reshape(7, 100)
AT = np.array([3, 97, 3, 0])
STORED = "other threads stored what is read of {}".format
DONE = "other threads are done with {}".format
READ = "all threads have read the totals before"
PARTS = "the totals need the parts of all warps"


def smoothed(x, steps):
    for _ in range(steps):
        x = np.append(x[:1], x[:-1] + x[1:])
    return x


def incremented(x, at):
    y = x.copy()
    np.add.at(y, at, 1)
    return y


@dataclass(frozen=True)
class Case:
    """A kernel, the reasons of its barriers, and what it makes of arguments."""

    text: str
    barriers: list[str]
    arrays: tuple[np.ndarray, ...]
    wanted: list[Any]
    integers: dict[str, int] = field(default_factory=dict)


CASES = {
    "reversed": Case(REVERSED, [STORED("t")], (X,), [X, X[::-1]]),
    "kept": Case(KEPT, [], (X,), [2 * X]),
    "shifted_start": Case(
        SHIFTED_START, [STORED("t")], (X,), [np.append(X[:1], 2 * X[1:])]
    ),
    "smoothed": Case(
        SMOOTHED,
        [STORED("t"), DONE("t")],
        (X,),
        [smoothed(X, 3), smoothed(X, 3)],
        {"steps": 3},
    ),
    "spread": Case(
        SPREAD, [PARTS, STORED("t")], (X,), [[X.sum()], np.full(100, X.sum())]
    ),
    "rows": Case(ROWS, [READ, PARTS], (TABLE,), [TABLE.sum(1)]),
    "two_passes": Case(
        TWO_PASSES,
        [PARTS, PARTS],
        (TABLE,),
        [np.maximum(TABLE.max(1) - TABLE.sum(1), 0)],
    ),
    "nested": Case(NESTED, [PARTS], (TABLE,), [TABLE.sum()]),
    "one_by_one": Case(ONE_BY_ONE, [STORED("y")], (X, AT), [incremented(X, AT)]),
    "guarded": Case(
        GUARDED,
        [PARTS, STORED("t")],
        (X,),
        [np.append(100, X[1:]), np.append(100, X[1:])[::-1]],
        {"k": -1},
    ),
    "counted": Case(COUNTED, [STORED("y"), DONE("y")], (X,), [np.cumsum(X), X.sum()]),
}
BARRIER = re.compile(r"^ *__syncthreads\(\);  // (.*)\n", re.MULTILINE)


def units(name):
    """A kernel's unit as it is, and once without each of its barriers."""
    text = emit_cuda(plan_of_kernel(CASES[name].text))
    yield f"{name}_0", text
    for number, barrier in enumerate(BARRIER.finditer(text)):
        without = text[: barrier.start()] + text[barrier.end() :]
        kernel = f"{name}_0_without_{number}"
        yield kernel, without.replace(f" {name}_0(", f" {kernel}(")


@pytest.fixture(scope="module")
def library(cuda_folder):
    parts = []
    for name in CASES:
        for kernel, text in units(name):
            parts.append(
                f"namespace of_{kernel} {{\n{text}\nPENSTOCK_EMULATE({kernel})\n}}\n"
            )
    return compile_unit("".join(parts), (), cuda_folder, "barriers")


@pytest.mark.parametrize("name", CASES)
def test_barriers_stand_for_a_reason(name):
    text = emit_cuda(plan_of_kernel(CASES[name].text))
    assert BARRIER.findall(text) == CASES[name].barriers


@pytest.mark.parametrize("name", CASES)
def test_kernels_with_their_barriers_are_right(library, name):
    case = CASES[name]
    run = EmulatedPlan(plan_of_kernel(case.text), library)
    first = None
    for seed in range(4):
        results = run(*case.arrays, seed=seed, most_blocks=2, **case.integers)
        for result, array in zip(results, case.wanted, strict=True):
            np.testing.assert_allclose(result, array, rtol=1e-6)
        bits = [result.tobytes() for result in results]
        first = first or bits
        assert bits == first


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].barriers])
def test_without_any_one_of_its_barriers_a_kernel_is_found_wrong(library, name):
    case = CASES[name]
    plan = plan_of_kernel(case.text)
    for number in range(len(case.barriers)):
        plan.kernels[0].name = f"{name}_0_without_{number}"
        with pytest.raises(EmulationError) as caught:
            EmulatedPlan(plan, library)(*case.arrays, most_blocks=2, **case.integers)
        assert caught.value.kind in ("race", "uninitialized")
