"""What fusion leaves in memory, and what it computes where it is read."""

from functools import partial

from penstock.passes.fuse import fuse
from tests.passes.text import lines, rewritten


def test_slices_of_a_computed_array_read_it_from_memory():
    before = """
    func @f(%x: f32[100]) -> f32[98] {
      %0 = exp %x : f32[100]
      %1 = slice %0 {start=(0,), step=(1,), size=(98,)} : f32[98]
      %2 = slice %0 {start=(2,), step=(1,), size=(98,)} : f32[98]
      %3 = sub %2, %1 : f32[98]
      return %3
    }"""
    after = """
    func @f(%x: f32[100]) -> f32[98] {
      %0 = cluster %x {kind="map", loops=(100,), inner=(), \
results=((0,),), reductions=()} : f32[100] {
        body(%1: f32[100]) -> f32[100] {
          %2 = exp %1 : f32[100]
          return %2
        }
      }
      %3 = cluster %0 {kind="map", loops=(98,), inner=(), results=((0,),), \
reductions=()} : f32[98] {
        body(%4: f32[100]) -> f32[98] {
          %5 = slice %4 {start=(2,), step=(1,), size=(98,)} : f32[98]
          %6 = slice %4 {start=(0,), step=(1,), size=(98,)} : f32[98]
          %7 = sub %5, %6 : f32[98]
          return %7
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_transposes_cost_nothing():
    before = """
    func @f(%x: f32[n,m], %y: f32[m2,n2]) -> f32[m,n] where m2 == m, n2 == n {
      %0 = exp %x : f32[n,m]
      %1 = transpose %0 {permutation=(1, 0)} : f32[m,n]
      %2 = add %1, %y : f32[m,n]
      return %2
    }"""
    after = """
    func @f(%x: f32[n,m], %y: f32[m2,n2]) -> f32[m,n] where m2 == m, n2 == n {
      %0 = cluster %x, %y {kind="map", loops=(m, n), inner=(), \
results=((0, 1),), reductions=()} : f32[m,n] {
        body(%1: f32[n,m], %2: f32[m,n]) -> f32[m,n] {
          %3 = exp %1 : f32[n,m]
          %4 = transpose %3 {permutation=(1, 0)} : f32[m,n]
          %5 = add %4, %2 : f32[m,n]
          return %5
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_views_of_parameters_are_read_in_place():
    before = """
    func @f(%x: f32[4,6]) -> f32[6] {
      %0 = slice %x {start=(1, 0), step=(1, 1), size=(1, 6)} : f32[1,6]
      %1 = reshape %0 {shape=(6,)} : f32[6]
      %2 = exp %1 : f32[6]
      return %2
    }"""
    after = """
    func @f(%x: f32[4,6]) -> f32[6] {
      %0 = cluster %x {kind="map", loops=(6,), inner=(), results=((0,),), \
reductions=()} : f32[6] {
        body(%1: f32[4,6]) -> f32[6] {
          %2 = slice %1 {start=(1, 0), step=(1, 1), size=(1, 6)} : f32[1,6]
          %3 = reshape %2 {shape=(6,)} : f32[6]
          %4 = exp %3 : f32[6]
          return %4
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_another_shape_of_contiguous_memory_is_no_computation():
    before = """
    func @f(%x: f32[4,6]) -> f32[24] {
      %0 = reshape %x {shape=(24,)} : f32[24]
      %1 = exp %0 : f32[24]
      return %1
    }"""
    after = """
    func @f(%x: f32[4,6]) -> f32[24] {
      %0 = reshape %x {shape=(24,)} : f32[24]
      %1 = cluster %0 {kind="map", loops=(24,), inner=(), results=((0,),), \
reductions=()} : f32[24] {
        body(%2: f32[24]) -> f32[24] {
          %3 = exp %2 : f32[24]
          return %3
        }
      }
      return %1
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_another_shape_of_strided_memory_is_found_element_by_element():
    before = """
    func @f(%x: f32[4,6]) -> f32[24] {
      %0 = reshape %x {shape=(24,)} : f32[24]
      %1 = exp %0 : f32[24]
      return %1
    }"""
    after = """
    func @f(%x: f32[4,6]) -> f32[24] {
      %0 = cluster %x {kind="map", loops=(24,), inner=(), results=((0,),), \
reductions=()} : f32[24] {
        body(%1: f32[4,6]) -> f32[24] {
          %2 = reshape %1 {shape=(24,)} : f32[24]
          %3 = exp %2 : f32[24]
          return %3
        }
      }
      return %0
    }"""
    strided = partial(fuse, strided=frozenset({"x"}))
    assert rewritten(strided, before) == lines(after)


def test_results_are_arrays_of_their_own():
    before = """
    func @f(%x: f32[n], %y: f32[n2]) \
-> (f32[n], f32[n], f32[n], f32[2], f32[n,1]) where n2 == n {
      %0 = add %x, %y : f32[n]
      %1 = const [1.0, 2.0] : f32[2]
      %2 = reshape %0 {shape=(n, 1)} : f32[n,1]
      return %0, %x, %0, %1, %2
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[n2]) \
-> (f32[n], f32[n], f32[n], f32[2], f32[n,1]) where n2 == n {
      %0 = cluster %x, %y {kind="map", loops=(n,), inner=(), \
results=((0,), (0, none)), reductions=()} : (f32[n], f32[n,1]) {
        body(%1: f32[n], %2: f32[n]) -> (f32[n], f32[n,1]) {
          %3 = add %1, %2 : f32[n]
          %4 = reshape %3 {shape=(n, 1)} : f32[n,1]
          return %3, %4
        }
      }
      %5 = get %0 {index=0} : f32[n]
      %6 = cluster %x {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%7: f32[n]) -> f32[n] {
          return %7
        }
      }
      %8 = cluster %5 {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%9: f32[n]) -> f32[n] {
          return %9
        }
      }
      %10 = const [1.0, 2.0] : f32[2]
      %11 = cluster %10 {kind="map", loops=(2,), inner=(), \
results=((0,),), reductions=()} : f32[2] {
        body(%12: f32[2]) -> f32[2] {
          return %12
        }
      }
      %13 = get %0 {index=1} : f32[n,1]
      return %5, %6, %8, %11, %13
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_results_that_are_views_are_computed_into_arrays_of_their_own():
    before = """
    func @f(%x: f32[4,6]) -> (f32[24], f32[6,4], f32[6]) {
      %0 = reshape %x {shape=(24,)} : f32[24]
      %1 = transpose %x {permutation=(1, 0)} : f32[6,4]
      %2 = const 1.0 : f32[]
      %3 = broadcast_to %2 {shape=(6,)} : f32[6]
      return %0, %1, %3
    }"""
    after = """
    func @f(%x: f32[4,6]) -> (f32[24], f32[6,4], f32[6]) {
      %0 = reshape %x {shape=(24,)} : f32[24]
      %1 = cluster %0 {kind="map", loops=(24,), inner=(), results=((0,),), \
reductions=()} : f32[24] {
        body(%2: f32[24]) -> f32[24] {
          return %2
        }
      }
      %3 = cluster %x {kind="map", loops=(6, 4), inner=(), \
results=((0, 1),), reductions=()} : f32[6,4] {
        body(%4: f32[4,6]) -> f32[6,4] {
          %5 = transpose %4 {permutation=(1, 0)} : f32[6,4]
          return %5
        }
      }
      %6 = cluster {kind="map", loops=(6,), inner=(), results=((0,),), \
reductions=()} : f32[6] {
        body() -> f32[6] {
          %7 = const 1.0 : f32[]
          %8 = broadcast_to %7 {shape=(6,)} : f32[6]
          return %8
        }
      }
      return %1, %3, %6
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_scalars_are_computed_where_they_are_read():
    before = """
    func @f(%x: f32[n], %s: f32[]) -> f32[n] {
      %0 = const 2.0 : f32[]
      %1 = mul %s, %0 : f32[]
      %2 = exp %1 : f32[]
      %3 = mul %x, %2 : f32[n]
      return %3
    }"""
    after = """
    func @f(%x: f32[n], %s: f32[]) -> f32[n] {
      %0 = cluster %x, %s {kind="map", loops=(n,), inner=(), \
results=((0,),), reductions=()} : f32[n] {
        body(%1: f32[n], %2: f32[]) -> f32[n] {
          %3 = const 2.0 : f32[]
          %4 = mul %2, %3 : f32[]
          %5 = exp %4 : f32[]
          %6 = mul %1, %5 : f32[n]
          return %6
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_what_is_read_through_memory_too_ends_its_cluster():
    before = """
    func @f(%x: f32[8]) -> f32[8] {
      %0 = exp %x : f32[8]
      %1 = slice %0 {start=(7,), step=(-1,), size=(8,)} : f32[8]
      %2 = tanh %1 : f32[8]
      %3 = add %0, %2 : f32[8]
      return %3
    }"""
    after = """
    func @f(%x: f32[8]) -> f32[8] {
      %0 = cluster %x {kind="map", loops=(8,), inner=(), results=((0,),), \
reductions=()} : f32[8] {
        body(%1: f32[8]) -> f32[8] {
          %2 = exp %1 : f32[8]
          return %2
        }
      }
      %3 = cluster %0 {kind="map", loops=(8,), inner=(), results=((0,),), \
reductions=()} : f32[8] {
        body(%4: f32[8]) -> f32[8] {
          %5 = slice %4 {start=(7,), step=(-1,), size=(8,)} : f32[8]
          %6 = tanh %5 : f32[8]
          %7 = add %4, %6 : f32[8]
          return %7
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_operands_that_wait_for_each_other_are_not_merged():
    before = """
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = is_nan %x : bool[n]
      %1 = exp %y : f32[n]
      %2 = slice %1 {start=(n - 1,), step=(-1,), size=(n,)} : f32[n]
      %3 = tanh %2 : f32[n]
      %4 = select %0, %1, %3 : f32[n]
      return %4
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[m]) -> f32[n] where m == n {
      %0 = cluster %y {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%1: f32[n]) -> f32[n] {
          %2 = exp %1 : f32[n]
          return %2
        }
      }
      %3 = cluster %x, %0 {kind="map", loops=(n,), inner=(), \
results=((0,),), reductions=()} : f32[n] {
        body(%4: f32[n], %5: f32[n]) -> f32[n] {
          %6 = is_nan %4 : bool[n]
          %7 = slice %5 {start=(n - 1,), step=(-1,), size=(n,)} : f32[n]
          %8 = tanh %7 : f32[n]
          %9 = select %6, %5, %8 : f32[n]
          return %9
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_reduction_of_single_elements_takes_nothing_along():
    before = """
    func @f(%x: f32[n,1], %y: f32[k,m]) -> f32[n,m] where k == n {
      %0 = sum %x {axes=(1,), keepdims=true} : f32[n,1]
      %1 = add %0, %y : f32[n,m]
      return %1
    }"""
    after = """
    func @f(%x: f32[n,1], %y: f32[k,m]) -> f32[n,m] where k == n {
      %0 = cluster %x {kind="rows", loops=(n,), inner=(), \
results=((0, none),), reductions=((0, none),)} : f32[n,1] {
        body(%1: f32[n,1]) -> f32[n,1] {
          %2 = sum %1 {axes=(1,), keepdims=true} : f32[n,1]
          return %2
        }
      }
      %3 = cluster %0, %y {kind="map", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%4: f32[n,1], %5: f32[n,m]) -> f32[n,m] {
          %6 = add %4, %5 : f32[n,m]
          return %6
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_what_is_written_into_most_of_an_array_is_computed_there():
    before = """
    func @f(%x: f32[n]) -> f32[n] where n >= 1 {
      %0 = slice %x {start=(1,), step=(1,), size=(n - 1,)} : f32[n-1]
      %1 = slice %x {start=(0,), step=(1,), size=(n - 1,)} : f32[n-1]
      %2 = sub %0, %1 : f32[n-1]
      %3 = exp %2 : f32[n-1]
      %4 = update_slice %x, %3 {start=(1,), step=(1,), size=(n - 1,)} : f32[n]
      return %4
    }"""
    after = """
    func @f(%x: f32[n]) -> f32[n] where n >= 1 {
      %0 = cluster %x {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%1: f32[n]) -> f32[n] {
          %2 = slice %1 {start=(1,), step=(1,), size=(n - 1,)} : f32[n-1]
          %3 = slice %1 {start=(0,), step=(1,), size=(n - 1,)} : f32[n-1]
          %4 = sub %2, %3 : f32[n-1]
          %5 = exp %4 : f32[n-1]
          %6 = update_slice %1, %5 {start=(1,), step=(1,), size=(n - 1,)} : f32[n]
          return %6
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_what_is_written_into_little_of_an_array_is_stored_first():
    before = """
    func @f(%x: f32[n], %y: f32[2]) -> f32[n] where n >= 3 {
      %0 = exp %y : f32[2]
      %1 = update_slice %x, %0 {start=(0,), step=(1,), size=(2,)} : f32[n]
      %2 = slice %1 {start=(1,), step=(1,), size=(1,)} : f32[1]
      %3 = update_slice %1, %2 {start=(n - 1,), step=(1,), size=(1,)} : f32[n]
      return %3
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[2]) -> f32[n] where n >= 3 {
      %0 = cluster %y {kind="map", loops=(2,), inner=(), results=((0,),), \
reductions=()} : f32[2] {
        body(%1: f32[2]) -> f32[2] {
          %2 = exp %1 : f32[2]
          return %2
        }
      }
      %3 = cluster %x, %0 {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%4: f32[n], %5: f32[2]) -> f32[n] {
          %6 = update_slice %4, %5 {start=(0,), step=(1,), size=(2,)} : f32[n]
          return %6
        }
      }
      %7 = cluster %3 {kind="map", loops=(), inner=(), results=((none,),), \
reductions=()} : f32[1] {
        body(%8: f32[n]) -> f32[1] {
          %9 = slice %8 {start=(1,), step=(1,), size=(1,)} : f32[1]
          return %9
        }
      }
      %10 = cluster %3, %7 {kind="map", loops=(n,), inner=(), results=((0,),), \
reductions=()} : f32[n] {
        body(%11: f32[n], %12: f32[1]) -> f32[n] {
          %13 = update_slice %11, %12 {start=(n - 1,), step=(1,), size=(1,)} : f32[n]
          return %13
        }
      }
      return %10
    }"""
    assert rewritten(fuse, before) == lines(after)
