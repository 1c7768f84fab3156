"""Functions print in one form, and read back equal."""

from textwrap import dedent
from time import process_time

import numpy as np
import pytest

from penstock.ir.attributes import Constant
from penstock.ir.dims import symbol
from penstock.ir.graph import text_print
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.settle import settled
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function, print_value
from penstock.ir.graph.value import Builder, Function
from penstock.ir.guards import Facts, Guard
from penstock.ir.location import Location
from penstock.ir.reals import Real
from penstock.ir.types import TensorType, f32, f64, i64

# Everything that the form has, as it prints.
WHOLE = """
func @model.step(%x: f32[n,1024], %y: f32[m,1024], %rate: f64[], k: int) \
-> (f32[n,1024], f32[]) where n >= 2, m == n, not (%rate * 0.5) > 0.25, k % 4 == 0 {
  %0 = const 0.5 : f32[]                       # model.py:12:9
  %1 = mul %x, %0 : f32[n,1024]                # model.py:12:9, model.py:13
  %2 = add %y, %1 : f32[n,1024]
  %3 = sum %1 {axes=(0, 1), keepdims=false} : f32[]
  %4 = while %2, %3 : (f32[n,1024], f32[]) {   # model.py:14:3
    cond(%5: f32[n,1024], %6: f32[]) -> bool[] {
      %7 = const 10.0 : f32[]
      %8 = less %6, %7 : bool[]
      return %8
    }
    body(%9: f32[n,1024], %10: f32[]) -> (f32[n,1024], f32[]) {
      %11 = const 1.0 : f32[]
      %12 = add %10, %11 : f32[]
      return %9, %12
    }
  }
  %13 = get %4 {index=0} : f32[n,1024]
  %14 = slice %13 {start=(0, k - 1), step=(1, -1), size=(n, 2)} : f32[n,2]
  %15 = const [1.0, -0.0, inf, nan] : f32[2,2]
  %16 = contract %14, %15 {spec="ij,jk->ik"} : f32[n,2]
  %17 = reshape %16 {shape=(2*n,)} : f32[2*n]
  %18 = astype %17 {dtype=i32} : i32[2*n]
  %19 = iota {shape=(2*n,), axis=0, dtype=i32} : i32[2*n]
  %20 = equal %18, %19 : bool[2*n]
  %21 = any %20 {axes=(0,), keepdims=false} : bool[]
  %22 = if %21, %13, %y : f32[n,1024] {
    then(%23: f32[n,1024], %24: f32[n,1024]) -> f32[n,1024] {
      return %23
    }
    else(%25: f32[n,1024], %26: f32[n,1024]) -> f32[n,1024] {
      %27 = loop %26 {trip=n, carried=1, sliced=0, reverse=false} : f32[n,1024] {
        body(%28: i64[], %29: f32[n,1024]) -> f32[n,1024] {
          %30 = neg %29 : f32[n,1024]
          return %30
        }
      }
      return %27
    }
  }
  %31 = get %4 {index=1} : f32[]
  %32 = token : token
  %33 = print %32, %3 {text="loss # \\"x\\"\\n"} : token
  return %22, %31
  effects %33
}
"""


def test_the_whole_form_reads_back_and_prints_the_same():
    text = WHOLE.strip()
    assert print_function(parse_function(text)) == text


def test_a_function_that_was_read_runs():
    function = parse_function(WHOLE)
    x = np.full((4, 1024), 0.001, np.float32)
    written = []
    first, second = evaluate(
        function,
        [x, x + 1, -3.0],
        {"k": 4},
        write=lambda text, array: written.append((text, float(array))),
    )
    np.testing.assert_array_equal(first, x + 1)
    assert float(second) == pytest.approx(10.048, abs=1e-3)
    assert written == [('loss # "x"\n', pytest.approx(2.048, abs=1e-3))]


def test_comments_blanks_and_names_are_free():
    text = """
    # A comment on a line of its own: 12
    func @f(%a:f32[ n ]) # any words
      ->f32[n]{%sum=add %a,%a:f32[n] # mine: see a.py:3
        %again = exp   %sum
          : f32 [n]              # b.py:4:5
    return %again}
    """
    expected = """
    func @f(%a: f32[n]) -> f32[n] {
      %0 = add %a, %a : f32[n]
      %1 = exp %0 : f32[n]                         # b.py:4:5
      return %1
    }"""
    assert print_function(parse_function(text)) == dedent(expected).strip()


