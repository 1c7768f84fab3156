"""Functions of a few ops, built on arrays and run by the reference evaluator."""

from penstock.ir.dims import symbol
from penstock.ir.errors import ShapeError
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


def symbolic(case: Case) -> tuple[Program, Expression] | None:
    """The op where each size above 1 is a symbol; nothing where the rule refuses.

    Equal sizes are one symbol. Where sizes are products or sums, as 6 is 2 times 3,
    the symbols do not say so.
    """
    known = {size for array in case.arrays for size in array.shape if size > 1}
    names = {size: symbol(f"n{size}") for size in known}
    program = Program()
    operands = []
    for array in case.arrays:
        shape = tuple(names.get(size, size) for size in array.shape)
        operands.append(program.parameter(array, type_of(array).with_shape(shape)))
    attributes = {
        name: tuple(names.get(size, size) for size in attribute)
        if name in ("shape", "size") and isinstance(attribute, tuple)
        else attribute
        for name, attribute in case.attributes.items()
    }
    try:
        return program, program.apply(Case(case.op, (), attributes), operands)
    except ShapeError:
        assert case.op.name in ("reshape", "update_slice", "convolution"), str(case)
        return None
