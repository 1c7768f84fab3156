"""Functions of a few ops, built on arrays and run by the reference evaluator."""

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.expression import Expression
from penstock.ir.graph.value import Builder, Function
from penstock.ir.types import TensorType, dtype_of
from tests.ops.cases import Array, Case


def type_of(array: Array) -> TensorType:
    dtype = dtype_of(array.dtype)
    assert dtype is not None
    return TensorType(dtype, array.shape)


class Program:
    """A Function that is being built on parameters of given arrays."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.parameters = []
        self.arrays: list[Array] = []

    def parameter(self, array: Array, type_: TensorType | None = None) -> Expression:
        name = f"x{len(self.parameters)}"
        value = self.builder.parameter(name, type_ or type_of(array))
        self.parameters.append(value)
        self.arrays.append(array)
        return Expression(self.builder, value)

    def apply(self, case: Case, operands: list[Expression]) -> Expression:
        values = [operand.value for operand in operands]
        value = self.builder.add(case.op, *values, **case.attributes)
        return Expression(self.builder, value)

    def run(self, *results: Expression) -> list[Array]:
        values = tuple(result.value for result in results)
        function = Function("f", tuple(self.parameters), values)
        return evaluate(function, self.arrays)


def reference(case: Case, *arrays: Array) -> Array:
    program = Program()
    operands = [program.parameter(array) for array in arrays or case.arrays]
    return program.run(program.apply(case, operands))[0]
