"""The evaluator of Plans, held to NumPy."""

import linecache
from random import Random

import numpy as np
import pytest

from penstock.ir.errors import IndexOutOfBoundsError, RunError, VerifyError
from penstock.ir.plan.count import count_plan
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.text_parse import parse_plan
from tests.ir.plan.plans import CONTROL, COPY, RENAMED, WHOLE

random = np.random.default_rng(0)


@pytest.mark.parametrize("width", [1, 4])
def test_a_whole_plan(width):
    x = random.normal(size=(4, 8)).astype(np.float32)[::2, ::-2].T
    plan = parse_plan(WHOLE)
    (y,), numbers = evaluate_plan(
        plan, [x, 0.75], {"k": 7}, width=width, shuffle=Random(1)
    )
    wanted = (x[:, 0] + x[:, 1] * np.float32(2)) * np.float32(0.75)
    np.testing.assert_array_equal(y, wanted)
    assert numbers == [4, 14, 0.375, 3.0]


def test_a_kernel_serves_arrays_of_other_sizes():
    plan = parse_plan(RENAMED)
    x, w = np.arange(3, dtype=np.float32), np.arange(7, dtype=np.float32)
    (y, z), _ = evaluate_plan(plan, [x, w])
    assert (y.tolist(), z.tolist()) == (x.tolist(), w.tolist())
    count = count_plan(plan, {"n": 3, "m": 7})
    assert (count.launches, count.bytes_moved) == (2, 2 * 4 * (3 + 7))


def test_an_error_of_a_kernel_is_raised_with_its_place():
    # Another test may have had a file of this name.
    linecache.clearcache()
    x = np.zeros((7, 2), np.float32)
    with pytest.raises(IndexOutOfBoundsError) as caught:
        evaluate_plan(parse_plan(WHOLE), [x, 0.75], {"k": 7})
    assert str(caught.value) == 'model.py:12:9: error: row 5 is "bad" [bad-row]'


@pytest.mark.parametrize(
    ("first", "wanted"), [(3, [-192, -128]), (70, [140, 4]), (200, [-200, -2])]
)
def test_branches_and_loops(first, wanted):
    x = np.array([first, 2], np.float32)
    (y,), numbers = evaluate_plan(parse_plan(CONTROL), [x])
    assert y.tolist() == wanted
    assert numbers == []


@pytest.mark.parametrize(
    ("arguments", "integers", "message"),
    [
        ([np.zeros((4, 2), "f4")], {"k": 7}, "takes 2 arguments, not 1"),
        ([np.zeros((4, 2)), 1.0], {"k": 7},
         "the argument x is f64[4,2], not f32[n,2]"),
        ([np.zeros((4, 3), "f4"), 1.0], {"k": 7},
         "the argument x is f32[4,3], not f32[n,2]"),
        ([np.zeros((4, 2), "f4"), 1.0], {}, "the integers must be k"),
        ([np.zeros((1, 2), "f4"), 1.0], {"k": 7}, "the guard n >= 2 does not hold"),
        ([np.zeros((4, 2), "f4"), 0.5], {"k": 7},
         "the guard %rate > 0.5 does not hold"),
        ([np.zeros((4, 2), "f4"), 1.0], {"k": 2}, "the guard not k < 3 does not hold"),
    ],
)  # fmt: skip
def test_arguments_have_to_fit(arguments, integers, message):
    with pytest.raises(RunError) as caught:
        evaluate_plan(parse_plan(WHOLE), arguments, integers)
    assert str(caught.value) == f"error: plan @f: {message} [evaluate]"


def test_arrays_without_given_strides_are_in_c_order():
    with pytest.raises(RunError, match="the argument x must be in C order"):
        evaluate_plan(parse_plan(CONTROL), [np.zeros(8, np.float32)[::2]])


def test_one_symbol_is_one_size():
    plan = parse_plan(f"""
        plan @f(%x: f32[n], %z: f32[n]) -> (%y: f32[n]) {{
          launch @copy(%z, %y)
        }}
        {COPY}""")
    with pytest.raises(RunError, match="the size n is both 2 and 3"):
        evaluate_plan(plan, [np.zeros(2, np.float32), np.zeros(3, np.float32)])


def two_temporaries(arena: str, first: str, second: str, free: str = "") -> str:
    return f"""
        plan @f(%x: f32[n]) -> (%y: f32[n]) {{
          arena {arena}
          %t = alloc f32[n] at {first}
          launch @copy(%x, %t)
          {free}
          %u = alloc f32[n] at {second}
          launch @copy(%x, %u)
          launch @copy(%u, %y)
        }}
        {COPY}"""


@pytest.mark.parametrize(
    ("arena", "first", "second", "message"),
    [
        ("(8*n - 1)", "0", "(4*n)", "u is at 40 to 80 of 79 bytes"),
        ("(8*n)", "-4", "(4*n)", "t is at -4 to 36 of 80 bytes"),
        ("(8*n + 4)", "0", "(4*n + 1)", "u is at 41, which is not aligned"),
        ("(8*n)", "0", "36", "u at 36 to 76 overlaps t at 0 to 40"),
        ("(8*n)", "(4*n)", "4", "u at 4 to 44 overlaps t at 40 to 80"),
        ("(8*n)", "0", "0", "u at 0 to 40 overlaps t at 0 to 40"),
    ],
)
def test_the_arena_is_checked(arena, first, second, message):
    plan = parse_plan(two_temporaries(arena, first, second))
    with pytest.raises(VerifyError) as caught:
        evaluate_plan(plan, [np.arange(10, dtype=np.float32)])
    assert str(caught.value) == f"error: plan @f: {message} [arena]"


def test_memory_is_used_again_once_it_is_free():
    plan = parse_plan(two_temporaries("(4*n)", "0", "0", "free %t"))
    x = np.arange(10, dtype=np.float32)
    (y,), _ = evaluate_plan(plan, [x])
    np.testing.assert_array_equal(y, x)
    # Empty temporaries share a place with no one.
    evaluate_plan(parse_plan(two_temporaries("0", "0", "0")), [x[:0]])


def test_memory_that_is_not_written_holds_garbage():
    plan = parse_plan("""
        plan @f() -> (%y: f32[4]) { launch @half(%y) }
        kernel @half(%y: out f32[4]) {
          %0 = const 1 : f32
          serial %i = 0 to 4 step 2 { store %0, %y[%i] }
        }""")
    (y,), _ = evaluate_plan(plan, [])
    garbage = np.full(4, 0xA5, np.uint8).view(np.float32)[0]
    assert y.tolist() == [1, garbage, 1, garbage]


def test_a_kernel_may_see_an_array_in_another_shape():
    plan = parse_plan("""
        plan @f(%x: f32[n,m]) -> (%y: f32[m,n]) { launch @copy(%x, %y) }
        kernel @copy(%a: in f32[m*n], %b: out f32[m*n], n: index, m: index) {
          vector %i = 0 to (m*n) {
            %0 = load %a[%i] : f32
            store %0, %b[%i]
          }
        }""")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    (y,), _ = evaluate_plan(plan, [x])
    np.testing.assert_array_equal(y, x.reshape(3, 2))


def test_a_while_loop_runs_what_stands_before_its_condition_once_more():
    launches = CONTROL.replace("less %0, %1", "not_equal %0, %0")
    x = np.array([3, 2], np.float32)
    (y,), _ = evaluate_plan(parse_plan(launches), [x])
    assert y.tolist() == [3, 2]
