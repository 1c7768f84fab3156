"""Every scalar primitive and combination in every dtype, against the loop evaluator."""

import numpy as np
import pytest

from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.evaluate import neutral
from penstock.ir.loop.primitive import COMBINES, PRIMITIVES
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.types import DTYPES, TensorType, bool_
from tests.backends.cuda.emulation.emulator import compile_plans
from tests.backends.cuda.plans import plan_of_kernel
from tests.ops.cases import awkward
from tests.ops.compare import largest_distance

COUNT = 300
REAL = [dtype for dtype in DTYPES.values() if dtype.kind != "c"]
by_dtype = pytest.mark.parametrize("dtype", REAL, ids=str)

# In units in the last place; NumPy's own functions err too. All others are exact.
TOLERANCES = {
    "exp": 3, "expm1": 3, "log": 3, "log1p": 3, "sin": 3, "cos": 3, "tanh": 3,
    "erf": 3, "pow": 3, "fma": 1, "exp2": 3, "log2": 3, "log10": 3, "tan": 3,
    "asin": 3, "acos": 3, "atan": 3, "atan2": 3, "sinh": 3, "cosh": 3, "asinh": 3,
    "acosh": 3, "atanh": 3, "cbrt": 3, "hypot": 3, "erfc": 3,
}  # fmt: skip


def applications(builder, dtype, numbers, choice):
    """Each primitive that takes the dtype, applied."""
    a, b, small = numbers
    for name, primitive in PRIMITIVES.items():
        if dtype.kind not in primitive.kinds or name in ("select", "convert"):
            continue
        # NumPy refuses negative powers of integers.
        operands = [a, small, None] if name == "pow" else numbers
        yield name, builder.apply(name, *operands[: primitive.arity])
    yield "select", builder.select(choice, a, b)
    for target in REAL:
        if target is not dtype:
            # NumPy gives one number or another for a float that no integer holds.
            source = small if dtype.is_float else a
            yield f"convert to {target}", builder.convert(source, target)


def primitives_kernel(dtype):
    """A Kernel that applies all primitives to numbers of one dtype; their names."""
    builder, names = KernelBuilder(f"primitives_{dtype}_0"), []
    inputs = [
        builder.buffer(name, TensorType(kind, (COUNT,)), "in")
        for name, kind in zip("abcd", (dtype, dtype, dtype, bool_), strict=True)
    ]
    with builder.loop("vector", builder.size(COUNT)) as loop:
        *numbers, choice = [builder.load(buffer, [loop.index]) for buffer in inputs]
        for name, scalar in applications(builder, dtype, numbers, choice):
            type_ = TensorType(scalar.dtype, (COUNT,))
            result = builder.buffer(f"r{len(names)}", type_, "out")
            builder.store(result, [loop.index], scalar)
            names.append(name)
    return builder.finish(), names


def combinations_kernel(dtype):
    """A Kernel that combines numbers in all ways that their dtype has."""
    builder = KernelBuilder(f"combinations_{dtype}_0")
    source = builder.buffer("a", TensorType(dtype, (COUNT,)), "in")
    names = [name for name in COMBINES if dtype.kind in PRIMITIVES[name].kinds]
    start = [(builder.constant(neutral(name, dtype), dtype), name) for name in names]
    with builder.loop("vector", builder.size(COUNT), carries=start) as loop:
        number = builder.load(source, [loop.index])
        loop.update(
            *(
                builder.apply(name, total, number)
                for name, total in zip(names, loop.carried, strict=True)
            )
        )
    for place, total in enumerate(loop.results):
        result = builder.buffer(f"r{place}", TensorType(dtype, ()), "out")
        builder.store(result, [], total)
    return builder.finish(), names


@pytest.fixture(scope="module")
def emulated(cuda_folder):
    """For a dtype and a kind of kernel: what its results are called, and it."""
    made = {
        (dtype, make): make(dtype)
        for dtype in REAL
        for make in (primitives_kernel, combinations_kernel)
    }
    plans = [plan_of_kernel(kernel) for kernel, _ in made.values()]
    runs = compile_plans(plans, cuda_folder, "primitives")
    return {
        key: (names, run)
        for (key, (_, names)), run in zip(made.items(), runs, strict=True)
    }


def without_sign_of_zero(name, array):
    # Which of two zeros NumPy chooses depends on the length of the array, and the sign
    # that it gives a zero of 16 bits on the kind.
    is_float = array.dtype.kind in "fV"
    if is_float and name in ("minimum", "maximum", "sign"):
        return array + array.dtype.type(0)
    return array


@by_dtype
def test_primitives_agree_with_the_loop_evaluator(emulated, dtype):
    names, run = emulated[dtype, primitives_kernel]
    random = np.random.default_rng(5)
    a, b = (awkward("add", dtype, (COUNT,), random) for _ in range(2))
    small = random.integers(0, 7, COUNT)
    if dtype.is_float:
        small = np.abs(random.normal(size=COUNT) * 5)
    arguments = [a, b, small.astype(dtype.numpy), random.integers(0, 2, COUNT) == 1]
    wanted, _ = evaluate_plan(run.plan, arguments)
    wrong = {}
    for name, got, right in zip(names, run(*arguments), wanted, strict=True):
        distance = largest_distance(
            without_sign_of_zero(name, got), without_sign_of_zero(name, right)
        )
        if distance > TOLERANCES.get(name, 0):
            wrong[name] = distance
    assert wrong == {}


@by_dtype
def test_combinations_agree_with_the_loop_evaluator(emulated, dtype):
    names, run = emulated[dtype, combinations_kernel]
    random = np.random.default_rng(5)
    numbers = awkward("sum", dtype, (COUNT,), random)
    if dtype.is_float:
        # Whose sums and products are of ordinary size.
        numbers = (1 + random.normal(size=COUNT) / 16).astype(dtype.numpy)
    (wanted, _) = evaluate_plan(run.plan, [numbers], width=32)
    results = [run(numbers, seed=seed) for seed in range(3)]
    for name, got, again, once_more, right in zip(names, *results, wanted, strict=True):
        assert got.tobytes() == again.tobytes() == once_more.tobytes(), name
        tolerance = 64 if dtype.is_float and name in ("add", "mul") else 0
        assert largest_distance(got, right) <= tolerance, name
