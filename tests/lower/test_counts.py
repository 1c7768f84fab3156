"""What contractions and convolutions are said to do: the same on each machine."""

from itertools import product
from math import prod

import numpy as np
import pytest

import penstock as ps
from penstock.ir.plan.count import count_plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.lower import lower_function
from penstock.nn import convolution
from tests.lower.test_contractions import SIZES, SPECS
from tests.lower.test_convolutions import CASES
from tests.sweeps import one_in

# Tiles are of eight rows where there are 32 registers, of six where there are 16.
REGISTERS = [16, 32]

MORE_SIZES = [
    {"i": 3, "k": 4, "j": 5, "b": 2, "l": 3},
    {"i": 100, "k": 100, "j": 100, "b": 1, "l": 1},
]


def plan_of(function, arrays, registers):
    """The Plan for a machine with so many vector registers, and its sizes."""
    compilation = ps.compile(function).lower(*arrays).compilation
    plan = lower_function(compilation.fused, registers=registers)
    return plan, compilation.traced.hints


def count_of(function, arrays, registers):
    plan, sizes = plan_of(function, arrays, registers)
    found = count_plan(plan, sizes)
    again = count_plan(parse_plan(str(plan)), sizes)
    assert vars(again) == vars(found)
    return found


@pytest.mark.parametrize(
    ("spec", "registers"), one_in(3, product(SPECS.values(), REGISTERS))
)
def test_a_contraction_is_two_operations_for_each_product_of_its_sums(spec, registers):
    operands, result = spec.split("->")
    letters = set(operands) - {","}
    operations = 2 if letters > set(result) else 1
    for sizes in [*SIZES, *MORE_SIZES]:
        arrays = [
            np.zeros([sizes[letter] for letter in operand], np.float32)
            for operand in operands.split(",")
        ]
        found = count_of(lambda a, b: np.einsum(spec, a, b), arrays, registers)
        assert found.flops == operations * prod(sizes[letter] for letter in letters)


@pytest.mark.parametrize("registers", REGISTERS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_convolution_is_two_operations_for_each_tap(case, registers):
    x_shape, w_shape, stride, padding, dilation, groups = case
    paddings = (padding,) * (len(x_shape) - 2)

    def function(x, w):
        return convolution(x, w, stride, paddings, dilation, groups)

    arrays = [np.zeros(shape, np.float32) for shape in (x_shape, w_shape)]
    results = ps.compile(function)(*arrays).size
    found = count_of(function, arrays, registers)
    assert found.flops == 2 * results * prod(w_shape[1:])


@pytest.mark.parametrize("registers", REGISTERS)
@pytest.mark.parametrize("n", [1, 5, 6, 8, 9, 33, 100])
def test_what_follows_is_counted_once_for_each_element(n, registers):
    m, k = 7, 70

    def layer(a, b, c):
        return np.exp(a @ b + c)

    arrays = [np.zeros(shape) for shape in ((n, m), (m, k), (k,))]
    assert count_of(layer, arrays, registers).flops == (2 * m + 1 + 15) * n * k
    channels = [np.zeros(shape) for shape in ((2, 3, 20), (n, 3, 5), (n, 1))]
    found = count_of(lambda x, w, b: convolution(x, w) + b, channels, registers)
    assert found.flops == (2 * 3 * 5 + 1) * 2 * n * 20


@pytest.mark.parametrize("registers", REGISTERS)
@pytest.mark.parametrize("n", [3, 8, 33])
def test_what_is_read_for_a_product_is_what_it_has(n, registers):
    """A slice, of which whatever fills up the last tile reads the last row again."""
    m = 4
    arrays = [np.zeros((2 * n, m)), np.zeros(m)]
    found = count_of(lambda a, v: a[::2] @ v, arrays, registers)
    assert found.bytes_moved == 8 * (n * m + m + n)


@pytest.mark.parametrize("registers", REGISTERS)
def test_products_of_integers_are_no_flops(registers):
    arrays = [np.zeros((5, 6), np.int32), np.zeros((6, 7), np.int32)]
    assert count_of(lambda a, b: a @ b, arrays, registers).flops == 0


@pytest.mark.parametrize("n", [64, 70, 100, 101])
@pytest.mark.parametrize(
    "function", [lambda a, b: a.T @ b, lambda a, b: np.exp(a.T * 2) @ b + 1]
)
def test_bytes_of_copied_operands_do_not_depend_on_the_tile(function, n):
    """What fills up the last tile of the copy of the left operand is not read."""
    arrays = [np.zeros((300, n)), np.zeros((300, 200))]
    found = [count_of(function, arrays, registers) for registers in REGISTERS]
    assert found[0].bytes_moved == found[1].bytes_moved
    assert found[0].flops == found[1].flops


def test_launches_of_one_kernel_count_by_their_own_sizes():
    def two(a, b, c):
        return a @ b, b @ c

    arrays = [np.zeros((3, 4)), np.zeros((4, 5)), np.zeros((5, 6))]
    plan, sizes = plan_of(two, arrays, 16)
    found = count_plan(plan, sizes)
    assert len([k for k in plan.kernels if k.products is not None]) == 1
    assert found.flops == 2 * (3 * 4 * 5 + 4 * 5 * 6)
