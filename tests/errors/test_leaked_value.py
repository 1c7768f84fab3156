"""The message ``leaked-value``."""

import queue

import numpy as np
import pytest

from penstock.frontend.trace import trace
from penstock.ir.errors import LeakedValueError
from penstock.runtime.binding import Binder
from tests.errors.program import X, message, text


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


def test_of_the_body_of_a_loop():
    source = """
        import penstock as ps

        def f(x):
            seen = []
            def body(i, x):
                seen.append(x.sum())
                return x
            x = ps.fori_loop(0, 3, body, x)
            return np.array(seen)
        """
    assert message(source, X) == text("""
        program.py:9:12: error: a traced array was used after the function that it belongs to had been traced [leaked-value]
            |
          9 |     return np.array(seen)
            |            ^^^^^^^^^^^^^^
          help: return it from that function, which is traced once: ps.scan stacks what each turn returns, has_aux=True passes it out of ps.grad
        """)  # noqa: E501
