"""Derivatives and batches of Functions, built as ops and run by the evaluator."""

from collections.abc import Sequence

import numpy as np

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.value import Builder, Function
from penstock.ir.graph.verify import verify
from penstock.ir.ops.transform import is_differentiable
from penstock.ir.types import TensorType, TupleType
from penstock.passes.drop_custom import drop_custom
from penstock.passes.transforms import transforms
from tests.ops.cases import Array, Case
from tests.ops.program import Program


def body_of(case: Case) -> Function:
    """An op as a Function of its operands."""
    program = Program()
    result = program.apply(case, [program.parameter(array) for array in case.arrays])
    return Function("f", tuple(program.parameters), (result.value,))


def floats(values) -> tuple[int, ...]:
    return tuple(i for i, value in enumerate(values) if is_differentiable(value.type))


class _Around:
    """A Function that is one op on a Function, and some of the results."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.parameters = []

    def take(self, types):
        made = [
            self.builder.parameter(f"p{len(self.parameters) + i}", type_)
            for i, type_ in enumerate(types)
        ]
        self.parameters += made
        return made

    def function(self, op, body, first, **attributes) -> Function:
        value = self.builder.add(op, *self.parameters, regions=(body,), **attributes)
        results = (
            [
                self.builder.add("get", value, index=i)
                for i in range(len(value.type.elements))
            ]
            if isinstance(value.type, TupleType)
            else [value]
        )
        return Function("f", tuple(self.parameters), tuple(results[first:]))


def pushed(body: Function, wrt: tuple[int, ...]) -> Function:
    """Its tangents: takes its arguments, then their tangents."""
    around = _Around()
    around.take([p.type for p in body.parameters])
    around.take([body.parameters[i].type for i in wrt])
    return around.function("jvp", body, len(body.results), wrt=wrt)


def pulled(body: Function, wrt: tuple[int, ...]) -> Function:
    """Its cotangents: takes its arguments, then cotangents of its results."""
    of = floats(body.results)
    around = _Around()
    around.take([p.type for p in body.parameters])
    around.take([body.results[i].type for i in of])
    return around.function("vjp", body, len(body.results), wrt=wrt, of=of)


def batched(body: Function, axes: Sequence[int | None], size: int) -> Function:
    """It for each element of a batch."""
    around = _Around()
    types = []
    for p, axis in zip(body.parameters, axes, strict=True):
        shape = list(p.shape)
        if axis is not None:
            shape.insert(axis, size)
        types.append(TensorType(p.dtype, tuple(shape)))
    around.take(types)
    return around.function("vmap", body, 0, axes=tuple(axes), size=size)


def expanded(function: Function) -> Function:
    """What the passes make of it; valid before and after."""
    verify(function)
    plain = drop_custom(transforms(function))
    verify(plain)
    return plain


def run(function: Function, arrays: Sequence[Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        return evaluate(expanded(function), list(arrays))


def dot(left: Sequence[Array], right: Sequence[Array]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(left, right, strict=True)))


def check(
    body: Function,
    arrays: Sequence[Array],
    order: int,
    random: np.random.Generator,
    wrt: tuple[int, ...] | None = None,
    step: float = 1e-6,
) -> None:
    """Both modes against differences and each other, and of each both again."""
    if wrt is None:
        wrt = floats(body.parameters)
    of = floats(body.results)
    values = run(body, arrays)
    if not wrt or not of or not all(np.isfinite(values[i]).all() for i in of):
        return
    vs = [random.normal(size=arrays[i].shape) for i in wrt]
    cs = [random.normal(size=values[i].shape) for i in of]
    tangents = run(pushed(body, wrt), [*arrays, *vs])
    cotangents = run(pulled(body, wrt), [*arrays, *cs])

    def moved(amount: float) -> list[Array]:
        there = list(arrays)
        for i, v in zip(wrt, vs, strict=True):
            there[i] = arrays[i] + amount * v
        return run(body, there)

    ahead, behind = moved(step), moved(-step)
    size = max((np.max(np.abs(values[i]), initial=1) for i in of), default=1)
    for tangent, i in zip(tangents, of, strict=True):
        wanted = (ahead[i] - behind[i]) / (2 * step)
        np.testing.assert_allclose(tangent, wanted, rtol=2e-5, atol=1e-6 * size)
    by_forward, by_reverse = dot(cs, tangents), dot(vs, cotangents)
    scale = dot([np.abs(c) for c in cs], [np.abs(t) for t in tangents])
    np.testing.assert_allclose(by_reverse, by_forward, rtol=1e-9, atol=1e-9 * scale)
    if order > 1:
        check(pushed(body, wrt), [*arrays, *vs], order - 1, random, wrt, step)
        check(pulled(body, wrt), [*arrays, *cs], order - 1, random, wrt, step)
