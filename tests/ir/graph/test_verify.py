"""Functions that break a rule of graphs: each message, whole."""

from types import MappingProxyType

import pytest

from penstock.ir.attribute_kinds import kind_of
from penstock.ir.dims import symbol
from penstock.ir.errors import TextError, VerifyError
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.graph.verify import verify
from penstock.ir.guards import Guard
from penstock.ir.location import Location
from penstock.ir.op import OPS, Op, op_named
from penstock.ir.reals import Real
from penstock.ir.types import TOKEN, TensorType, TupleType, f32, f64, i64
from tests.ir.graph.test_text import WHOLE

n, m = symbol("n"), symbol("m")
VECTOR = TensorType(f32, (n,))
SCALAR = TensorType(f32)


def parameter(name="x", type_=VECTOR):
    return Builder().parameter(name, type_)


def value(op, *operands, type_=VECTOR, regions=(), locations=(), **attributes):
    """A Value that no Builder has looked at."""
    op = op if isinstance(op, type) else op_named(op)
    frozen = MappingProxyType(attributes)
    return Value(op, operands, frozen, tuple(regions), type_, locations)


def refused(function):
    with pytest.raises(VerifyError) as caught:
        verify(function)
    assert caught.value.code == "verify"
    return str(caught.value)


x = parameter()


class Unknown(Op):
    """An op that nobody registered."""

    name = "unknown"


def region(*results, parameters=(x,), **keywords):
    return Function("body", parameters, results, **keywords)


def recompute(body, *operands, type_=VECTOR):
    return value("recompute", *operands, type_=type_, regions=[body], serial=0)


start = value("token", type_=TOKEN)
shown = value("print", start, x, type_=TOKEN, text="x")

