"""Runs a graph Function natively, without tracing and dispatching."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.backends.llvm.plan import PREPARE, RUN, emit_plan
from penstock.ir.graph.value import Function
from penstock.ir.plan.node import Plan
from penstock.lower import lower_function
from penstock.passes.fuse import fuse
from penstock.passes.pipelines import run_pipeline
from penstock.runtime.executable import Executable
from penstock.runtime.machine import Machine, host
from tests.reading_back import read_back

__all__ = ["NativeProgram", "compile_function"]

Allocate = Callable[[Any, Any], np.ndarray[Any, Any]]


class NativeProgram:
    """A Function as native code, called with arrays of its parameters' types."""

    def __init__(self, plan: Plan, machine: Machine) -> None:
        self.plan = plan
        order = [p.name for p in plan.parameters] + list(plan.integers)
        text = emit_plan(plan, order, machine)
        code = link_shared_object(emit_object(text, machine), [PREPARE, RUN])
        self.executable = Executable(code)

    def __call__(
        self,
        arrays: Sequence[Any],
        integers: Mapping[str, int] | None = None,
        *,
        threads: int | None = 1,
        allocate: Allocate = np.empty,
    ) -> list[Any]:
        """Run it; ``allocate`` makes the results and the scratch memory.

        Raises:
            AssertionError: a guard does not hold, or the program reports an error.
        """
        words: list[int] = [0]
        keep: list[Any] = []
        for array in arrays:
            shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
            strides = (ctypes.c_int64 * max(array.ndim, 1))(*array.strides)
            keep += [shape, strides]
            words += [
                array.ctypes.data,
                ctypes.addressof(shape),
                ctypes.addressof(strides),
            ]
        words += [(integers or {})[name] for name in self.plan.integers]
        first = len(words)
        ranks = [buffer.type.rank for buffer in self.plan.results]
        slots = (ctypes.c_int64 * (first + len(ranks)))(*words)
        sizes = (ctypes.c_int64 * (2 + sum(ranks) + len(self.plan.returned)))()
        assert self.executable.prepare(slots, sizes) == 0, "a guard does not hold"
        made = []
        position = 2
        for number, buffer in enumerate(self.plan.results):
            shape_now = tuple(sizes[position : position + ranks[number]])
            position += ranks[number]
            array = allocate(shape_now, buffer.type.dtype.numpy)
            made.append(array)
            slots[first + number] = array.ctypes.data
        arena = allocate((sizes[0] + 63) // 64 * 64, np.uint8)
        if arena.ctypes.data % 64:
            arena = allocate(sizes[0] + 64, np.uint8)
        aligned = (arena.ctypes.data + 63) // 64 * 64
        status = self.executable.run(slots, aligned, threads)
        assert status == 0, f"error {status}, value {slots[0]}"
        return made


def compile_function(
    function: Function,
    *,
    machine: Machine | None = None,
    strided: frozenset[str] = frozenset(),
    optimize: bool = True,
) -> NativeProgram:
    """Compile a Function for a machine; the texts of all stages are read back."""
    graph = run_pipeline(function, check=True) if optimize else function
    fused = fuse(graph, strided=strided)
    machine = machine or host()
    registers = machine.vector_registers
    plan = lower_function(fused, strided=strided, registers=registers)
    for stage in (function, graph, fused, plan):
        read_back(stage)
    return NativeProgram(plan, machine)
