"""Derivatives whichever rule states them: to second order, and where they are zero."""

import numpy as np
import pytest

from penstock.ir import derivative
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Builder, Function, Value
from penstock.ir.op import OPS
from tests.ops.cases import TEXT_ONLY, Array, Case, smooth_cases
from tests.ops.program import Program

random = np.random.default_rng(1)


def tangents_of(
    results: tuple[Value, ...], builder: Builder, given: dict[Value, Value]
) -> list[Value]:
    """Forward mode through a whole graph; zeros where a tangent is zero."""
    known: dict[Value, Expression | None] = {
        value: Expression(builder, tangent) for value, tangent in given.items()
    }
    for value in Function("f", tuple(given), results).values:
        operands = [Expression(builder, operand) for operand in value.operands]
        known[value] = derivative.jvp(
            value.op,
            Expression(builder, value),
            operands,
            [known.get(operand) for operand in value.operands],
            value.attributes,
        )
    zeros = [Expression(builder, result).constant(0) for result in results]
    return [
        (known.get(r) or zero.broadcast_to(r.shape)).value
        for r, zero in zip(results, zeros, strict=True)
    ]


class Twice:
    """An op, its tangent, and its tangent's tangent, as functions of the operands."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.floats = [
            i for i, array in enumerate(case.arrays) if array.dtype == np.float64
        ]
        program = Program()
        operands = [program.parameter(array) for array in case.arrays]
        y = program.apply(case, operands)
        self.program, self.y = program, y
        first = {
            operands[i].value: program.parameter(random.normal(size=a.shape)).value
            for i, a in enumerate(case.arrays)
            if i in self.floats
        }
        (self.dy,) = tangents_of((y.value,), program.builder, first)
        second = {
            operands[i].value: program.parameter(random.normal(size=a.shape)).value
            for i, a in enumerate(case.arrays)
            if i in self.floats
        }
        (self.ddy,) = tangents_of((self.dy,), program.builder, second)

    def run(self, result: Value, shift: float = 0.0) -> Array:
        """A result where the operands are moved along the second tangents."""
        arrays = list(self.program.arrays)
        second = arrays[len(arrays) - len(self.floats) :]
        for i, tangent in zip(self.floats, second, strict=True):
            arrays[i] = arrays[i] + shift * tangent
        parameters = tuple(self.program.parameters)
        return evaluate(Function("f", parameters, (result,)), arrays)[0]


FLOATS = [op for name, op in OPS.items() if name not in TEXT_ONLY]


@pytest.mark.parametrize("op", FLOATS, ids=lambda op: op.name)
def test_second_derivatives_agree_with_finite_differences(op):
    for case in smooth_cases(op):
        if sum(array.size for array in case.arrays) > 60:
            continue
        twice = Twice(case)
        if twice.y.dtype.name != "f64" or not np.isfinite(twice.run(twice.dy)).all():
            continue
        step = 1e-6
        ahead, behind = (twice.run(twice.dy, sign * step) for sign in (1, -1))
        np.testing.assert_allclose(
            twice.run(twice.ddy),
            (ahead - behind) / (2 * step),
            rtol=1e-5,
            atol=1e-6 * max(1, np.max(np.abs(ahead), initial=0)),
            err_msg=str(case),
        )


def pushed(text: str, *arrays: Array) -> Array:
    """The tangent of a Function's result, where all tangents are 1."""
    function = parse_function(text)
    builder = Builder()
    (result,) = function.results
    ones = {
        p: builder.parameter(f"d{p.attributes['name']}", p.type)
        for p in function.parameters
        if p.dtype.is_float
    }
    (tangent,) = tangents_of((result,), builder, ones)
    parameters = (*function.parameters, *ones.values())
    given = [
        np.ones_like(array)
        for p, array in zip(function.parameters, arrays, strict=True)
        if p in ones
    ]
    return evaluate(Function("f", parameters, (tangent,)), [*arrays, *given])[0]


def test_what_is_not_chosen_does_not_reach_the_derivative():
    x = np.array([-1.0, 0.0, 4.0])
    result = pushed(
        """func @f(%x: f64[3]) -> f64[3] {
          %0 = const 0.0 : f64[]
          %1 = greater %x, %0 : bool[3]
          %2 = sqrt %x : f64[3]
          %3 = select %1, %2, %0 : f64[3]
          return %3
        }""",
        x,
    )
    np.testing.assert_array_equal(result, [0, 0, 0.25])


def test_the_power_of_zero_has_a_derivative():
    result = pushed(
        """func @f(%x: f64[4], %y: f64[4]) -> f64[4] {
          %0 = pow %x, %y : f64[4]
          return %0
        }""",
        np.array([0.0, 0.0, 0.0, 2.0]),
        np.array([2.0, 1.0, 0.0, 0.0]),
    )
    np.testing.assert_allclose(result, [0, 1, 0, np.log(2)])


def test_ties_share_the_derivative():
    result = pushed(
        """func @f(%x: f64[4]) -> f64[] {
          %0 = max %x {axes=(0,), keepdims=false} : f64[]
          return %0
        }""",
        np.array([3.0, 1.0, 3.0, 2.0]),
    )
    assert result == 1


def test_no_tangent_gives_no_tangent():
    program = Program()
    x = program.parameter(np.ones(3))
    y = x.apply("exp")
    assert derivative.jvp(OPS["exp"], y, [x], [None], {}) is None


def test_integers_have_no_tangent():
    program = Program()
    x = program.parameter(np.array([1.5, 0.5]))
    attributes = {"axis": 0, "keepdims": False}
    place = x.apply("argmax", **attributes)
    assert derivative.jvp(OPS["argmax"], place, [x], [x], attributes) is None
    number = x.apply("less", x)
    assert derivative.jvp(OPS["less"], number, [x, x], [x, x], {}) is None


def test_factors_of_one_are_spared():
    program = Program()
    x = program.parameter(np.ones(3))
    assert derivative.jvp(OPS["add"], x + x, [x, x], [x, None], {}).value is x.value
    negated = derivative.jvp(OPS["neg"], -x, [x], [x], {})
    assert negated.value is (-x).value


def test_a_cotangent_is_summed_over_what_was_repeated():
    program = Program()
    x, y = program.parameter(np.ones((3, 1))), program.parameter(np.ones((2, 1, 4)))
    cotangent = program.parameter(np.ones((2, 3, 4)))
    back = [
        derivative.transpose(OPS["sub"], cotangent, [x, y], position, {})
        for position in (0, 1)
    ]
    assert [program.run(b)[0].tolist() for b in back] == [
        [[8]] * 3,
        [[[-3] * 4]] * 2,
    ]


def test_an_op_without_derivative_raises():
    function = parse_function("""
        func @f(%x: f32[]) -> f32[] {
          %0 = recompute %x {serial=1} : f32[] {            # model.py:3:5
            body(%y: f32[]) -> f32[] { return %y }
          }
          return %0
        }""")
    (y,) = function.results
    builder = Builder()
    x, result = Expression(builder, function.parameters[0]), Expression(builder, y)
    with pytest.raises(UnsupportedError) as caught:
        derivative.jvp(y.op, result, [x], [x], y.attributes)
    assert str(caught.value) == (
        "model.py:3:5: error: recompute has no derivative: passes have rules of their "
        "own for what carries regions [derivative]\n"
        "  help: give the function around it a rule: ps.custom_jvp"
    )
    with pytest.raises(UnsupportedError, match="recompute has no derivative"):
        derivative.transpose(y.op, result, [x], 0, y.attributes)
