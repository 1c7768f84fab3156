"""The message ``bad-call``: it names the line of the call."""

# ruff: noqa: E501

import linecache
import textwrap

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import StructureError
from tests.errors.program import text

PROGRAM = textwrap.dedent("""
    def f(x, y=1):
        return x * y
    def plain(g, x):
        return g(x, 2, 3)
    def keyword(g, x):
        return g(x, z=2)
    def lowered(g, x):
        return g.lower()
    def misspelt(g, x):
        return g(z=x)
""").strip()

CASES = {
    "plain": """
        program.py:4:12: error: f() takes 2 positional arguments but 3 were given [bad-call]
            |
          4 |     return g(x, 2, 3)
            |            ^^^^^^^^^^
          help: it takes (x, y=...)
        """,
    "keyword": """
        program.py:6:12: error: f() got an unexpected keyword argument 'z' [bad-call]
            |
          6 |     return g(x, z=2)
            |            ^^^^^^^^^
          help: it takes (x, y=...)
        """,
    "misspelt": """
        program.py:10:12: error: f() got an unexpected keyword argument 'z' [bad-call]
             |
          10 |     return g(z=x)
             |            ^^^^^^
          help: it takes (x, y=...)
        """,
    "lowered": """
        program.py:8:12: error: f() missing the argument 'x' [bad-call]
            |
          8 |     return g.lower()
            |            ^^^^^^^^^
          help: it takes (x, y=...)
        """,
}


def _caught(caller, x):
    lines = PROGRAM.splitlines(keepends=True)
    linecache.cache["program.py"] = (len(PROGRAM), None, lines, "program.py")
    namespace = {}
    exec(compile(PROGRAM, "program.py", "exec"), namespace)
    with pytest.raises(StructureError) as caught:
        namespace[caller](ps.compile(namespace["f"]), x)
    return caught.value


@pytest.mark.parametrize("caller", CASES)
def test_bad_call(caller):
    error = _caught(caller, np.ones(3))
    assert str(error) == text(CASES[caller])
    assert isinstance(error, TypeError)
