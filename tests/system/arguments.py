"""Arrays for calls: any dtype, shape and layout, from one line that can be pasted."""

from __future__ import annotations

import random
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
    rng = random.Random(f"{dtype} {shape} {seed}")
    kind = np.dtype(dtype)
    count = int(np.prod(shape, dtype=int))
    with np.errstate(all="ignore"):
        numbers = np.array([_number(rng, kind, seed) for _ in range(count)], kind)
    return _laid_out(numbers.reshape(shape), layout)


def _number(rng: random.Random, kind: np.dtype[Any], seed: int) -> Any:
    awkward = seed % 2 and rng.random() < 0.15
    if kind.kind == "b":
        return rng.random() < 0.5
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if awkward:
            return rng.choice((limits.min, limits.max, 0, limits.max // 2))
        return rng.randint(max(limits.min, -9), 9)
    return kind.type(rng.choice(_AWKWARD if awkward else _TAME))


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
