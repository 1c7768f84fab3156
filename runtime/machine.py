"""The machine that kernels are compiled for, read without LLVM.

A cache key holds the machine's text, so a process that only loads cached kernels must
be able to say what it runs on before, and without, importing llvmlite. On Linux the
kernel's feature list is read once; elsewhere the architecture's baseline serves.
"""

from __future__ import annotations

import functools
import platform
import sys

from penstock.ir.errors import OptionError
from penstock.ir.record import Record
from penstock.runtime.config import setting

_LEVEL_2 = frozenset({"cx16", "sahf", "popcnt", "sse3", "ssse3", "sse4.1", "sse4.2"})
_LEVEL_3 = _LEVEL_2 | {
    "avx",
    "avx2",
    "bmi",
    "bmi2",
    "f16c",
    "fma",
    "lzcnt",
    "movbe",
    "xsave",
}
_LEVEL_4 = _LEVEL_3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}

# The micro-architecture levels of the x86-64 psABI, which LLVM takes as CPU names.
# A machine is placed on the highest level that it holds whole: one that has only some
# of the AVX-512 family is treated as an AVX2 machine, which keeps every test of a
# feature elsewhere in the compiler to one name.
_LEVELS: dict[str, frozenset[str]] = {
    "x86-64": frozenset({"sse2"}),
    "x86-64-v2": _LEVEL_2 | {"sse2"},
    "x86-64-v3": _LEVEL_3 | {"sse2"},
    "x86-64-v4": _LEVEL_4 | {"sse2"},
}

# What generated code can use beyond a level, by the lowest level that it needs.
_EXTRAS: dict[str, frozenset[str]] = {
    "x86-64-v4": frozenset(
        {
            "avx512bf16",
            "avx512bitalg",
            "avx512fp16",
            "avx512ifma",
            "avx512vbmi",
            "avx512vbmi2",
            "avx512vnni",
            "avx512vpopcntdq",
            "gfni",
        }
    ),
}

_AARCH64_BASE = frozenset({"neon"})
_AARCH64_EXTRAS = frozenset({"fullfp16", "dotprod", "lse"})

# /proc/cpuinfo and LLVM do not always agree on a name.
_LINUX_TO_LLVM = {
    "pni": "sse3",
    "sse4_1": "sse4.1",
    "sse4_2": "sse4.2",
    "abm": "lzcnt",
    "bmi1": "bmi",
    "lahf_lm": "sahf",
    "avx512_bf16": "avx512bf16",
    "avx512_bitalg": "avx512bitalg",
    "avx512_fp16": "avx512fp16",
    "avx512_vbmi2": "avx512vbmi2",
    "avx512_vnni": "avx512vnni",
    "avx512_vpopcntdq": "avx512vpopcntdq",
    "asimd": "neon",
    "asimdhp": "fullfp16",
    "asimddp": "dotprod",
    "atomics": "lse",
}


class Machine(Record):
    """A processor as code generation sees it.

    Args:
        architecture: ``"x86_64"`` or ``"aarch64"``.
        system: ``"linux"``, ``"darwin"`` or ``"windows"``.
        cpu: the name that LLVM knows it by, such as ``"x86-64-v4"``.
        features: LLVM's names of every feature that generated code may use.

    Example:
        >>> baseline = Machine("x86_64", "linux", "x86-64", frozenset({"sse2"}))
        >>> baseline.vector_bytes
        16
    """

    architecture: str
    system: str
    cpu: str
    features: frozenset[str]

    @property
    def triple(self) -> str:
        """LLVM's target triple."""
        suffix = {
            "linux": "unknown-linux-gnu",
            "darwin": "apple-darwin",
            "windows": "pc-windows-msvc",
        }
        return f"{self.architecture}-{suffix[self.system]}"

    @property
    def vector_bytes(self) -> int:
        """Bytes of the widest register that vector loops should fill."""
        if "avx512vl" in self.features:
            return 64
        return 32 if "avx2" in self.features else 16

    @property
    def vector_registers(self) -> int:
        """How many vector registers there are."""
        return 32 if "avx512vl" in self.features or "neon" in self.features else 16

    @property
    def has_fma(self) -> bool:
        """Whether a multiplication and addition can be rounded once, in hardware."""
        return "fma" in self.features or "neon" in self.features

    @property
    def has_half(self) -> bool:
        """Whether float16 converts to and from float32 in hardware."""
        return "f16c" in self.features or "neon" in self.features

    @property
    def has_rounding(self) -> bool:
        """Whether floor, ceil, trunc and round are single instructions."""
        return "sse4.1" in self.features or "neon" in self.features

    def __str__(self) -> str:
        """The machine as a stable line of text, for cache keys."""
        return f"{self.triple} {self.cpu} {','.join(sorted(self.features))}"


