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

__all__ = ["build_support", "support_text"]


def support_text(machine: Machine) -> str:
    """The support object's LLVM IR text."""
    module = Module(machine)
    module.variable(
        "penstock_support_version", f"i64 {SUPPORT_VERSION}", 8, internal=False
    )
    add_pool(module, check_signals)
    add_dispatcher(module)
    return module.text()


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
    code = emit_object(support_text(machine), machine)
    return link_shared_object(code, SUPPORT_EXPORTS, name="penstock-support.so")
