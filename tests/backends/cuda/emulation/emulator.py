"""Compiles CUDA units for the processor, and runs their kernels and Plans."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.backends.cuda import CudaLaunch, cuda_launches
from penstock.ir.dims import Dim, evaluate_dim
from penstock.ir.loop.node import Buffer, Kernel
from penstock.ir.plan.node import Alloc, Free, Launch, Plan

Array = np.ndarray[Any, Any]

_FOLDER = Path(__file__).resolve().parent
_COMPILER = "g++"
_COMMON = ("-std=c++17", "-O1", "-fPIC", "-Wall", "-Werror")


class EmulationError(Exception):
    """A kernel did what a GPU would not do, or not do reliably.

    Args:
        kind: its name, such as ``"race"`` or ``"divergent-barrier"``.
        message: what happened.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


def require_compiler() -> None:
    """Skip the test where there is no C++ compiler."""
    if shutil.which(_COMPILER) is None:
        pytest.skip(f"NO CUDA KERNEL IS RUN: there is no {_COMPILER}, which emulation needs")


def compile_unit(
    text: str, kernels: Sequence[str], folder: Path, name: str = "unit"
) -> ctypes.CDLL:
    """Load CUDA text as native code of the processor.

    Args:
        text: one or several units; helpers of the same name need namespaces.
        kernels: the names of the kernels to run.
        folder: where files may be written.
        name: of the files.

    Raises:
        subprocess.CalledProcessError: the text does not compile; ``stderr`` says why.
    """
    runtime = folder / "emulation.o"
    if not runtime.exists():
        _run([*_COMMON, "-c", _FOLDER / "emulation.cpp", "-o", runtime])
    source, library = folder / f"{name}.cu", folder / f"{name}.so"
    exports = [f"PENSTOCK_EMULATE({kernel})" for kernel in kernels]
    source.write_text("\n".join([text, *exports]) + "\n")
    checked = ["-ffp-contract=off", "-fsanitize=thread", "-include", _FOLDER / "cuda.h"]
    compiled = folder / f"{name}.o"
    _run([*_COMMON, *checked, "-x", "c++", "-c", source, "-o", compiled])
    # Linked without the sanitizer: its functions are those of the emulation.
    _run(["-shared", runtime, compiled, "-o", library])
    return ctypes.CDLL(str(library))


def _run(arguments: Sequence[str | Path]) -> None:
    subprocess.run(
        [_COMPILER, *map(str, arguments)], check=True, capture_output=True, text=True
    )


class _Range(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_uint64), ("end", ctypes.c_uint64)]


class _Launch(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint),
        ("block", ctypes.c_uint),
        ("seed", ctypes.c_uint),
        ("arguments", ctypes.POINTER(ctypes.c_void_p)),
        ("ranges", ctypes.POINTER(_Range)),
        ("range_count", ctypes.c_uint),
    ]


class _Report(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_char * 32), ("message", ctypes.c_char * 256)]


def launch_kernel(
    library: ctypes.CDLL,
    name: str,
    grid: int,
    block: int,
    arguments: Sequence[Array | int],
    *,
    seed: int = 0,
) -> None:
    """Run a kernel on arrays, which may be strided, and 64-bit integers.

    Raises:
        EmulationError: what its threads do is no defined program.
    """
    words, ranges = [], []
    for argument in arguments:
        if isinstance(argument, int):
            words.append(argument)
        else:
            words.append(argument.ctypes.data)
            ranges.append(_Range(*np.lib.array_utils.byte_bounds(argument)))
    cells = [ctypes.c_int64(word) for word in words]
    addresses = (ctypes.c_void_p * len(cells))(*map(ctypes.addressof, cells))
    launch = _Launch(
        grid, block, seed, addresses, (_Range * len(ranges))(*ranges), len(ranges)
    )
    report = _Report()
    getattr(library, f"emulate_{name}")(ctypes.byref(launch), ctypes.byref(report))
    if report.kind:
        raise EmulationError(report.kind.decode(), report.message.decode())


def launch_arguments(
    launch: CudaLaunch,
    buffers: Mapping[Buffer, Array],
    sizes: Mapping[str, int],
    error: Array,
) -> list[Array | int]:
    """What a launch passes, in the order of its parameters."""
    arguments: list[Array | int] = []
    for parameter in launch.parameters:
        if parameter.kind == "data":
            arguments.append(buffers[parameter.buffer])
        elif parameter.kind == "stride":
            arguments.append(buffers[parameter.buffer].strides[parameter.axis])
        elif parameter.kind == "size":
            arguments.append(sizes[parameter.symbol])
        else:
            arguments.append(error)
    return arguments


RunKernel = Callable[[Kernel, Sequence[Array], Mapping[str, int]], None]


def run_plan(
    plan: Plan, arrays: Sequence[Array], run: RunKernel, integers: Mapping[str, int] = {}
) -> list[Array]:
    """Run a Plan of launches.

    Args:
        plan: without branches and loops.
        arrays: for each parameter an array.
        run: runs one Kernel.
        integers: the values of the Plan's integer arguments.

    Returns:
        The results.
    """
    sizes = dict(integers)
    for parameter, array in zip(plan.parameters, arrays, strict=True):
        for size, extent in zip(parameter.type.shape, array.shape, strict=True):
            if isinstance(size, Dim):
                sizes[str(size)] = extent
    memory = dict(zip(plan.parameters, arrays, strict=True))
    memory |= {b: b.data for b in plan.constants}
    for buffer in plan.results:
        memory[buffer] = _garbage(buffer.type.concrete(sizes), buffer.type.dtype.numpy)
    for statement in plan.body:
        if isinstance(statement, Alloc):
            type_ = statement.buffer.type
            memory[statement.buffer] = _garbage(type_.concrete(sizes), type_.dtype.numpy)
        elif isinstance(statement, Launch):
            kernel = statement.kernel
            views = [
                memory[argument].reshape(buffer.type.concrete(sizes), copy=False)
                for buffer, argument in zip(
                    kernel.buffers, statement.arguments, strict=True
                )
            ]
            run(kernel, views, sizes)
        else:
            assert isinstance(statement, Free), statement
    return [memory[buffer] for buffer in plan.results]


def _garbage(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """An array of no meaning: a kernel that leaves an element out shows."""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[...] = 0xA5
    return array


class EmulatedPlan:
    """A Plan whose kernels run on the emulation.

    Args:
        plan: the Plan.
        library: with its kernels.

    Attributes:
        error: the two words that its kernels report errors in.
    """

    def __init__(self, plan: Plan, library: ctypes.CDLL) -> None:
        self.plan = plan
        self.library = library
        self.launches = cuda_launches(plan)
        self.error = np.zeros(2, np.uint64)

    def __call__(
        self, *arrays: Array, seed: int = 0, grid_limit: int = 1 << 30, **integers: int
    ) -> list[Array]:
        """Run the Plan on arrays; blocks beyond the limit become turns of a loop."""

        def run(
            kernel: Kernel, buffers: Sequence[Array], sizes: Mapping[str, int]
        ) -> None:
            launch = self.launches[kernel]
            named = dict(zip(kernel.buffers, buffers, strict=True))
            launch_kernel(
                self.library,
                launch.name,
                min(evaluate_dim(launch.grid, sizes), grid_limit),
                launch.block,
                launch_arguments(launch, named, sizes, self.error),
                seed=seed,
            )

        self.error[...] = 0
        return run_plan(self.plan, arrays, run, integers)
