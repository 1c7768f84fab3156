"""Runs kernels of every kind on arrays that touch a page that must not be read.

    python -m tests.system.guard_pages x86-64-v3 f4,i1 all few
    python -m tests.system.guard_pages x86-64 u2 'sum,transpose' all

The first runs all kernels on a few sizes, the second two on all sizes up to 130. A read
or write beyond an array ends the process; the last line printed says where.
"""

from __future__ import annotations

import functools
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import penstock as ps
from penstock.runtime.machine import host, machine_for
from tests.native_program import NativeProgram
from tests.system.arguments import array
from tests.system.guarded import PLACES, guarded_copy, guarded_empty

__all__ = ["KERNELS", "LAYOUTS", "check", "main"]

Kernel = Callable[..., Any]
Array = np.ndarray[Any, Any]
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


def _softmax(x: Any) -> Any:
    y = np.exp(x - x.max(axis=-1, initial=0, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def _filtered(x: Any, m: Any) -> Any:
    def step(c: Any, v: Any) -> Any:
        return m[0] @ c + v, c[::-1]

    return ps.scan(step, x[0], x, reverse=True)


def _averaged(x: Any) -> Any:
    def step(c: Any, v: Any) -> Any:
        inner = ps.scan(lambda a, w: (a * w, None), v[0], v)[0]
        return (c[1], c[0] + inner), c[0]

    return ps.scan(step, (v0 := x[0, 0], v0 * 0), x)[1]


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
    "softmax": (_softmax, ("3,n",)),
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
    "every third": (lambda x: (x[1::3], x[::4] + x[::4]), ("n",)),
    "channels": (lambda x: (p := x.reshape(-1, 3))[:, 0] + p[:, 2], ("n,3",)),
    "channels of four": (lambda x: (p := x.reshape(-1, 4))[:, 3] * p[:, 1], ("n,4",)),
    "mirrored": (lambda x: x.reshape(-1, 3)[:, ::-1].copy(), ("n,3",)),
    "interleaved": (lambda x, y: np.stack([x, y, x, x + y], -1), ("n", "n")),
    "pairs": (lambda x, y: np.stack([x + y, y], -1), ("n", "n")),
    "repeat points": (lambda x: np.repeat(x.reshape(-1, 3), 2, axis=0), ("n,3",)),
    "shifted points": (lambda x, y: x * y, ("n,3", "3")),
    "sort points": (lambda x: np.sort(x.reshape(-1, 3)), ("n,3",)),
    "convolve": (lambda x, y: np.convolve(x, y), ("n", "5")),  # noqa: PLW0108
    "repeat": (lambda x: np.repeat(x, 2), ("n",)),
    "scan of pairs": (_filtered, ("n,2", "1,2,2")),
    "scan within a scan": (_averaged, ("n,3",)),
    "diagonal": (lambda x: np.diagonal(x) + 1, ("n,n",)),
}  # fmt: skip

# What NumPy itself refuses for bools, or for lack of elements.
_REFUSED = (TypeError, ValueError, IndexError)

FEW = (0, 1, 2, 3, 4, 7, 8, 9, 16, 17, 33, 64, 65, 129, 260)
ALL = tuple(range(131))

# How an argument lies in its memory: every so many elements, from the end if negative.
LAYOUTS = {"dense": 1, "spread": 2, "backwards": -1}


class _Programs:
    """One kernel at one level, compiled again for other layouts and guards."""

    def __init__(self, function: Kernel, level: str) -> None:
        self._compiled = ps.compile(function)
        self._machine = machine_for(level, host().features)
        self._made: dict[tuple[bool, ...], list[NativeProgram]] = {}

    def run(self, arguments: list[Array], place: str) -> list[Array]:
        allocate = functools.partial(guarded_empty, place=place)
        # The dispatcher keeps variants apart by this.
        layouts = tuple(one.flags.c_contiguous for one in arguments)
        made = self._made.setdefault(layouts, [])
        for program in made:
            try:
                return program(arguments, allocate=allocate)
            except AssertionError as error:
                if "guard" not in str(error):
                    raise
        plan = self._compiled.lower(*arguments).compilation.plan
        made.insert(0, NativeProgram(plan, self._machine))
        return made[0](arguments, allocate=allocate)


def check(name: str, dtype: str, level: str, sizes: Iterable[int]) -> int:
    """Run a kernel on many sizes, and say before each run which it is.

    Returns:
        How many runs there were.

    Raises:
        AssertionError: a result is not NumPy's.
    """
    function, shapes = KERNELS[name]
    programs = _Programs(function, level)
    runs = 0
    for layout, step in LAYOUTS.items():
        for size in sizes:
            arguments = [_argument(shape, dtype, size) for shape in shapes]
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    expected = function(*arguments)
            except _REFUSED:
                continue
            for place in PLACES:
                print(name, dtype, level, layout, size, place, flush=True)
                guarded = [guarded_copy(one, place, step) for one in arguments]
                _compare(programs.run(guarded, place), expected)
                runs += 1
    return runs


def _argument(shape: str, dtype: str, size: int) -> Array:
    """The argument of a shape such as ``"3,n"``; ``"i"`` are indices."""
    if shape == "i":
        return _INDEX if size else _INDEX[:0]
    sizes = tuple(size if s == "n" else int(s) for s in shape.split(",") if s)
    return array(dtype, sizes, seed=2)


def _compare(results: list[Array], expected: Any) -> None:
    wanted = expected if isinstance(expected, tuple) else (expected,)
    if not results:
        return  # an argument as it is, which the dispatcher copies
    for got, one in zip(results, map(np.asarray, wanted), strict=True):
        assert (got.dtype, got.shape) == (one.dtype, one.shape)
        is_half = got.dtype == np.float16
        np.testing.assert_allclose(
            got.astype("f8"),
            one.astype("f8"),
            rtol=2e-3 if is_half else 2e-5,
            atol=0.05 if is_half else 1e-5,
        )


def main(level: str, dtypes: str, names: str, sizes: str) -> None:
    """Check kernels; the process fails if a result is wrong."""
    failed = False
    for name in KERNELS if names == "all" else names.split(","):
        for dtype in dtypes.split(","):
            try:
                check(name, dtype, level, ALL if sizes == "all" else FEW)
            except Exception:  # noqa: BLE001
                failed = True
                text = traceback.format_exc(limit=-2)
                print("FAIL", name, dtype, level, text, file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