def test_places_are_kept_and_may_be_left_out():
    function = parse_function(WHOLE)
    (mul,) = (value for value in function.values if value.is_op("mul"))
    assert mul.locations == (Location("model.py", 12, 8, 9), Location("model.py", 13))
    assert "#" not in print_function(function, locations=False).replace("loss #", "")


def test_equal_values_of_a_text_are_one():
    function = parse_function("""
    func @f(%x: f32[4]) -> f32[4] {
      %0 = exp %x : f32[4]    # a.py:1
      %1 = exp %x : f32[4]    # a.py:2
      %2 = add %0, %1 : f32[4]
      return %2
    }""")
    exp, add = function.values
    assert add.operands == (exp, exp)
    assert [str(loc) for loc in exp.locations] == ["a.py:1", "a.py:2"]


def build(name, size, parameter, *, rank=1, op="exp"):
    builder = Builder()
    x = builder.parameter(parameter, TensorType(f32, (symbol(size),) * rank))
    y = builder.add(op, x, locations=(Location(f"{name}.py", 3),))
    return Function(name, (x,), (y,))


def test_functions_equal_up_to_names_have_one_key():
    key = build("f", "n", "x").key
    assert key == build("g", "batch", "values").key
    assert key != build("f", "n", "x", op="tanh").key
    assert key != build("f", "n", "x", rank=2).key
    assert (
        key
        == dedent("""
    func @f(%p0: f32[s0]) -> f32[s0] {
      %0 = exp %p0 : f32[s0]
      return %0
    }""").strip()
    )


