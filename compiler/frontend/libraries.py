"""Which modules are libraries, whose code is not traced."""

from __future__ import annotations

import sys

__all__ = ["is_library"]

_LIBRARIES = frozenset({"numpy", "scipy", "penstock", "builtins", "opt_einsum"})
# Ours, but NumPy programs such as users write, and traced as theirs are.
_AS_USERS_WRITE = ("penstock.nn", "penstock.optim")


def is_library(module: object) -> bool:
    """Whether a module's name is one of Python's own, NumPy's, SciPy's or ours."""
    if not isinstance(module, str) or module.startswith(_AS_USERS_WRITE):
        return False
    top = module.partition(".")[0]
    return top in _LIBRARIES or (top in sys.stdlib_module_names and top != "__main__")
