"""Which Values fusion puts into one cluster, by the loops that they share."""

from penstock.passes.fuse import fuse
from tests.passes.text import lines, rewritten


def test_a_chain_of_elementwise_values_is_one_cluster():
    before = """
    func @f(%x: f32[n,m], %y: f32[m2]) -> f32[n,m] where m2 == m {
      %0 = exp %x : f32[n,m]
      %1 = add %0, %y : f32[n,m]
      %2 = tanh %1 : f32[n,m]
      return %2
    }"""
    after = """
    func @f(%x: f32[n,m], %y: f32[m2]) -> f32[n,m] where m2 == m {
      %0 = cluster %x, %y {kind="map", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%1: f32[n,m], %2: f32[m]) -> f32[n,m] {
          %3 = exp %1 : f32[n,m]
          %4 = add %3, %2 : f32[n,m]
          %5 = tanh %4 : f32[n,m]
          return %5
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_softmax_is_one_cluster_of_rows():
    before = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = max %x {axes=(1,), keepdims=true} : f32[n,1]
      %1 = sub %x, %0 : f32[n,m]
      %2 = exp %1 : f32[n,m]
      %3 = sum %2 {axes=(1,), keepdims=true} : f32[n,1]
      %4 = div %2, %3 : f32[n,m]
      return %4
    }"""
    after = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = cluster %x {kind="rows", loops=(n, m), inner=(1,), \
results=((0, 1),), reductions=((0, 1), (0, 1))} : f32[n,m] {
        body(%1: f32[n,m]) -> f32[n,m] {
          %2 = max %1 {axes=(1,), keepdims=true} : f32[n,1]
          %3 = sub %1, %2 : f32[n,m]
          %4 = exp %3 : f32[n,m]
          %5 = sum %4 {axes=(1,), keepdims=true} : f32[n,1]
          %6 = div %4, %5 : f32[n,m]
          return %6
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_layernorm_is_one_cluster_of_rows():
    before = """
    func @f(%x: f32[n,64], %g: f32[64], %b: f32[64]) -> f32[n,64] {
      %0 = const 64.0 : f32[]
      %1 = sum %x {axes=(1,), keepdims=true} : f32[n,1]
      %2 = div %1, %0 : f32[n,1]
      %3 = sub %x, %2 : f32[n,64]
      %4 = mul %3, %3 : f32[n,64]
      %5 = sum %4 {axes=(1,), keepdims=true} : f32[n,1]
      %6 = sqrt %5 : f32[n,1]
      %7 = div %3, %6 : f32[n,64]
      %8 = mul %7, %g : f32[n,64]
      %9 = add %8, %b : f32[n,64]
      return %9
    }"""
    after = """
    func @f(%x: f32[n,64], %g: f32[64], %b: f32[64]) -> f32[n,64] {
      %0 = cluster %x, %g, %b {kind="rows", loops=(n, 64), inner=(1,), \
results=((0, 1),), reductions=((0, 1), (0, 1))} : f32[n,64] {
        body(%1: f32[n,64], %2: f32[64], %3: f32[64]) -> f32[n,64] {
          %4 = sum %1 {axes=(1,), keepdims=true} : f32[n,1]
          %5 = const 64.0 : f32[]
          %6 = div %4, %5 : f32[n,1]
          %7 = sub %1, %6 : f32[n,64]
          %8 = mul %7, %7 : f32[n,64]
          %9 = sum %8 {axes=(1,), keepdims=true} : f32[n,1]
          %10 = sqrt %9 : f32[n,1]
          %11 = div %7, %10 : f32[n,64]
          %12 = mul %11, %2 : f32[n,64]
          %13 = add %12, %3 : f32[n,64]
          return %13
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_reductions_of_the_same_array_share_a_pass():
    before = """
    func @f(%x: f32[n,m]) -> (f32[n], f32[n]) {
      %0 = max %x {axes=(1,), keepdims=false} : f32[n]
      %1 = sum %x {axes=(1,), keepdims=false} : f32[n]
      return %0, %1
    }"""
    after = """
    func @f(%x: f32[n,m]) -> (f32[n], f32[n]) {
      %0 = cluster %x {kind="rows", loops=(n, m), inner=(1,), \
results=((0,), (0,)), reductions=((0, 1), (0, 1))} : (f32[n], f32[n]) {
        body(%1: f32[n,m]) -> (f32[n], f32[n]) {
          %2 = max %1 {axes=(1,), keepdims=false} : f32[n]
          %3 = sum %1 {axes=(1,), keepdims=false} : f32[n]
          return %2, %3
        }
      }
      %4 = get %0 {index=0} : f32[n]
      %5 = get %0 {index=1} : f32[n]
      return %4, %5
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_mean_and_variance_share_a_row():
    before = """
    func @f(%x: f32[n,8]) -> (f32[n,1], f32[n]) {
      %0 = const 8.0 : f32[]
      %1 = sum %x {axes=(1,), keepdims=true} : f32[n,1]
      %2 = div %1, %0 : f32[n,1]
      %3 = sub %x, %2 : f32[n,8]
      %4 = mul %3, %3 : f32[n,8]
      %5 = sum %4 {axes=(1,), keepdims=false} : f32[n]
      return %2, %5
    }"""
    after = """
    func @f(%x: f32[n,8]) -> (f32[n,1], f32[n]) {
      %0 = cluster %x {kind="rows", loops=(n, 8), inner=(1,), \
results=((0, none), (0,)), reductions=((0, 1), (0, 1))} : (f32[n,1], f32[n]) {
        body(%1: f32[n,8]) -> (f32[n,1], f32[n]) {
          %2 = sum %1 {axes=(1,), keepdims=true} : f32[n,1]
          %3 = const 8.0 : f32[]
          %4 = div %2, %3 : f32[n,1]
          %5 = sub %1, %4 : f32[n,8]
          %6 = mul %5, %5 : f32[n,8]
          %7 = sum %6 {axes=(1,), keepdims=false} : f32[n]
          return %4, %7
        }
      }
      %8 = get %0 {index=0} : f32[n,1]
      %9 = get %0 {index=1} : f32[n]
      return %8, %9
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_row_of_totals_is_stored_before_it_is_spread_over_rows():
    before = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = max %x {axes=(0,), keepdims=true} : f32[1,m]
      %1 = sub %x, %0 : f32[n,m]
      return %1
    }"""
    after = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = cluster %x {kind="rows", loops=(n, m), inner=(0,), \
results=((none, 1),), reductions=((0, 1),)} : f32[1,m] {
        body(%1: f32[n,m]) -> f32[1,m] {
          %2 = max %1 {axes=(0,), keepdims=true} : f32[1,m]
          return %2
        }
      }
      %3 = cluster %x, %0 {kind="map", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%4: f32[n,m], %5: f32[1,m]) -> f32[n,m] {
          %6 = sub %4, %5 : f32[n,m]
          return %6
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_middle_axis_is_reduced_with_what_comes_before_and_after():
    before = """
    func @f(%x: f32[a,b,c]) -> f32[a,c] {
      %0 = mul %x, %x : f32[a,b,c]
      %1 = sum %0 {axes=(1,), keepdims=false} : f32[a,c]
      %2 = sqrt %1 : f32[a,c]
      return %2
    }"""
    after = """
    func @f(%x: f32[a,b,c]) -> f32[a,c] {
      %0 = cluster %x {kind="rows", loops=(a, b, c), inner=(1,), \
results=((0, 2),), reductions=((0, 1, 2),)} : f32[a,c] {
        body(%1: f32[a,b,c]) -> f32[a,c] {
          %2 = mul %1, %1 : f32[a,b,c]
          %3 = sum %2 {axes=(1,), keepdims=false} : f32[a,c]
          %4 = sqrt %3 : f32[a,c]
          return %4
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_the_total_of_everything_is_complete_before_it_is_read():
    before = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = exp %x : f32[n,m]
      %1 = sum %0 {axes=(0, 1), keepdims=false} : f32[]
      %2 = div %0, %1 : f32[n,m]
      return %2
    }"""
    after = """
    func @f(%x: f32[n,m]) -> f32[n,m] {
      %0 = cluster %x {kind="rows", loops=(n, m), inner=(0, 1), \
results=((0, 1), ()), reductions=((0, 1),)} : (f32[n,m], f32[]) {
        body(%1: f32[n,m]) -> (f32[n,m], f32[]) {
          %2 = exp %1 : f32[n,m]
          %3 = sum %2 {axes=(0, 1), keepdims=false} : f32[]
          return %2, %3
        }
      }
      %4 = get %0 {index=0} : f32[n,m]
      %5 = get %0 {index=1} : f32[]
      %6 = cluster %4, %5 {kind="map", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%7: f32[n,m], %8: f32[]) -> f32[n,m] {
          %9 = div %7, %8 : f32[n,m]
          return %9
        }
      }
      return %6
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_contraction_takes_its_epilogue():
    before = """
    func @f(%x: f32[n,k], %w: f32[k2,m], %b: f32[m2]) -> f32[n,m] \
where k2 == k, m2 == m {
      %0 = contract %x, %w {spec="ij,jk->ik"} : f32[n,m]
      %1 = add %0, %b : f32[n,m]
      %2 = tanh %1 : f32[n,m]
      return %2
    }"""
    after = """
    func @f(%x: f32[n,k], %w: f32[k2,m], %b: f32[m2]) -> f32[n,m] \
where k2 == k, m2 == m {
      %0 = cluster %x, %w, %b {kind="nest", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%1: f32[n,k], %2: f32[k,m], %3: f32[m]) -> f32[n,m] {
          %4 = contract %1, %2 {spec="ij,jk->ik"} : f32[n,m]
          %5 = add %4, %3 : f32[n,m]
          %6 = tanh %5 : f32[n,m]
          return %6
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_row_computed_once_is_not_computed_for_every_row():
    before = """
    func @f(%x: f32[m], %y: f32[n,m2]) -> f32[n,m] where m2 == m {
      %0 = exp %x : f32[m]
      %1 = add %0, %y : f32[n,m]
      return %1
    }"""
    after = """
    func @f(%x: f32[m], %y: f32[n,m2]) -> f32[n,m] where m2 == m {
      %0 = cluster %x {kind="map", loops=(m,), inner=(), results=((0,),), \
reductions=()} : f32[m] {
        body(%1: f32[m]) -> f32[m] {
          %2 = exp %1 : f32[m]
          return %2
        }
      }
      %3 = cluster %0, %y {kind="map", loops=(n, m), inner=(), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%4: f32[m], %5: f32[n,m]) -> f32[n,m] {
          %6 = add %4, %5 : f32[n,m]
          return %6
        }
      }
      return %3
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_a_column_is_spread_along_its_rows():
    before = """
    func @f(%x: f32[n,1], %y: f32[n2,m]) -> f32[n,m] where n2 == n {
      %0 = exp %x : f32[n,1]
      %1 = add %0, %y : f32[n,m]
      return %1
    }"""
    after = """
    func @f(%x: f32[n,1], %y: f32[n2,m]) -> f32[n,m] where n2 == n {
      %0 = cluster %x, %y {kind="rows", loops=(n, m), inner=(1,), \
results=((0, 1),), reductions=()} : f32[n,m] {
        body(%1: f32[n,1], %2: f32[n,m]) -> f32[n,m] {
          %3 = exp %1 : f32[n,1]
          %4 = add %3, %2 : f32[n,m]
          return %4
        }
      }
      return %0
    }"""
    assert rewritten(fuse, before) == lines(after)


def test_branches_that_meet_are_one_cluster():
    before = """
    func @f(%x: f32[n], %y: f32[m]) -> (f32[n], f32[n]) where m == n {
      %0 = exp %x : f32[n]
      %1 = tanh %y : f32[n]
      %2 = add %0, %1 : f32[n]
      return %2, %1
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[m]) -> (f32[n], f32[n]) where m == n {
      %0 = cluster %x, %y {kind="map", loops=(n,), inner=(), \
results=((0,), (0,)), reductions=()} : (f32[n], f32[n]) {
        body(%1: f32[n], %2: f32[n]) -> (f32[n], f32[n]) {
          %3 = tanh %2 : f32[n]
          %4 = exp %1 : f32[n]
          %5 = add %4, %3 : f32[n]
          return %3, %5
        }
      }
      %6 = get %0 {index=1} : f32[n]
      %7 = get %0 {index=0} : f32[n]
      return %6, %7
    }"""
    assert rewritten(fuse, before) == lines(after)
