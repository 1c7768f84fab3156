"""Updates of arrays that nothing reads after: they happen where the array lies."""

# ruff: noqa: E501

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.plan.count import count_plan
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Launch
from tests.lower.lowering import plan_of

# Each turn may read and write some numbers, no array of the size of %x.
LOOPS = {
    "read-before-written": """
        %0 = scatter %y, %u, %i {axes=(0,)} : f64[n]
        %1 = gather %y, %i {axes=(0,)} : f64[]
        %2 = mul %1, %1 : f64[]
        %3 = scatter_add %0, %2, %i {axes=(0,)} : f64[n]
        return %3""",
    "branch": """
        %0 = const 2 : i64[]
        %1 = less %i, %0 : bool[]
        %2 = scatter_add %y, %u, %i {axes=(0,)} : f64[n]
        %3 = if %1, %2, %u, %i : f64[n] {
          then(%a: f64[n], %b: f64[], %j: i64[]) -> f64[n] {
            %4 = gather %a, %j {axes=(0,)} : f64[]
            %5 = scatter %a, %4, %j {axes=(0,)} : f64[n]
            return %5
          }
          else(%c: f64[n], %d: f64[], %k: i64[]) -> f64[n] {
            return %c
          }
        }
        %6 = scatter_add %3, %u, %i {axes=(0,)} : f64[n]
        return %6""",
    "loop": """
        %0 = scatter %y, %u, %i {axes=(0,)} : f64[n]
        %1 = loop %0, %u, %i {trip=2, carried=1, sliced=0, reverse=false} : f64[n] {
          body(%j: i64[], %a: f64[n], %b: f64[], %k: i64[]) -> f64[n] {
            %2 = scatter_add %a, %b, %j {axes=(0,)} : f64[n]
            return %2
          }
        }
        return %1""",
    "part": """
        %0 = broadcast_to %u {shape=(2,)} : f64[2]
        %1 = slice %y {start=(1,), step=(2,), size=(2,)} : f64[2]
        %2 = mul %0, %1 : f64[2]
        %3 = update_slice %y, %2 {start=(1,), step=(2,), size=(2,)} : f64[n]
        return %3""",
    "part-moved-within": """
        %0 = slice %y {start=(n - 1,), step=(-1,), size=(2,)} : f64[2]
        %1 = update_slice %y, %0 {start=(n - 2,), step=(1,), size=(2,)} : f64[n]
        %2 = slice %1 {start=(0,), step=(1,), size=(1,)} : f64[1]
        %3 = update_slice %1, %2 {start=(2,), step=(1,), size=(1,)} : f64[n]
        return %3""",
    "recompute": """
        %0 = recompute %y, %u, %i {serial=0} : f64[n] {
          body(%a: f64[n], %b: f64[], %k: i64[]) -> f64[n] {
            %1 = gather %a, %k {axes=(0,)} : f64[]
            %2 = mul %1, %b : f64[]
            %3 = scatter_add %a, %2, %k {axes=(0,)} : f64[n]
            return %3
          }
        }
        return %0""",
}
# What reads the array as it was needs a copy of it, or of what is made from it.
COPIES = {
    "both": """
        %0 = scatter %y, %u, %i {axes=(0,)} : f64[n]
        %1 = gather %0, %i {axes=(0,)} : f64[]
        %2 = scatter %y, %1, %i {axes=(0,)} : f64[n]
        %3 = add %2, %0 : f64[n]
        return %3""",
    "passed-on": """
        %0 = loop %y, %u {trip=2, carried=2, sliced=0, reverse=false} : (f64[n], f64[]) {
          body(%j: i64[], %a: f64[n], %b: f64[]) -> (f64[n], f64[]) {
            %1 = gather %a, %j {axes=(0,)} : f64[]
            %2 = add %b, %1 : f64[]
            return %a, %2
          }
        }
        %3 = get %0 {index=0} : f64[n]
        %4 = get %0 {index=1} : f64[]
        %5 = scatter %y, %4, %i {axes=(0,)} : f64[n]
        %6 = gather %3, %i {axes=(0,)} : f64[]
        %7 = scatter_add %5, %6, %i {axes=(0,)} : f64[n]
        return %7""",
    "most-of-it": """
        %0 = slice %y {start=(1,), step=(1,), size=(n - 1,)} : f64[n-1]
        %1 = slice %y {start=(0,), step=(1,), size=(n - 1,)} : f64[n-1]
        %2 = add %0, %1 : f64[n-1]
        %3 = update_slice %y, %2 {start=(1,), step=(1,), size=(n - 1,)} : f64[n]
        return %3""",
    "in-another-shape": """
        %0 = reshape %y {shape=(n, 1)} : f64[n,1]
        %1 = scatter %y, %u, %i {axes=(0,)} : f64[n]
        %2 = gather %0, %i {axes=(0,)} : f64[1]
        %3 = reshape %2 {shape=()} : f64[]
        %4 = scatter_add %1, %3, %i {axes=(0,)} : f64[n]
        return %4""",
}


