"""Composite ops in their parts."""

import numpy as np

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
      %1 = equal %x, %0 : bool[n,3]
      %2 = is_nan %x : bool[n,3]
      %3 = or %1, %2 : bool[n,3]
      %4 = iota {shape=(n, 3), axis=1, dtype=i64} : i64[n,3]
      %5 = const 9223372036854775807 : i64[]
      %6 = select %3, %4, %5 : i64[n,3]
      %7 = min %6 {axes=(1,), keepdims=false} : i64[n]
      return %7
    }"""
    assert rewritten(expand, BEFORE) == lines(after)


def test_argmin_gives_what_it_gave():
    function = parse_function(BEFORE)
    x = np.array([[2, 1, 1], [0, np.nan, -1], [5, 5, 5]], np.float32)
    for each in (function, expand(function)):
        assert evaluate(each, [x])[0].tolist() == [1, 1, 0]


def test_nothing_to_expand():
    function = parse_function("func @f(%x: f32[n]) -> f32[n] { return %x }")
    assert expand(function) is function
