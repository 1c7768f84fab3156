"""Compiles CUDA units for the processor, and runs their kernels and Plans."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from penstock.backends.cuda import CudaLaunch, cuda_launches, emit_cuda
from penstock.ir.dims import evaluate_dim
from penstock.ir.loop.node import Buffer, Kernel
from penstock.ir.plan import evaluate
from penstock.ir.plan.node import Plan

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


NO_COMPILER = f"NO CUDA KERNEL IS RUN HERE: emulation needs {_COMPILER}"


def require_compiler() -> None:
    """Skip the test where there is no C++ compiler."""
    if shutil.which(_COMPILER) is None:
        pytest.skip(NO_COMPILER)


def compile_unit(
    text: str, kernels: Sequence[str], folder: Path, name: str = "unit"
) -> ctypes.CDLL:
    """Load CUDA text as native code of the processor.

    Args:
        text: what a GPU's compiler would take.
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
    source.write_text(_exported(text, kernels))
    checked = ["-ffp-contract=off", "-fsanitize=thread", "-include", _FOLDER / "cuda.h"]
    compiled = folder / f"{name}.o"
    _run([*_COMMON, *checked, "-x", "c++", "-c", source, "-o", compiled])
    # Linked without the sanitizer: its functions are those of the emulation.
    _run(["-shared", runtime, compiled, "-o", library])
    return ctypes.CDLL(str(library))


def compile_plans(
    plans: Sequence[Plan], folder: Path, name: str = "plans"
) -> list[EmulatedPlan]:
    """Plans whose kernels run on the emulation, all compiled at once.

    Args:
        plans: of different names, so that their kernels have different names.
        folder: where files may be written.
        name: of the files.
    """
    parts = []
    for number, plan in enumerate(plans):
        kernels = [launch.name for launch in cuda_launches(plan).values()]
        unit = _exported(emit_cuda(plan), kernels)
        parts.append(f"namespace unit{number} {{\n{unit}}}\n")
    library = compile_unit("".join(parts), (), folder, name)
    return [EmulatedPlan(plan, library) for plan in plans]


def _exported(text: str, kernels: Sequence[str]) -> str:
    return "\n".join([text, *(f"PENSTOCK_EMULATE({name})" for name in kernels), ""])


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


class EmulatedPlan:
    """A Plan whose kernels run on the emulation, and all else by the evaluator.

    Args:
        plan: the Plan.
        library: with its kernels.
    """

    def __init__(self, plan: Plan, library: ctypes.CDLL) -> None:
        self.plan = plan
        self.library = library
        self.launches = cuda_launches(plan)

    def __call__(
        self, *arrays: Array, seed: int = 0, most_blocks: int = 1 << 30, **integers: int
    ) -> list[Array]:
        """The results of the Plan.

        Args:
            *arrays: its arguments.
            seed: chooses the order of the threads.
            most_blocks: more blocks than these become turns of a loop.
            **integers: the values of its integer arguments.

        Raises:
            EmulationError: what the threads do is no defined program.
            PenstockError: a kernel reported an error.
        """

        run = functools.partial(self._run_kernel, seed, most_blocks)
        with mock.patch.object(evaluate, "evaluate_kernel", run):
            results, _ = evaluate.evaluate_plan(self.plan, arrays, integers)
        return results

    def _run_kernel(
        self,
        seed: int,
        most_blocks: int,
        kernel: Kernel,
        buffers: Sequence[Array],
        sizes: Mapping[str, int],
        **_: Any,
    ) -> list[tuple[int, int]]:
        """Stands in for ``evaluate_kernel``: the error that struck, if one did."""
        launch = self.launches[kernel]
        named = dict(zip(kernel.arguments, buffers, strict=True))
        error = np.zeros(2, np.int64)
        launch_kernel(
            self.library,
            launch.name,
            min(evaluate_dim(launch.grid, sizes), most_blocks),
            launch.block,
            launch_arguments(launch, named, sizes, error),
            seed=seed,
        )
        return [(int(error[0]) - 1, int(error[1]))] if error[0] else []


def launch_arguments(
    launch: CudaLaunch,
    buffers: Mapping[Buffer, Array],
    sizes: Mapping[str, int],
    error: Array,
) -> list[Array | int]:
    """What a launch passes, in the order of its parameters."""
    arguments: list[Array | int] = []
    for parameter in launch.parameters:
        if parameter.kind == "size":
            arguments.append(sizes[parameter.symbol])
        elif parameter.kind == "error":
            arguments.append(error)
        else:
            assert parameter.buffer is not None
            array = buffers[parameter.buffer]
            is_data = parameter.kind == "data"
            arguments.append(array if is_data else array.strides[parameter.axis])
    return arguments
