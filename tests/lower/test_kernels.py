"""The loops of each kind of cluster, whole."""

import numpy as np
import pytest

import penstock as ps
from tests.lower.lowering import kernels_of, plan_of

KINDS = {
    "map": """
        func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
          %0 = add %x, %y : f32[n]
          return %0
        }""",
    "map-over-two-axes": """
        func @f(%x: f32[n,m], %y: f32[k]) -> f32[n,m] where k == m {
          %0 = add %x, %y : f32[n,m]
          return %0
        }""",
    "rows": """
        func @f(%x: f32[n,m]) -> (f32[n], f32[n]) {
          %0 = max %x {axes=(1,), keepdims=false} : f32[n]
          %1 = sum %x {axes=(1,), keepdims=false} : f32[n]
          return %0, %1
        }""",
    "kept-rows": """
        func @f(%x: f32[n,m]) -> f32[n,m] {
          %0 = max %x {axes=(1,), keepdims=true} : f32[n,1]
          %1 = sub %x, %0 : f32[n,m]
          %2 = exp %1 : f32[n,m]
          %3 = sum %2 {axes=(1,), keepdims=true} : f32[n,1]
          %4 = div %2, %3 : f32[n,m]
          return %4
        }""",
    "two-kept-rows": """
        func @f(%x: f32[n,m]) -> (f32[n,m], f32[n,m]) {
          %0 = exp %x : f32[n,m]
          %1 = tanh %x : f32[n,m]
          %2 = sum %0 {axes=(1,), keepdims=true} : f32[n,1]
          %3 = sum %1 {axes=(1,), keepdims=true} : f32[n,1]
          %4 = div %0, %2 : f32[n,m]
          %5 = div %1, %3 : f32[n,m]
          return %4, %5
        }""",
    "one-row": """
        func @f(%x: f32[n,m]) -> f32[m] where n >= 2 {
          %0 = slice %x {start=(1, 0), step=(1, 1), size=(1, m)} : f32[1,m]
          %1 = reshape %0 {shape=(m,)} : f32[m]
          %2 = exp %1 : f32[m]
          return %2
        }""",
    "short-rows": """
        func @f(%x: f32[n,3]) -> f32[n,3] {
          %0 = sum %x {axes=(1,), keepdims=true} : f32[n,1]
          %1 = div %x, %0 : f32[n,3]
          return %1
        }""",
    "spread-rows": """
        func @f(%x: f32[n,1], %y: f32[k,m]) -> f32[n,m] where k == n {
          %0 = exp %x : f32[n,1]
          %1 = add %0, %y : f32[n,m]
          return %1
        }""",
    "columns": """
        func @f(%x: f32[n,m]) -> f32[m] {
          %0 = sum %x {axes=(0,), keepdims=false} : f32[m]
          %1 = sqrt %0 : f32[m]
          return %1
        }""",
    "middle-axis": """
        func @f(%x: f32[a,b,c]) -> f32[a,c] {
          %0 = sum %x {axes=(1,), keepdims=false} : f32[a,c]
          return %0
        }""",
    "outer-and-inner-axes": """
        func @f(%x: f32[a,b,c]) -> f32[b] {
          %0 = sum %x {axes=(0, 2), keepdims=false} : f32[b]
          return %0
        }""",
    "whole-reduction": """
        func @f(%x: f32[n,m]) -> (f32[], f32[n,m]) {
          %0 = exp %x : f32[n,m]
          %1 = sum %0 {axes=(0, 1), keepdims=false} : f32[]
          %2 = sqrt %1 : f32[]
          return %2, %0
        }""",
    "nest-with-epilogue": """
        func @f(%x: f32[n,k], %w: f32[l,m], %b: f32[p]) -> f32[n,m]
          where l == k, p == m {
          %0 = contract %x, %w {spec="ij,jk->ik"} : f32[n,m]
          %1 = add %0, %b : f32[n,m]
          %2 = tanh %1 : f32[n,m]
          return %2
        }""",
    "scalars": """
        func @f(%x: f32[], %y: f32[]) -> f32[] {
          %0 = add %x, %y : f32[]
          return %0
        }""",
    "counters": """
        func @f(%x: i64[n]) -> i64[n] {
          %0 = iota {shape=(n,), axis=0, dtype=i64} : i64[n]
          %1 = add %x, %0 : i64[n]
          return %1
        }""",
}

# Picoseconds for an addition: two loads and a store, an operation, the loop itself.
PER_ELEMENT = 3 * 60 + 15 + 20


@pytest.mark.parametrize("kind", KINDS)
def test_loops(kind, golden):
    golden(kernels_of(KINDS[kind]))


def test_loops_over_strided_memory(golden):
    golden(kernels_of(KINDS["map-over-two-axes"], ("x",)))


def test_chunks_hold_as_much_work_whatever_an_iteration_costs():
    def chunk(function: str) -> object:
        (launch,) = plan_of(function).body
        return launch.chunk

    assert chunk(KINDS["map"]) == 50_000_000 // (4096 * PER_ELEMENT)
    assert str(chunk(KINDS["rows"])) == "(50000000 // (230*m + 1)) + 1"


@pytest.mark.parametrize("mode", ["full", "same"])
def test_what_a_convolution_computes_where_it_reads_is_zero_outside(mode):
    def f(x):
        return np.convolve(x, np.ones(5), mode)

    x = np.arange(3.0)
    np.testing.assert_array_equal(ps.compile(f)(x), f(x))


def test_comparing_an_index_that_was_doubled_often_compiles_at_once():
    """Whether it is an index was asked once for each way to it: for ever."""

    def f(x):
        v = np.arange(x.shape[0])
        for _ in range(60):
            v = v + v - v
        return v < 5

    x = np.ones(70)
    np.testing.assert_array_equal(ps.compile(f)(x), f(x))
