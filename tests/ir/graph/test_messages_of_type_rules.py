"""What the type rules of ops say of graph text that breaks them, each whole."""

# ruff: noqa: E501

import pytest

from penstock.ir.errors import TextError
from penstock.ir.graph.text_parse import parse_function

# The parameters, the Value, its message, and the help.
# fmt: off
CASES = [
    ('%x: f32[3], %y: f64[3]',
     'contract %x, %y {spec="i,i->"} : f32[]',
     'contract: operands are f32 and f64', None),
    ('%x: f32[3], %y: f32[3]',
     'contract %x, %y {spec="i->i"} : f32[]',
     "contract: 'i->i' does not fit [f32[3], f32[3]]", None),
    ('%x: f32[3]',
     'contract %x {spec="i"} : f32[]',
     "contract: 'i' names no result", None),
    ('%x: f32[3]',
     'contract %x {spec="i->j"} : f32[]',
     "contract: 'i->j' has no such result", None),
    ('%x: f32[3]',
     'contract %x {spec="ij->i"} : f32[]',
     "contract: 'ij' does not letter the axes of f32[3]", None),
    ('%x: f32[3], %y: f32[4]',
     'contract %x, %y {spec="i,i->"} : f32[]',
     "contract: 'i' in 'i,i->' is both 3 and 4", None),
    ('%x: f32[1,1,5], %y: f64[1,1,3]',
     'convolution %x, %y {stride=(1,), low=(0,), high=(0,), dilation=(1,), groups=1, partial=false} : f32[1,1,3]',
     'convolution: operands are f32 and f64', None),
    ('%x: f32[1,5], %y: f32[1,3]',
     'convolution %x, %y {stride=(1,), low=(0,), high=(0,), dilation=(1,), groups=1, partial=false} : f32[1,1,3]',
     'convolution: f32[1,5] and f32[1,3] do not fit strides (1,)', 'x is [N, C, X...] and w is [O, C / groups, K...]'),
    ('%x: f32[1,2,5], %y: f32[1,1,3]',
     'convolution %x, %y {stride=(1,), low=(0,), high=(0,), dilation=(1,), groups=1, partial=false} : f32[1,1,3]',
     'convolution: f32[1,2,5] has 2 channels, f32[1,1,3] with 1 groups takes 1', None),
    ('%x: f32[1,1,2], %y: f32[1,1,9]',
     'convolution %x, %y {stride=(1,), low=(0,), high=(0,), dilation=(1,), groups=1, partial=false} : f32[1,1,3]',
     'convolution: the kernel of f32[1,1,9] is larger than f32[1,1,2] with padding', None),
    ('%x: f32[3]',
     'iota {shape=(3,), axis=1, dtype=i64} : i64[3]',
     'iota: axis 1 is not in 1 axes', None),
    ('%x: f32[3], %y: f64[3]',
     'add %x, %y : f32[3]',
     'add: operands are f32 and f64, but must be of one dtype', None),
    ('%x: f32[3]',
     'polygamma %x {order=21} : f32[3]',
     'polygamma: order 21 is not from 1 to 20', None),
    ('%x: f32[3], %i: i64[2]',
     'gather %x, %i {axes=(1,)} : f32[2]',
     'gather: axes (1,) do not fit f32[3] and 1 index arrays', None),
    ('%x: f32[3,3], %i: i64[2], %j: i64[3]',
     'gather %x, %i, %j {axes=(0, 1)} : f32[2]',
     'gather: index arrays i64[2] and i64[3] differ in shape', None),
    ('%x: f32[3], %y: f32[3], %i: i64[2]',
     'scatter %x, %y, %i {axes=(0,)} : f32[3]',
     'scatter: updates are f32[3], but must be f32[2]', None),
    ('%x: f32[3], %y: f32[3]',
     'concatenate %x, %y {axis=1} : f32[6]',
     'concatenate: axis 1 does not fit f32[3]', None),
    ('%x: f32[3,2], %y: f32[3,3]',
     'concatenate %x, %y {axis=0} : f32[6]',
     'concatenate: f32[3,2] and f32[3,3] differ beyond axis 0', None),
    ('%x: f32[3], %y: f64[3]',
     'concatenate %x, %y {axis=0} : f32[6]',
     'concatenate: operands are f32 and f64', None),
    ('%x: f32[3], %y: f32[3]',
     'pad %x, %y {low=(1,), high=(1,)} : f32[5]',
     'pad: fill is f32[3], but must be f32[]', None),
    ('%x: f32[3], %y: f32[]',
     'pad %x, %y {low=(1, 1), high=(1,)} : f32[5]',
     'pad: widths (1, 1), (1,) do not fit f32[3]', None),
    ('%x: f32[3], %y: f32[]',
     'pad %x, %y {low=(-2,), high=(-2,)} : f32[5]',
     'pad: widths (-2,), (-2,) cut off more than f32[3] has', None),
    ('%x: f32[3]',
     'reshape %x {shape=(4,)} : f32[4]',
     'reshape: f32[3] has 3 elements, [4] would have 4', None),
    ('%x: f32[3]',
     'broadcast_to %x {shape=(4,)} : f32[4]',
     'broadcast_to: cannot broadcast f32[3] to [4]', 'only axes of size 1, and new leading axes, can be repeated'),
    ('%x: f32[3]',
     'sort %x {axis=1} : f32[3]',
     'sort: axis 1 does not fit an array of 1 axes', None),
    ('%x: f32[3], %y: f64[3]',
     'recurrence %x, %y {axis=0} : f32[3]',
     'recurrence: operands are f32[3] and f64[3]', None),
    ('%x: f32[3]',
     'argmax %x {axis=1, keepdims=false} : i64[]',
     'argmax: axis 1 does not fit an array of 1 axes', None),
    ('%x: f32[3], %h: bool[2]',
     'require %x, %h {text="none", code="no-elements"} : f32[3]',
     'require: bool[2] does not say it of each in f32[3]', None),
    ('%x: f32[3], %y: f32[2]',
     'searchsorted %x, %y {side="left", batch_axes=1} : i64[2]',
     'searchsorted: f32[2] does not fit tables f32[3] along 1 axes', None),
    ('%x: f32[3], %y: f32[2]',
     'searchsorted %x, %y {side="most", batch_axes=0} : i64[2]',
     "searchsorted: side is 'most', not left or right", None),
    ('%x: f32[3]',
     'slice %x {start=(0, 0), step=(1,), size=(1,)} : f32[1]',
     'slice: slices do not fit an array of 1 axes', None),
    ('%x: f32[3]',
     'slice %x {start=(2,), step=(1,), size=(2,)} : f32[2]',
     'slice: elements 2 to 3 lie outside an axis of 3', None),
    ('%x: f32[3]',
     'slice %x {start=(0,), step=(1,), size=(-1,)} : f32[2]',
     'slice: a slice of -1 elements', None),
    ('%x: f32[3], %y: f32[2]',
     'update_slice %x, %y {start=(0,), step=(0,), size=(2,)} : f32[3]',
     'update_slice: a step of 0 writes one element twice', None),
    ('%x: f32[3], %y: f32[2]',
     'update_slice %x, %y {start=(0,), step=(1,), size=(3,)} : f32[3]',
     'update_slice: cannot write f32[2] to f32[3]', None),
    ('%x: f32[3]',
     'get %x {index=0} : f32[]',
     'get: its operand must be a tuple', None),
    ('%x: f32[3]',
     'token %x : token',
     'token: takes no operands', None),
    ('%x: f32[3]',
     'print %x {text="x"} : token',
     'print: takes a token and an array', None),
    ('%x: f32[3]',
     'if %x : f32[3] { then() -> f32[] { %a = const 1.0 : f32[] return %a } else() -> f32[] { %b = const 1.0 : f32[] return %b } }',
     'if: its first operand must be the condition, bool[]', None),
    ('%p: bool[]',
     'if %p : f32[] { then() -> f32[] { %a = const 1.0 : f32[] return %a } }',
     'if: has 1 regions, not then and else', None),
    ('%p: bool[]',
     'if %p : f32[] { then() -> f32[] { %a = const 1.0 : f32[] return %a } else() -> f64[] { %b = const 1.0 : f64[] return %b } }',
     'if: a region returns (f64[]), not (f32[])', None),
    ('%x: f32[3]',
     'bind %x {symbol=m} : f32[] { body() -> f32[] { %a = const 1.0 : f32[] return %a } }',
     'bind: its first operand must be the number, i64[]', None),
    ('%x: f32[3]',
     'loop %x {trip=3, carried=2, sliced=0, reverse=false} : f32[3] { body(%i: i64[], %c: f32[3]) -> f32[3] { return %c } }',
     'loop: 2 carried and 0 sliced do not fit 1 arguments', None),
    ('%x: f32[3]',
     'loop %x {trip=3, carried=1, sliced=0, reverse=false} : f32[3] { body(%i: i64[], %c: f32[3]) -> f64[] { %a = const 1.0 : f64[] return %a } }',
     'loop: a region returns (f64[]), but carries (f32[3])', None),
    ('%x: f32[3]',
     'loop %x {trip=4, carried=0, sliced=1, reverse=false} : f32[4] { body(%i: i64[], %c: f32[]) -> f32[] { return %c } }',
     'loop: f32[3] has no first axis of size 4', None),
    ('%n: i64[]',
     'bind %n {symbol=m} : f32[3] { body() -> f32[m] { %a = const 1.0 : f32[] %b = broadcast_to %a {shape=(m,)} : f32[m] return %b } }',
     'bind: a result is f32[m], but m is known only within its region', None),
]
# fmt: on


