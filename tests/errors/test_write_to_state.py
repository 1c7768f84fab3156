"""The message ``write-to-state``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        count = 0

        def f(x):
            global count
            count += 1
            return x
        """,
        (X,),
        """
        program.py:5:5: error: cannot set the global count in a compiled function [write-to-state]
            |
          5 |     count += 1
            |     ^^^^^
          help: return the new value and set the global outside
        """,
    ),
    (
        """
        def f(x):
            globals().setdefault("seen", x)
            return x
        """,
        (X,),
        """
        program.py:2:5: error: cannot set the global seen in a compiled function [write-to-state]
            |
          2 |     globals().setdefault("seen", x)
            |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: return the new value and set the global outside
        """,
    ),
    (
        """
        cache = []

        def f(x):
            cache.append(x)
            return x
        """,
        (X,),
        """
        program.py:4:5: error: cannot change global cache: it belongs to the caller [write-to-state]
            |
          4 |     cache.append(x)
            |     ^^^^^^^^^^^^^^^
          help: change a copy, list(x), and return it
        """,
    ),
    (
        """
        class Model:
            pass

        model = Model()

        def f(x):
            model.seen = x
            return x
        """,
        (X,),
        """
        program.py:7:5: error: cannot set model.seen in a compiled function: it belongs to the caller [write-to-state]
            |
          7 |     model.seen = x
            |     ^^^^^^^^^^
          help: return the new value from the function and set it outside
        """,
    ),
    (
        """
        def outer():
            calls = 0

            def f(x):
                nonlocal calls
                calls += 1
                return x

            return f

        f = outer()
        """,
        (X,),
        """
        program.py:6:9: error: cannot set calls, a variable of the enclosing function, in a compiled function [write-to-state]
            |
          6 |         calls += 1
            |         ^^^^^
          help: return the new value and set the variable outside
        """,
    ),
    (
        """
        def f(p):
            p['w'] = 1
            return p
        """,
        ({"w": X},),
        """
        program.py:2:5: error: cannot change argument p: it belongs to the caller [write-to-state]
            |
          2 |     p['w'] = 1
            |     ^^^^^^
          help: change a copy, dict(x), and return it
        """,
    ),
    (
        """
        def f(x):
            np.pi = 3
            return x
        """,
        (X,),
        """
        program.py:2:5: error: cannot set numpy.pi in a compiled function [write-to-state]
            |
          2 |     np.pi = 3
            |     ^^^^^
          help: return the new value from the function instead
        """,
    ),
    (
        """
        def f(x):
            globals()['y'] = x
            return x
        """,
        (X,),
        """
        program.py:2:5: error: cannot set the global y in a compiled function [write-to-state]
            |
          2 |     globals()['y'] = x
            |     ^^^^^^^^^^^^^^
          help: return the new value and set the global outside
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_write_to_state(source, args, expected):
    assert message(source, *args) == text(expected)
