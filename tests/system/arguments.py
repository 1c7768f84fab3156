"""Arrays for calls: any dtype, shape and layout, from one line that can be pasted."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["DTYPES", "FLOATS", "INTEGERS", "LAYOUTS", "array"]

INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
FLOATS = ("f2", "f4", "f8")
DTYPES = ("?", *INTEGERS, *FLOATS)
LAYOUTS = (
    "C", "F", "strided", "reversed", "broadcast", "misaligned", "swapped", "read-only",
)  # fmt: skip

# Numbers of few bits, so that arithmetic on a few of them is exact, and awkward ones.
_TAME = tuple(number / 4 for number in range(-16, 17))
_AWKWARD = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-310, 6e-8, 3e38, 1.1, -7.3)


def array(
    dtype: str, shape: tuple[int, ...], layout: str = "C", seed: int = 0
) -> np.ndarray[Any, Any]:
    """An array of small numbers, and a few awkward ones if the seed is odd.

    Args:
        dtype: one of ``DTYPES``.
        shape: its shape.
        layout: one of ``LAYOUTS``.
        seed: which numbers.
    """
    numbers = _numbers(dtype, shape, seed).copy()
    return _laid_out(numbers.reshape(shape), layout)


# A program and NumPy are each given their own; kernels share sizes.
@functools.lru_cache(maxsize=500)
def _numbers(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    rng = random.Random(f"{dtype} {shape} {seed}")
    kind = np.dtype(dtype)
    count = int(np.prod(shape, dtype=int))
    with np.errstate(all="ignore"):
        draw = _drawing(rng, kind)
        numbers = [draw(seed % 2 and rng.random() < 0.15) for _ in range(count)]
        return np.array(numbers, kind)


def _drawing(rng: random.Random, kind: np.dtype[Any]) -> Callable[[Any], Any]:
    """What draws a number, an awkward one if asked."""
    if kind.kind == "b":
        return lambda is_awkward: rng.random() < 0.5
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        lowest, highest = int(limits.min), int(limits.max)
        extremes = (lowest, highest, 0, highest // 2)
        first = max(lowest, -9)
        return lambda is_awkward: (
            rng.choice(extremes) if is_awkward else rng.randint(first, 9)
        )
    awkward = [kind.type(number) for number in _AWKWARD]
    tame = [kind.type(number) for number in _TAME]
    return lambda is_awkward: rng.choice(awkward if is_awkward else tame)


def _laid_out(made: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    if layout == "F":
        return np.asfortranarray(made)
    if layout == "strided":
        gaps = np.zeros([2 * size + 3 for size in made.shape], made.dtype)
        view = gaps[(..., *(slice(1, 1 + 2 * size, 2) for size in made.shape))]
        view[...] = made
        return view
    if layout == "reversed":
        backwards = (..., *(slice(None, None, -1) for _ in made.shape))
        return made[backwards].copy()[backwards]
    if layout == "broadcast":
        if made.ndim == 0 or made.shape[0] == 0:
            return made
        return np.broadcast_to(made[:1], made.shape)
    if layout == "misaligned":
        buffer = np.zeros(made.nbytes + 1, np.uint8)
        view = buffer[1:].view(made.dtype) if made.size else made.reshape(-1)
        view = view.reshape(made.shape)
        view[...] = made
        return view
    if layout == "swapped":
        return made.astype(made.dtype.newbyteorder())
    if layout == "read-only":
        made.flags.writeable = False
    return made