@pytest.mark.parametrize(("parameters", "value", "expected", "hint"), CASES)
def test_message(parameters, value, expected, hint):
    type_ = value.split(" : ", 1)[1].split(" {")[0]
    text = f"func @f({parameters}) -> {type_} {{\n  %0 = {value}\n  return %0\n}}"
    with pytest.raises(TextError) as caught:
        parse_function(text)
    first, *rest = str(caught.value).splitlines()
    assert first == f"<text>:2:8: error: {expected} [text]"
    assert rest[3:] == ([] if hint is None else [f"  help: {hint}"])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            """\
func @f(%x: f32[3]) -> f32[] {
  %0 = cluster %x {kind="map", loops=(3,), inner=(), results=((0,), (0,)), reductions=()} : (f32[3], f32[3]) {
    body(%1: f32[3]) -> (f32[3], f32[3]) {
      %2 = neg %1 : f32[3]
      return %1, %2
    }
  }
  %3 = get %0 {index=2} : f32[3]
  return %3
}""",
            "<text>:8:8: error: get: (f32[3], f32[3]) has no element 2 [text]",
        ),
        (
            """\
func @f(%x: f32[3]) -> f32[3] {
  %0 = vmap %x {axes=(0, 0), size=3} : f32[3] {
    body(%1: f32[]) -> f32[] {
      return %1
    }
  }
  return %0
}""",
            "<text>:2:8: error: vmap: axes (0, 0) do not fit 1 arguments [text]",
        ),
        (
            """\
func @f(%x: f32[3]) -> f32[3] {
  %0 = custom_jvp %x {count=2} : f32[3] {
    function(%1: f32[3]) -> f32[3] {
      return %1
    }
    rule(%2: f32[3], %3: f32[3]) -> (f32[3], f32[3]) {
      return %2, %3
    }
  }
  return %0
}""",
            "<text>:2:8: error: custom_jvp: count 2 is not of 1 [text]",
        ),
        (
            """\
func @f(%n: i64[], %x: f32[n]) -> f32[n] {
  %0 = bind %n {symbol=n} : f32[] {
    body() -> f32[] {
      %1 = const 1.0 : f32[]
      return %1
    }
  }
  return %x
}""",
            "<text>:2:24: error: n cannot name a new size [text]",
        ),
    ],
)
def test_message_of_several_lines(function, expected):
    with pytest.raises(TextError) as caught:
        parse_function(function)
    assert str(caught.value).splitlines()[0] == expected
