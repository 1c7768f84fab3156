"""The subcommands that look at the installation: cache and doctor."""

import importlib.metadata
import re

import pytest

from penstock.command import doctor


def test_cache_shows_trims_and_clears(command, folder):
    assert command("cache").out == (
        f"folder  {folder}/cache\nholds   0 programs, 0.0 MiB\nlimit   512.0 MiB\n"
    )
    assert command("cache", "path").out == f"{folder}/cache\n"
    command("explain", "model.py:gelu", "--arg", "f32[4]")
    held = int(re.search(r"holds +(\d+)", command("cache", "show").out)[1])
    assert held >= 1
    assert command("cache", "trim").out == "0 removed\n"
    assert command("cache", "clear").out == f"{held} removed\n"
    assert "holds   0 programs" in command("cache").out


def test_cache_that_is_switched_off(command, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CACHE", "off")
    for action in ("show", "path", "trim", "clear"):
        status, out, err = command("cache", action)
        assert (status, out) == (1, "")
        assert err == "penstock cache: error: there is no cache: it is switched off\n"


def test_cache_that_others_can_write_to(command, folder):
    (folder / "cache").mkdir(mode=0o777)
    (folder / "cache").chmod(0o777)
    status, out, _ = command("cache")
    assert status == 1
    assert out.endswith(f"problem {folder}/cache can be written to by others\n")


def states(out):
    """The state of each subject."""
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    return {line[7:18].strip(): line[:6].strip() for line in lines}


def test_doctor_finds_everything_that_is_needed(command, folder):
    status, out, err = command("doctor")
    assert (status, err) == (0, "")
    found = states(out)
    assert list(found) == [
        "penstock",
        "python",
        "numpy",
        "llvmlite",
        "networkx",
        "opt_einsum",
        "ml_dtypes",
        "settings",
        "machine",
        "features",
        "threads",
        "cache",
        "calls",
        "compiling",
        "cuda driver",
        "cuda calls",
        "cuda nvrtc",
    ]
    assert {found[name] for name in list(found)[:6]} == {"ok"}
    assert found["compiling"] == "ok"
    assert f"PENSTOCK_CACHE={folder}/cache" in out
    assert re.search(r"llvmlite +[\d.]+, LLVM [\d.]+\n", out)


def test_doctor_tells_what_to_install(command, monkeypatch):
    version = importlib.metadata.version
    gone = {"networkx", "cuda-bindings", "pycuda", "ml_dtypes"}

    def installed(name):
        if name in gone or name.startswith("nvidia"):
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", installed)
    status, out, _ = command("doctor")
    assert status == 1
    assert (
        "WRONG  networkx    not installed; needed for fusing large graphs\n"
        "                   help: pip install networkx\n"
    ) in out
    assert (
        "none   ml_dtypes   not installed; needed for arrays of bfloat16\n"
        "                   help: pip install ml_dtypes\n"
    ) in out
    assert (
        "none   cuda calls  neither cuda-bindings nor pycuda is installed\n"
        "                   help: pip install cuda-bindings\n"
        "none   cuda nvrtc  NVIDIA's compiler is not installed\n"
        "                   help: pip install nvidia-cuda-nvrtc\n"
    ) in out


def test_doctor_tells_that_there_is_no_compiler(command, monkeypatch):
    version = importlib.metadata.version

    def installed(name):
        if name == "llvmlite":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    def needs_llvmlite(*_):
        raise ModuleNotFoundError("No module named 'llvmlite'", name="llvmlite")

    monkeypatch.setattr(importlib.metadata, "version", installed)
    monkeypatch.setattr("penstock.driver.support", needs_llvmlite)
    monkeypatch.setattr("penstock.api.compile", needs_llvmlite)
    status, out, err = command("doctor")
    assert (status, err) == (1, "")
    assert (
        "WRONG  llvmlite    not installed; needed for compiling; saved programs run "
        "without it\n"
        "                   help: pip install llvmlite\n"
    ) in out
    # Said once, though calls and compiling both need it.
    assert out.count("not possible without llvmlite") == 1
    assert (
        "WRONG  dispatcher  not possible without llvmlite\n"
        "                   help: pip install llvmlite\n"
    ) in out
    assert "cuda driver" in out


def test_doctor_tells_a_misspelt_variable_once(command, monkeypatch):
    from penstock.runtime import config

    config._check_environment.cache_clear()
    monkeypatch.setenv("PENSTOCK_CAHCE", "here")
    status, out, _ = command("doctor")
    config._check_environment.cache_clear()
    assert status == 1
    assert out.count("PENSTOCK_CAHCE") == 1
    assert (
        "WRONG  settings    there is no environment variable PENSTOCK_CAHCE\n"
        "                   help: did you mean PENSTOCK_CACHE?\n"
    ) in out


def test_doctor_tells_a_value_that_cannot_be(command, monkeypatch):
    monkeypatch.setenv("PENSTOCK_TARGET", "pentium")
    status, out, _ = command("doctor")
    assert status == 1
    assert "WRONG  machine     target='pentium' is not a target\n" in out


def test_doctor_tells_a_cache_that_is_not_used(command, folder):
    (folder / "cache").mkdir()
    (folder / "cache").chmod(0o777)
    status, out, _ = command("doctor")
    assert status == 1
    assert f"WRONG  cache       {folder}/cache can be written to by others\n" in out


def test_doctor_tells_wrong_results(command, monkeypatch):
    monkeypatch.setattr("penstock.api.compile", lambda function: lambda x: x)
    status, out, _ = command("doctor")
    assert status == 1
    assert "WRONG  compiling   x + x is wrong\n" in out


@pytest.mark.parametrize("reason", ["this interpreter has no global lock"])
def test_doctor_tells_why_calls_are_slow(monkeypatch, reason):
    monkeypatch.setattr("penstock.runtime.native.self_check", lambda: reason)
    (finding,) = doctor._dispatcher()
    assert finding.optional
    assert finding.text.endswith(reason)