def host() -> Machine:
    """Return the machine that this process runs on.

    The setting ``target`` lowers it to a named level, so that code for an older
    machine can be made and tested on a newer one.

    Returns:
        The machine, the same object each time.

    Raises:
        OptionError: ``target`` names no level, or one that this machine does not
            reach.

    Example:
        >>> host().vector_bytes in (16, 32, 64)
        True
    """
    return _lowered(setting("target") or "")


def machine_for(level: str, present: frozenset[str]) -> Machine:
    """Return the Linux machine of an x86-64 level with the extras that are present.

    Args:
        level: one of ``x86-64``, ``x86-64-v2``, ``x86-64-v3``, ``x86-64-v4``.
        present: LLVM's names of the features that the processor has.

    Example:
        >>> machine_for("x86-64-v3", frozenset()).vector_bytes
        32
    """
    features = _LEVELS[level] | (_EXTRAS.get(level, frozenset()) & present)
    return Machine("x86_64", _system(), level, features)


def parse_features(cpuinfo: str) -> frozenset[str]:
    r"""Return LLVM's names of the features in the text of ``/proc/cpuinfo``.

    Example:
        >>> sorted(parse_features("flags\t\t: sse2 pni abm\n"))
        ['lzcnt', 'sse2', 'sse3']
    """
    for line in cpuinfo.splitlines():
        name, _, words = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(_LINUX_TO_LLVM.get(word, word) for word in words.split())
    return frozenset()


@functools.cache
def _lowered(target: str) -> Machine:
    full = _detected()
    if not target or target == full.cpu:
        return full
    if full.architecture != "x86_64":
        raise OptionError(
            None,
            f"target={target!r}: this machine is {full.architecture}",
            hint=f"its only target is {full.cpu!r}",
        )
    if target not in _LEVELS:
        raise OptionError(
            None,
            f"target={target!r} is not a target",
            hint=f"use one of {', '.join(_LEVELS)}",
        )
    missing = _LEVELS[target] - full.features
    if missing:
        raise OptionError(
            None,
            f"target={target!r} needs features that this machine lacks: "
            f"{', '.join(sorted(missing))}",
            hint=f"this machine reaches {full.cpu!r}",
        )
    return machine_for(target, full.features)


@functools.cache
def _detected() -> Machine:
    architecture = {"AMD64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine(), platform.machine()
    )
    present = parse_features(_cpuinfo()) if sys.platform == "linux" else frozenset()
    if architecture == "x86_64":
        reached = [level for level, needs in _LEVELS.items() if needs <= present]
        return machine_for(reached[-1] if reached else "x86-64", present)
    if architecture == "aarch64":
        features = _AARCH64_BASE | (_AARCH64_EXTRAS & present)
        return Machine(architecture, _system(), "generic", features)
    raise OptionError(
        None,
        f"there is no code generator for the architecture {architecture!r}",
        hint="x86_64 and aarch64 are supported",
    )


def _system() -> str:
    return {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(
        sys.platform, "linux"
    )


def _cpuinfo() -> str:
    # The kernel writes this file as it is read, one whole processor after the other;
    # all of it takes milliseconds on a large machine, and one read gives the first.
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            return file.read(16384).decode("ascii", "replace")
    except OSError:
        return ""
