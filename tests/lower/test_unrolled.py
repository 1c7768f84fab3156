"""Loops whose state is a few numbers: one Kernel that keeps them in registers."""

# ruff: noqa: E501

import numpy as np
import pytest

from penstock.ir.dims import symbol
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.settle import settled
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function
from penstock.ir.graph.verify import verify
from penstock.ir.guards import Guard
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.passes.fuse import fuse
from penstock.passes.pipelines import run_pipeline
from tests.lower.lowering import kernels_of
from tests.lower.test_properties import expected, sizes_of
from tests.native_program import compile_function
from tests.random_programs import assert_same_results
from tests.sweeps import one_in
from tests.test_differential import exact_programs

LOOPS = {
    "scan": """
        func @f(%s: f64[], %x: f64[n]) -> (f64[], f64[n]) {
          %0 = loop %s, %x {trip=n, carried=1, sliced=1, reverse=true} : (f64[], f64[n]) {
            body(%i: i64[], %c: f64[], %v: f64[]) -> (f64[], f64[]) {
              %1 = add %c, %v : f64[]
              return %1, %c
            }
          }
          %2 = get %0 {index=0} : f64[]
          %3 = get %0 {index=1} : f64[n]
          return %2, %3
        }""",
    "matrix": """
        func @f(%s: f64[2], %F: f64[2,2], k: int) -> f64[2] where k >= 0 {
          %0 = loop %s, %F {trip=k, carried=1, sliced=0, reverse=false} : f64[2] {
            body(%i: i64[], %c: f64[2], %m: f64[2,2]) -> f64[2] {
              %1 = contract %m, %c {spec="ij,j->i"} : f64[2]
              %2 = max %1 {axes=(0,), keepdims=true} : f64[1]
              %3 = div %1, %2 : f64[2]
              return %3
            }
          }
          return %0
        }""",
    "while": """
        func @f(%a: f64[], %x: f64[n]) -> f64[] {
          %0 = while %a, %x : (f64[], f64[n]) {
            cond(%s: f64[], %y: f64[n]) -> bool[] {
              %1 = const 0.001 : f64[]
              %2 = greater %s, %1 : bool[]
              return %2
            }
            body(%t: f64[], %z: f64[n]) -> (f64[], f64[n]) {
              %5 = astype %t {dtype=i64} : i64[]
              %6 = gather %z, %5 {axes=(0,)} : f64[]
              %7 = mul %t, %6 : f64[]
              return %7, %z
            }
          }
          %4 = get %0 {index=0} : f64[]
          return %4
        }""",
    "branches": """
        func @f(%p: bool[], %x: f64[n]) -> f64[] {
          %0 = const 1.0 : f64[]
          %1 = loop %0, %x, %p {trip=n, carried=1, sliced=1, reverse=false} : f64[] {
            body(%i: i64[], %c: f64[], %v: f64[], %q: bool[]) -> f64[] {
              %2 = if %q, %c, %v : f64[] {
                then(%d: f64[], %e: f64[]) -> f64[] {
                  %3 = tanh %d : f64[]
                  %4 = exp %e : f64[]
                  %5 = mul %3, %4 : f64[]
                  return %5
                }
                else(%f: f64[], %g: f64[]) -> f64[] { return %g }
              }
              %6 = greater %2, %v : bool[]
              %7 = if %6, %2 : f64[] {
                then(%h: f64[]) -> f64[] { %8 = neg %h : f64[] return %8 }
                else(%k: f64[]) -> f64[] { return %k }
              }
              return %7
            }
          }
          return %1
        }""",
    "nested": """
        func @f(%x: f64[n], %y: f64[m]) -> f64[n] {
          %0 = const 0.0 : f64[]
          %1 = loop %x, %y, %0 {trip=n, carried=0, sliced=1, reverse=false} : f64[n] {
            body(%i: i64[], %v: f64[], %w: f64[m], %z: f64[]) -> f64[] {
              %2 = loop %z, %w, %v {trip=m, carried=1, sliced=1, reverse=false} : f64[] {
                body(%j: i64[], %c: f64[], %u: f64[], %t: f64[]) -> f64[] {
                  %3 = mul %u, %t : f64[]
                  %4 = add %c, %3 : f64[]
                  return %4
                }
              }
              return %2
            }
          }
          return %1
        }""",
    "writing": """
        func @f(%x: i64[n]) -> f32[3] {
          %0 = const 0.0 : f32[]
          %1 = broadcast_to %0 {shape=(3,)} : f32[3]
          %2 = loop %1, %x {trip=n, carried=1, sliced=1, reverse=false} : f32[3] {
            body(%i: i64[], %c: f32[3], %k: i64[]) -> f32[3] {
              %3 = const 1.0 : f32[]
              %4 = scatter_add %c, %3, %k {axes=(0,)} : f32[3]
              return %4
            }
          }
          return %2
        }""",
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_kernels(name, golden):
    text = kernels_of(LOOPS[name])
    golden(text)
    for one in text.strip().split("\n\n"):
        assert f"{parse_kernel(one)}" == one


RUNS = {
    "scan": [np.float64(0.5), np.array([1e-3, 2.0, -7.5])],
    "matrix": [np.array([1.0, 3.0]), np.array([[0.5, 0.25], [1.0, -2.0]])],
    "while": [np.float64(0.7), np.array([0.5, 0.75])],
    "branches": [np.bool_(True), np.array([0.1, -3.0, 2.0])],
    "nested": [np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25])],
    "writing": [np.array([0, 2, -1, 1, 2])],
}


@pytest.mark.parametrize("name", LOOPS)
def test_kernels_mean_what_the_graph_means(name):
    function = parse_function(LOOPS[name])
    arguments = [np.asarray(argument) for argument in RUNS[name]]
    integers = {"k": 5} if name == "matrix" else {}
    wanted = evaluate(function, arguments, integers)
    plan = lower_function(fuse(function))
    assert len(plan.kernels) == 1
    got, _ = evaluate_plan(plan, arguments, integers)
    native = compile_function(function)(arguments, integers)
    for one, other, want in zip(got, native, wanted, strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-15)
        np.testing.assert_allclose(other, want, rtol=1e-15)


BATCHES = range(4)
PER_BATCH = 40


def pinned(program) -> Function:
    """A program whose sizes are numbers."""
    function = program.function
    for name, number in sizes_of(program).items():
        if name not in function.symbols:
            continue
        size = function.facts.normalize(symbol(name))
        if not isinstance(size, int):
            function = Function(
                function.name,
                function.parameters,
                function.results,
                integers=function.integers,
                effects=function.effects,
                guards=(*function.guards, Guard(symbol(name), "==", number)),
            )
    return settled(function, function.facts)


@pytest.mark.parametrize("batch", one_in(2, BATCHES))
def test_random_programs_of_fixed_sizes_mean_the_same(batch):
    unrolled = 0
    programs = exact_programs(8_000_000 + 10_000 * batch, PER_BATCH, control=True)
    for number, program in enumerate(programs):
        graph = run_pipeline(pinned(program))
        verify(graph)
        plan = lower_function(fuse(graph))
        verify_plan(plan)
        unrolled += str(fuse(graph)).count('kind="scalars"')
        wanted = expected(program)
        if wanted is None:
            continue
        arguments = [np.asarray(argument) for argument in program.arguments]
        with np.errstate(all="ignore"):
            got, _ = evaluate_plan(plan, arguments, program.integers)
        assert_same_results(got, wanted)
        if number % 4 == 0:
            native = compile_function(pinned(program))
            assert_same_results(native(arguments, program.integers), wanted)
    assert unrolled > PER_BATCH // 8
