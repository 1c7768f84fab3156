"""Every scalar primitive in every dtype, against the loop evaluator."""

import numpy as np
import pytest

from penstock.backends.cuda import emit_cuda
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.evaluate import evaluate_kernel
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Launch, Plan, PlanBuffer
from penstock.ir.types import DTYPES, TensorType, bool_, i32, i64, u8, u16, u64
from tests.backends.cuda.emulation.emulator import compile_plans
from tests.ops.cases import awkward
from tests.ops.compare import largest_distance

COUNT = 300
REAL = [dtype for dtype in DTYPES.values() if dtype.kind != "c"]
by_dtype = pytest.mark.parametrize("dtype", REAL, ids=str)

# In units in the last place; NumPy's own functions err too. All others are exact.
TOLERANCES = {
    "exp": 3, "expm1": 3, "log": 3, "log1p": 3, "sin": 3, "cos": 3, "tanh": 3,
    "erf": 3, "pow": 3, "fma": 1,
}  # fmt: skip


class PrimitivesKernel:
    """A kernel that applies all primitives to numbers of one dtype."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.builder = KernelBuilder(f"primitives_{dtype}_0")
        self.names = []
        self.results = []
        type_ = TensorType(dtype, (COUNT,))
        inputs = [self.builder.buffer(name, type_, "in") for name in "abc"]
        choice = self.builder.buffer("d", TensorType(bool_, (COUNT,)), "in")
        with self.builder.loop("vector", self.builder.size(COUNT)) as loop:
            self.index = loop.index
            numbers = [self.builder.load(buffer, [loop.index]) for buffer in inputs]
            chosen = self.builder.load(choice, [loop.index])
            for name, primitive in PRIMITIVES.items():
                if dtype.kind in primitive.kinds and name not in ("select", "convert"):
                    operands = numbers[: primitive.arity]
                    if name == "pow":
                        operands = [numbers[0], numbers[2]]
                    self.keep(name, self.builder.apply(name, *operands))
            self.keep("select", self.builder.select(chosen, *numbers[:2]))
            for target in REAL:
                if target is not dtype:
                    # What does not fit an integer is tried below.
                    source = numbers[2] if dtype.is_float else numbers[0]
                    converted = self.builder.convert(source, target)
                    self.keep(f"convert to {target}", converted)
        self.kernel = self.builder.finish()

    def keep(self, name, scalar):
        buffer = self.builder.buffer(
            f"r{len(self.names)}", TensorType(scalar.dtype, (COUNT,)), "out"
        )
        self.builder.store(buffer, [self.index], scalar)
        self.names.append(name)

    def plan(self):
        buffers = [
            PlanBuffer(b.name, b.type, "parameter" if b.mode == "in" else "result")
            for b in self.kernel.buffers
        ]
        body = [Launch(self.kernel, tuple(buffers))]
        return Plan(
            self.kernel.name, tuple(buffers[:4]), (), tuple(buffers[4:]), body=body
        )

    def arguments(self):
        """Awkward numbers; the third are of small magnitude, and no negative powers."""
        random = np.random.default_rng(5)
        a, b = (awkward("add", self.dtype, (COUNT,), random) for _ in range(2))
        small = random.integers(0, 2 if self.dtype is bool_ else 7, COUNT)
        c = small.astype(self.dtype.numpy)
        if self.dtype.is_float:
            c = (random.normal(size=COUNT) * 5).astype(self.dtype.numpy)
            if self.dtype is not u8:
                c = np.abs(c)
        return [a, b, c, random.integers(0, 2, COUNT).astype(bool)]


@pytest.fixture(scope="module")
def emulated(cuda_folder):
    kernels = {dtype: PrimitivesKernel(dtype) for dtype in REAL}
    plans = [kernel.plan() for kernel in kernels.values()]
    runs = compile_plans(plans, cuda_folder, "primitives")
    return {
        dtype: (kernel, run)
        for (dtype, kernel), run in zip(kernels.items(), runs, strict=True)
    }


@by_dtype
def test_primitives_agree_with_the_loop_evaluator(emulated, dtype):
    kernel, run = emulated[dtype]
    arguments = kernel.arguments()
    wanted, _ = evaluate_plan(run.plan, arguments)
    wrong = {}
    for name, got, right in zip(kernel.names, run(*arguments), wanted, strict=True):
        if name in ("minimum", "maximum") and dtype.is_float:
            # Which of two zeros NumPy gives depends on the length of the array.
            got, right = got + dtype.numpy.type(0), right + dtype.numpy.type(0)
        distance = largest_distance(got, right)
        if distance > TOLERANCES.get(name, 0):
            wrong[name] = distance
    assert wrong == {}
