"""Composite ops in their parts."""

import itertools

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.passes.expand import expand
from tests.passes.text import lines, rewritten

BEFORE = """
    func @f(%x: f32[n,3]) -> i64[n] {
      %0 = argmin %x {axis=1, keepdims=false} : i64[n]
      return %0
    }"""


def test_argmin_is_the_least_index_of_the_minimum():
    after = """
    func @f(%x: f32[n,3]) -> i64[n] {
      %0 = min %x {axes=(1,), keepdims=true} : f32[n,1]
      %1 = less %0, %x : bool[n,3]
      %2 = is_nan %0 : bool[n,1]
      %3 = const -inf : f32[]
      %4 = const nan : f32[]
      %5 = select %2, %3, %4 : f32[n,1]
      %6 = less_equal %5, %x : bool[n,3]
      %7 = or %1, %6 : bool[n,3]
      %8 = not %7 : bool[n,3]
      %9 = iota {shape=(n, 3), axis=1, dtype=i64} : i64[n,3]
      %10 = const 9223372036854775807 : i64[]
      %11 = select %8, %9, %10 : i64[n,3]
      %12 = min %11 {axes=(1,), keepdims=false} : i64[n]
      return %12
    }"""
    assert rewritten(expand, BEFORE) == lines(after)


def test_argmin_gives_what_it_gave():
    function = parse_function(BEFORE)
    x = np.array([[2, 1, 1], [0, np.nan, -1], [5, 5, 5]], np.float32)
    for each in (function, expand(function)):
        assert evaluate(each, [x])[0].tolist() == [1, 1, 0]


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_infinities_are_not_taken_for_nan(name):
    function = parse_function(BEFORE.replace("argmin", name))
    rows = list(itertools.product([np.nan, np.inf, -np.inf, 1.0], repeat=3))
    x = np.array(rows, np.float32)
    for each in (function, expand(function)):
        np.testing.assert_array_equal(evaluate(each, [x])[0], getattr(np, name)(x, 1))


def test_nothing_to_expand():
    function = parse_function("func @f(%x: f32[n]) -> f32[n] { return %x }")
    assert expand(function) is function
