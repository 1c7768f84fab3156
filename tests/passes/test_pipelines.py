"""The order of passes, what runs them, and random programs through all of them."""

import itertools
from time import process_time

import pytest
from hypothesis import given, settings

from penstock.ir.dims import symbol
from penstock.ir.errors import VerifyError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.value import Builder, Function, declare_symbols
from penstock.ir.graph.verify import verify
from penstock.ir.guards import Guard
from penstock.ir.types import TensorType, f32
from penstock.passes.graph_pass import PASSES, GraphPass, graph_pass
from penstock.passes.pipelines import FAST, STANDARD, run_pipeline
from penstock.passes.simplify import simplify, simplify_fast
from tests.passes.text import lines
from tests.random_programs import assert_same_results, program_of_seed, programs

BEFORE = """
    func @f(%c: bool[], %x: f32[n], %y: f32[m]) -> (f32[n], f32[n]) where m == n {
      %0 = const 2.0 : f32[]
      %1 = div %0, %0 : f32[]                      # a.py:1:5
      %2 = broadcast_to %1 {shape=(n,)} : f32[n]   # a.py:2:5
      %3 = mul %2, %x : f32[n]                     # a.py:3:5
      %4 = add %3, %y : f32[n]                     # a.py:4:5
      %5 = add %y, %3 : f32[n]                     # a.py:5:5
      %6 = mul %4, %5 : f32[n]                     # a.py:6:5
      %7 = if %c, %x, %y : (f32[n], f32[n]) {      # a.py:7:5
        then(%8: f32[n], %9: f32[n]) -> (f32[n], f32[n]) {
          %10 = neg %8 : f32[n]
          return %10, %9
        }
        else(%11: f32[n], %12: f32[n]) -> (f32[n], f32[n]) {
          return %12, %11
        }
      }
      %13 = get %7 {index=1} : f32[n]
      return %6, %13
    }"""

AFTER = """
    func @f(%c: bool[], %x: f32[n], %y: f32[m]) -> (f32[n], f32[n]) where m == n {
      %0 = add %x, %y : f32[n]                     # a.py:4:5, a.py:5:5
      %1 = mul %0, %0 : f32[n]                     # a.py:6:5
      %2 = if %c, %x, %y : f32[n] {                # a.py:7:5
        then(%3: f32[n], %4: f32[n]) -> f32[n] {
          return %4
        }
        else(%5: f32[n], %6: f32[n]) -> f32[n] {
          return %5
        }
      }
      return %1, %2
    }"""


def test_all_passes_together():
    function = parse_function(BEFORE)
    after = run_pipeline(function, check=True)
    assert print_function(after) == lines(AFTER)
    assert print_function(function) == lines(BEFORE)


def test_a_second_run_finds_nothing():
    function = run_pipeline(parse_function(BEFORE))
    assert run_pipeline(function) is function


def test_reports_say_what_each_pass_did():
    reports = []
    function = parse_function(BEFORE)
    after = run_pipeline(function, observe=reports.append)
    assert [(r.name, r.reason) for r in reports] == [
        (p.name, why) for p, why in STANDARD
    ]
    assert [r.name for r in reports if r.changed] == [
        "shapes", "fold", "simplify", "cse", "dce",
    ]  # fmt: skip
    assert reports[0].before is function
    assert reports[-1].after is after
    for earlier, later in itertools.pairwise(reports):
        assert later.before is earlier.after
    assert all(0 < r.seconds < 1 for r in reports)


def test_each_entry_has_a_reason():
    for pipeline in (STANDARD, FAST):
        assert all(PASSES[entry.name] is entry and reason for entry, reason in pipeline)


def test_the_fast_pipeline_differs_in_its_rules_alone():
    assert [entry for entry, _ in FAST] == [
        simplify_fast if entry is simplify else entry for entry, _ in STANDARD
    ]


BROKEN = GraphPass("broken", lambda function: Function("g", (), function.results))


