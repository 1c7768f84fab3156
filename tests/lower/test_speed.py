"""Fusion and lowering of large programs take time in proportion to their size.

Bars in seconds are loose: other things than time tell what grows with the square.
"""

import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from penstock.ir.dims import symbol
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.guards import Guard
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Alloc, Launch, Plan
from penstock.ir.plan.verify import verify_plan
from penstock.ir.types import TensorType, f32
from penstock.lower import lower_function
from penstock.passes.fuse import fuse

SECONDS = 10


def mixed(count: int) -> Function:
    """Elementwise ops, reductions of rows, and rows spread again, at random."""
    choose = random.Random(0)
    builder = Builder()
    x = builder.parameter("x", TensorType(f32, (symbol("n"), symbol("m"))))
    full, rows = [x], []
    while len(full) + len(rows) <= count:
        kind = choose.random()
        a = full[-1] if choose.random() < 0.5 else choose.choice(full[-20:])
        if kind < 0.3:
            full.append(builder.add(choose.choice(["sin", "tanh", "neg"]), a))
        elif kind < 0.8:
            op = choose.choice(["add", "mul", "sub", "maximum"])
            full.append(builder.add(op, a, choose.choice(full[-40:])))
        elif kind < 0.9 or not rows:
            op = choose.choice(["sum", "max"])
            rows.append(builder.add(op, a, axes=(1,), keepdims=True))
        else:
            full.append(builder.add("sub", a, choose.choice(rows[-5:])))
    return Function("mixed", (x,), (full[-1], rows[-1]))


def sliced(builder: Builder, value: Value, start: int, size: object) -> Value:
    return builder.add("slice", value, start=(start,), step=(1,), size=(size,))


def unrolled(steps: int) -> Function:
    """A stencil of two points, each step one element shorter."""
    builder = Builder()
    n = symbol("n")
    x = builder.parameter("x", TensorType(f32, (n,)))
    guard = Guard(n, ">=", steps + 1)
    builder.facts.declare("n", 0)
    builder.facts.add(guard)
    half = builder.constant(0.5, f32)
    value = x
    for step in range(steps):
        left, right = (sliced(builder, value, k, n - 1 - step) for k in (0, 1))
        value = builder.add("mul", builder.add("add", left, right), half)
    return Function("unrolled", (x,), (value,), guards=(guard,))


def meeting(count: int) -> Function:
    """A sum of many arrays, each a cluster of its own until it is added."""
    builder = Builder()
    parameters = [
        builder.parameter(f"x{number}", TensorType(f32, (64,)))
        for number in range(count)
    ]
    total = builder.add("tanh", parameters[0])
    for parameter in parameters[1:]:
        total = builder.add("add", builder.add("tanh", parameter), total)
    return Function("meeting", tuple(parameters), (total,))


def waiting(count: int) -> Function:
    """Clusters of two results that each need the one before complete."""
    builder = Builder()
    x = builder.parameter("x", TensorType(f32, (64,)))
    value = x
    for _ in range(count):
        one, other = builder.add("tanh", value), builder.add("neg", value)
        back = {"start": (63,), "step": (-1,), "size": (64,)}
        one, other = (builder.add("slice", v, **back) for v in (one, other))
        value = builder.add("add", one, other)
    return Function("waiting", (x,), (value,))


def lowered(function: Function) -> tuple[Plan, float]:
    start = time.process_time()
    plan = lower_function(fuse(function))
    return plan, time.process_time() - start


@pytest.mark.parametrize(
    ("write", "size"),
    [(mixed, 3000), (unrolled, 1000), (meeting, 2000), (waiting, 1000)],
)
def test_large_programs_are_lowered_in_seconds(
    write: Callable[[int], Function], size: int
) -> None:
    function = write(size)
    assert len(function.values) >= size / 2
    _, seconds = lowered(function)
    assert seconds < SECONDS


def statements(plan: Plan) -> int:
    return sum(1 for kernel in plan.kernels for _ in kernel.body.walk())


def test_rows_are_not_computed_again_for_each_of_many_passes() -> None:
    small, large = (mixed(size) for size in (400, 2000))
    growth = len(large.values) / len(small.values)
    assert statements(lowered(large)[0]) < 2 * growth * statements(lowered(small)[0])


def test_host_arithmetic_does_not_grow_with_the_program() -> None:
    plans = [lowered(unrolled(steps))[0] for steps in (20, 200)]
    for plan in plans:
        assert len({str(s.offset) for s in plan.body if isinstance(s, Alloc)}) == 2
    short, long = plans
    assert len(str(long.arena)) == len(str(short.arena))
    assert len(str(long.work)) < len(str(short.work)) + 10


def test_an_unrolled_stencil_is_one_launch_a_step() -> None:
    function = unrolled(12)
    plan, _ = lowered(function)
    verify_plan(plan)
    assert sum(isinstance(s, Launch) for s in plan.body) == 12
    x = np.random.default_rng(0).normal(size=30).astype(np.float32)
    (got,), _ = evaluate_plan(plan, [x])
    np.testing.assert_array_equal(got, evaluate(function, [x])[0])


def test_long_chains_of_normalized_rows_keep_their_meaning() -> None:
    function = mixed(60)
    plan, _ = lowered(function)
    verify_plan(plan)
    # Whole numbers, so that sums are exact in any order.
    x = np.random.default_rng(0).integers(-3, 3, (5, 6)).astype(np.float32)
    for got, wanted in zip(
        evaluate_plan(plan, [x], width=4)[0], evaluate(function, [x]), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
