"""The message ``no-elements``."""

import linecache

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArgumentError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from tests.errors.program import text

SOURCE = "def f(x):\n    return x[x > 100].max() + 1\n"

EXPECTED = """
program.py:2:12: error: max of no elements: the mask selects none of f64[n], where n = 3 [no-elements]
    |
  2 |     return x[x > 100].max() + 1
    |            ^^^^^^^^^^^^^^^^
  help: give the result of no elements: initial=0
"""  # noqa: E501


def test_no_elements():
    linecache.cache["program.py"] = (
        len(SOURCE), None, SOURCE.splitlines(keepends=True), "program.py"
    )  # fmt: skip
    names = {}
    exec(compile(SOURCE, "program.py", "exec"), names)
    f = ps.compile(names["f"])
    assert f(np.array([1.0, 101.0])) == 102
    for _ in range(2):
        with pytest.raises(ArgumentError) as caught:
            f(np.arange(3.0))
    assert str(caught.value) == text(EXPECTED)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ArgumentError) as caught:
        ps.grad(f)(np.arange(3.0))
    assert caught.value.code == "no-elements"
    np.testing.assert_array_equal(ps.grad(f)(np.array([1.0, 101.0])), [0, 1])


def test_one_row_of_several_has_no_elements():
    least = ps.compile(ps.vmap(lambda x: np.min(x[x > 1])))
    x = np.array([[1.0, 2.0, 3.0], [5.0, 0.0, 4.0]])
    np.testing.assert_array_equal(least(x), [2, 4])
    with pytest.raises(ValueError, match="min of no elements"):
        least(np.array([[1.0, 2.0, 3.0], [1.0, 0.0, 0.0]]))


def test_no_elements_in_the_evaluator():
    function = parse_function("""
    func @f(%x: f64[n], %holds: bool[m]) -> f64[n] where n == m {
      %0 = require %x, %holds {text="there are none", code="no-elements"}\
 : f64[n] # model.py:3:5
      return %0
    }""")
    holds = np.array([True, False])
    assert evaluate(function, [np.ones(2), ~np.zeros(2, bool)])[0].sum() == 2
    with pytest.raises(ArgumentError) as caught:
        evaluate(function, [np.ones(2), holds])
    message = "model.py:3:5: error: there are none [no-elements]"
    assert str(caught.value).splitlines()[0] == message
