"""The message ``static-name``."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import OptionError
from tests.errors.program import X, message, text


def test_static_name():
    expected = """
        error: static names 'y', which is no argument of this call [static-name]
          help: name an argument, 'x', or one of its axes, ('x', 0)
        """
    assert message("def f(x): return x", X, static=("y",)) == text(expected)


@pytest.mark.parametrize("static", [3, None, ([],), (("x", "y"),), (3,)])
def test_static_that_names_nothing(static):
    with pytest.raises(OptionError) as caught:
        ps.compile(lambda x: x, static=static)
    assert str(caught.value) == (
        f"error: static is {static!r}, but must hold names of arguments [static-name]\n"
        "  help: name an argument, 'x', or one of its axes, ('x', 0)"
    )


def test_static_of_one_name():
    f = ps.compile(lambda xy: xy + 1, static="xy")
    assert (f(1), f(2), f.stats().variants) == (2, 3, 2)


@pytest.mark.parametrize(
    "mask", [(True, False), (), {"a": [1, 2.5]}, "text", ps.nn.relu, np.ones((2, 3))]
)
def test_static_of_what_is_nested_or_has_no_size(mask):
    f = ps.compile(lambda x, mask: x + 1, static=("mask",))
    assert f(1, mask) == 2


def test_static_of_nested_arrays():
    f = ps.compile(lambda params: params["w"] * 2, static=("params",))
    for size in (2, 3):
        assert f({"w": np.ones(size)}).shape == (size,)
    assert f.stats().variants == 2
