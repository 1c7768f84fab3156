"""Every op as a kernel: its loops by the evaluator, and its machine code.

Each is held to the reference, to the bit or within the op's tolerance.
"""

import math
from random import Random

import numpy as np
import pytest

from penstock.ir.graph.value import Function
from penstock.ir.op import OPS, Op, Unsupported
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.passes.expand import expand
from penstock.passes.fuse import fuse
from penstock.runtime.machine import host
from tests.native_program import NativeProgram
from tests.ops.cases import TEXT_ONLY, Array, Case, cases
from tests.ops.compare import difference
from tests.ops.program import Program, reference, symbolic

ON_ARRAYS = [op for name, op in OPS.items() if name not in TEXT_ONLY]
every_op = pytest.mark.parametrize("op", ON_ARRAYS, ids=lambda op: op.name)


def lower(program: Program, results: list, strided: frozenset = frozenset()) -> Plan:
    values = tuple(result.value for result in results)
    function = Function("f", tuple(program.parameters), values)
    fused = fuse(expand(function), strided=strided)
    return lower_function(fused, strided=strided)


def some_cases(op: type[Op], share: int) -> list[Case]:
    """All layouts in f32, and of the other dtypes a share each, of other layouts."""
    chosen = []
    seen: dict[str, int] = {}
    for number, case in enumerate(cases(op)):
        if reference(case).dtype.kind == "c":
            continue  # complex numbers are not compiled yet
        types = str([array.dtype for array in case.arrays])
        place = seen.setdefault(types, len(seen))
        if "float32" in types or (number + place) % share == 0:
            chosen.append(case)
    return chosen


def with_gaps(array: Array) -> Array:
    """The same elements with others in between, and the axes in reverse order."""
    spread = np.zeros([2 * size + 1 for size in array.shape[::-1]], array.dtype)
    view = spread[(..., *(slice(1, None, 2) for _ in array.shape))].T
    view[...] = array
    return view


def contiguous(array: Array) -> Array:
    return np.array(array, order="C")


@every_op
def test_kernels_verify_print_and_agree_with_the_reference(op):
    for number, case in enumerate(some_cases(op, 11)):
        check_kernels(case, number, strided=False)
        if number % 2:
            check_kernels(case, number, strided=True)


def check_kernels(case: Case, number: int, *, strided: bool) -> None:
    """Strided arrays go together with symbolic sizes."""
    made = symbolic(case) if strided else None
    if made is None:
        program = Program()
        operands = [program.parameter(array) for array in case.arrays]
        made = program, program.apply(case, operands)
    program, result = made
    names = frozenset(str(p.attributes["name"]) for p in program.parameters)
    plan = lower(program, [result], names if strided else frozenset())
    verify_plan(plan)
    text = str(plan)
    assert str(parse_plan(text)) == text
    layout = with_gaps if strided else contiguous
    arrays = [layout(array) for array in case.arrays]
    longest = max((size for array in arrays for size in array.shape), default=0)
    # A long sort takes the evaluator a second: half of them in vectors.
    for width in (1, 4) if longest < 150 else ((1, 4)[number % 2],):
        (got,), _ = evaluate_plan(plan, arrays, width=width, shuffle=Random(number))
        assert difference(case, got, reference(case)) == ""


def garbage(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Memory in which it shows when an element is not written."""
    count = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    return np.full(count, 0xA5, np.uint8).view(dtype).reshape(shape)


@every_op
def test_machine_code_agrees_with_the_reference(op):
    # Many cases in one program, which takes much less time to compile.
    program = Program()
    chosen = some_cases(op, 17)
    results = []
    strided = set()
    for number, case in enumerate(chosen):
        first = len(program.parameters)
        operands = [program.parameter(array) for array in case.arrays]
        if number % 2:
            own = program.parameters[first:]
            strided |= {str(parameter.attributes["name"]) for parameter in own}
        results.append(program.apply(case, operands))
    plan = lower(program, results, frozenset(strided))
    arrays = [
        with_gaps(array) if buffer.strided else contiguous(array)
        for buffer, array in zip(plan.parameters, program.arrays, strict=True)
    ]
    native = NativeProgram(plan, host())(arrays, allocate=garbage)
    wrong = [
        difference(case, got, reference(case))
        for case, got in zip(chosen, native, strict=True)
    ]
    assert [message for message in wrong if message] == []


def test_ops_that_do_not_compile_say_why():
    for name in sorted(TEXT_ONLY - {"cluster", "get"}):
        assert isinstance(OPS[name].lower, Unsupported), name
