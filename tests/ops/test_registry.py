"""Every op in every respect, against its own reference."""

import itertools

import numpy as np
import pytest

from penstock.ir import derivative
from penstock.ir.dims import symbol
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.op import OPS, Op, Unsupported
from penstock.ir.types import f32
from tests.ops.cases import (
    TEXT_ONLY,
    Array,
    Case,
    cases,
    dtypes_of,
    has_cases,
    smooth_cases,
)
from tests.ops.compare import same
from tests.ops.control import PROGRAMS, all_values
from tests.ops.program import Program, reference, symbolic, type_of

ON_ARRAYS = [op for name, op in OPS.items() if name not in TEXT_ONLY]
every_op = pytest.mark.parametrize("op", ON_ARRAYS, ids=lambda op: op.name)


def test_every_op_is_tried():
    assert [name for name in OPS if not has_cases(name)] == []


def test_ops_that_are_tried_by_text_are():
    tried = {value.op.name for f, _, _ in PROGRAMS for value in all_values(f)}
    # Transforms mean something only once a pass has replaced them: tests/transforms.
    transforms = {name for name, op in OPS.items() if op.family == "transform"}
    assert set(TEXT_ONLY) <= tried | transforms | {"transposed"}


@pytest.mark.parametrize(("function", "arguments", "wanted"), PROGRAMS)
def test_ops_with_regions(function, arguments, wanted):
    results = evaluate(function, arguments, write=lambda text, array: None)
    assert [result.tolist() for result in results] == wanted


@every_op
def test_type_rule_agrees_with_the_reference(op):
    for case in cases(op):
        program = Program()
        operands = [program.parameter(array) for array in case.arrays]
        result = program.apply(case, operands)
        # `evaluate` compares the reference's dtype and shape with the type.
        (array,) = program.run(result)
        assert array.shape == result.shape, str(case)


@every_op
def test_type_rule_holds_for_symbolic_sizes(op):
    for case in cases(op):
        made = symbolic(case)
        if made is not None:
            program, result = made
            (array,) = program.run(result)
            assert same(array, reference(case)), str(case)


def directions(case: Case, positions: tuple[int, ...]) -> list[Array | None]:
    random = np.random.default_rng(3)
    return [
        random.normal(size=array.shape) if position in positions else None
        for position, array in enumerate(case.arrays)
    ]


def float_positions(case: Case) -> list[int]:
    return [i for i, array in enumerate(case.arrays) if array.dtype == np.float64]


def tangent_of(case: Case, tangents: list[Array | None]) -> Array:
    """The jvp by the op's rule, zeros where it says that it is zero."""
    program = Program()
    operands = [program.parameter(array) for array in case.arrays]
    y = program.apply(case, operands)
    given = [None if t is None else program.parameter(t) for t in tangents]
    dy = derivative.jvp(case.op, y, operands, given, case.attributes)
    if dy is None:
        return np.zeros(y.shape)
    assert dy.type == y.type, str(case)
    return program.run(dy)[0]


def difference(case: Case, tangents: list[Array | None]) -> Array:
    """The jvp by central differences."""
    step = 1e-6
    ahead, behind = (
        reference(
            case,
            *(
                x if dx is None else x + sign * step * dx
                for x, dx in zip(case.arrays, tangents, strict=True)
            ),
        )
        for sign in (1, -1)
    )
    return (ahead - behind) / (2 * step)


def position_sets(case: Case) -> list[tuple[int, ...]]:
    positions = float_positions(case)
    sets = [(position,) for position in positions]
    return sets if len(positions) < 2 else [*sets, tuple(positions)]


@every_op
def test_jvp_agrees_with_finite_differences(op):
    for case in smooth_cases(op):
        result = reference(case)
        if result.dtype != np.float64 or not np.isfinite(result).all():
            continue
        for positions in position_sets(case):
            tangents = directions(case, positions)
            np.testing.assert_allclose(
                tangent_of(case, tangents),
                difference(case, tangents),
                rtol=1e-6,
                atol=1e-7 * max(1, np.max(np.abs(result), initial=0)),
                err_msg=f"{case} by {positions}",
            )


