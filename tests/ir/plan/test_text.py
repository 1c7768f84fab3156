"""Plans print with their Kernels, and read back to the same text."""

from textwrap import dedent

import numpy as np
import pytest

from penstock.ir.dims import symbol
from penstock.ir.guards import Guard
from penstock.ir.plan.node import Alloc, Free, Launch, Plan, PlanBuffer
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.text_print import print_plan
from penstock.ir.plan.verify import verify_plan
from penstock.ir.reals import Real
from penstock.ir.types import TensorType, f32, f64
from tests.ir.plan.plans import PLANS, WHOLE


@pytest.mark.parametrize("text", PLANS, ids=["whole", "control", "renamed"])
def test_text_reads_back_to_itself(text):
    plan = parse_plan(text)
    verify_plan(plan)
    assert str(plan) == text


def test_kernels_and_locations_can_be_left_out():
    plan = parse_plan(WHOLE)
    alone = print_plan(plan, kernels=False, locations=False)
    assert alone == WHOLE.partition("\n\n")[0].replace("  # model.py:12:9", "")
    assert str(plan.errors[0].loc) == "model.py:12:9"


def test_one_kernel_may_be_launched_twice():
    kernels = WHOLE.count("kernel @")
    plan = parse_plan(WHOLE.replace("@f_1(%t, %rate, %u)", "@copy(%t, %u)").replace(
        WHOLE[WHOLE.index("kernel @f_1") : WHOLE.index("kernel @copy")], ""
    ))  # fmt: skip
    assert len(plan.kernels) == kernels - 1
    launches = [s for s in plan.statements() if isinstance(s, Launch)]
    assert launches[1].kernel is launches[2].kernel


def test_names_that_text_cannot_hold_are_changed():
    size = symbol("not")
    x = PlanBuffer("a b", TensorType(f32, (size,)), "parameter", strided=True)
    rate = PlanBuffer("a-b", TensorType(f64), "real")
    y = PlanBuffer("a b", TensorType(f32, (size * 2,)), "result")
    t = PlanBuffer("0", TensorType(f32, (size,)), "temporary")
    real = Real("*", (Real.parameter("a-b"), Real.of_size(size)))
    plan = Plan(
        "f g",
        (x, rate),
        ("max",),
        (y,),
        (Guard(real, "<", Real.constant(1.0)), Guard(size, ">", symbol("max"))),
        arena=size * 4,
        body=[Alloc(t, 0), Free(t)],
        returned=(size, real),
    )
    text = dedent("""\
        plan @f_g(%a_b: f32[not_] strided, %a_b1: float, max_: int) -> (%a_b2: f32[2*not_]) where (%a_b1 * float(not_)) < 1.0, not_ > max_ {
          arena (4*not_)
          %t0 = alloc f32[not_] at 0
          free %t0
          return not_, (%a_b1 * float(not_))
        }""")  # noqa: E501
    assert str(plan) == text


def test_constants_keep_their_bits():
    data = np.array([[0.1, -0.0], [np.nan, 1e-45]], np.float32)
    text = dedent("""\
        plan @f() -> (%y: f32[2,2]) {
          constant %c: f32[2,2] = [0.1, -0.0, nan, 1e-45]
          launch @copy(%c, %y)
        }
        kernel @copy(%a: in f32[4], %b: out f32[4]) {
          vector %i = 0 to 4 {
            %0 = load %a[%i] : f32
            store %0, %b[%i]
          }
        }""")
    plan = parse_plan(text)
    (constant,) = plan.constants
    assert constant.data is not None
    assert constant.data.tobytes() == data.tobytes()
    constant.data = np.arange(100, dtype=np.float32)
    constant.type = TensorType(f32, (100,))
    assert 'constant %c: f32[100] = hex"0000000000' in str(plan)