def loop(body: str) -> str:
    return f"""
        func @f(%x: f64[n], %v: f64[4]) -> f64[n] where n >= 4 {{
          %l = loop %x, %v {{trip=4, carried=1, sliced=1, reverse=false}} : f64[n] {{
            body(%i: i64[], %y: f64[n], %u: f64[]) -> f64[n] {{{body}
            }}
          }}
          return %l
        }}"""


@pytest.mark.parametrize("name", [*LOOPS, *COPIES])
def test_updates_in_place_compute_the_same(name):
    text = loop((LOOPS | COPIES)[name])
    x = np.arange(1.0, 7.0)
    v = np.array([0.5, -2.0, 3.0, 0.25])
    function = parse_function(text)
    (expected,) = evaluate(function, [x, v])
    (found,), _ = evaluate_plan(plan_of(text), [x, v])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", LOOPS)
def test_an_update_in_a_turn_moves_no_array(name):
    plan = plan_of(loop(LOOPS[name]))
    # Beside a copy of %x before the first turn.
    assert count_plan(plan, {"n": 10**6}).bytes_moved < 2.1 * 8 * 10**6


def test_a_part_is_written_where_the_array_lies():
    """What is written, and what is computed for that, and no more."""
    text = """
        func @f(%x: f64[n,m], %y: f64[k]) -> f64[n,m] where n >= 2, k == m {
          %0 = exp %x : f64[n,m]
          %1 = slice %0 {start=(n - 1, 0), step=(1, 1), size=(1, m)} : f64[1,m]
          %2 = update_slice %0, %1 {start=(0, 0), step=(1, 1), size=(1, m)} : f64[n,m]
          %3 = slice %2 {start=(1, 0), step=(1, 1), size=(n - 1, m)} : f64[n-1,m]
          %4 = mul %3, %y : f64[n-1,m]
          %5 = update_slice %2, %4 {start=(1, 0), step=(1, 1), size=(n - 1, m)} : f64[n,m]
          return %5
        }"""
    plan = plan_of(text)
    launches = [one for one in plan.body if isinstance(one, Launch)]
    row, rest = (str(launch.kernel) for launch in launches[-2:])
    last = [str(launch.arguments[-1].name) for launch in launches]
    assert last == ["result0", "t0", "result0", "result0"]
    assert "%r0: inout f64[n,m]" in row
    assert "parallel %p = 0 to ((m + 4095) // 4096)" in row
    assert "%r0: inout f64[n,m]" in rest
    assert "load %r0" in rest
    x, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([2.0, 3.0, 4.0])
    (expected,) = evaluate(parse_function(text), [x, y])
    (found,), _ = evaluate_plan(plan, [x, y])
    np.testing.assert_array_equal(found, expected)
