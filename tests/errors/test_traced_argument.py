"""The message ``traced-argument``."""

import functools

import numpy as np
import pytest

from penstock.frontend.trace import trace
from penstock.ir.errors import TraceError
from penstock.runtime.binding import Binder
from tests.errors.program import text


def double(x):
    return x * 2


def compare(left, right):  # Called by the library, with traced values.
    trace(double, Binder.of(double).bind((left,), {}))
    return 0


KEY = functools.cmp_to_key(compare)


def caller(x):
    return max([x, x], key=KEY)


def test_traced_argument():
    with pytest.raises(TraceError) as caught:
        trace(caller, Binder.of(caller).bind((np.ones(3),), {}))
    line = compare.__code__.co_firstlineno + 1
    assert str(caught.value) == text(f"""
        {__file__}:{line}:5: error: argument x is a traced value, but the call did not come from traced code [traced-argument]
             |
          {line} |     trace(double, Binder.of(double).bind((left,), {{}}))
             |     {"^" * 50}
          help: call the compiled function from the traced function itself
        """)  # noqa: E501
