"""The message ``selection-size``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return np.sort(x[x > 0])
        """,
        (X,),
        """
        program.py:2:12: error: numpy.sort on a selection: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return np.sort(x[x > 0])
            |            ^^^^^^^^^^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            return x[x > 0] + x[x < 0]
        """,
        (X,),
        """
        program.py:2:12: error: arithmetic between selections by two masks: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return x[x > 0] + x[x < 0]
            |            ^^^^^^^^^^^^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            return np.delete(x, x[0].astype(int))
        """,
        (X,),
        """
        program.py:2:12: error: delete of traced places: the size of the result would be known only when the compiled function runs [selection-size]
            |
          2 |     return np.delete(x, x[0].astype(int))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: delete one place, or a list of constants
        """,
    ),
    (
        """
        def f(x):
            return len(x[x > 0])
        """,
        (X,),
        """
        program.py:2:12: error: len(x[mask]): how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return len(x[x > 0])
            |            ^^^^^^^^^^^^^
          help: count them: mask.sum()
        """,
    ),
    (
        """
        def f(x):
            return x[x > 0].shape
        """,
        (X,),
        """
        program.py:2:12: error: x[mask].shape: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return x[x > 0].shape
            |            ^^^^^^^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            y = x.copy()
            y[x > 1] = x[x > 0]
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assigning what another mask selects: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          3 |     y[x > 1] = x[x > 0]
            |     ^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            y = x.copy()
            y[0] = x[x > 0]
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assigning x[mask] elsewhere than to the same mask: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          3 |     y[0] = x[x > 0]
            |     ^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            return x[x > 0]
        """,
        (X,),
        """
        program.py:2:12: error: returning x[mask]: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return x[x > 0]
            |            ^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            y = 2 * x[x > 0]
            return {"all": x, "some": y}
        """,
        (X,),
        """
        program.py:2:9: error: returning x[mask]: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     y = 2 * x[x > 0]
            |         ^^^^^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
    (
        """
        def f(x):
            return str(x[x > 0])
        """,
        (X,),
        """
        program.py:2:12: error: the text of x[mask]: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return str(x[x > 0])
            |            ^^^^^^^^^^^^^
          help: keep the full size and choose elements with np.where(mask, a, b)
        """,
    ),
]

OUTSIDE = "arrays from outside are read at each call: for a mask that stays, pass or capture a tuple of bools, and index with np.array(mask)"


def test_mask_that_is_an_argument():
    source = """
        def f(x, mask):
            return x[~mask]
        """
    expected = f"""
        program.py:2:12: error: returning x[mask]: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return x[~mask]
            |            ^^^^^^^^
          help: {OUTSIDE}
        """
    found = [message(source, X, X > 3, static=s) for s in ((), ("mask",))]
    assert found == [text(expected)] * 2


def test_mask_of_sizes():
    source = """
        def f(x):
            return x[np.arange(x.shape[0]) > 1].shape
        """
    expected = """
        program.py:2:12: error: x[mask].shape: how many elements a mask selects is known only when the compiled function runs [selection-size]
            |
          2 |     return x[np.arange(x.shape[0]) > 1].shape
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: fix the sizes that the mask is made of: ps.compile(f, static=...)
        """
    assert message(source, X) == text(expected)


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_selection_size(source, args, expected):
    assert message(source, *args) == text(expected)
