"""Removal of what no result depends on."""

from penstock.passes.dce import dce
from tests.passes.text import lines, rewritten


def test_branches_lose_results_and_operands():
    before = """
    func @f(%c: bool[], %x: f32[n], %y: f32[m]) -> f32[n] {
      %0 = exp %y : f32[m]
      %1 = if %c, %x, %0 : (f32[m], f32[n]) {      # a.py:1:5
        then(%2: f32[n], %3: f32[m]) -> (f32[m], f32[n]) {
          %4 = tanh %3 : f32[m]
          return %4, %2
        }
        else(%5: f32[n], %6: f32[m]) -> (f32[m], f32[n]) {
          %7 = neg %5 : f32[n]
          return %6, %7
        }
      }
      %8 = get %1 {index=1} : f32[n]
      return %8
    }"""
    after = """
    func @f(%c: bool[], %x: f32[n], %y: f32[m]) -> f32[n] {
      %0 = if %c, %x : f32[n] {                    # a.py:1:5
        then(%1: f32[n]) -> f32[n] {
          return %1
        }
        else(%2: f32[n]) -> f32[n] {
          %3 = neg %2 : f32[n]
          return %3
        }
      }
      return %0
    }"""
    assert rewritten(dce, before, locations=True) == lines(after)


def test_loops_keep_what_their_condition_and_results_depend_on():
    before = """
    func @f(%x: f32[], %y: f32[], %z: f32[], %w: f32[]) -> f32[] {
      %0 = while %x, %y, %z, %w : (f32[], f32[], f32[], f32[]) {
        cond(%1: f32[], %2: f32[], %3: f32[], %4: f32[]) -> bool[] {
          %5 = const 3.0 : f32[]
          %6 = less %1, %5 : bool[]
          return %6
        }
        body(%7: f32[], %8: f32[], %9: f32[], %10: f32[]) \
-> (f32[], f32[], f32[], f32[]) {
          %11 = add %7, %7 : f32[]
          %12 = mul %8, %9 : f32[]
          %13 = exp %10 : f32[]
          return %11, %12, %9, %13
        }
      }
      %14 = get %0 {index=1} : f32[]
      return %14
    }"""
    after = """
    func @f(%x: f32[], %y: f32[], %z: f32[], %w: f32[]) -> f32[] {
      %0 = while %x, %y, %z : (f32[], f32[], f32[]) {
        cond(%1: f32[], %2: f32[], %3: f32[]) -> bool[] {
          %4 = const 3.0 : f32[]
          %5 = less %1, %4 : bool[]
          return %5
        }
        body(%6: f32[], %7: f32[], %8: f32[]) -> (f32[], f32[], f32[]) {
          %9 = add %6, %6 : f32[]
          %10 = mul %7, %8 : f32[]
          return %9, %10, %8
        }
      }
      %11 = get %0 {index=1} : f32[]
      return %11
    }"""
    assert rewritten(dce, before) == lines(after)


def test_counted_loops_keep_their_counter():
    before = """
    func @f(%x: i64[], %y: f32[]) -> i64[] {
      %0 = loop %y, %x {trip=3, carried=2, sliced=0, reverse=false} : (f32[], i64[]) {
        body(%1: i64[], %2: f32[], %3: i64[]) -> (f32[], i64[]) {
          %4 = exp %2 : f32[]
          %5 = add %3, %1 : i64[]
          return %4, %5
        }
      }
      %6 = get %0 {index=1} : i64[]
      return %6
    }"""
    after = """
    func @f(%x: i64[], %y: f32[]) -> i64[] {
      %0 = loop %x {trip=3, carried=1, sliced=0, reverse=false} : i64[] {
        body(%1: i64[], %2: i64[]) -> i64[] {
          %3 = add %2, %1 : i64[]
          return %3
        }
      }
      return %0
    }"""
    assert rewritten(dce, before) == lines(after)


def test_inner_loops_free_what_outer_ones_carry():
    before = """
    func @f(%x: f32[], %y: f32[]) -> f32[] {
      %0 = loop %x, %y {trip=3, carried=2, sliced=0, reverse=false} : (f32[], f32[]) {
        body(%1: i64[], %2: f32[], %3: f32[]) -> (f32[], f32[]) {
          %4 = recompute %2, %3 {serial=7} : (f32[], f32[]) {
            body(%5: f32[], %6: f32[]) -> (f32[], f32[]) {
              %7 = exp %5 : f32[]
              %8 = add %6, %5 : f32[]
              return %7, %8
            }
          }
          %9 = get %4 {index=0} : f32[]
          return %9, %3
        }
      }
      %10 = get %0 {index=0} : f32[]
      return %10
    }"""
    after = """
    func @f(%x: f32[], %y: f32[]) -> f32[] {
      %0 = loop %x {trip=3, carried=1, sliced=0, reverse=false} : f32[] {
        body(%1: i64[], %2: f32[]) -> f32[] {
          %3 = recompute %2 {serial=7} : f32[] {
            body(%4: f32[]) -> f32[] {
              %5 = exp %4 : f32[]
              return %5
            }
          }
          return %3
        }
      }
      return %0
    }"""
    assert rewritten(dce, before) == lines(after)


def test_effects_and_parameters_stay():
    before = """
    func @f(%x: f32[], %unused: f32[], %y: f32[]) -> () {
      %0 = token : token
      %1 = loop %0, %x, %y {trip=2, carried=3, sliced=0, reverse=false}
        : (token, f32[], f32[]) {
        body(%2: i64[], %3: token, %4: f32[], %5: f32[]) -> (token, f32[], f32[]) {
          %6 = print %3, %4 {text="x"} : token
          return %6, %4, %5
        }
      }
      %7 = get %1 {index=0} : token
      return
      effects %7
    }"""
    after = """
    func @f(%x: f32[], %unused: f32[], %y: f32[]) -> () {
      %0 = token : token
      %1 = loop %0, %x {trip=2, carried=2, sliced=0, reverse=false} : (token, f32[]) {
        body(%2: i64[], %3: token, %4: f32[]) -> (token, f32[]) {
          %5 = print %3, %4 {text="x"} : token
          return %5, %4
        }
      }
      %6 = get %1 {index=0} : token
      return
      effects %6
    }"""
    assert rewritten(dce, before) == lines(after)


def test_clusters_are_left_alone():
    text = lines("""
    func @f(%x: f32[n]) -> f32[n] {
      %0 = cluster %x, %x {kind="map", loops=(n,), inner=(), \
results=((0,), (0,)), reductions=()} : (f32[n], f32[n]) {
        body(%1: f32[n], %2: f32[n]) -> (f32[n], f32[n]) {
          %3 = exp %1 : f32[n]
          return %3, %1
        }
      }
      %4 = get %0 {index=0} : f32[n]
      return %4
    }""")
    assert rewritten(dce, text) == text
