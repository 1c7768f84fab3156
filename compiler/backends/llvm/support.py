"""The support object: the native dispatcher and the thread pool.

It is made once for a machine and kept in the cache beside the artifacts; it holds
nothing of any one program. A saved artifact carries it along.
"""

from __future__ import annotations

from penstock.backends.llvm.emitter import Module
from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.backends.llvm.support_dispatch import add_dispatcher, check_signals
from penstock.backends.llvm.support_pool import add_pool
from penstock.runtime.layout import SUPPORT_VERSION
from penstock.runtime.machine import Machine, host
from penstock.runtime.support import SUPPORT_EXPORTS

__all__ = ["build_support", "support_texts"]


def support_texts(machine: Machine) -> tuple[str, str]:
    """The support object's LLVM IR text: what every call runs, and the rest."""
    hot, cold = Module(machine), Module(machine)
    version = f"i64 {SUPPORT_VERSION}"
    cold.variable("penstock_support_version", version, 8, internal=False)
    add_pool(cold, check_signals)
    add_dispatcher(hot, cold)
    return hot.text(), cold.text()


def build_support(machine: Machine | None = None) -> bytes:
    r"""Make the support object.

    Args:
        machine: what to make it for; the host unless given.

    Returns:
        The bytes of a shared object.

    Example:
        >>> build_support()[:4]
        b'\x7fELF'
    """
    machine = machine or host()
    hot, cold = support_texts(machine)
    # Somebody waits: the first process on a machine. Without effort the code is made
    # in a sixth of the time, and only what every call runs is worth more.
    objects = [emit_object(hot, machine), emit_object(cold, machine, level=0)]
    return link_shared_object(objects, SUPPORT_EXPORTS, name="penstock-support.so")
