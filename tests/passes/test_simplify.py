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
from penstock.passes.simplify import simplify, simplify_fast
from tests.passes.text import lines, rewritten
from tests.random_programs import has_same_bits

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.75, 0.1, 1e-40, -1e-40, 1e30, -3e38,
    65504.0, np.inf, -np.inf, np.nan,
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
                raise PenstockError(None, "no bool", code="dtype")
            return self.builder.constant(pattern.number, dtype)
        if pattern.ops:
            operands = [
                self.build(
                    operand, bool_ if isinstance(operand.number, bool) else dtype
                )
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
                    instance = Instance(
                        rule.left, dtype, ops, numbers, first_is_constant
                    )
                except (PenstockError, OverflowError):
                    continue  # the floor of integers, -1 as an unsigned one
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


def test_simplify_drops_multiplication_by_one():
    before = """
    func @f(%x: f32[4]) -> f32[4] {
      %0 = const 1.0 : f32[]
      %1 = mul %x, %0 : f32[4]
      %2 = tanh %1 : f32[4]
      return %2
    }"""
    after = """
    func @f(%x: f32[4]) -> f32[4] {
      %0 = tanh %x : f32[4]
      return %0
    }"""
    assert rewritten(simplify, before) == lines(after)


def test_rules_follow_each_other():
    before = """
    func @f(%x: i32[n], %y: i32[m]) -> i32[n] where m == n {
      %0 = const 3 : i32[]
      %1 = const 4 : i32[]
      %2 = const 1 : i32[]
      %3 = add %0, %x : i32[n]
      %4 = mul %3, %2 : i32[n]
      %5 = add %4, %1 : i32[n]
      %6 = neg %y : i32[n]
      %7 = neg %6 : i32[n]
      %8 = neg %7 : i32[n]
      %9 = add %5, %8 : i32[n]
      return %9
    }"""
    after = """
    func @f(%x: i32[n], %y: i32[m]) -> i32[n] where m == n {
      %0 = const 3 : i32[]
      %1 = const 4 : i32[]
      %2 = add %0, %1 : i32[]
      %3 = add %x, %2 : i32[n]
      %4 = sub %3, %y : i32[n]
      return %4
    }"""
    assert rewritten(simplify, before) == lines(after)


def test_rules_apply_within_regions():
    before = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = loop %x {trip=3, carried=1, sliced=0, reverse=false} : f32[n] {
        body(%1: i64[], %2: f32[n]) -> f32[n] {
          %3 = neg %2 : f32[n]
          %4 = neg %3 : f32[n]
          %5 = exp %4 : f32[n]
          return %5
        }
      }
      return %0
    }"""
    after = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = loop %x {trip=3, carried=1, sliced=0, reverse=false} : f32[n] {
        body(%1: i64[], %2: f32[n]) -> f32[n] {
          %3 = exp %2 : f32[n]
          return %3
        }
      }
      return %0
    }"""
    assert rewritten(simplify, before) == lines(after)


def test_what_becomes_smaller_is_repeated():
    before = """
    func @f(%x: f32[], %y: f32[n]) -> (f32[2,3], bool[n], i64[n]) {
      %0 = const [1.0, 1.0, 1.0, 1.0, 1.0, 1.0] : f32[2,3]
      %1 = mul %x, %0 : f32[2,3]
      %2 = less %y, %y : bool[n]
      %3 = astype %y {dtype=i64} : i64[n]
      %4 = sub %3, %3 : i64[n]
      return %1, %2, %4
    }"""
    after = """
    func @f(%x: f32[], %y: f32[n]) -> (f32[2,3], bool[n], i64[n]) {
      %0 = broadcast_to %x {shape=(2, 3)} : f32[2,3]
      %1 = const false : bool[]
      %2 = broadcast_to %1 {shape=(n,)} : bool[n]
      %3 = const 0 : i64[]
      %4 = broadcast_to %3 {shape=(n,)} : i64[n]
      return %0, %2, %4
    }"""
    assert rewritten(simplify, before) == lines(after)


def test_exact_rules_leave_what_a_bit_depends_on():
    text = lines("""
    func @f(%x: f32[n]) -> (f32[n], f32[n], f32[n]) {
      %0 = const 0.0 : f32[]
      %1 = add %x, %0 : f32[n]
      %2 = sub %x, %x : f32[n]
      %3 = const 3.0 : f32[]
      %4 = div %x, %3 : f32[n]
      return %1, %2, %4
    }""")
    assert rewritten(simplify, text) == text


def test_fast_rules_do_not():
    before = """
    func @f(%x: f32[n]) -> (f32[n], f32[n], f32[n]) {
      %0 = const 0.0 : f32[]
      %1 = add %x, %0 : f32[n]
      %2 = sub %x, %x : f32[n]
      %3 = const 3.0 : f32[]
      %4 = div %x, %3 : f32[n]
      return %1, %2, %4
    }"""
    after = """
    func @f(%x: f32[n]) -> (f32[n], f32[n], f32[n]) {
      %0 = const 0.0 : f32[]
      %1 = broadcast_to %0 {shape=(n,)} : f32[n]
      %2 = const 0.33333334 : f32[]
      %3 = mul %x, %2 : f32[n]
      return %x, %1, %3
    }"""
    assert rewritten(simplify_fast, before) == lines(after)


def test_places_stay():
    before = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = const 4.0 : f32[]                       # a.py:1:5
      %1 = div %x, %0 : f32[n]                     # a.py:2:9
      %2 = neg %1 : f32[n]                         # a.py:3:9
      %3 = neg %2 : f32[n]                         # a.py:4:9
      return %3
    }"""
    after = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = const 0.25 : f32[]                      # a.py:2:9
      %1 = mul %x, %0 : f32[n]                     # a.py:2:9
      return %1
    }"""
    assert rewritten(simplify, before, locations=True) == lines(after)


def test_rules_have_names_of_their_own():
    names = [rule.name for rule in ALGEBRA]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)
