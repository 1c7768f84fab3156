"""Say what works here: packages, machine, cache, threads, dispatcher and CUDA.

Each thing that does not is shown with what mends it. The status is 1 if something that
is not optional does not work.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from typing import NamedTuple

import penstock

EXAMPLE = "penstock doctor"


class Finding(NamedTuple):
    """What was found out about one thing.

    Attributes:
        subject: the thing.
        text: what there is, or what is wrong.
        remedy: what mends it; empty if nothing is wrong.
        optional: whether Penstock does without.
    """

    subject: str
    text: str
    remedy: str = ""
    optional: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command takes nothing."""


def run(options: argparse.Namespace) -> int:
    """Look at everything."""
    checks: list[Callable[[], list[Finding]]] = [
        _python,
        _packages,
        _settings,
        _machine,
        _threads,
        _cache,
        _dispatcher,
        _compiling,
        _cuda,
    ]
    findings = [finding for check in checks for finding in _run_check(check)]
    # One mistake in the environment makes several checks say the same.
    told: set[str] = set()
    sound = True
    for finding in findings:
        if finding.text not in told:
            told.add(finding.text)
            state = "ok" if not finding.remedy else "none"
            if finding.remedy and not finding.optional:
                state = "WRONG"
                sound = False
            print(f"{state:<6} {finding.subject:<11} {finding.text}")
            if finding.remedy:
                print(f"{'':<18} help: {finding.remedy}")
    return 0 if sound else 1


def _run_check(check: Callable[[], list[Finding]]) -> list[Finding]:
    from penstock.ir.errors import PenstockError

    subject = check.__name__.strip("_")
    try:
        return check()
    except PenstockError as error:
        return [Finding(subject, error.message, error.hint or "see the message")]
    except ModuleNotFoundError as error:
        # What is missing is what this command is there to tell.
        text = f"not possible without {error.name}"
        return [Finding(subject, text, f"pip install {error.name}")]


def _python() -> list[Finding]:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [
        Finding("penstock", f"{penstock.__version__}, {penstock.__path__[0]}"),
        Finding("python", f"{python}, {sys.executable}"),
    ]


_PACKAGES = {
    "numpy": "",
    "llvmlite": "compiling; saved programs run without it",
    "networkx": "fusing large graphs",
    "opt_einsum": "the order of contractions in einsum",
    "ml_dtypes": "arrays of bfloat16",
}
_OPTIONAL = ("ml_dtypes",)


def _packages() -> list[Finding]:
    return [
        _package(name, purpose, name in _OPTIONAL)
        for name, purpose in _PACKAGES.items()
    ]


def _package(name: str, purpose: str, optional: bool) -> Finding:
    version = _version(name)
    if version is None:
        text = f"not installed; needed for {purpose}"
        return Finding(name, text, f"pip install {name}", optional)
    if name == "llvmlite":
        from penstock.backends.llvm.object import llvm_version

        version = f"{version}, LLVM {llvm_version()}"
    return Finding(name, version)


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _settings() -> list[Finding]:
    from penstock.runtime.config import SETTINGS, setting_of_process

    found = []
    for name, entry in SETTINGS.items():
        if (value := setting_of_process(name)) is not None:
            found.append(f"{entry.variable}={value}")
    return [Finding("settings", ", ".join(found) or "none in the environment")]


def _machine() -> list[Finding]:
    from penstock.runtime.machine import host

    machine = host()
    return [
        Finding(
            "machine",
            f"{machine.cpu}, {machine.system}, vectors of {machine.vector_bytes} bytes",
        ),
        Finding("features", ", ".join(sorted(machine.features))),
    ]


def _threads() -> list[Finding]:
    from penstock.runtime.config import config

    return [Finding("threads", f"{config.threads}")]


def _cache() -> list[Finding]:
    from penstock.runtime.cache import default_cache

    cache = default_cache()
    if cache.folder is None:
        return [Finding("cache", f"none: {cache.problem}")]
    found = cache.statistics()
    if found.problem:
        remedy = "mend that, or set PENSTOCK_CACHE to a folder of your own"
        return [Finding("cache", found.problem, remedy)]
    size = f"{found.size / 2**20:.1f} MiB"
    return [Finding("cache", f"{cache.folder}, {found.entries} programs, {size}")]


def _dispatcher() -> list[Finding]:
    from penstock.driver import support
    from penstock.runtime.native import self_check

    if (reason := self_check()) is not None:
        text = f"in Python, which costs 10 us a call: {reason}"
        return [Finding("calls", text, "use CPython on Linux", optional=True)]
    if support() is None:
        text = "in Python and on one thread: the support object cannot be loaded"
        return [Finding("calls", text, "use Linux", optional=True)]
    return [Finding("calls", "by the native dispatcher, and the thread pool")]


def _compiling() -> list[Finding]:
    import time

    import numpy as np

    from penstock.api import compile as compile_function
    from penstock.runtime.config import config

    with config(cache="off"):
        start = time.perf_counter()
        double = compile_function(lambda x: x + x)
        correct = double(np.arange(4.0)).tolist() == [0.0, 2.0, 4.0, 6.0]
        milliseconds = (time.perf_counter() - start) * 1e3
    if not correct:
        return [Finding("compiling", "x + x is wrong", "report this as a bug")]
    return [Finding("compiling", f"works; x + x took {milliseconds:.0f} ms")]


def _cuda() -> list[Finding]:
    return [_cuda_driver(), _cuda_bindings(), _cuda_compiler()]


def _cuda_driver() -> Finding:
    import ctypes

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        text = "there is no libcuda.so.1, so no GPU can be used"
        return Finding("cuda driver", text, "install NVIDIA's driver", optional=True)
    return Finding("cuda driver", "libcuda.so.1")


def _cuda_bindings() -> Finding:
    for name in ("pycuda", "cuda-bindings"):
        if version := _version(name):
            return Finding("cuda calls", f"{name} {version}")
    text = "neither cuda-bindings nor pycuda is installed"
    return Finding("cuda calls", text, "pip install cuda-bindings", optional=True)


def _cuda_compiler() -> Finding:
    for name in ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12"):
        if version := _version(name):
            return Finding("cuda nvrtc", f"{name} {version}")
    text = "NVIDIA's compiler is not installed"
    return Finding("cuda nvrtc", text, "pip install nvidia-cuda-nvrtc", optional=True)