def test_keys_rename_symbols_and_parameters_in_guards():
    def key(size, rate):
        builder = Builder()
        x = builder.parameter("x", TensorType(f32, (symbol(size),)))
        r = builder.parameter(rate, TensorType(f64))
        twice = Real("*", (Real.parameter(rate), Real.of_size(symbol(size))))
        guards = (
            Guard(symbol(size) * 2 + symbol("k") // 3, ">", 4),
            Guard(twice, "<=", Real.constant(0.5), negated=True),
        )
        function = Function("f", (x, r), (x,), integers=("k",), guards=guards)
        return function.key.splitlines()[0]

    assert (
        key("n", "rate")
        == key("z", "a")
        == (
            "func @f(%p0: f32[s0], %p1: f64[], s1: int) -> f32[s0] "
            "where 2*s0 + (s1 // 3) > 4, not (%p1 * float(s0)) <= 0.5 {"
        )
    )


def region_of(size):
    builder = Builder()
    a = builder.parameter("a", TensorType(f32))
    shape = (symbol(size),)
    return Function("body", (a,), (builder.add("broadcast_to", a, shape=shape),))


def test_regions_are_equal_up_to_parameters_but_not_symbols():
    assert region_of("n").region_key == region_of("n").region_key
    assert region_of("n").region_key != region_of("m").region_key
    builder = Builder()
    x = builder.parameter("x", TensorType(f32))
    first, again, other = (
        builder.add("recompute", x, regions=(region_of(size),), serial=0)
        for size in ("n", "n", "m")
    )
    assert first is again
    assert first is not other


def nested(depth, op="sin", name="a"):
    """Regions within regions, with one Value beside each."""
    builder = Builder()
    a = builder.parameter(name, TensorType(f32))
    value = builder.add("cos" if depth else op, a)
    if depth:
        inner = (nested(depth - 1, op, name + "i"),)
        value = builder.add("recompute", value, regions=inner, serial=0)
    return Function("body", (a,), (value,))


def test_regions_within_regions_are_equal_up_to_parameters():
    assert nested(3).region_key == nested(3, name="b").region_key
    assert nested(3).region_key != nested(3, "tan").region_key
    assert nested(3).region_key != nested(2).region_key


def test_keys_of_regions_are_made_of_those_within(monkeypatch):
    printed = []
    plain = text_print._Printer.value
    monkeypatch.setattr(
        text_print._Printer,
        "value",
        lambda self, value, *rest: printed.append(value) or plain(self, value, *rest),
    )
    assert nested(6).region_key
    # Each Value once, however deep: thirteen in all.
    assert len(printed) == len(set(printed)) == 13


def test_a_region_is_looked_at_once_for_each_form_of_sizes(monkeypatch):
    looked = []
    plain = Facts.normalize_type
    monkeypatch.setattr(
        Facts,
        "normalize_type",
        lambda self, type_: looked.append(type_) or plain(self, type_),
    )
    facts = Facts({"n": 0, "m": 0, "k": 0}, [Guard(symbol("n"), "==", symbol("m"))])
    region = region_of("k")
    assert settled(region, facts, is_region=True) is region
    assert looked
    looked.clear()
    assert settled(region, facts, is_region=True) is region
    assert not looked
    facts.add(Guard(symbol("k"), "==", 3))
    found = settled(region, facts, is_region=True)
    assert found.results[0].shape == (3,)
    assert settled(found, facts, is_region=True) is found


def test_sizes_print_as_the_guards_let_them_be_written():
    text = """
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = add %x, %y : f32[m]
      return %0
    }"""
    assert "%0 = add %x, %y : f32[n]\n" in print_function(parse_function(text))


@pytest.mark.parametrize("name", ["lambda", "<lambda>", "w-1", "0", "é", "a.b[0]", ""])
@pytest.mark.parametrize("size", ["n", "true", "f32", "max", "inf", "größe", "int"])
def test_any_name_prints_so_that_it_reads_back(name, size):
    builder = Builder()
    n = symbol(size)
    x, y = (builder.parameter(name, TensorType(f32, shape)) for shape in [(n,), ()])
    rate = builder.parameter("rate", TensorType(f64))
    results = (
        builder.add("broadcast_to", y, shape=(n, 2 * n)),
        builder.add("dim", size=n),
        x,
    )
    guards = (
        Guard(n, ">", 1),
        Guard(Real.parameter("rate"), ">", Real.constant(0.5)),
        Guard(Real.of_size(n), "<", Real.constant(2.5)),
    )
    function = Function(name, (x, y, rate), results, guards=guards)
    text = print_function(function)
    again = parse_function(text)
    assert print_function(again) == text
    assert again.key == function.key


@pytest.mark.parametrize(
    "attribute",
    [
        None, True, 7, -7, symbol("n") // 2 + 1, 0.0, -0.0, 1.0, 0.1, 1e300, 1e16,
        float("inf"), float("-inf"), float("nan"), -float("nan"),
        "", 'a "quoted" \\ word', "line\nbreak # {}", "\u00e9\U0001f600\ud800", f32,
        (), (1,), (1, (2, "x"), ()), ((symbol("n") + 1) // 2, symbol("n") % 3),
        Constant(np.array([[1, 2]], np.int8)), Constant(np.float32(0.1)),
        Constant(np.arange(100)),
    ],
    ids=repr,
)  # fmt: skip
def test_every_kind_of_attribute_reads_back(attribute):
    from penstock.ir.attributes import attribute_key
    from penstock.ir.graph.text_term import Terms

    builder = Builder()
    x = builder.parameter("x", TensorType(f32, (symbol("n"),)))
    value = builder.add("exp", x)
    value.attributes = {"any": attribute}
    line = print_value(Function("f", (x,), (value,)), value).strip()
    terms = Terms(line[line.index("{") : line.rindex("}") + 1], "<text>")
    (read,) = terms.attributes().values()
    assert attribute_key(read) == attribute_key(attribute)


def chain(length):
    builder = Builder()
    n = symbol("n")
    x = builder.parameter("x", TensorType(f32, (n, 1024)))
    value = x
    for index in range(length // 2):
        factor = builder.constant(0.5 + index, f32)
        value = builder.add("mul", value, factor)
    return Function("f", (x,), (value,))


def test_the_key_of_twenty_values_is_quick():
    times = []
    for _ in range(20):
        function = chain(20)
        assert len(function.values) == 20
        start = process_time()
        assert function.key
        times.append(process_time() - start)
    assert min(times) < 10e-3


def test_a_chain_of_thousands_prints_and_reads_back():
    function = chain(4_000)
    text = print_function(function)
    assert parse_function(text).key == function.key


def test_a_value_of_another_function_shows_in_the_text():
    builder = Builder()
    x = builder.parameter("x", TensorType(i64))
    body = Function("f", (), (builder.add("neg", x),))
    assert "%1 = neg %0" in print_function(body)
    assert print_value(body, x) == '%0 = parameter {name="x"} : i64[]'
