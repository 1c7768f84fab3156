"""Building a Function again."""

import pytest

from penstock.ir.dims import symbol
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.value import Builder, Function
from penstock.ir.graph.verify import verify
from penstock.ir.guards import Guard
from penstock.ir.location import Location
from penstock.ir.types import TensorType, f32
from penstock.passes.rewrite import inline, rewrite
from tests.passes.text import lines

n, m = symbol("n"), symbol("m")


def nothing(builder, value):
    return None


def test_a_function_that_stays_is_the_same_object():
    function = parse_function("""
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = recompute %x, %y {serial=0} : f32[n] {
        body(%a: f32[n], %b: f32[n]) -> f32[n] {
          %1 = add %a, %b : f32[n]
          return %1
        }
      }
      return %0
    }""")
    assert rewrite(function, nothing) is function


def traced(guards):
    """What a trace may give that learns ``m == n`` only after it used both."""
    builder = Builder()
    x, y = (
        builder.parameter(s, TensorType(f32, (z,))) for s, z in (("x", n), ("y", m))
    )
    region = Builder()
    own = region.parameter("a", y.type)
    body = Function("body", (own,), (region.add("neg", own),))
    reversed_ = {"start": (m - 1,), "step": (-1,), "size": (1,)}
    again = {"start": (n - 1,), "step": (-1,), "size": (1,)}
    results = (
        builder.add("recompute", y, regions=(body,), serial=0),
        builder.add("slice", x, **reversed_, locations=(Location("a.py", 1),)),
        builder.add("slice", x, **again, locations=(Location("a.py", 2),)),
    )
    return Function("f", (x, y), results, guards=guards)


def test_sizes_are_written_as_the_guards_say():
    after = """
    func @f(%x: f32[n], %y: f32[m]) -> (f32[n], f32[1], f32[1]) where m == n {
      %0 = recompute %y {serial=0} : f32[n] {
        body(%1: f32[n]) -> f32[n] {
          %2 = neg %1 : f32[n]
          return %2
        }
      }
      %3 = slice %x {start=(n - 1,), step=(-1,), size=(1,)} : f32[1] # a.py:1, a.py:2
      return %0, %3, %3
    }"""
    function = rewrite(traced((Guard(m, "==", n),)), nothing)
    verify(function)
    assert print_function(function) == lines(after)
    (control, sliced) = function.values
    assert control.type == control.regions[0].parameters[0].type
    assert sliced.attributes["start"] == (n - 1,)


def test_an_attribute_alone_may_change():
    builder = Builder()
    x, y = (
        builder.parameter(s, TensorType(f32, (z,))) for s, z in (("x", n), ("y", m))
    )
    last = builder.add("slice", x, start=(m - 1,), step=(1,), size=(1,))
    function = Function("f", (x, y), (last,), guards=(Guard(m, "==", n),))
    (sliced,) = rewrite(function, nothing).values
    assert sliced.attributes["start"] == (n - 1,)


def test_the_old_function_keeps_its_places():
    function = parse_function("""
    func @f(%x: f32[n]) -> (f32[n], f32[n]) {
      %0 = exp %x : f32[n]                         # a.py:1
      %1 = tanh %x : f32[n]                        # a.py:2
      return %0, %1
    }""")

    def merge(builder, value):
        if not value.is_op("tanh"):
            return None
        return builder.add("exp", *value.operands, locations=value.locations)

    after = rewrite(function, merge)
    assert [str(loc) for loc in after.values[0].locations] == ["a.py:1", "a.py:2"]
    assert [str(loc) for loc in function.values[0].locations] == ["a.py:1"]


@pytest.mark.parametrize("depth", [5000])
def test_deep_graphs_do_not_recurse(depth):
    builder = Builder()
    x = value = builder.parameter("x", TensorType(f32, (n,)))
    for _ in range(depth):
        value = builder.add("neg", value)
    function = Function("f", (x,), (value,))
    copied = Builder()
    (result,) = inline(copied, function, [copied.parameter("y", x.type)])
    assert result.is_op("neg")
    assert rewrite(function, nothing) is function
