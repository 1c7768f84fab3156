"""Writes every stage of a compile to files, where the setting ``dump`` asks for it."""

from __future__ import annotations

import functools
import os
import re
import warnings

from penstock.driver import Compilation, cache_key
from penstock.explain import VariantReport
from penstock.making import Making
from penstock.runtime.dispatch import Variant

__all__ = ["dump"]

_FILES = {
    "00_trace.pir": "trace",
    "10_graph.pir": "graph",
    "20_fused.pir": "fused",
    "30_loops.pir": "loops",
    "40_plan.pir": "plan",
    "60_llvm.ll": "llvm",
    "70_asm.s": "asm",
    "80_cuda.cu": "cuda",
}
# Digits of the key that tell the variants of a function apart.
_DIGITS = 12


def dump(folder: str, variant: Variant, making: Making) -> None:
    """Write what a variant was made of to ``folder/NAME-KEY``.

    There is a file for each stage, and ``explain.txt``. A folder that cannot be
    written to is warned of once, and does no further harm.

    Args:
        folder: where; made if need be.
        variant: the variant.
        making: how it was made.
    """
    compilation = making.compilation
    name = re.sub(r"[^\w.]", "_", compilation.traced.function.name)
    own = os.path.join(folder, f"{name}-{cache_key(compilation)[:_DIGITS]}")
    try:
        os.makedirs(own, exist_ok=True)
        for file, stage in _FILES.items():
            _write(os.path.join(own, file), _text(compilation, stage))
        report = VariantReport.of(variant, making, None)
        _write(os.path.join(own, "explain.txt"), str(report))
    except OSError as error:
        _warn(folder, error.strerror or str(error))


def _text(compilation: Compilation, stage: str) -> str:
    """A stage, or why there is none: what runs does not depend on all of them."""
    try:
        return compilation.text(stage)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{text.rstrip()}\n")


@functools.cache
def _warn(folder: str, problem: str) -> None:
    warnings.warn(
        f"nothing is dumped to {folder}: {problem}", RuntimeWarning, stacklevel=2
    )
