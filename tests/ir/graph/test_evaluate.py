"""The reference evaluator: what programs mean."""

import numpy as np
import pytest

from penstock.ir.errors import IndexOutOfBoundsError, RunError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function
from penstock.ir.op import op_named

LOOP = parse_function("""
func @power(%x: f64[n], k: int) -> (f64[n], i64[]) where k >= 0 {
  %0 = const 1.0 : f64[]
  %1 = broadcast_to %0 {shape=(n,)} : f64[n]
  %2 = const 0 : i64[]
  %3 = loop %1, %2, %x {trip=k, carried=3, sliced=0, reverse=false}
    : (f64[n], i64[], f64[n]) {
    body(%i: i64[], %product: f64[n], %sum: i64[], %base: f64[n])
        -> (f64[n], i64[], f64[n]) {
      %4 = mul %product, %base : f64[n]
      %5 = add %sum, %i : i64[]
      return %4, %5, %base
    }
  }
  %6 = get %3 {index=0} : f64[n]
  %7 = get %3 {index=1} : i64[]
  return %6, %7
}""")

BRANCH = parse_function("""
func @choose(%c: bool[], %x: f32[], %y: f32[]) -> f32[] {
  %0 = if %c, %x, %y : f32[] {
    then(%a: f32[], %b: f32[]) -> f32[] { return %a }
    else(%c1: f32[], %d: f32[]) -> f32[] { %1 = neg %d : f32[] return %1 }
  }
  return %0
}""")

COLLATZ = parse_function("""
func @steps(%x: i64[]) -> i64[] {
  %0 = const 0 : i64[]
  %1 = while %x, %0 : (i64[], i64[]) {
    cond(%x1: i64[], %count: i64[]) -> bool[] {
      %one = const 1 : i64[]
      %2 = not_equal %x1, %one : bool[]
      return %2
    }
    body(%x2: i64[], %count2: i64[]) -> (i64[], i64[]) {
      %one2 = const 1 : i64[]
      %two = const 2 : i64[]
      %three = const 3 : i64[]
      %half = floor_divide %x2, %two : i64[]
      %rest = remainder %x2, %two : i64[]
      %odd = equal %rest, %one2 : bool[]
      %triple = mul %x2, %three : i64[]
      %up = add %triple, %one2 : i64[]
      %next = select %odd, %up, %half : i64[]
      %more = add %count2, %one2 : i64[]
      return %next, %more
    }
  }
  %3 = get %1 {index=1} : i64[]
  return %3
}""")

EFFECTS = parse_function("""
func @show(%x: f32[n]) -> f32[n] {
  %0 = token : token
  %1 = print %0, %x {text="before"} : token
  %2 = loop %1, %x {trip=2, carried=2, sliced=0, reverse=false} : (token, f32[n]) {
    body(%i: i64[], %t: token, %y: f32[n]) -> (token, f32[n]) {
      %3 = print %t, %i {text="turn"} : token
      %4 = add %y, %y : f32[n]
      return %3, %4
    }
  }
  %5 = get %2 {index=0} : token
  %6 = get %2 {index=1} : f32[n]
  %7 = print %5, %6 {text="after"} : token
  return %6
  effects %7
}""")

GATHER = parse_function("""
func @take(%x: f32[n], %i: i64[m]) -> f32[m] {
  %0 = gather %x, %i {axes=(0,)} : f32[m]          # take.py:7:3
  return %0
}""")


def test_loops_carry_values_and_count():
    power, total = evaluate(LOOP, [np.array([1.0, 2.0, -3.0])], {"k": 4})
    np.testing.assert_array_equal(power, [1.0, 16.0, 81.0])
    assert total == 0 + 1 + 2 + 3
    assert evaluate(LOOP, [np.array([5.0])], {"k": 0})[0] == 1.0


def test_branches():
    one, two = np.float32(1), np.float32(2)
    assert evaluate(BRANCH, [np.True_, one, two]) == [1]
    assert evaluate(BRANCH, [np.False_, one, two]) == [-2]


def test_loops_until_a_condition():
    assert evaluate(COLLATZ, [np.int64(27)]) == [111]
    assert evaluate(COLLATZ, [np.int64(1)]) == [0]


def test_effects_keep_their_order():
    written = []
    (result,) = evaluate(
        EFFECTS,
        [np.array([1, 2], np.float32)],
        write=lambda text, array: written.append((text, array.tolist())),
    )
    assert result.tolist() == [4, 8]
    assert written == [("before", [1, 2]), ("turn", 0), ("turn", 1), ("after", [4, 8])]


def test_effects_go_to_standard_output(capsys):
    evaluate(EFFECTS, [np.array([1], np.float32)])
    assert capsys.readouterr().out == "before [1.]\nturn 0\nturn 1\nafter [4.]\n"


