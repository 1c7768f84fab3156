"""The rules of the plan level that no text can break."""

import numpy as np
import pytest

from penstock.ir.errors import VerifyError
from penstock.ir.plan.node import Launch, Plan, PlanBuffer
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.verify import verify_plan
from penstock.ir.types import TensorType, f32, f64
from tests.ir.plan.plans import PLANS, WHOLE


def refused(plan: Plan) -> str:
    with pytest.raises(VerifyError) as caught:
        verify_plan(plan)
    return str(caught.value)


@pytest.mark.parametrize("text", PLANS, ids=["whole", "control", "renamed"])
def test_what_keeps_the_rules_passes(text):
    verify_plan(parse_plan(text))


def test_buffers_have_the_role_of_their_place():
    x = PlanBuffer("x", TensorType(f32), "temporary")
    assert refused(Plan("f", (x,), (), ())) == (
        "error: plan @f: x is no parameter [verify]"
    )
    assert "x is no result" in refused(Plan("f", (), (), (x,)))
    assert "x is no constant" in refused(Plan("f", (), (), (), constants=(x,)))
    x.role = "result"
    assert "an array has two roles" in refused(Plan("f", (), (), (x, x)))


def test_a_float_argument_is_a_number():
    x = PlanBuffer("x", TensorType(f32), "real")
    assert "the float x is f32[]" in refused(Plan("f", (x,), (), ()))
    x.type = TensorType(f64)
    verify_plan(Plan("f", (x,), (), ()))


def test_constants_have_data_of_their_type():
    x = PlanBuffer("x", TensorType(f32, (2,)), "constant")
    assert "x has no data" in refused(Plan("f", (), (), (), constants=(x,)))
    x.data = np.zeros(2)
    message = "the data of x are not f32[2]"
    assert message in refused(Plan("f", (), (), (), constants=(x,)))


def test_a_message_names_the_kernel():
    plan = parse_plan(WHOLE)
    (launch, *_) = (s for s in plan.statements() if isinstance(s, Launch))
    launch.arguments = launch.arguments[:1]
    assert refused(plan) == (
        "error: plan @f: launch of @f_0: it takes 3 arrays, not 1 [verify]"
    )


def test_kernels_have_names_of_their_own():
    plan = parse_plan(WHOLE)
    for kernel in plan.kernels:
        kernel.name = "same"
    assert "two kernels are @same" in refused(plan)


def test_sizes_are_declared():
    plan = parse_plan(WHOLE)
    plan.parameters[0].type = TensorType(f32, (4, 2))
    assert "needs n, which is not given" in refused(plan)


def test_equal_sizes_may_be_written_in_two_ways():
    text = WHOLE.replace("where n >= 2", "where n >= 2, n == k")
    verify_plan(parse_plan(text.replace("alloc f32[n]", "alloc f32[k]")))
    with pytest.raises(ValueError, match="but must be f32"):
        parse_plan(WHOLE.replace("alloc f32[n]", "alloc f32[k]"))


@pytest.mark.parametrize("taken", ["n,8,%s,%s", "8*n,%s,%s"])
def test_products_of_quotients_may_look_unlike_each_other(taken):
    taken %= ("((k-1)//3)+1", "((p-1)//3)+1")
    rank = taken.count(",") + 1
    places = ", ".join(f"%i{axis}" for axis in range(rank))
    loops = "".join(
        f"{'parallel' if axis == 0 else 'serial'} %i{axis} = 0 to ({size}) {{\n"
        for axis, size in enumerate(taken.split(","))
    )
    parse_plan(f"""
    plan @f(%x: f64[n,k,p], %y: f64[u,v,w,n2]) -> (%z: f64[{taken}])
        where k >= 1, p >= 1, u == n, v == 8, w == ((k-1)//3)+1, n2 == ((p-1)//3)+1 {{
      launch @copy(%y, %z)
    }}
    kernel @copy(%a: in f64[{taken}], %b: out f64[{taken}],
                 n: index, k: index, p: index) {{
      {loops}
        %0 = load %a[{places}] : f64
        store %0, %b[{places}]
      {"}" * rank}
    }}""")


def test_sizes_are_not_negative():
    """So one below 1 is 0, as in the graph."""
    text = """\
plan @f(%x: f32[n,m], k: int) -> (%result: f32[0]) where n < 1, k < 1 {
  launch @f_0(%x, %result)
}

kernel @f_0(%a0: in f32[0,m], %r0: out f32[0], m: index) {
  parallel %p = 0 to 0 {
    %0 = load %a0[%p, 0] : f32
    store %0, %r0[%p]
  }
}
"""
    plan = parse_plan(text)
    assert str(parse_plan(str(plan))) == str(plan)
