"""The message ``batching``."""

import pytest

from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.text_parse import parse_function
from penstock.passes.transforms import transforms

BORN = """
func @f(%n: i64[3]) -> f64[3] {
  %0 = vmap %n {axes=(0,), size=3} : f64[3] {
    body(%a: i64[]) -> f64[] {
      %1 = bind %a {symbol=k} : f64[] {
        body() -> f64[] {
          %2 = iota {shape=(k,), axis=0, dtype=f64} : f64[k]
          %3 = sum %2 {axes=(0,), keepdims=false} : f64[]
          return %3
        }
      }
      return %1
    }
  }
  return %0
}
"""


def test_batching():
    with pytest.raises(UnsupportedError) as caught:
        transforms(parse_function(BORN))
    assert str(caught.value) == "error: bind cannot be batched [batching]"
