"""Penstock: plain NumPy functions as native code.

    import numpy as np
    import penstock as ps

    @ps.compile
    def softmax(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

Names are loaded when they are first used, so that ``penstock.runtime`` alone, which
runs saved programs, imports no compiler.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name is defined.
_HOMES = {
    "Compiled": "penstock.api",
    "Lowered": "penstock.api",
    "compile": "penstock.api",
    "config": "penstock.runtime.config",
    "load": "penstock.runtime.load",
}

__all__ = ["Compiled", "Lowered", "__version__", "compile", "config", "errors", "load"]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("penstock.ir.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from penstock.api import Compiled, Lowered, compile  # noqa: A004
    from penstock.ir import errors
    from penstock.runtime.config import config
    from penstock.runtime.load import load
