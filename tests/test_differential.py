"""Random graphs as native code, held to the reference evaluator bit for bit."""

import random

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Builder, Function
from penstock.ir.types import TensorType, f32
from penstock.runtime.machine import host, machine_for
from tests.native_program import compile_function
from tests.random_programs import (
    Program,
    assert_same_results,
    program_of_seed,
)
from tests.targets import need_target

# Effects are not compiled yet; what rounds differently
# from NumPy has tests of its own, with tolerances.
_NOT_COMPILED = {"cluster", "token", "print"}
_ROUNDED = {
    "exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "erf", "pow", "exp2", "log2",
    "log10", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh",
    "atanh", "cbrt", "hypot", "erfc",
    # They see the sign of nan, which is not promised.
    "signbit", "copysign",
    "contract", "convolution",
}  # fmt: skip
_ORDERED = {"sum", "prod", "cumsum"}

PER_TEST = 25
LEVELS = ("x86-64", "x86-64-v3", "x86-64-v4")


def is_exact(function: Function) -> bool:
    for value in function.values:
        name = value.op.name
        if name in _NOT_COMPILED or name in _ROUNDED or not value.op.pure:
            return False
        if name in _ORDERED and value.dtype.is_float:
            return False
        if not all(is_exact(region) for region in value.regions):
            return False
    return not function.effects


def has_control(function: Function) -> bool:
    return any(value.regions for value in function.values)


def exact_programs(
    first: int, count: int, *, control: bool | None = None
) -> list[Program]:
    """Programs without rounding; all with, or all without, control flow if asked."""
    found = []
    seed = first
    while len(found) < count:
        program = program_of_seed(seed, 14)
        function = program.function
        if is_exact(function) and control in (None, has_control(function)):
            found.append(program)
        seed += 1
    return found


@pytest.mark.parametrize("batch", range(4))
def test_random_programs_have_numpys_bits(batch: int) -> None:
    for program in exact_programs(batch * 100_000, PER_TEST):
        check(program, {})


@pytest.mark.parametrize("batch", range(4))
def test_random_programs_with_control_flow(batch: int) -> None:
    for program in exact_programs(2_000_000 + batch * 100_000, PER_TEST, control=True):
        check(program, {})


@pytest.mark.parametrize("level", LEVELS)
def test_on_older_machines(level: str) -> None:
    need_target(level)
    machine = machine_for(level, host().features)
    for program in exact_programs(900_000, PER_TEST):
        check(program, {"machine": machine})


def test_with_strided_arguments() -> None:
    for program in exact_programs(500_000, PER_TEST):
        names = {str(p.attributes["name"]) for p in program.function.parameters}
        spread = Program(
            program.function,
            [with_gaps(argument) for argument in program.arguments],
            program.integers,
        )
        check(spread, {"strided": frozenset(names)})


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_more_random_programs_with_control_flow(batch: int) -> None:
    for program in exact_programs(2_500_000 + batch * 100_000, 200, control=True):
        check(program, {})


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
def test_many_random_programs(batch: int) -> None:
    for program in exact_programs(1_000_000 + batch * 10_000, 200):
        check(program, {})


def with_gaps(array: np.ndarray) -> np.ndarray:
    """The same elements, every other one of a larger array, one axis backwards."""
    array = np.asarray(array)
    rng = random.Random(array.size)
    spread = np.zeros([2 * size + 3 for size in array.shape], array.dtype)
    key = tuple(
        slice(2 * size, None if size == 0 else 0, -2)
        if rng.random() < 0.3
        else slice(1, 1 + 2 * size, 2)
        for size in array.shape
    )
    view = spread[(..., *key)]
    view[...] = array
    return view


def check(program: Program, options: dict) -> None:
    function, arguments = program.function, program.arguments
    with np.errstate(all="ignore"):
        try:
            expected = evaluate(function, arguments, program.integers)
        except IndexError:
            return
    native = compile_function(function, **options)
    arrays = [np.asarray(argument) for argument in arguments]
    before = [array.copy() for array in arrays]
    got = native(arrays, program.integers)
    try:
        assert_same_results(got, expected)
    except AssertionError as error:
        raise AssertionError(f"{program}\n{native.plan}\n{error}") from None
    assert_same_results(arrays, before)


def test_a_constant_without_elements() -> None:
    builder = Builder()
    x = builder.parameter("x", TensorType(f32, (0, 2)))
    empty = builder.constant(np.empty((0, 2)), f32)
    function = Function("f", (x,), (builder.add("concatenate", x, empty, axis=0),))
    (result,) = compile_function(function, optimize=False)([np.empty((0, 2), "f4")])
    assert result.shape == (0, 2)


def test_a_parameter_that_a_guard_makes_one_row() -> None:
    function = parse_function("""
        func @f(%x: f32[n,m], %y: f32[k,p]) -> (f32[n,m], f32[1,m])
          where p == m, k == 1 {
          %0 = add %x, %y : f32[n,m]
          %1 = neg %y : f32[1,m]
          return %0, %1
        }""")
    x, y = np.ones((5, 3), np.float32), np.arange(3, dtype=np.float32)[None]
    first, second = compile_function(function)([x, y])
    assert_same_results([first, second], [x + y, -y])
