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
    "cond": "penstock.control",
    "fori_loop": "penstock.control",
    "scan": "penstock.control",
    "switch": "penstock.control",
    "while_loop": "penstock.control",
    "check_grads": "penstock.checks",
    "compare": "penstock.checks",
    "checkpoint": "penstock.custom",
    "custom_jvp": "penstock.custom",
    "custom_vjp": "penstock.custom",
    "stop_gradient": "penstock.custom",
    "grad": "penstock.transforms",
    "hessian": "penstock.transforms",
    "jacfwd": "penstock.transforms",
    "jacrev": "penstock.transforms",
    "jvp": "penstock.transforms",
    "linearize": "penstock.transforms",
    "value_and_grad": "penstock.transforms",
    "vjp": "penstock.transforms",
    "vmap": "penstock.transforms",
    "load_params": "penstock.parameters",
    "save_params": "penstock.parameters",
    "tree_leaves": "penstock.tree",
    "tree_map": "penstock.tree",
}

# Public names that are modules.
_MODULES = {
    "errors": "penstock.ir.errors",
    "nn": "penstock.nn",
    "optim": "penstock.optim",
    "random": "penstock.random",
}

__all__ = [
    "Compiled", "Lowered", "__version__", "check_grads", "checkpoint", "compare",
    "compile", "cond", "config", "custom_jvp", "custom_vjp", "errors", "fori_loop",
    "grad", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "load", "load_params",
    "nn", "optim", "random", "save_params", "scan", "stop_gradient", "switch",
    "tree_leaves", "tree_map", "value_and_grad", "vjp", "vmap", "while_loop",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from penstock import nn, optim, random
    from penstock.api import Compiled, Lowered, compile  # noqa: A004
    from penstock.checks import check_grads, compare
    from penstock.control import cond, fori_loop, scan, switch, while_loop
    from penstock.custom import checkpoint, custom_jvp, custom_vjp, stop_gradient
    from penstock.ir import errors
    from penstock.parameters import load_params, save_params
    from penstock.runtime.config import config
    from penstock.runtime.load import load
    from penstock.transforms import (
        grad,
        hessian,
        jacfwd,
        jacrev,
        jvp,
        linearize,
        value_and_grad,
        vjp,
        vmap,
    )
    from penstock.tree import tree_leaves, tree_map
