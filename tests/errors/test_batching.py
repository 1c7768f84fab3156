"""The message ``batching``."""

import pytest

from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.text_parse import parse_function
from penstock.passes.transforms import transforms

FUSED = """
func @f(%x: f32[b,n]) -> f32[b,n] {
  %0 = vmap %x {axes=(0,), size=b} : f32[b,n] {
    body(%a: f32[n]) -> f32[n] {
      %c = cluster %a {kind="map", loops=(n,), inner=(), results=((0,),),
        reductions=()} : f32[n] {
        body(%d: f32[n]) -> f32[n] { %e = neg %d : f32[n] return %e }
      }
      return %c
    }
  }
  return %0
}
"""


def test_batching():
    with pytest.raises(UnsupportedError) as caught:
        transforms(parse_function(FUSED))
    assert str(caught.value) == (
        "error: cluster cannot be batched [batching]\n"
        "  help: go along the axis in a loop: ps.scan"
    )
