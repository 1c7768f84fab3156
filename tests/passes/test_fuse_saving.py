"""What clusters of a backward part compute again rather than read."""

# ruff: noqa: E501

from functools import partial

from penstock.ir.graph.text_parse import parse_function
from penstock.passes.fuse import fuse
from penstock.passes.fusion_saving import is_backward
from penstock.passes.saving_report import saving_report
from tests.passes.text import lines, rewritten

# tanh between two products: the derivative 1 - y y is a factor (') for cotangents (*).
LAYER = """
func @f(%x: f32[n,k], %w: f32[k2,m], %v: f32[m2,p], %g: f32[n2,p2]) \
-> (f32[n,p], f32[n,m]) where k == k2, m == m2, n == n2, p == p2 {
  %0 = contract %x, %w {spec="mk,kn->mn"} : f32[n,m] # a.py:1
  %1 = tanh %0 : f32[n,m] # a.py:2
  %2 = contract %1, %v {spec="mk,kn->mn"} : f32[n,p] # a.py:3
  %3 = contract %g, %v {spec="mn,kn->mk"} : f32[n,m] # a.py:3*
  %4 = mul %1, %1 : f32[n,m] # a.py:2'
  %5 = const 1.0 : f32[] # a.py:2'
  %6 = sub %5, %4 : f32[n,m] # a.py:2'
  %7 = scale %3, %6 : f32[n,m] # a.py:2*
  return %2, %7
}"""

HEAD = """
func @f(%x: f32[n,k], %w: f32[k2,m], %v: f32[m2,p], %g: f32[n2,p2]) \
-> (f32[n,p], f32[n,m]) where k == k2, m == m2, n == n2, p == p2 {"""


def test_a_factor_is_computed_from_what_is_in_memory_anyway():
    assert (
        rewritten(fuse, LAYER)
        == lines(HEAD)
        + """
  %0 = cluster %x, %w {kind="nest", loops=(n, m), inner=(), results=((0, 1),), reductions=()} : f32[n,m] {
    body(%1: f32[n,k], %2: f32[k,m]) -> f32[n,m] {
      %3 = contract %1, %2 {spec="mk,kn->mn"} : f32[n,m]
      %4 = tanh %3 : f32[n,m]
      return %4
    }
  }
  %5 = cluster %0, %v {kind="nest", loops=(n, p), inner=(), results=((0, 1),), reductions=()} : f32[n,p] {
    body(%6: f32[n,m], %7: f32[m,p]) -> f32[n,p] {
      %8 = contract %6, %7 {spec="mk,kn->mn"} : f32[n,p]
      return %8
    }
  }
  %9 = cluster %0, %g, %v {kind="nest", loops=(n, m), inner=(), results=((0, 1),), reductions=()} : f32[n,m] {
    body(%10: f32[n,m], %11: f32[n,p], %12: f32[m,p]) -> f32[n,m] {
      %13 = contract %11, %12 {spec="mn,kn->mk"} : f32[n,m]
      %14 = const 1.0 : f32[]
      %15 = mul %10, %10 : f32[n,m]
      %16 = sub %14, %15 : f32[n,m]
      %17 = scale %13, %16 : f32[n,m]
      return %17
    }
  }
  return %5, %9
}"""
    )


def test_without_the_choice_the_cluster_before_stores_it():
    text = rewritten(partial(fuse, save=False), LAYER)
    assert "return %4, %7" in text
    assert "-> (f32[n,m], f32[n,m]) {" in text


def test_what_users_wrote_is_read_where_it_is_stored():
    # The same graph without roles: no part of it is a derivative.
    plain = LAYER.replace("'", "").replace("*\n", "\n")
    assert rewritten(fuse, plain) == rewritten(partial(fuse, save=False), plain)


def test_the_report_names_what_is_kept():
    report = saving_report(parse_function(LAYER))
    (saved,) = report.saved
    assert (saved.op, str(saved.type)) == ("tanh", "f32[n,m]")
    assert [loc.line for loc in saved.locations] == [2]
    assert report.again == ()


def test_a_function_without_a_derivative_has_no_report():
    plain = parse_function(LAYER.replace("'", "").replace("*\n", "\n"))
    assert not any(map(is_backward, plain.values))
    assert saving_report(plain) is None


def test_a_value_of_the_forward_part_is_computed_again():
    # Both exp and its operand would be read: the operand is an argument.
    before = """
    func @f(%x: f32[n,m], %g: f32[n2,m2]) -> (f32[n], f32[m]) where n == n2, m == m2 {
      %0 = exp %x : f32[n,m] # a.py:1
      %1 = sum %0 {axes=(1,), keepdims=false} : f32[n] # a.py:2
      %2 = scale %g, %0 : f32[n,m] # a.py:1*
      %3 = sum %2 {axes=(0,), keepdims=false} : f32[m] # a.py:1*
      return %1, %3
    }"""
    text = rewritten(fuse, before)
    first, second = text.split("cluster ")[1:]
    assert first.startswith("%x {") and "exp" in first
    assert second.startswith(("%x, %g {", "%g, %x {"))
    assert "exp" in second
