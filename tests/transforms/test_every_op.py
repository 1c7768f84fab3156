"""Every op through the passes: derivatives to order two, and batches, also nested."""

import itertools

import numpy as np
import pytest

from penstock.ir.op import OPS, Unsupported
from penstock.ir.types import f32, f64
from tests.ops.cases import TEXT_ONLY, Array, Case, cases, dtypes_of, smooth_cases
from tests.ops.compare import same
from tests.ops.program import reference
from tests.transforms.graphs import (
    batched,
    body_of,
    check,
    floats,
    pulled,
    pushed,
    run,
)

ON_ARRAYS = [op for name, op in OPS.items() if name not in TEXT_ONLY]
every_op = pytest.mark.parametrize("op", ON_ARRAYS, ids=lambda op: op.name)

# The cases of an op are its shapes and attributes; some of each kind will do.
MOST = 6


def chosen(every) -> list[Case]:
    small = [case for case in every if sum(a.size for a in case.arrays) <= 40]
    step = max(1, len(small) // MOST)
    return small[::step][: MOST + 1]


@every_op
def test_derivatives_to_order_two(op):
    for case in chosen(smooth_cases(op)):
        result = reference(case)
        if result.dtype == np.float64 and np.isfinite(result).all():
            try:
                check(body_of(case), case.arrays, 2, np.random.default_rng(7))
            except AssertionError as error:
                raise AssertionError(str(case)) from error


@every_op
def test_derivatives_keep_the_dtype(op):
    for dtype in (f32, f64):
        if dtype not in dtypes_of(op):
            continue
        for case in chosen(cases(op, [dtype])):
            body = body_of(case)
            wrt, of = floats(body.parameters), floats(body.results)
            if not wrt or not of:
                continue
            ones = [np.ones_like(case.arrays[i]) for i in wrt]
            (tangent,) = run(pushed(body, wrt), [*case.arrays, *ones])
            result = reference(case)
            assert (tangent.dtype, tangent.shape) == (result.dtype, result.shape)
            found = run(pulled(body, wrt), [*case.arrays, np.ones_like(result)])
            for cotangent, i in zip(found, wrt, strict=True):
                array = case.arrays[i]
                assert (cotangent.dtype, cotangent.shape) == (array.dtype, array.shape)


def members(array: Array, count: int, random: np.random.Generator) -> list[Array]:
    """Arrays of the same numbers in other places, which ops take as well."""
    return [
        random.permutation(array.ravel()).reshape(array.shape) for _ in range(count)
    ]


@every_op
def test_batches_along_any_axes(op):
    if isinstance(op.batch, Unsupported):
        pytest.skip(op.batch.why)
    dtypes = dtypes_of(op)
    random = np.random.default_rng(3)
    for case in chosen(cases(op, [f32 if f32 in dtypes else dtypes[0]])):
        for flags in itertools.product((False, True), repeat=len(case.arrays)):
            if any(flags):
                check_batch(op, case, flags, 3, random)


def check_batch(op, case: Case, flags, count: int, random) -> None:
    given, axes, inputs = [], [], []
    for array, yes in zip(case.arrays, flags, strict=True):
        each = members(array, count, random) if yes else [array] * count
        axis = int(random.integers(0, array.ndim + 1)) if yes else None
        inputs.append(each)
        axes.append(axis)
        given.append(np.stack(each, axis) if axis is not None else array)
    (found,) = run(batched(body_of(case), axes, count), given)
    wanted = np.stack([reference(case, *one) for one in zip(*inputs, strict=True)])
    message = f"{case} along {axes}"
    assert found.shape == wanted.shape, message
    if op.tolerance and op.family in ("contraction", "reduction", "nest", "movement"):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=message)
    else:
        assert same(found, wanted), message


@every_op
def test_derivatives_of_batches_and_batches_of_derivatives(op):
    """In every order: vmap of jvp and vjp, jvp and vjp of vmap, vmap of vmap."""
    if isinstance(op.batch, Unsupported):
        pytest.skip(op.batch.why)
    random = np.random.default_rng(5)
    for case in chosen(smooth_cases(op))[:4]:
        body = body_of(case)
        wrt = floats(body.parameters)
        result = reference(case)
        if not wrt or result.dtype != np.float64 or not np.isfinite(result).all():
            continue
        count = 2
        each = [members(a, count, random) for a in case.arrays]
        stacks = [np.stack(a) for a in each]
        rows = list(zip(*each, strict=True))
        vs = [random.normal(size=stacks[i].shape) for i in wrt]
        c = random.normal(size=(count, *result.shape))
        inner = batched(body, [0] * len(stacks), count)
        for derived, directions in ((pushed, vs), (pulled, [c])):
            wanted = [
                run(derived(body, wrt), [*row, *(d[i] for d in directions)])
                for i, row in enumerate(rows)
            ]
            axes = [0] * (len(stacks) + len(directions))
            outside = run(
                batched(derived(body, wrt), axes, count), [*stacks, *directions]
            )
            inside = run(derived(inner, wrt), [*stacks, *directions])
            for found in (outside, inside):
                for got, one in zip(found, zip(*wanted, strict=True), strict=True):
                    np.testing.assert_allclose(
                        got, np.stack(one), rtol=1e-9, atol=1e-9, err_msg=str(case)
                    )
        (twice,) = run(
            batched(inner, [1] * len(stacks), 2),
            [np.stack([s, s[::-1]], axis=1) for s in stacks],
        )
        (once,) = run(inner, stacks)
        assert same(twice[0], once), str(case)
