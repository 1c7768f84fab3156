"""The message ``static-name``."""

from tests.errors.program import X, message, text


def test_static_name():
    expected = """
        error: static names 'y', which is no argument of this call [static-name]
          help: name an argument, 'x', or one of its axes, ('x', 0)
        """
    assert message("def f(x): return x", X, static=("y",)) == text(expected)
