"""Joins of many arrays: each is copied into its place, most by the same kernel."""

import numpy as np
import pytest

import penstock as ps
from penstock.backends.llvm.plan_sizes import checked_sizes
from penstock.ir.dims import symbol
from penstock.ir.guards import Facts, Guard
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Launch
from penstock.ir.plan.verify import verify_plan

random = np.random.default_rng(5)
MANY = 20


def arrays(*shape: int, count: int = MANY, vary: int | None = None) -> list[np.ndarray]:
    """Arrays of numbers; along one axis of a length of their own, 0 among them."""
    made = []
    for number in range(count):
        own = list(shape)
        if vary is not None:
            own[vary] = number % 5
        made.append(random.integers(-99, 99, own).astype(np.int16))
    return made


ONE = [random.integers(-99, 99, (40, 7)).astype(np.int16)]
JOINS = {
    "arguments": (lambda *x: np.concatenate(x), arrays(3, vary=0)),
    "rows": (lambda *x: np.vstack(x), arrays(3, 4, vary=0)),
    "columns": (lambda *x: np.hstack(x), arrays(3, 4, vary=1)),
    "middle axis": (lambda *x: np.concatenate(x, axis=1), arrays(2, 3, 4, vary=1)),
    "flat": (lambda *x: np.concatenate(x, axis=None), arrays(2, 3, vary=0)),
    "transposed": (
        lambda *x: np.concatenate([a.T for a in x], axis=1),
        arrays(3, 4, vary=0),
    ),
    "stack": (lambda *x: np.stack(x), arrays(3, 4)),
    "stack in the middle": (lambda *x: np.stack(x, axis=1), arrays(3, 4)),
    "stack at the end": (lambda *x: np.stack(x, axis=-1), arrays(3, 4)),
    "column_stack": (lambda *x: np.column_stack(x), arrays(6)),
    "block": (
        lambda *x: np.block([list(x[:9]), list(x[9:18])]),
        arrays(2, 3, count=18),
    ),
    "scalars": (lambda x: np.stack([x[i, i % 7] for i in range(MANY)]), ONE),
    "slices": (
        lambda x: np.concatenate([x[2 * i : 2 * i + 2] for i in range(MANY)]),
        ONE,
    ),
    "steps": (lambda x: np.stack([x[i::-3][:1, 1:] for i in range(MANY)]), ONE),
    "computed": (
        lambda x: np.stack([x[i] * x[i + 1] - i for i in range(MANY)], axis=1),
        ONE,
    ),
    "used after": (
        lambda x: np.stack([x[i] for i in range(MANY)])[::-1].sum(axis=1) + 1,
        ONE,
    ),
    "of an integer": (
        lambda x, start: np.concatenate([x[start + i :] for i in range(MANY)]),
        [*ONE, 3],
    ),
    "taken": (
        lambda x, i: np.concatenate([x[i[k]] for k in range(MANY)]),
        [*ONE, random.integers(0, 40, (MANY, 3))],
    ),
    "strided": (
        lambda x: np.concatenate([x[i : i + 3] for i in range(MANY)]),
        [ONE[0][:, ::2]],
    ),
    "repeated": (lambda x, y: np.concatenate([x, y] * 9), arrays(3, 2, count=2)),
}


@pytest.mark.parametrize("name", JOINS)
def test_many_arrays_are_joined_as_numpy_joins_them(name):
    function, arguments = JOINS[name]
    want = function(*arguments)
    compiled = ps.compile(function)
    got = compiled(*arguments)
    np.testing.assert_array_equal(got, want)
    assert got.dtype == want.dtype
    if not any(isinstance(argument, int) for argument in arguments):
        plan = compiled.lower(*arguments).compilation.plan
        verify_plan(plan)
        (told,), _ = evaluate_plan(plan, arguments)
        np.testing.assert_array_equal(told, want)


@pytest.mark.parametrize(
    ("name", "kernels"), [("arguments", 2), ("rows", 2), ("slices", 2), ("scalars", 4)]
)
def test_most_are_copied_by_one_kernel(name, kernels):
    function, arguments = JOINS[name]
    plan = ps.compile(function).lower(*arguments).compilation.plan
    assert sum(isinstance(step, Launch) for step in plan.statements()) == MANY
    assert len(plan.kernels) <= kernels


def test_an_index_out_of_bounds_in_one_of_many_is_reported():
    def f(x, i):
        return np.stack([x[i[k]] for k in range(MANY)])

    with pytest.raises(IndexError, match="index 99 is out of bounds"):
        ps.compile(f)(np.zeros(9), np.full(MANY, 99))


@pytest.mark.parametrize("count", range(2, 9))
def test_no_element_is_chosen_among_all_arrays(count):
    parts = [np.ones(5 + number) for number in range(count)]
    lowered = ps.compile(lambda parts: np.concatenate(parts)).lower(parts)  # noqa: PLW0108
    text = lowered.text("loops")
    assert text.count(" load ") == count
    assert " where " not in text


def test_what_is_not_loaded_has_an_address_in_its_array():
    """To find that far outside of all memory nothing is to be loaded takes long."""
    x = np.ones((40, 30))
    lowered = ps.compile(lambda x: np.pad(x, 2, mode="reflect")).lower(x)
    assert "load %a0[%9, %j] where %7 : f64" in lowered.text("loops")
    before, _ = lowered.text("llvm").split("@llvm.masked.load", 1)
    assert "select i1" in before
    assert ", ptr %" in before.rpartition("select i1")[2]


def test_the_code_of_a_join_grows_with_the_number_of_arrays():
    def lines(count):
        lowered = ps.compile(lambda *x: np.concatenate(x)).lower(*[np.zeros(2)] * count)
        assert len(checked_sizes(lowered.compilation.plan)) <= count + 2
        return lowered.text("llvm").count("\n")

    assert lines(160) < 5 * lines(40)


def test_of_bounds_that_follow_from_each_other_one_is_kept():
    facts, n = Facts(), symbol("n")
    facts.declare("n", 0)
    for least in (3, 900, 6, 90):
        facts.add(Guard(n, ">=", least))
    facts.add(Guard(n, ">=", symbol("m")))
    assert facts.decide(n, ">=", 900) is True
    assert facts.decide(n, ">", 900) is None
    assert len(facts._nonnegative) == 2
