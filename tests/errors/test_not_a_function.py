"""The message ``not-a-function``."""

import linecache
import textwrap

import pytest

import penstock as ps
from penstock.ir.errors import OptionError


def message(source):
    lines = source.splitlines(keepends=True)
    linecache.cache["program.py"] = (len(source), None, lines, "program.py")
    with pytest.raises(OptionError) as caught:
        exec(compile(source, "program.py", "exec"), {"ps": ps})
    return str(caught.value)


def expected(block):
    return textwrap.dedent(block).strip("\n")


@pytest.mark.parametrize(
    "call", ["ps.compile([1, 2])", "ps.compile(threads=1)([1, 2])"]
)
def test_not_a_function(call):
    assert message(f"{call}\n") == expected(f"""
        program.py:1:1: error: [1, 2] cannot be called [not-a-function]
            |
          1 | {call}
            | {"^" * len(call)}
          help: pass a function: ps.compile(lambda x: ...)
    """)


def test_a_class_method():
    source = "class Model:\n    @ps.compile\n    @classmethod\n    def f(cls, x): ...\n"
    lines = message(source).splitlines()
    assert lines[0].startswith("program.py:2:6: error: <classmethod(")
    assert lines[0].endswith(")> cannot be called [not-a-function]")
    assert lines[-1] == "  help: swap the decorators: @classmethod above @ps.compile"
