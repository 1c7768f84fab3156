"""What holds of fusion and lowering whatever the program is."""

from functools import cache
from random import Random

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.value import Function
from penstock.ir.graph.verify import verify
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.passes.expand import expand
from penstock.passes.fuse import fuse
from penstock.passes.pipelines import run_pipeline
from tests.lower.traffic import Traffic, broken_rule
from tests.random_programs import Program, assert_same_results
from tests.test_differential import exact_programs, with_gaps

BATCHES = [
    pytest.param(batch, marks=[pytest.mark.slow] if batch > 3 else [])
    for batch in range(6)
]
PER_BATCH = 50


def sizes_of(program: Program) -> dict[str, int]:
    sizes = dict(program.integers)
    for parameter, argument in zip(
        program.function.parameters, program.arguments, strict=True
    ):
        for size, number in zip(parameter.shape, np.shape(argument), strict=True):
            sizes[str(size)] = number
    return sizes


@cache
def graphs(batch: int) -> list[tuple[Program, Function]]:
    """Random programs without composite ops, every other one simplified."""
    programs = exact_programs(3_000_000 + 10_000 * batch, PER_BATCH, control=False)
    return [
        (p, run_pipeline(p.function) if number % 2 else expand(p.function))
        for number, p in enumerate(programs)
    ]


def expected(program: Program) -> list | None:
    with np.errstate(all="ignore"):
        try:
            return evaluate(program.function, program.arguments, program.integers)
        except IndexError:
            return None


@pytest.mark.parametrize("batch", BATCHES)
def test_fused_programs_are_legal_and_mean_the_same(batch):
    for program, graph in graphs(batch):
        fused = fuse(graph)
        verify(fused)
        text = print_function(fused)
        assert print_function(parse_function(text)) == text
        for value in fused.values:
            assert value.op.name in ("cluster", "get", "reshape", "const"), text
            if value.is_op("cluster"):
                assert broken_rule(value) is None, text
        wanted = expected(program)
        if wanted is not None:
            with np.errstate(all="ignore"):
                got = evaluate(fused, program.arguments, program.integers)
            assert_same_results(got, wanted)


@pytest.mark.parametrize("batch", BATCHES)
def test_fused_programs_move_no_more_memory(batch):
    saved = 0
    for program, graph in graphs(batch):
        traffic = Traffic(sizes_of(program))
        before, after = traffic.unfused(graph), traffic.fused(fuse(graph))
        assert after <= before, f"{after} instead of {before}\n{graph}\n{fuse(graph)}"
        saved += before - after
    assert saved > 0


@cache
def graphs_with_control(batch: int) -> list[tuple[Program, Function]]:
    programs = exact_programs(7_000_000 + 10_000 * batch, PER_BATCH // 2, control=True)
    return [(program, run_pipeline(program.function)) for program in programs]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("written", [graphs, graphs_with_control])
def test_plans_are_valid_and_mean_the_same_in_any_order(batch, written):
    for number, (program, graph) in enumerate(written(batch)):
        names = frozenset[str]()
        arguments = [np.asarray(argument) for argument in program.arguments]
        if number % 4 >= 2:
            names = frozenset(str(p.attributes["name"]) for p in graph.parameters)
            arguments = [with_gaps(argument) for argument in arguments]
        plan = lower_function(fuse(graph, strided=names), strided=names)
        verify_plan(plan)
        assert str(parse_plan(str(plan))) == str(plan)
        wanted = expected(program)
        if wanted is None:
            continue
        with np.errstate(all="ignore"):
            got, _ = evaluate_plan(
                plan,
                arguments,
                program.integers,
                width=1 + 3 * (number % 2),
                shuffle=Random(number),
            )
        try:
            assert_same_results(got, wanted)
        except AssertionError as error:
            raise AssertionError(f"{program}\n{plan}\n{error}") from None
