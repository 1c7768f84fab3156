"""Programs with transforms and control flow whose errors are tested."""

import linecache
import textwrap
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError


def message(source: str, *args: Any) -> str:
    """The message with which calling ``f`` of a program fails.

    Args:
        source: the program's text; its file is called ``program.py``.
        args: the arguments of ``f``.
    """
    source = textwrap.dedent(source).strip() + "\n"
    lines = source.splitlines(keepends=True)
    linecache.cache["program.py"] = (len(source), None, lines, "program.py")
    namespace: dict[str, Any] = {"__name__": "program", "np": np, "ps": ps}
    exec(compile(source, "program.py", "exec"), namespace)
    with pytest.raises(PenstockError) as caught:
        namespace["f"](*args)
    text = str(caught.value)
    assert f"[{caught.value.code}]" in text
    assert len(text.splitlines()) <= 15
    return text
