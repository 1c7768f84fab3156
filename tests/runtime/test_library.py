"""Shared objects loaded from memory."""

import ctypes
import gc
import os
import resource

import pytest

from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.ir.errors import ArtifactError
from penstock.runtime import library as library_module
from penstock.runtime.executable import Executable
from penstock.runtime.library import Library


def _returning(number):
    text = f"define i64 @answer() {{\n  ret i64 {number}\n}}\n"
    return link_shared_object(emit_object(text), ["answer"])


def _answer(library):
    return ctypes.CFUNCTYPE(ctypes.c_int64)(library.address("answer"))()


def _mappings():
    with open("/proc/self/maps") as file:
        return sum("memfd:penstock" in line for line in file)


def test_each_is_loaded_by_itself():
    # File descriptors are used again at once; the C library must not mistake one
    # object for another.
    libraries = [Library(_returning(number), "it") for number in range(20)]
    assert [_answer(library) for library in libraries] == list(range(20))


def test_it_is_unloaded_when_nothing_refers_to_it():
    library = Library(_returning(1), "it")
    before = _mappings()
    assert before > 0
    _answer(library)
    del library
    gc.collect()
    assert _mappings() < before


def test_nothing_is_left_behind():
    descriptors = len(os.listdir("/proc/self/fd"))
    libraries = [Library(_returning(number), "it") for number in range(5)]
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(libraries) == 5


def test_a_limit_on_the_size_of_files():
    """It holds for memory too, and there was said to be no temporary directory."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    data = _returning(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) - 1, hard))
    try:
        with pytest.raises(ArtifactError) as caught:
            Library(data, "the code")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"error: the code cannot be loaded: it has {len(data)} bytes, but files of "
        f"this process may have at most {len(data) - 1} [load]\n"
        "  help: raise the limit RLIMIT_FSIZE: ulimit -f unlimited"
    )


def test_a_missing_symbol():
    with pytest.raises(ArtifactError) as caught:
        Library(_returning(1), "model.pns").address("nothing")
    assert str(caught.value) == (
        "error: model.pns exports no nothing [load]\n"
        "  help: run `penstock doctor`, which says what this machine lacks"
    )


def test_an_artifact_without_its_functions():
    with pytest.raises(ArtifactError, match="exports no penstock_prepare"):
        Executable(_returning(1))


@pytest.mark.parametrize("data", [b"", b"not code", b"\x7fELF" + bytes(100)])
def test_what_is_no_shared_object(data):
    with pytest.raises(ArtifactError, match=r"^error: model.pns cannot be loaded: "):
        Library(data, "model.pns")


def test_without_memory_files(monkeypatch, tmp_path):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    libraries = [Library(_returning(number), "it") for number in (1, 2)]
    assert [_answer(library) for library in libraries] == [1, 2]
    assert os.listdir(tmp_path) == []


def test_on_another_system(monkeypatch):
    monkeypatch.setattr(library_module.sys, "platform", "darwin")
    with pytest.raises(ArtifactError) as caught:
        Library(_returning(1), "model.pns")
    assert str(caught.value) == (
        "error: model.pns: darwin does not load ELF code [load]\n"
        "  help: run `penstock doctor`, which says what this machine lacks"
    )
