"""Random programs as Plans: they verify, read back, and mean what the graph means."""

from random import Random

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.passes.fuse import fuse
from penstock.passes.pipelines import run_pipeline
from tests.random_programs import assert_same_results
from tests.test_differential import exact_programs


@pytest.mark.parametrize("first", [1_000_000, 2_000_000, 3_000_000])
def test_random_programs_by_the_evaluator_of_plans(first):
    for number, program in enumerate(exact_programs(first, 50)):
        try:
            wanted = evaluate(program.function, program.arguments, program.integers)
        except IndexError:
            continue
        plan = lower_function(fuse(run_pipeline(program.function)))
        verify_plan(plan)
        text = str(plan)
        assert str(parse_plan(text)) == text
        arrays = [np.array(array, order="C") for array in program.arguments]
        for width in (1, 4):
            results, _ = evaluate_plan(
                plan, arrays, program.integers, width=width, shuffle=Random(number)
            )
            assert_same_results(results, wanted)
