"""What LLVM must be told of a machine."""

from __future__ import annotations

from penstock.runtime.machine import Machine


def feature_text(machine: Machine) -> str:
    """Return LLVM's feature list of a machine.

    Example:
        >>> feature_text(Machine("x86_64", "linux", "x86-64", frozenset({"sse2"})))
        '+sse2'
    """
    return ",".join(f"+{name}" for name in sorted(machine.features))
