"""The messages ``size-overflow`` and ``negative-size``."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import NumberRangeError, RunError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from tests.errors.program import text

OVERFLOW = """
error: a size or number that the program computes from these arguments does not fit 64 bits [size-overflow]
  help: use smaller arrays and numbers
"""  # noqa: E501


def test_size_overflow():
    square = ps.compile(lambda n: n * n)
    assert square(3) == 9
    assert square(2**31) == 2**62
    with pytest.raises(NumberRangeError) as caught:
        square(2**32)
    assert str(caught.value) == text(OVERFLOW)
    assert isinstance(caught.value, OverflowError)
    assert square(-3) == 9
    # What wraps on the way to a number that fits is no matter.
    assert ps.compile(lambda n: n + n - n)(2**62) == 2**62


def test_negative_size():
    born = parse_function("""
    func @f(%n: i64[]) -> f64[] {
      %0 = bind %n {symbol=k} : f64[] {  # model.py:3:5
        body() -> f64[] {
          %1 = iota {shape=(k,), axis=0, dtype=f64} : f64[k]
          %2 = sum %1 {axes=(0,), keepdims=false} : f64[]
          return %2
        }
      }
      return %0
    }""")
    assert evaluate(born, [np.array(4)])[0] == 6
    with pytest.raises(RunError) as caught:
        evaluate(born, [np.array(-2)])
    assert "error: the size k is -2, below 0 [negative-size]" in str(caught.value)