def test_results_share_no_memory_with_arguments():
    function = parse_function(
        "func @f(%x: f32[n]) -> (f32[n], f32[n]) { return %x, %x }"
    )
    x = np.zeros(3, np.float32)
    first, second = evaluate(function, [x])
    first[0] = second[1] = 1
    assert x.tolist() == [0, 0, 0]
    assert second[0] == 0


def test_strided_arguments_give_the_same_bits():
    function = parse_function("""
    func @f(%x: f32[n,m]) -> f32[] {
      %0 = transpose %x {permutation=(1, 0)} : f32[m,n]
      %1 = sum %0 {axes=(0, 1), keepdims=false} : f32[]
      return %1
    }""")
    x = np.random.default_rng(0).normal(size=(50, 70)).astype(np.float32)
    assert evaluate(function, [x]) == evaluate(function, [np.asfortranarray(x)])


@pytest.mark.parametrize(
    ("arguments", "integers", "message"),
    [
        ([], {"k": 1}, "error: @power: takes 1 arguments, not 0"),
        (
            [np.zeros(3, np.float32)],
            {"k": 1},
            "error: the argument x is f32[3], not f64[n]",
        ),
        ([np.zeros(())], {"k": 1}, "error: the argument x is f64[], not f64[n]"),
        ([np.zeros(3)], {}, "error: @power: the integer arguments must be k"),
        (
            [np.zeros(3)],
            {"k": -1},
            "error: @power: the guard k >= 0 does not hold (n = 3, k = -1)",
        ),
    ],
)
def test_arguments_that_do_not_fit(arguments, integers, message):
    with pytest.raises(RunError) as caught:
        evaluate(LOOP, arguments, integers)
    assert str(caught.value) == f"{message} [evaluate]"


def test_a_size_that_a_parameter_fixes():
    function = parse_function("func @f(%x: f32[n,3]) -> f32[n,3] { return %x }")
    assert evaluate(function, [np.zeros((2, 3), np.float32)])[0].shape == (2, 3)
    with pytest.raises(RunError, match=r"x is f32\[2,4\], not f32\[n,3\]"):
        evaluate(function, [np.zeros((2, 4), np.float32)])


def test_guards_on_floats():
    function = parse_function(
        "func @f(%rate: f64[]) -> f64[] where not %rate > 0.5 { return %rate }"
    )
    assert evaluate(function, [0.25]) == [0.25]
    assert np.isnan(evaluate(function, [np.nan])).all()
    with pytest.raises(RunError, match=r"the guard not %rate > 0\.5 does not hold"):
        evaluate(function, [0.75])


def test_an_index_out_of_range_is_an_error_at_its_place():
    x, index = np.arange(3, dtype=np.float32), np.array([0, -3, 2])
    assert evaluate(GATHER, [x, index])[0].tolist() == [0, 0, 2]
    with pytest.raises(IndexOutOfBoundsError) as caught:
        evaluate(GATHER, [x, np.array([0, 3])])
    assert str(caught.value) == (
        "take.py:7:3: error: index 3 is out of bounds for axis 0 with size 3 "
        "[index-out-of-bounds]\n"
        "  help: check indices before, or clip them: np.clip(i, 0, n - 1)"
    )


def test_a_result_is_held_against_its_type(monkeypatch):
    monkeypatch.setattr(op_named("exp"), "reference", lambda x: x.astype(np.float64))
    function = parse_function("""
    func @f(%x: f32[n]) -> f32[n] {
      %0 = exp %x : f32[n]                             # a.py:2
      return %0
    }""")
    with pytest.raises(RunError) as caught:
        evaluate(function, [np.zeros(2, np.float32)])
    assert str(caught.value) == (
        "a.py:2: error: exp gave f64[2], but its type is f32[2] [evaluate]"
    )


def test_numpy_does_not_warn():
    function = parse_function("""
    func @f(%x: f32[n]) -> f32[n] {
      %0 = div %x, %x : f32[n]
      %1 = log %0 : f32[n]
      return %1
    }""")
    assert isinstance(function, Function)
    (result,) = evaluate(function, [np.array([0, -1, np.inf], np.float32)])
    assert np.isnan(result).tolist() == [True, False, True]


def test_what_stands_for_a_graph_is_not_evaluated():
    function = parse_function("""
    func @f(%x: f64[]) -> f64[] {
      %0 = const 1.0 : f64[]
      %1 = vjp %x, %0 {wrt=(0,), of=(0,)} : (f64[], f64[]) {
        body(%2: f64[]) -> f64[] {
          %3 = sin %2 : f64[]
          return %3
        }
      }
      %4 = get %1 {index=1} : f64[]
      return %4
    }""")
    with pytest.raises(RunError, match="vjp is not evaluated: "):
        evaluate(function, [0.5])
