"""Guards for what a graph needs of sizes and does not say."""

from textwrap import dedent

import numpy as np
import pytest

from penstock.ir.errors import RunError, VerifyError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.requirements import with_requirements
from penstock.ir.graph.text_parse import parse_function

CASES = {
    "slice of a constant size": (
        "func @f(%x: f32[n]) -> f32[4]",
        "",
        "%0 = slice %x {start=(9,), step=(3,), size=(4,)} : f32[4]",
        "n - 19 >= 0",
    ),
    "slice backwards": (
        "func @f(%x: f32[n]) -> f32[4]",
        "",
        "%0 = slice %x {start=(9,), step=(-3,), size=(4,)} : f32[4]",
        "n - 10 >= 0",
    ),
    "slice that may be empty": (
        "func @f(%x: f32[n], k: int) -> f32[k]",
        "",
        "%0 = slice %x {start=(3,), step=(1,), size=(k,)} : f32[k]",
        "k >= 0, -k*k + k*n - 3*k >= 0",
    ),
    "slice by an unknown step": (
        "func @f(%x: f32[9], k: int) -> f32[2]",
        "",
        "%0 = slice %x {start=(4,), step=(k,), size=(2,)} : f32[2]",
        "min(4, k + 4) >= 0, -max(4, k + 4) + 8 >= 0",
    ),
    "update": (
        "func @f(%x: f32[n], %y: f32[4], k: int) -> f32[n]",
        "",
        "%0 = update_slice %x, %y {start=(k,), step=(2,), size=(4,)} : f32[n]",
        "k >= 0, -k + n - 7 >= 0",
    ),
    "negative size": (
        "func @f(%x: f32[n]) -> f32[n-5]",
        "",
        "%0 = iota {shape=(n - 5,), axis=0, dtype=f32} : f32[n-5]",
        "n - 5 >= 0",
    ),
    "reshape with a remainder": (
        "func @f(%x: f32[n]) -> f32[2,n//2]",
        "",
        "%0 = reshape %x {shape=(2, n // 2)} : f32[2,n//2]",
        "n - (n % 2) == n",
    ),
    "what guards say": (
        "func @f(%x: f32[n]) -> f32[4]",
        "n >= 20",
        "%0 = slice %x {start=(9,), step=(3,), size=(4,)} : f32[4]",
        "n >= 20",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_requirements_become_guards(case):
    head, before, line, after = CASES[case]

    def function(guards):
        where = f" where {guards}" if guards else ""
        return f"{head}{where} {{\n  {line}\n  return %0\n}}"

    found = with_requirements(parse_function(function(before)))
    assert str(found).strip() == function(after)


def test_requirements_within_regions():
    loop = """
    func @f(%x: f32[n], k: int) -> f32[] {
      %0 = const 0.0 : f32[]
      %1 = loop %0, %x {trip=k, carried=1, sliced=0, reverse=false} : f32[] {
        body(%2: i64[], %3: f32[], %4: f32[n]) -> f32[] {
          %5 = slice %4 {start=(2,), step=(1,), size=(1,)} : f32[1]
          %6 = sum %5 {axes=(0,), keepdims=false} : f32[]
          %7 = add %3, %6 : f32[]
          return %7
        }
      }
      return %1
    }"""
    found = with_requirements(parse_function(dedent(loop)))
    assert ", ".join(map(str, found.guards)) == "k >= 0, n - 3 >= 0"


def test_requirements_of_sizes_that_only_the_program_knows():
    born = parse_function("""
    func @f(%n: i64[], %x: f64[m]) -> f64[] {
      %0 = bind %n, %x {symbol=k} : f64[] {
        body(%1: f64[m]) -> f64[] {
          %2 = slice %1 {start=(0,), step=(1,), size=(k,)} : f64[k]
          %3 = sum %2 {axes=(0,), keepdims=false} : f64[]
          return %3
        }
      }
      return %0
    }""")
    assert evaluate(born, [np.array(2), np.arange(3.0)])[0] == 1
    with pytest.raises(VerifyError) as caught:
        with_requirements(born)
    assert str(caught.value) == (
        "error: @f: whether -k*k + k*m >= 0 is known only when it runs [verify]\n"
        "  help: the evaluator runs it: leave out --compiled"
    )


def test_the_evaluator_asks_for_them():
    function = parse_function("""
    func @f(%x: f32[n], k: int) -> f32[n] {
      %0 = slice %x {start=(1,), step=(1,), size=(k,)} : f32[k]
      %1 = update_slice %x, %0 {start=(5,), step=(-1,), size=(k,)} : f32[n]
      return %1
    }""")
    x = np.arange(6, dtype=np.float32)
    found = evaluate(function, [x], {"k": 3})[0]
    np.testing.assert_array_equal(found, [0, 1, 2, 3, 2, 1])
    with pytest.raises(RunError) as caught:
        evaluate(function, [np.arange(9, dtype=np.float32)], {"k": 8})
    assert caught.value.message == "update_slice: -k*k + 6*k >= 0 does not hold"
    assert caught.value.code == "evaluate"
