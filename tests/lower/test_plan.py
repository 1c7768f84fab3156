"""The host program: where temporaries lie, and which launches share Kernels."""

from random import Random

import numpy as np
import pytest

from penstock.ir.errors import IndexOutOfBoundsError
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Alloc, Free, Launch, Plan
from penstock.lower import lower_function
from penstock.passes.fuse import fuse
from tests.lower.lowering import host_program, plan_of


def reversals(size: str, count: int) -> str:
    """A graph of Values that each need the one before in memory."""
    attributes = f"{{start=({size} - 1,), step=(-1,), size=({size},)}}"
    lines = [f"func @f(%x: f32[{size}]) -> f32[{size}] {{"]
    previous = "%x"
    for number in range(0, 2 * count, 2):
        lines.append(f"  %{number} = slice {previous} {attributes} : f32[{size}]")
        lines.append(f"  %{number + 1} = exp %{number} : f32[{size}]")
        previous = f"%{number + 1}"
    return "\n".join([*lines, f"  return {previous}", "}"])


def offsets(plan: Plan) -> dict[str, object]:
    return {s.buffer.name: s.offset for s in plan.body if isinstance(s, Alloc)}


def test_temporaries_that_live_at_different_times_share_memory(golden):
    plan = plan_of(reversals("n", 5))
    golden(host_program(plan))
    assert len(set(offsets(plan).values())) == 2
    # Four of the five launches are of arrays in the arena, all of the same loops.
    assert len(plan.kernels) == 1


def shrinking(count: int, size: str = "n") -> str:
    """Differences of neighbours, each array one element shorter than the last."""
    guards = f" where {size} >= {count}" if size == "n" else ""
    lines = []
    previous = "%x"
    number = 0
    for step in range(1, count):
        now = f"{size} - {step}" if size == "n" else str(int(size) - step)
        lines += [
            f"  %{number + start} = slice {previous} "
            f"{{start=({start},), step=(1,), size=({now},)}} : f32[{now}]"
            for start in (0, 1)
        ]
        lines.append(f"  %{number + 2} = sub %{number + 1}, %{number} : f32[{now}]")
        previous = f"%{number + 2}"
        number += 3
    head = f"func @f(%x: f32[{size}]) -> f32[{now}]{guards} {{"
    return "\n".join([head, *lines, f"  return {previous}", "}"])


@pytest.mark.parametrize("size", ["n", "40"])
def test_a_smaller_array_takes_over_the_place_of_a_larger(size):
    plan = plan_of(shrinking(9, size))
    places = set(map(str, offsets(plan).values()))
    assert len(offsets(plan)) == 7
    assert len(places) == 2
    x = np.random.default_rng(0).normal(size=40).astype(np.float32)
    (result,), _ = evaluate_plan(plan, [x])
    np.testing.assert_array_equal(result, np.diff(x, n=8))


def test_temporaries_of_unrelated_sizes_have_places_of_their_own():
    plan = plan_of("""
    func @f(%x: f32[n], %y: f32[m]) -> (f32[n], f32[m]) {
      %0 = exp %x : f32[n]
      %1 = slice %0 {start=(n - 1,), step=(-1,), size=(n,)} : f32[n]
      %2 = neg %1 : f32[n]
      %3 = exp %y : f32[m]
      %4 = slice %3 {start=(m - 1,), step=(-1,), size=(m,)} : f32[m]
      %5 = neg %4 : f32[m]
      return %2, %5
    }""")
    assert len(set(offsets(plan).values())) == 2
    for n, m in ((1, 100), (100, 1), (0, 3)):
        x, y = np.ones(n, np.float32), np.ones(m, np.float32)
        results, _ = evaluate_plan(plan, [x, y], shuffle=Random(0))
        assert [r.shape for r in results] == [(n,), (m,)]


def test_temporaries_live_from_their_first_use_to_their_last():
    plan = plan_of(reversals("n", 6))
    alive = set()
    for statement in plan.body:
        if isinstance(statement, Alloc):
            alive.add(statement.buffer)
        elif isinstance(statement, Free):
            alive.remove(statement.buffer)
        else:
            assert isinstance(statement, Launch)
            used = {b for b in statement.arguments if b.role == "temporary"}
            assert used == alive, "an array lives longer than it is used"
    assert not alive