@every_op
def test_jvp_in_other_dtypes_has_the_type_of_the_result(op):
    for case in cases(op):
        positions = [i for i, a in enumerate(case.arrays) if type_of(a).dtype.is_float]
        tangents = [
            np.ones(a.shape, a.dtype) if i in positions else None
            for i, a in enumerate(case.arrays)
        ]
        program = Program()
        operands = [program.parameter(array) for array in case.arrays]
        y = program.apply(case, operands)
        given = [None if t is None else program.parameter(t) for t in tangents]
        dy = derivative.jvp(op, y, operands, given, case.attributes)
        if dy is not None:
            assert dy.type == y.type, str(case)
            program.run(dy)


# Elementwise ops that are linear, or linear in one operand where the other is fixed.
_LINEAR_IN = {
    "add": (0, 1), "sub": (0, 1), "mul": (0, 1), "div": (0,), "neg": (0,),
    "select": (1, 2), "astype": (0,),
}  # fmt: skip


def transposed_positions(op: type[Op]) -> tuple[int, ...]:
    if op.transpose is not None and not isinstance(op.transpose, Unsupported):
        return op.linear or tuple(range(8))
    return _LINEAR_IN.get(op.name, ())


@every_op
def test_transpose_keeps_dot_products(op):
    for case in smooth_cases(op):
        if reference(case).dtype != np.float64:
            continue
        for position in transposed_positions(op):
            if position in float_positions(case):
                check_dot_product(case, position)


def check_dot_product(case: Case, position: int) -> None:
    tangents = directions(case, (position,))
    forward = tangent_of(case, tangents)
    cotangent = np.random.default_rng(5).normal(size=forward.shape)
    program = Program()
    operands = [program.parameter(array) for array in case.arrays]
    given = program.parameter(cotangent)
    back = derivative.transpose(case.op, given, operands, position, case.attributes)
    assert back is not None, str(case)
    assert back.type == operands[position].type, f"{case} at {position}"
    (backward,) = program.run(back)
    tangent = tangents[position]
    assert tangent is not None
    np.testing.assert_allclose(
        np.vdot(forward, cotangent),
        np.vdot(tangent, backward),
        rtol=1e-9,
        atol=1e-12 * max(1, forward.size),
        err_msg=f"{case} at {position}",
    )


@every_op
def test_batch_agrees_with_a_loop(op):
    if isinstance(op.batch, Unsupported):
        pytest.skip(op.batch.why)
    dtypes = dtypes_of(op)
    chosen = f32 if f32 in dtypes else dtypes[0]
    for case in cases(op, [chosen]):
        for batched in itertools.product((False, True), repeat=len(case.arrays)):
            if any(batched):
                check_batch(case, batched, 3)
                check_batch(case, batched, 1)


def check_batch(case: Case, batched: tuple[bool, ...], count: int) -> None:
    random = np.random.default_rng(13)

    def member(array: Array, number: int) -> Array:
        if array.size == 1:
            return np.full(array.shape, number, array.dtype)
        return random.permutation(array.ravel()).reshape(array.shape)

    members = [
        [
            member(array, number) if yes else array
            for array, yes in zip(case.arrays, batched, strict=True)
        ]
        for number in range(count)
    ]
    program = Program()
    operands = []
    for position, yes in enumerate(batched):
        type_ = type_of(case.arrays[position])
        if yes:
            stacked = np.stack([member[position] for member in members])
            operands.append(
                program.parameter(
                    stacked, type_.with_shape((symbol("b"), *type_.shape))
                )
            )
        else:
            operands.append(program.parameter(members[0][position]))
    result = case.op.batch(operands, batched, **case.attributes)
    (array,) = program.run(result)
    wanted = np.stack([reference(case, *member) for member in members])
    message = f"{case} batched {batched}"
    assert array.shape == wanted.shape, message
    if case.op.tolerance and case.op.family in ("contraction", "reduction"):
        np.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-4, err_msg=message)
    else:
        assert same(array, wanted), message


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_what_is_unsupported_says_why(op):
    for rule in (
        "partials",
        "jvp",
        "transpose",
        "batch",
        "lower",
        "reference",
        "flops",
    ):
        stated = getattr(op, rule)
        if isinstance(stated, Unsupported):
            assert len(stated.why.split()) >= 3, rule
            assert stated.why[0].islower(), rule
