"""Runs kernels of every kind on arrays that touch a page that must not be read.

    python -m tests.system.guard_pages x86-64-v3 f4,i1 few

A read or write beyond an array ends the process; the last line printed says where.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import penstock as ps
from penstock.runtime.machine import host, machine_for
from tests.native_program import NativeProgram
from tests.system.arguments import array
from tests.system.guarded import PLACES, guarded_copy, guarded_empty

__all__ = ["KERNELS", "check"]

Kernel = Callable[..., Any]
_INDEX = np.array([0, -1, 0], np.int64)


def _written(x: Any) -> Any:
    y = x.copy()
    y[::2] = 1
    y[1:] = x[:-1]
    return y


def _scattered(x: Any, i: Any) -> Any:
    y = x.copy()
    y[i] = 1
    return y


def _added_at(x: Any, i: Any) -> Any:
    y = x.copy()
    np.add.at(y, i, x[0])
    return y


# name -> (function, shapes of its arguments by the size n)
KERNELS: dict[str, tuple[Kernel, tuple[Any, ...]]] = {
    "elementwise": (lambda x, y: x * y + x, ("n", "n")),
    "broadcast row": (lambda x, y: x * y, ("3,n", "n")),
    "broadcast column": (lambda x, y: x * y, ("n,3", "n,1")),
    "scalar": (lambda x, y: x + y, ("n", "")),
    "compare": (lambda x, y: (x < y) & (x == x), ("n", "n")),
    "select": (lambda x, y: np.where(x > y, x, y), ("n", "n")),
    "convert to f8": (lambda x: x.astype(np.float64), ("n",)),
    "convert to f4": (lambda x: x.astype(np.float32), ("n",)),
    "convert to f2": (lambda x: x.astype(np.float16), ("n",)),
    "convert to i1": (lambda x: (x != 0).astype(np.int8), ("n",)),
    "exp": (lambda x: np.exp(x), ("n",)),  # noqa: PLW0108
    "tanh and log": (lambda x: np.tanh(x) + np.log(abs(x) + 1), ("n",)),
    "divide": (lambda x, y: x // y + x % y, ("n", "n")),
    "power": (lambda x: x**3, ("n",)),
    "sum": (lambda x: x.sum(), ("n",)),
    "sum of rows": (lambda x: x.sum(axis=1), ("3,n",)),
    "sum of columns": (lambda x: x.sum(axis=0), ("3,n",)),
    "sum of short rows": (lambda x: x.sum(axis=1), ("n,3",)),
    "sum of tall columns": (lambda x: x.sum(axis=0), ("n,3",)),
    "maximum": (lambda x: x.max(axis=-1, initial=0), ("3,n",)),
    "any and all": (lambda x: (x.any(axis=0), x.all()), ("n,3",)),
    "softmax": (lambda x: np.exp(x - x.max(axis=-1, initial=0, keepdims=True)), ("3,n",)),  # noqa: E501
    "normalised": (lambda x: x - x.mean(axis=-1, keepdims=True), ("3,n",)),
    "argmax": (lambda x: np.concatenate([x, x[:1] * 0, x]).argmax(), ("n",)),
    "cumsum": (lambda x: np.cumsum(x), ("n",)),  # noqa: PLW0108
    "cumsum of columns": (lambda x: np.cumsum(x, axis=0), ("n,3",)),
    "sort": (lambda x: np.sort(x), ("n",)),  # noqa: PLW0108
    "sort columns": (lambda x: np.sort(x, axis=0), ("n,3",)),
    "transpose": (lambda x: x.T.copy(), ("n,5",)),
    "transposed sum": (lambda x, y: x.T + y, ("n,4", "4,n")),
    "reverse": (lambda x: x[::-1] + x, ("n",)),
    "slice": (lambda x: x[1::2] * 2, ("n",)),
    "inner slice": (lambda x: x[:, 1:-1] + 1, ("3,n",)),
    "differences": (lambda x: x[1:] * x[:-1], ("n",)),
    "written": (_written, ("n",)),
    "concatenate": (lambda x, y: np.concatenate([x, y, x]), ("n", "n")),
    "pad": (lambda x: np.pad(x, 2), ("n",)),
    "roll": (lambda x: np.roll(x, 1, axis=-1), ("2,n",)),
    "gather": (lambda x, i: x[i], ("n", "i")),
    "gather columns": (lambda x, i: x[:, i], ("3,n", "i")),
    "scatter": (_scattered, ("n", "i")),
    "add at": (_added_at, ("n", "i")),
    "matmul": (lambda x, y: x @ y, ("n,5", "5,n")),
    "matmul inner": (lambda x, y: x @ y, ("3,n", "n,7")),
    "matmul square": (lambda x, y: x @ y + 1, ("n,n", "n,n")),
    "matrix and vector": (lambda x, y: x @ y, ("n,n", "n")),
    "vector and matrix": (lambda x, y: x @ y, ("n", "n,n")),
    "dot": (lambda x, y: x @ y, ("n", "n")),
    "outer": (lambda x, y: np.outer(x, y), ("n", "n")),  # noqa: PLW0108
    "convolve": (lambda x, y: np.convolve(x, y), ("n", "5")),  # noqa: PLW0108
    "repeat": (lambda x: np.repeat(x, 2), ("n",)),
    "diagonal": (lambda x: np.diagonal(x) + 1, ("n,n",)),
}  # fmt: skip

# What NumPy itself refuses for bools, or for lack of elements.
_REFUSED = (TypeError, ValueError, IndexError)


def make(shape: str, dtype: str, size: int) -> np.ndarray[Any, Any]:
    """The argument of a shape such as ``"3,n"``; ``"i"`` are indices."""
    if shape == "i":
        return _INDEX if size else _INDEX[:0]
    sizes = tuple(size if s == "n" else int(s) for s in shape.split(",") if s)
    return array(dtype, sizes, seed=2)


def check(name: str, dtype: str, level: str, sizes: Iterator[int]) -> int:
    """Run a kernel on many sizes; how many runs there were."""
    function, shapes = KERNELS[name]
    machine = machine_for(level, host().features)
    compiled = ps.compile(function)
    programs: dict[Any, NativeProgram] = {}
    runs = 0
    for size in sizes:
        arguments = [make(shape, dtype, size) for shape in shapes]
        with np.errstate(all="ignore"):
            try:
                expected = function(*arguments)
            except _REFUSED:
                continue
        expected = expected if isinstance(expected, tuple) else (expected,)
        for place in PLACES:
            print(name, dtype, level, size, place, flush=True)
            guarded = [guarded_copy(one, place) for one in arguments]
            results = None
            for program in programs.values():
                try:
                    results = program(
                        guarded, allocate=functools.partial(guarded_empty, place=place)
                    )
                    break
                except AssertionError as error:
                    if "guard" not in str(error):
                        raise
            if results is None:
                plan = compiled.lower(*arguments).compilation.plan
                programs[size] = program = NativeProgram(plan, machine)
                results = program(
                    guarded, allocate=functools.partial(guarded_empty, place=place)
                )
            if len(results) != len(expected):
                continue  # an argument as it is
            for got, wanted in zip(results, expected, strict=True):
                assert got.dtype == wanted.dtype and got.shape == wanted.shape, (
                    got,
                    wanted,
                )
                np.testing.assert_allclose(
                    got.astype("f8"),
                    np.asarray(wanted).astype("f8"),
                    rtol=2e-3 if got.dtype == "f2" else 2e-5,
                    atol=0.05 if got.dtype == "f2" else 1e-5,
                )
            runs += 1
    return runs


def main() -> None:
    level, dtypes, names, sizes = sys.argv[1:]
    count = (
        range(131)
        if sizes == "all"
        else [*range(36), 63, 64, 65, 66, 127, 128, 129, 130]
    )
    total = 0
    start = time.time()
    for name in KERNELS if names == "all" else names.split(","):
        for dtype in dtypes.split(","):
            try:
                total += check(name, dtype, level, count)
            except Exception as e:  # noqa: BLE001
                print(
                    "FAIL",
                    name,
                    dtype,
                    level,
                    type(e).__name__,
                    str(e)[:700],
                    file=sys.stderr,
                )
    print(total, "runs", time.time() - start, file=sys.stderr)


if __name__ == "__main__":
    main()
