"""Merging of Values that compute the same."""

from penstock.passes.cse import cse
from tests.passes.text import lines, rewritten


def test_exchanged_operands_are_merged_with_their_places():
    before = """
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = add %x, %y : f32[n]                     # a.py:1:5
      %1 = add %y, %x : f32[n]                     # a.py:2:5
      %2 = mul %0, %1 : f32[n]                     # a.py:3:5
      return %2
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = add %x, %y : f32[n]                     # a.py:1:5, a.py:2:5
      %1 = mul %0, %0 : f32[n]                     # a.py:3:5
      return %1
    }"""
    assert rewritten(cse, before, locations=True) == lines(after)


def test_comparisons_that_say_the_same():
    before = """
    func @f(%x: f32[], %y: f32[]) -> (bool[], bool[], bool[], bool[]) {
      %0 = less %x, %y : bool[]
      %1 = greater %y, %x : bool[]
      %2 = greater_equal %x, %y : bool[]
      %3 = less_equal %y, %x : bool[]
      return %0, %1, %2, %3
    }"""
    after = """
    func @f(%x: f32[], %y: f32[]) -> (bool[], bool[], bool[], bool[]) {
      %0 = less %x, %y : bool[]
      %1 = greater_equal %x, %y : bool[]
      return %0, %0, %1, %1
    }"""
    assert rewritten(cse, before) == lines(after)


def test_what_becomes_equal_is_merged_too():
    before = """
    func @f(%x: i32[], %y: i32[]) -> i32[] {
      %0 = mul %x, %y : i32[]
      %1 = neg %0 : i32[]
      %2 = mul %y, %x : i32[]
      %3 = neg %2 : i32[]
      %4 = minimum %1, %y : i32[]
      %5 = minimum %y, %3 : i32[]
      %6 = sub %4, %5 : i32[]
      return %6
    }"""
    after = """
    func @f(%x: i32[], %y: i32[]) -> i32[] {
      %0 = mul %x, %y : i32[]
      %1 = neg %0 : i32[]
      %2 = minimum %1, %y : i32[]
      %3 = sub %2, %2 : i32[]
      return %3
    }"""
    assert rewritten(cse, before) == lines(after)


def test_order_that_matters_stays():
    # The greater of 0.0 and -0.0 is the second one.
    text = lines("""
    func @f(%x: f32[], %y: f32[]) -> (f32[], f32[], f32[], f32[], bool[], bool[]) {
      %0 = maximum %x, %y : f32[]
      %1 = maximum %y, %x : f32[]
      %2 = sub %x, %y : f32[]
      %3 = sub %y, %x : f32[]
      %4 = less %x, %y : bool[]
      %5 = less %y, %x : bool[]
      return %0, %1, %2, %3, %4, %5
    }""")
    assert rewritten(cse, text) == text


def test_within_regions_and_not_through_recomputation():
    before = """
    func @f(%x: f32[], %y: f32[]) -> (f32[], f32[], f32[]) {
      %0 = recompute %x, %y {serial=0} : f32[] {
        body(%1: f32[], %2: f32[]) -> f32[] {
          %3 = add %1, %2 : f32[]
          %4 = add %2, %1 : f32[]
          %5 = mul %3, %4 : f32[]
          return %5
        }
      }
      %6 = recompute %x, %y {serial=1} : f32[] {
        body(%7: f32[], %8: f32[]) -> f32[] {
          %9 = add %7, %8 : f32[]
          %10 = mul %9, %9 : f32[]
          return %10
        }
      }
      %11 = add %x, %y : f32[]
      return %0, %6, %11
    }"""
    after = """
    func @f(%x: f32[], %y: f32[]) -> (f32[], f32[], f32[]) {
      %0 = recompute %x, %y {serial=0} : f32[] {
        body(%1: f32[], %2: f32[]) -> f32[] {
          %3 = add %1, %2 : f32[]
          %4 = mul %3, %3 : f32[]
          return %4
        }
      }
      %5 = recompute %x, %y {serial=1} : f32[] {
        body(%6: f32[], %7: f32[]) -> f32[] {
          %8 = add %6, %7 : f32[]
          %9 = mul %8, %8 : f32[]
          return %9
        }
      }
      %10 = add %x, %y : f32[]
      return %0, %5, %10
    }"""
    assert rewritten(cse, before) == lines(after)


def test_a_reduction_that_drops_axes_is_a_shape_of_one_that_keeps_them():
    before = """
    func @f(%x: f32[n,m]) -> (f32[n], f32[n,m]) where m != 0 {
      %0 = max %x {axes=(1,), keepdims=false} : f32[n]
      %1 = max %x {axes=(1,), keepdims=true} : f32[n,1]
      %2 = sub %x, %1 : f32[n,m]
      return %0, %2
    }"""
    after = """
    func @f(%x: f32[n,m]) -> (f32[n], f32[n,m]) where m != 0 {
      %0 = max %x {axes=(1,), keepdims=true} : f32[n,1]
      %1 = reshape %0 {shape=(n,)} : f32[n]
      %2 = sub %x, %0 : f32[n,m]
      return %1, %2
    }"""
    assert rewritten(cse, before) == lines(after)
