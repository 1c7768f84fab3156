"""Sizes that are born while a program runs: their memory, and what can go wrong."""

from random import Random

import numpy as np
import pytest

from penstock.ir.errors import OutOfMemoryError, RunError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Alloc, PlanBind
from penstock.ir.plan.text_parse import parse_plan
from tests.lower.lowering import host_program, plan_of
from tests.native_program import compile_function

POWERS = """
    func @f(%n: i64[], %x: f64[m]) -> f64[m] {
      %0 = bind %n, %x {symbol=k} : f64[m] {  # model.py:3:5
        body(%a: f64[m]) -> f64[m] {
          %1 = iota {shape=(k,), axis=0, dtype=f64} : f64[k]
          %2 = cumsum %1 {axis=0} : f64[k]
          %3 = loop %a, %2 {trip=k, carried=1, sliced=1, reverse=true} : f64[m] {
            body(%i: i64[], %b: f64[m], %c: f64[]) -> f64[m] {
              %d = mul %b, %c : f64[m]
              %e = sub %d, %b : f64[m]
              return %e
            }
          }
          return %3
        }
      }
      return %0
    }
"""

# Within, one of another size; beside it one of the same name.
NESTED = """
    func @g(%n: i64[], %x: f64[]) -> (f64[], f64[]) {
      %0 = bind %n, %x {symbol=k} : f64[] {
        body(%a: f64[]) -> f64[] {
          %1 = broadcast_to %a {shape=(k,)} : f64[k]
          %2 = cumsum %1 {axis=0} : f64[k]
          %3 = dim {size=k*k} : i64[]
          %4 = bind %3, %a {symbol=p} : f64[] {
            body(%b: f64[]) -> f64[] {
              %5 = broadcast_to %b {shape=(p,k)} : f64[p,k]
              %6 = cumprod %5 {axis=0} : f64[p,k]
              %7 = sum %6 {axes=(0, 1), keepdims=false} : f64[]
              return %7
            }
          }
          %8 = max %2 {axes=(0,), keepdims=false} : f64[]
          %9 = add %8, %4 : f64[]
          return %9
        }
      }
      %10 = bind %n, %0 {symbol=k} : f64[] {
        body(%c: f64[]) -> f64[] {
          %11 = broadcast_to %c {shape=(k, 3)} : f64[k,3]
          %12 = cumsum %11 {axis=1} : f64[k,3]
          %13 = sum %12 {axes=(0, 1), keepdims=false} : f64[]
          return %13
        }
      }
      return %0, %10
    }
"""


def test_the_plan(golden):
    plan = plan_of(POWERS)
    golden(host_program(plan))
    assert str(parse_plan(str(plan))) == str(plan)


@pytest.mark.parametrize("text", [POWERS, NESTED])
@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_all_levels_agree(text, number):
    x = np.array(0.7) if text is NESTED else np.linspace(-1, 1, 5)
    function = parse_function(text)
    wanted = evaluate(function, [np.array(number), x])
    by_plan, _ = evaluate_plan(
        plan_of(text), [np.array(number), x], shuffle=Random(1), width=4
    )
    native = compile_function(function)([np.array(number), x])
    for a, b, c in zip(wanted, by_plan, native, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-14)
        np.testing.assert_allclose(c, a, rtol=1e-14)


def test_no_turn():
    x = np.linspace(-1, 1, 5)
    (native,) = compile_function(parse_function(POWERS))([np.array(0), x])
    np.testing.assert_array_equal(native, x)


def test_what_depends_on_the_size_lies_in_the_block():
    plan = plan_of(NESTED)
    binds = [s for s in plan.statements() if isinstance(s, PlanBind)]
    assert [bind.symbol for bind in binds] == ["k", "p", "k"]
    for bind in binds:
        allocs = [s for s in bind.body if isinstance(s, Alloc)]
        assert any(bind.symbol in str(s.buffer.type) for s in allocs)
    outside = [s for s in plan.body if isinstance(s, Alloc)]
    assert all("k" not in str(s.buffer.type) for s in outside)
    assert not {"k", "p"} & set(str(plan.arena))
    assert not {"k", "p"} & set(str(plan.work))


@pytest.mark.parametrize("number", [2**50, 2**60, 2**62])
def test_memory_that_there_is_not(number):
    plan = plan_of(POWERS)
    with pytest.raises(OutOfMemoryError) as caught:
        evaluate_plan(plan, [np.array(number), np.ones(2)])
    assert isinstance(caught.value, MemoryError)
    assert str(caught.value).startswith("model.py:3:5: error: there are no ")
    native = compile_function(parse_function(POWERS))
    with pytest.raises(AssertionError, match=r"^error 2, value"):
        native([np.array(number), np.ones(2)])
    native([np.array(3), np.ones(2)])


def test_a_number_below_zero():
    arguments = [np.array(-3), np.ones(2)]
    with pytest.raises(RunError, match="the size k is -3, below 0"):
        evaluate_plan(plan_of(POWERS), arguments)
    native = compile_function(parse_function(POWERS))
    with pytest.raises(AssertionError, match=r"^error 1, value -3"):
        native(arguments)