CASES = {
    "a parameter's size": (
        Function("f", (parameter("x", TensorType(f32, (n + 1,))),), ()),
        ("error: @f: the size n + 1 of a parameter is neither a symbol nor a number "
        "[verify]"),
    ),
    "a negative size": (
        Function("f", (parameter("x", TensorType(f32, (-1,))),), ()),
        ("error: @f: the size -1 of a parameter is neither a symbol nor a number "
        "[verify]"),
    ),
    "one symbol twice": (
        Function("f", (x, parameter("y")), ()),
        ("error: @f: two axes of parameters have the size n [verify]\n"
        "  help: give each its own symbol, and add a guard such as m == n"),
    ),
    "an integer that is a size": (
        Function("f", (x,), (), integers=("n",)),
        "error: @f: n is declared twice [verify]",
    ),
    "one parameter twice": (
        Function("f", (parameter("s", SCALAR),) * 2, ()),
        "error: @f: two parameters are one Value [verify]",
    ),
    "a parameter that is none": (
        Function("f", (value("exp", x),), ()),
        "error: @f: <exp : f32[n]> is no array parameter [verify]",
    ),
    "a token as a parameter": (
        Function("f", (parameter("t", TOKEN),), ()),
        "error: @f: <parameter : token> is no array parameter [verify]",
    ),
    "a guard on unknown symbols": (
        Function("f", (x,), (), guards=(Guard(n, "==", m),)),
        "error: @f: the guard n == m asks about m [verify]",
    ),
    "a guard on unknown floats": (
        Function(
            "f",
            (x,),
            (),
            guards=(Guard(Real.parameter("x"), ">", Real.constant(0.5)),),
        ),
        "error: @f: the guard %x > 0.5 asks about x, no f64[] [verify]",
    ),
    "a token as a result": (
        Function("f", (x,), (start,)),
        "error: @f: returns token, which is no array [verify]",
    ),
    "a parameter of another Function": (
        Function("f", (), (value("exp", x),)),
        ("error: reads a parameter of another Function, in: "
        '%0 = parameter {name="x"} : f32[n] [verify]'),
    ),
    "an op that is not registered": (
        Function("f", (x,), (value(Unknown, x),)),
        "error: the op is not registered, in: %0 = unknown %x : f32[n] [verify]",
    ),
    "an unknown symbol": (
        Function("f", (x,), (value("dim", type_=TensorType(i64), size=m * 2),)),
        "error: no parameter declares m, in: %0 = dim {size=2*m} : i64[] [verify]",
    ),
    "a wrong type, at its place": (
        Function(
            "f",
            (x,),
            (value("exp", x, type_=SCALAR, locations=(Location("a.py", 3, 4, 9),)),),
        ),
        ("a.py:3:5: error: the type is f32[], not f32[n], in: "
        "%0 = exp %x : f32[] [verify]"),
    ),
    "operands that do not fit": (
        Function("f", (x,), (value("add", x, type_=VECTOR),)),
        "error: add: takes 2 operands, not 1, in: %0 = add %x : f32[n] [verify]",
    ),
    "attributes that are not declared": (
        Function("f", (x,), (value("exp", x, axis=0),)),
        ("error: exp: has the attributes axis, but must have none, in: "
        "%0 = exp %x {axis=0} : f32[n] [verify]"),
    ),
    "attributes of another kind": (
        Function("f", (x,), (value("sum", x, type_=SCALAR, axes=0, keepdims=0),)),
        ("error: sum: axes is 0, but must be a tuple of integers, in: "
        "%0 = sum %x {axes=0, keepdims=0} : f32[] [verify]"),
    ),
    "a Value twice": (
        Function("f", (x,), (value("exp", x), value("exp", x))),
        "error: a Value stands twice, in: %1 = exp %x : f32[n] [verify]",
    ),
    "a missing region": (
        Function("f", (x,), (value("recompute", x, serial=0),)),
        ("error: recompute: its regions are missing, in: "
        "%0 = recompute %x {serial=0} : f32[n] [verify]"),
    ),
    "a region that reads what is outside": (
        Function("f", (x,), (recompute(region(x, parameters=()), type_=VECTOR),)),
        ("error: a region shares a Value with what is around it, in: "
        '%1 = parameter {name="x"} : f32[n] [verify]'),
    ),
    "a region with guards": (
        Function(
            "f",
            (x,),
            (recompute(region(p := parameter("a"), parameters=(p,),
                              guards=(Guard(n, ">", 1),)), x),),
        ),
        ("error: a region has guards or integer arguments, in: "
        "%0 = recompute %x {serial=0} : f32[n] [verify]"),
    ),
    "a region that keeps a token": (
        Function(
            "f",
            (x,),
            (recompute(region(p := parameter("a"), parameters=(p,),
                              effects=(value("token", type_=TOKEN),)), x),),
        ),
        ("error: a region keeps a token that it must return, in: "
        "%0 = recompute %x {serial=0} : f32[n] [verify]"),
    ),
    "a region of another type": (
        Function("f", (x,), (recompute(region(q := parameter("a", SCALAR),
                                              parameters=(q,)), x),)),
        ("error: recompute: a region takes (f32[]) but gets (f32[n]), in: "
        "%0 = recompute %x {serial=0} : f32[n] [verify]"),
    ),
    "an effect that is no token": (
        Function("f", (x,), (), effects=(value("exp", x),)),
        "error: an effect is no token, in: %0 = exp %x : f32[n] [verify]",
    ),
    "a token used twice": (
        Function("f", (x,), (), effects=(start, shown)),
        "error: the token is used 2 times, not 1, in: %0 = token : token [verify]",
    ),
    "a token that a region loses": (
        Function(
            "f",
            (x,),
            (
                value(
                    "get",
                    recompute(
                        region(p := parameter("a"), value("token", type_=TOKEN),
                               parameters=(p,)),
                        x,
                        type_=TupleType((VECTOR, TOKEN)),
                    ),
                    index=0,
                ),
            ),
        ),
        ("error: the token 1 is lost, in: "
        "%0 = recompute %x {serial=0} : (f32[n], token) [verify]"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule(name):
    function, message = CASES[name]
    assert refused(function) == message


def test_a_valid_function_passes():
    verify(parse_function(WHOLE))
    verify(Function("f", (x,), (x,), effects=(shown,)))


def test_types_are_compared_as_the_guards_let_them_be_written():
    y = parameter("y", TensorType(f32, (m,)))
    rate = parameter("rate", TensorType(f64))
    half = Guard(Real.parameter("rate"), "<", Real.constant(0.5))
    total = value("add", x, y, type_=TensorType(f32, (m,)))
    verify(Function("f", (x, y, rate), (total,), guards=(Guard(m, "==", n), half)))
    assert "cannot broadcast f32[n] with f32[m]" in refused(
        Function("f", (x, y), (total,))
    )


def test_tokens_pass_through_loops():
    function = parse_function("""
    func @f(%x: f32[n]) -> f32[n] {
      %0 = token : token
      %1 = while %0, %x : (token, f32[n]) {
        cond(%2: token, %3: f32[n]) -> bool[] {
          %4 = const false : bool[]
          return %4
        }
        body(%5: token, %6: f32[n]) -> (token, f32[n]) {
          %7 = print %5, %6 {text="x"} : token
          return %7, %6
        }
      }
      %8 = get %1 {index=0} : token
      %9 = get %1 {index=1} : f32[n]
      return %9
      effects %8
    }""")
    verify(function)


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_the_attributes_of_every_op_have_a_kind(op):
    for name in op.attributes:
        assert kind_of(op, name) is not None, name


LOOP = """
func @f(%x: f32[n], k: int) -> f32[] {{
  %0 = const 0.0 : f32[]
  %1 = loop %0 {{trip=4, carried=1, sliced=0, {}}} : f32[] {{
    body(%2: i64[], %3: f32[]) -> f32[] {{
      return %3
    }}
  }}
  return %1
}}"""


def test_attributes_of_another_kind():
    verify(parse_function(LOOP.format("reverse=true")))
    with pytest.raises(TextError) as caught:
        parse_function(LOOP.format("reverse=k"))
    assert caught.value.message == "loop: reverse is k, but must be a bool"


def test_philox_has_two_halves():
    text = """
    func @f(%x: u64[n]) -> u64[n] {{
      %0 = philox %x, %x, %x {{half={}}} : u64[n]
      return %0
    }}"""
    verify(parse_function(text.format(1)))
    for half in (2, -1, "true"):
        with pytest.raises(TextError, match=r"half is .*, but must be 0 or 1"):
            parse_function(text.format(half))
