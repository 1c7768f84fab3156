"""The algebraic rules: texts before and after, and each rule held to its word."""

import itertools

import numpy as np
import pytest

from penstock.ir.errors import PenstockError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.value import Builder, Function
from penstock.ir.types import DTYPES, TensorType, bool_
from penstock.passes.algebra import ALGEBRA
from penstock.passes.pattern import RuleSet
from tests.passes.text import rewritten
from tests.random_programs import has_same_bits

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.75, 0.1, 1e-40, -1e-40, 1e30, -3e38, 65504.0,
    np.inf, -np.inf, np.nan,
]  # fmt: skip
INTEGERS = [0, 1, 2, 3, 7, 100, 127, 128, 255]
SWEPT = [dtype for dtype in DTYPES.values() if dtype.kind in "biuf"]


def awkward(dtype):
    """Every number that is known to break rules, as an array of the dtype."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        numbers = {limits.min, limits.max, limits.min + 1, limits.max - 1}
        for number in INTEGERS:
            numbers |= {n for n in (number, -number) if limits.min <= n <= limits.max}
        return np.array(sorted(numbers), dtype.numpy)
    ordinary = np.random.default_rng(0).normal(size=24)
    with np.errstate(all="ignore"):
        tiny = np.float64(2.0) ** -149
        return np.array([*FLOATS, tiny, *ordinary], np.float64).astype(dtype.numpy)


def constants(dtype):
    return awkward(dtype)[::2] if dtype.is_integer else awkward(dtype)[:20]


class Instance:
    """The left side of a rule with arrays for its variables."""

    def __init__(self, left, dtype, ops, numbers, first_is_constant):
        self.builder = Builder()
        self.dtype = dtype
        self.ops = iter(ops)
        self.numbers = iter(numbers)
        self.first_is_constant = first_is_constant
        self.named = {}
        self.parameters = {}
        self.value = self.build(left, bool_ if dtype.kind == "b" else dtype)

    def build(self, pattern, dtype):
        if pattern.name in self.named:
            return self.named[pattern.name]
        value = self.build_new(pattern, dtype)
        if pattern.name is not None:
            self.named[pattern.name] = value
        return value

    def build_new(self, pattern, dtype):
        if pattern.number is not None:
            if not isinstance(pattern.number, bool) and dtype.kind == "b":
                raise PenstockError(None, "no bool")
            return self.builder.constant(pattern.number, dtype)
        if pattern.ops:
            operands = [
                self.build(operand, bool_ if isinstance(operand.number, bool) else dtype)
                for operand in pattern.operands
            ]
            op = next(self.ops) if len(pattern.ops) > 1 else min(pattern.ops)
            attributes = {"dtype": next(self.ops)} if op == "astype" else {}
            return self.builder.add(op, *operands, **attributes)
        if pattern.is_constant or (self.first_is_constant and not self.named):
            return self.builder.constant(next(self.numbers), dtype)
        own = bool_ if pattern.name == "condition" else dtype
        parameter = self.builder.parameter(
            pattern.name, TensorType(own, tuple(self.shape(own)))
        )
        self.parameters[parameter] = awkward(own)
        return parameter

    def shape(self, dtype):
        # Each variable along an axis of its own: all combinations are met.
        return [len(awkward(dtype)), *([1] * len(self.parameters))]

    def evaluate(self, value):
        arrays = [
            array.reshape([-1, *([1] * axis)])
            for axis, array in enumerate(self.parameters.values())
        ]
        function = Function("rule", tuple(self.parameters), (value,))
        return evaluate(function, arrays)[0]


def choices_of_ops(pattern):
    """For each place with several ops, or a dtype to convert to, what it may hold."""
    if not pattern.ops:
        return []
    own = [sorted(pattern.ops)] if len(pattern.ops) > 1 else []
    if pattern.ops == {"astype"}:
        own = [SWEPT]
    return [*(c for operand in pattern.operands for c in choices_of_ops(operand)), *own]


def count_constants(pattern):
    if pattern.is_constant:
        return 1
    return sum(map(count_constants, pattern.operands or ()))


def instances(rule):
    """Left sides over dtypes, ops and constants, as far as they are well typed."""
    for dtype in SWEPT:
        for ops in itertools.product(*choices_of_ops(rule.left)):
            first_is_constant = rule.name == "constant-to-the-right"
            count = count_constants(rule.left) + first_is_constant
            for numbers in itertools.product(constants(dtype), repeat=count):
                try:
                    instance = Instance(rule.left, dtype, ops, numbers, first_is_constant)
                except (PenstockError, OverflowError, ImportError):
                    continue  # floor of integers, -1 as unsigned, bf16 that is not there
                yield instance


@pytest.mark.parametrize("rule", ALGEBRA, ids=lambda rule: rule.name)
def test_rule_keeps_every_bit_unless_marked(rule):
    outcomes = []
    nothing = RuleSet(())
    for instance in instances(rule):
        new = rule.apply(instance.builder, instance.value, nothing)
        if new is None:
            continue
        left, right = instance.evaluate(instance.value), instance.evaluate(new)
        same = has_same_bits(left, right)
        outcomes.append(same)
        if rule.exact:
            assert same, f"{instance.value} of {instance.dtype}: {left} is not {right}"
    assert outcomes, "nothing matches the rule"
    assert all(outcomes) == rule.exact
