"""``bind`` in the text of Plans: its scope, and what is refused."""

import pytest

from penstock.ir.errors import TextError
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.text_print import print_plan

HEAD = """\
plan @f(%x: f32[n], %number: i64[]) -> (%y: f32[n]) {
  error 0 RunError "negative-size" "the size is {value}"
  error 1 OutOfMemoryError "out-of-memory" "no {value} bytes"
"""
KERNELS = """
kernel @ones(%t: out f32[k], k: index) {
  %0 = const 1.0 : f32
  parallel %i = 0 to k {
    store %0, %t[%i]
  }
}

kernel @copy(%x: in f32[n], %y: out f32[n], n: index) {
  parallel %i = 0 to n {
    %0 = load %x[%i] : f32
    store %0, %y[%i]
  }
}"""
WHOLE = f"""{HEAD}\
  bind k to %number arena (4*k) else 0, 1 {{
    %t = alloc f32[k] at 0
    launch @ones(%t)
    free %t
    launch @copy(%x, %y)
  }}
  bind k to %number arena (4*k + 4) else 0, 1 {{
    %t1 = alloc f32[k] at 4
    launch @ones(%t1)
    free %t1
  }}
}}
{KERNELS}"""


def test_text_reads_back_to_itself():
    plan = parse_plan(WHOLE)
    assert str(plan) == WHOLE
    assert plan.bound == ("k",)


def test_a_symbol_that_text_cannot_hold_is_changed():
    plan = parse_plan(WHOLE)
    for statement in plan.body:
        statement.symbol = "min"
    assert "bind min_ to %number" in print_plan(plan)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("bind n to %number else 0, 1 { }", "n cannot name a size here"),
        ("bind min to %number else 0, 1 { }", "min cannot name a size here"),
        (
            "bind k to %number else 0, 1 { bind k to %number else 0, 1 { } }",
            "k cannot name a size here",
        ),
        ("bind k to %x else 0, 1 { }", "the number x is f32[n], but must be i64[]"),
        ("bind k to %number else 0, 2 { }", "it reports the error 2"),
        ("bind k to %number else 0 { }", "expected ',', found '{'"),
        ("bind k to %other else 0, 1 { }", "%other is not defined"),
        (
            "bind k to %number arena (4*j) else 0, 1 { }",
            "no parameter declares j",
        ),
        (
            "bind k to %number arena 4 else 0, 1 { %t = alloc f32[k] at 0 }",
            "a branch must free what it allocates, no more",
        ),
        ("%t = alloc f32[k] at 0 free %t", "no parameter declares k"),
        (
            "%t = alloc f32[n] at 0 bind k to %number else 0, 1 { launch @ones(%t) }",
            "t is f32[n], but must be f32[k]",
        ),
    ],
)
def test_what_is_refused(body, message):
    copy = KERNELS if "@ones" in body else KERNELS[KERNELS.index("\nkernel @copy") :]
    with pytest.raises(TextError) as caught:
        parse_plan(f"{HEAD}{body} launch @copy(%x, %y) }}\n{copy}")
    assert message in str(caught.value)