def test_a_pass_that_breaks_a_rule_is_named(monkeypatch):
    function = parse_function("func @f(%x: f32[n]) -> f32[n] { return %x }")
    pipeline = ((simplify, "first"), (BROKEN, "it breaks"))
    with pytest.raises(VerifyError) as caught:
        run_pipeline(function, pipeline, check=True)
    assert caught.value.__notes__ == ["this is the Function after the pass broken"]
    run_pipeline(function, pipeline)
    monkeypatch.setenv("PENSTOCK_DEBUG", "1")
    with pytest.raises(VerifyError):
        run_pipeline(function, pipeline)
    monkeypatch.setenv("PENSTOCK_DEBUG", "0")
    run_pipeline(function, pipeline)


def test_what_goes_in_is_verified_too():
    function = parse_function("func @f(%x: f32[n]) -> f32[n] { return %x }")
    broken = BROKEN(function)
    with pytest.raises(VerifyError) as caught:
        run_pipeline(broken, ((simplify, "first"),), check=True)
    assert caught.value.__notes__ == ["this is the Function before the first pass"]


def test_a_pass_states_what_it_does():
    def silent(function):
        """Do something.

        Requires: nothing.
        Before: %0 = exp %x ; return %0
        """
        return function

    with pytest.raises(TypeError) as caught:
        graph_pass("silent")(silent)
    assert str(caught.value) == "the pass silent does not state After:"
    silent.__doc__ += "    After:  return %x\n"
    with pytest.raises(TypeError) as caught:
        graph_pass("simplify")(silent)
    assert str(caught.value) == "two passes are named simplify"
    assert "silent" not in PASSES


@pytest.mark.parametrize("name", sorted(PASSES))
def test_passes_describe_themselves(name):
    description = PASSES[name].description
    first = description.splitlines()[0]
    assert first.endswith(".")
    for word in ("Requires:", "Before:", "After:"):
        assert word in description


def check_passes(program):
    """Each pass keeps a program valid, and every bit of what it gives."""
    function = program.function
    expected = run(program, function)
    for entry in {entry.name: entry for entry, _ in STANDARD}.values():
        after = entry(function)
        if after is not function:
            verify(after)
            check_same(expected, run(program, after))
    check_same(expected, run(program, run_pipeline(function, check=True)))


def run(program, function):
    written = []
    results = evaluate(
        function,
        program.arguments,
        program.integers,
        write=lambda text, array: written.append((text, array)),
    )
    return results, written


def check_same(left, right):
    assert_same_results(left[0], right[0])
    assert [text for text, _ in left[1]] == [text for text, _ in right[1]]
    assert_same_results(*([array for _, array in side[1]] for side in (left, right)))


@settings(max_examples=50)
@given(programs())
def test_passes_keep_what_random_programs_mean(program):
    check_passes(program)


def test_passes_keep_what_many_random_programs_mean():
    for seed in range(10_000, 10_300):
        check_passes(program_of_seed(seed))


def chain(length, *, guarded):
    """Products with constants, one after the other."""
    builder = Builder()
    n, m = symbol("n"), symbol("m")
    x, y = (
        builder.parameter(name, TensorType(f32, (size, 1024)))
        for name, size in (("x", n), ("y", m))
    )
    guards = (Guard(m, "==", n),) if guarded else ()
    declare_symbols(builder.facts, (x.type, y.type), ())
    for guard in guards:
        builder.facts.add(guard)
    value = builder.add("add", x, y) if guarded else x
    for index in range(length // 2):
        value = builder.add("mul", value, builder.constant(0.5 + index, f32))
    return Function("f", (x, y), (value,), guards=guards)


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize(("length", "limit"), [(20, 60e-3), (5000, 15.0)])
def test_passes_are_fast(guarded, length, limit):
    times = []
    for _ in range(5 if length < 100 else 1):
        function = chain(length, guarded=guarded)
        assert len(function.values) in (length, length + 1)
        start = process_time()
        run_pipeline(function)
        times.append(process_time() - start)
    print(f"{length} values: {min(times) * 1e3:.2f} ms")
    assert min(times) < limit


def test_passes_take_linear_time():
    def seconds(length):
        function = chain(length, guarded=True)
        start = process_time()
        run_pipeline(function)
        return process_time() - start

    # Eight times as many Values, where quadratic time would be 64 times as long.
    assert min(seconds(4000) for _ in range(2)) < 40 * min(
        seconds(500) for _ in range(3)
    )
