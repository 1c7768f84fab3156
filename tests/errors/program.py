"""Programs whose errors are tested: their whole message, as users read it."""

import linecache
import textwrap
from typing import Any

import numpy as np
import pytest

from penstock.frontend.trace import trace
from penstock.ir.errors import PenstockError
from penstock.runtime.binding import Binder

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def message(source: str, *args: Any, static: Any = ()) -> str:
    """The message with which tracing ``f`` of a program fails.

    Args:
        source: the program's text; its file is called ``program.py``.
        args: the arguments of ``f``.
        static: as for ``ps.compile``.
    """
    source = textwrap.dedent(source).strip() + "\n"
    lines = source.splitlines(keepends=True)
    linecache.cache["program.py"] = (len(source), None, lines, "program.py")
    namespace: dict[str, Any] = {"__name__": "program", "np": np}
    exec(compile(source, "program.py", "exec"), namespace)
    function = namespace["f"]
    with pytest.raises(PenstockError) as caught:
        trace(function, Binder.of(function).bind(args, {}), static=static)
    text = str(caught.value)
    assert f"[{caught.value.code}]" in text
    assert len(text.splitlines()) <= 15
    return text


def text(block: str) -> str:
    """An expected message, without the indentation of the test."""
    return textwrap.dedent(block).strip("\n")
