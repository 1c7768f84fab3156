"""Every op as a CUDA kernel, on the emulation, against its reference."""

import numpy as np
import pytest

from penstock.backends.cuda import emit_cuda
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Function
from penstock.ir.op import OPS
from penstock.lower import lower_function
from penstock.passes.expand import expand
from penstock.passes.fuse import fuse
from tests.backends.cuda.emulation.emulator import compile_plans
from tests.ops.cases import TEXT_ONLY, cases
from tests.ops.compare import difference
from tests.ops.program import Program, reference


def some_cases(op):
    """A few layouts in each dtype, others in the next."""
    found = list(cases(op))
    chosen = []
    for number, case in enumerate(found):
        # A step that shares no factor with the numbers of layouts and of dtypes.
        if number % 97 == 0 and reference(case).dtype.kind != "c":
            chosen.append(case)
    return chosen or found[:1]


def with_gaps(array):
    """The same elements with others in between, and the axes in reverse order."""
    spread = np.zeros([2 * size + 1 for size in array.shape[::-1]], array.dtype)
    view = spread[(..., *(slice(1, None, 2) for _ in array.shape))].T
    view[...] = array
    return view


def plan_of_all(chosen):
    """One Plan for all cases; the arrays of every second one may have gaps."""
    program = Program()
    results, strided = [], set()
    for number, case in enumerate(chosen):
        first = len(program.parameters)
        operands = [program.parameter(array) for array in case.arrays]
        if number % 2:
            own = program.parameters[first:]
            strided |= {str(parameter.attributes["name"]) for parameter in own}
        results.append(program.apply(case, operands).value)
    function = Function("ops", tuple(program.parameters), tuple(results))
    names = frozenset(strided)
    plan = lower_function(fuse(expand(function), strided=names), strided=names)
    arrays = [
        with_gaps(array) if buffer.strided else np.array(array, order="C")
        for buffer, array in zip(plan.parameters, program.arrays, strict=True)
    ]
    return plan, arrays


def test_kernels_agree_with_the_reference(cuda_folder):
    chosen = [
        case
        for name, op in OPS.items()
        if name not in TEXT_ONLY
        for case in some_cases(op)
    ]
    assert {case.op.name for case in chosen} == OPS.keys() - TEXT_ONLY
    plan, arrays = plan_of_all(chosen)
    (run,) = compile_plans([plan], cuda_folder, "ops")
    results = run(*arrays, seed=1)
    wrong = [
        difference(case, got, reference(case))
        for case, got in zip(chosen, results, strict=True)
    ]
    assert [message for message in wrong if message] == []


def test_complex_numbers_are_refused():
    case = next(
        case for case in cases(OPS["const"]) if reference(case).dtype.kind == "c"
    )
    program = Program()
    function = Function("f", (), (program.apply(case, []).value,))
    with pytest.raises(UnsupportedError, match="not-on-cuda"):
        emit_cuda(lower_function(fuse(function)))