EQUAL_LAYERS = """
    func @f(%x: f32[n,64], %w: f32[64,64], %v: f32[64,64]) -> f32[n,64] {
      %0 = contract %x, %w {spec="ij,jk->ik"} : f32[n,64]
      %1 = tanh %0 : f32[n,64]
      %2 = contract %1, %v {spec="ij,jk->ik"} : f32[n,64]
      %3 = tanh %2 : f32[n,64]
      return %3
    }"""


def test_equal_clusters_share_a_kernel(golden):
    plan = plan_of(EQUAL_LAYERS)
    golden(host_program(plan))
    assert len(plan.kernels) == 1


LAYERS = """
    func @f(%x: f32[n,m], %w: f32[a,k], %v: f32[b,c], %s: f32[d,e]) -> f32[n,k]
        where a == m, b == k, c == m, d == m, e == k {
      %0 = contract %x, %w {spec="ij,jk->ik"} : f32[n,k]   # layers.py:3:1
      %1 = tanh %0 : f32[n,k]                              # layers.py:3:2
      %2 = contract %1, %v {spec="ij,jk->ik"} : f32[n,m]   # layers.py:4:1
      %3 = tanh %2 : f32[n,m]                              # layers.py:4:2
      %4 = contract %3, %s {spec="ij,jk->ik"} : f32[n,k]   # layers.py:5:1
      return %4
    }"""


def hold_layers(plan: Plan, n: int, m: int, k: int) -> None:
    """Hold a Plan of LAYERS to NumPy."""
    random = np.random.default_rng(0)
    x, w, v, s = (
        random.normal(size=size).astype(np.float32)
        for size in ((n, m), (m, k), (k, m), (m, k))
    )
    (got,), _ = evaluate_plan(plan, [x, w, v, s])
    np.testing.assert_allclose(got, np.tanh(np.tanh(x @ w) @ v) @ s, atol=1e-5)


def test_clusters_that_are_equal_but_for_names_of_sizes_share_a_kernel(golden):
    plan = plan_of(LAYERS)
    golden(host_program(plan))
    assert len(plan.kernels) == 3
    copy = plan.kernels[0]
    # The last is another program, but copies its operand like the others.
    assert [str(place) for place in copy.locations[::2]] == [
        "layers.py:3:1", "layers.py:4:1", "layers.py:5:1",
    ]  # fmt: skip
    hold_layers(plan, 35, 5, 9)


@pytest.mark.parametrize("registers", [16, 32])
@pytest.mark.parametrize("rows", [1, 5, 6, 11, 31, 32, 37])
def test_tiles_fit_the_registers_of_a_machine(rows, registers):
    plan = lower_function(fuse(parse_function(LAYERS)), registers=registers)
    # The evaluator refuses to read or write beyond an array.
    hold_layers(plan, rows, 3, 33)


def test_equal_clusters_on_memory_of_another_layout_do_not():
    # An operand whose neighbours are not neighbours in memory is copied first.
    assert len(plan_of(EQUAL_LAYERS, ("v",)).kernels) == 3


GATHERS = """
    func @f(%x: f32[n], %i: i64[k], %j: i64[l]) -> f32[k] where l == k {
      %0 = gather %x, %i {axes=(0,)} : f32[k]      # model.py:3:7
      %1 = gather %x, %j {axes=(0,)} : f32[k]      # model.py:4:9
      %2 = add %0, %1 : f32[k]
      return %2
    }"""


def test_each_line_has_its_entry_in_the_table_of_errors(golden):
    plan = plan_of(GATHERS)
    golden(host_program(plan))
    x = np.arange(4, dtype=np.float32)
    good, bad = np.array([0, 3]), np.array([1, 4])
    (result,), _ = evaluate_plan(plan, [x, good, good])
    assert result.tolist() == [0, 6]
    for arguments, place in (([x, bad, good], "3:7"), ([x, good, bad], "4:9")):
        with pytest.raises(IndexOutOfBoundsError) as caught:
            evaluate_plan(plan, arguments)
        assert str(caught.value).startswith(f"model.py:{place}: error: index 4 is out")


def test_a_result_is_written_in_place_and_read_back(golden):
    golden(
        host_program(
            plan_of("""
            func @f(%x: f32[n]) -> (f32[n], f32[n]) {
              %0 = exp %x : f32[n]
              %1 = slice %0 {start=(n - 1,), step=(-1,), size=(n,)} : f32[n]
              %2 = neg %1 : f32[n]
              return %0, %2
            }""")
        )
    )
