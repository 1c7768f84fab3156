"""The messages ``link`` and ``missing-package``, of what makes machine code."""

import sys

import pytest

from penstock.backends.llvm.elf import LinkError
from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.ir.errors import MissingPackageError


def test_link():
    with pytest.raises(LinkError) as caught:
        link_shared_object(b"no object")
    assert str(caught.value) == (
        "error: the bytes are not a 64-bit little-endian ELF object [link]"
    )


def test_llvmlite_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(MissingPackageError) as caught:
        emit_object("define i32 @one() { ret i32 1 }")
    assert str(caught.value) == (
        "error: compiling needs the package llvmlite [missing-package]\n"
        "  help: pip install llvmlite; what f.save has written runs without it"
    )
