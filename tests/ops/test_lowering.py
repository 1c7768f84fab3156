"""Every op as a kernel: its loops by the evaluator, and its machine code.

Each is held to the reference, to the bit or within the op's tolerance.
"""

import ctypes
import math
from random import Random

import numpy as np
import pytest

from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.backends.llvm.plan import PREPARE, RUN, emit_plan
from penstock.ir.graph.value import Function
from penstock.ir.op import OPS, Op, Unsupported
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.node import Plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.passes.expand import expand
from penstock.passes.fuse import fuse
from penstock.runtime.executable import Executable
from penstock.runtime.machine import host
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
    for number, case in enumerate(some_cases(op, 4)):
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
    for width in (1, 4):
        (got,), _ = evaluate_plan(plan, arrays, width=width, shuffle=Random(number))
        assert difference(case, got, reference(case)) == ""


def run_compiled(plan: Plan, arrays: list[Array]) -> list[Array]:
    """The results of a Plan's machine code."""
    order = [buffer.name for buffer in plan.parameters]
    compiled = emit_object(emit_plan(plan, order), host())
    executable = Executable(link_shared_object(compiled, [PREPARE, RUN]))
    words, kept = [0], []
    for array in arrays:
        numbers = np.array([array.shape, array.strides], np.int64).reshape(2, -1)
        kept.append(numbers)
        words += [array.ctypes.data, *(row.ctypes.data for row in numbers)]
    count = 2 + sum(buffer.type.rank for buffer in plan.results)
    sizes = (ctypes.c_int64 * count)()
    slots = (ctypes.c_int64 * (len(words) + len(plan.results)))(*words)
    assert executable.prepare(slots, sizes) == 0
    results = []
    for number, buffer in enumerate(plan.results):
        shape, dtype = buffer.type.concrete({}), buffer.type.dtype.numpy
        garbage = np.full(math.prod(shape) * dtype.itemsize, 0xA5, np.uint8)
        result = garbage.view(dtype).reshape(shape)
        slots[len(words) + number] = result.ctypes.data
        results.append(result)
    arena = np.empty(sizes[0] + 64, np.uint8)
    address = (arena.ctypes.data + 63) // 64 * 64
    assert executable.run(slots, address, threads=1) == 0
    return results


@every_op
def test_machine_code_agrees_with_the_reference(op):
    # Many cases in one program, which takes much less time to compile.
    program = Program()
    chosen = some_cases(op, 7)
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
    wrong = [
        difference(case, got, reference(case))
        for case, got in zip(chosen, run_compiled(plan, arrays), strict=True)
    ]
    assert [message for message in wrong if message] == []


def test_ops_that_do_not_compile_say_why():
    for name in sorted(TEXT_ONLY - {"cluster", "get"}):
        assert isinstance(OPS[name].lower, Unsupported), name
