"""Random programs: derivatives against differences, batches against loops."""

import numpy as np
import pytest

import penstock as ps
from tests.sweeps import one_in
from tests.transforms.graphs import batched, check, run
from tests.transforms.programs import STATEMENTS, arguments, program, traced


@pytest.mark.parametrize("number", range(len(STATEMENTS)))
def test_each_statement_to_order_two(number):
    x, y = arguments(number)
    graph = traced(STATEMENTS[number], x, y)
    check(graph, [x, y], 2, np.random.default_rng(number))


@pytest.mark.parametrize("seed", one_in(2, range(40)))
def test_derivatives_to_order_two(seed):
    x, y = arguments(seed)
    graph = traced(program(seed), x, y)
    check(graph, [x, y], 2, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(100, 140))
def test_batches(seed):
    random = np.random.default_rng(seed)
    x, y = arguments(seed)
    graph = traced(program(seed), x, y)
    each = [(x, y), tuple(arguments(seed + 1)), tuple(arguments(seed + 2))]
    wanted = np.stack([run(graph, pair)[0] for pair in each])
    axes = [int(random.integers(0, 3)) for _ in range(2)]
    columns = zip(*each, strict=True)
    stacks = [np.stack(a, i) for a, i in zip(columns, axes, strict=True)]
    (found,) = run(batched(graph, axes, 3), stacks)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    wanted = np.stack([run(graph, (x, b))[0] for _, b in each])
    (found,) = run(batched(graph, (None, axes[1]), 3), [x, stacks[1]])
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", one_in(4, (202, 200, 201, 203)))
def test_compiled_derivatives(seed):
    ps.check_grads(program(seed, 8), tuple(arguments(seed)))
