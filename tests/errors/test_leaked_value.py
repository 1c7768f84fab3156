"""The message ``leaked-value``."""

import queue

import numpy as np
import pytest

from penstock.frontend.trace import trace
from penstock.ir.errors import LeakedValueError
from penstock.runtime.binding import Binder
from tests.errors.program import text


def leak(x, keep):
    keep.put(x)
    return x


def test_leaked_value():
    kept = queue.SimpleQueue()
    trace(leak, Binder.of(leak).bind((np.ones(3), kept), {}))
    array = kept.get()
    with pytest.raises(LeakedValueError) as caught:
        array + 1
    line = test_leaked_value.__code__.co_firstlineno + 5
    assert str(caught.value) == text(f"""
        {__file__}:{line}:9: error: a traced value was used after the function that it belongs to had been traced [leaked-value]
             |
          {line} |         array + 1
             |         ^^^^^^^^^
          help: return it from the function; do not keep it in a global, attribute or list, or pass it to another thread
        """)  # noqa: E501
