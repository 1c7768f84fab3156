"""Convolutions and correlations of NumPy and SciPy."""

from __future__ import annotations

from typing import Any

from penstock.frontend.handles import TracedArray, fresh
from penstock.frontend.lift import as_array, convert
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    numpy,
    refuse,
)
from penstock.frontend.promotion import result_dtype
from penstock.frontend.refusals import bad_value
from penstock.ir.dims import Size
from penstock.ir.errors import UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import bool_, i64


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """``np.convolve``."""
    x, kernel = numpy.atleast_1d(*arrays_of([a, v]))
    if len(x.sizes) == len(kernel.sizes) == 1 and (
        x.tracer.ask(x.sizes[0], "<", kernel.sizes[0])
    ):
        # As NumPy exchanges them: it is the longer one that "same" is the same as.
        x, kernel = kernel, x
    return _correlate_1d(x, kernel[::-1], mode, "convolve")


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """``np.correlate``."""
    x, kernel = arrays_of([a, v])
    return _correlate_1d(x, kernel, mode, "correlate")


def _correlate_1d(x: TracedArray, kernel: TracedArray, mode: str, name: str) -> Any:
    if len(x.sizes) != 1 or len(kernel.sizes) != 1:
        raise bad_value(
            f"{name}: {x.tensor} and {kernel.tensor} must have one axis",
            hint="flatten it: x.ravel(); scipy.signal.convolve takes several axes",
        )
    tracer = x.tracer
    for part in (x, kernel):
        if tracer.ask(part.sizes[0], "==", 0):
            raise bad_value(
                f"{name}: an operand cannot be empty",
                hint="ask for its size before: if x.size",
            )
    if tracer.ask(x.sizes[0], "<", kernel.sizes[0]):
        # The shorter one slides; correlating the other way round reverses.
        return _correlate_1d(kernel, x, mode, name)[::-1]
    return correlate_dense(x, kernel, [_padding(kernel.sizes[0], mode)], partial=True)


def _padding(size: Size, mode: str) -> tuple[Size, Size]:
    """Zeros before and after one axis, for a kernel of this size."""
    if mode == "full":
        return size - 1, size - 1
    if mode == "same":
        return size // 2, (size - 1) - size // 2
    if mode == "valid":
        return 0, 0
    raise bad_value(
        f"mode is {mode!r}, but must be 'full', 'same' or 'valid'",
        hint="'same' has the size of the longer, 'valid' only whole overlaps",
    )


def correlate_dense(
    x: TracedArray,
    kernel: TracedArray,
    padding: list[tuple[Size, Size]],
    partial: bool = False,
) -> TracedArray:
    """Cross-correlation over all axes: one image, one channel, one kernel.

    ``partial`` leaves out the products with the padding, as NumPy does and SciPy not.
    """
    tracer = x.tracer
    dtype = result_dtype([x.kind, kernel.kind])
    rank = len(x.sizes)
    low = tuple(tracer.normalize(before) for before, _ in padding)
    high = tuple(tracer.normalize(after) for _, after in padding)
    if dtype is bool_ and rank > 1:
        raise bad_value(
            f"convolution of {x.tensor} and {kernel.tensor}: SciPy takes no bools of "
            "several axes",
            hint="convert one of them: x.astype(int)",
        )
    if dtype is bool_:
        # Whether any product is True; a count in 8 bits could wrap around to zero.
        x, kernel = (as_array(tracer, part, i64) for part in (x, kernel))
        found = correlate_dense(x, kernel, padding)
        truth: TracedArray = found != 0
        return truth

    def image(part: TracedArray) -> Value:
        value = convert(tracer, part.value, dtype)
        return tracer.emit("reshape", value, shape=(1, 1, *part.sizes))

    result = tracer.emit(
        "convolution", image(x), image(kernel), stride=(1,) * rank, low=low,
        high=high, dilation=(1,) * rank, groups=1,
        partial=partial and dtype.is_float and (*low, *high) != (0,) * (2 * rank),
    )  # fmt: skip
    shape = tracer.type_of(result).shape[2:]
    return fresh(tracer, tracer.emit("reshape", result, shape=shape))


def signal_convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto"
) -> Any:
    """``scipy.signal.convolve``, computed directly."""
    x, kernel = arrays_of([in1, in2])
    return signal_correlate(x, numpy.flip(kernel), mode, method)


def signal_correlate(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto"
) -> Any:
    """``scipy.signal.correlate``, computed directly."""
    refuse("correlate", method=(method if method != "direct" else "auto", "auto"))
    x, kernel = arrays_of([in1, in2])
    if len(x.sizes) != len(kernel.sizes):
        raise bad_value(
            f"correlate: {x.tensor} and {kernel.tensor} differ in rank",
            hint="add axes to one of them: kernel[None]",
        )
    tracer = x.tracer
    if mode not in ("full", "same", "valid"):
        raise bad_value(
            f"mode is {mode!r}, but must be 'full', 'same' or 'valid'",
            hint="'same' has the size of the first, 'valid' only whole overlaps",
        )
    for own, other in zip(x.sizes, kernel.sizes, strict=True):
        if mode == "valid" and not tracer.ask(own, ">=", other):
            raise UnsupportedError(
                user_location(),
                "correlate in mode 'valid' with a kernel larger than the image",
                hint="pass the larger one first; of correlate, flip the result",
                code="unsupported-argument",
            )
    # SciPy centers 'same' with respect to the full output: (full - own) // 2.
    padding = [
        ((size - 1) - (size - 1) // 2, (size - 1) // 2)
        if mode == "same"
        else _padding(size, mode)
        for size in kernel.sizes
    ]
    return correlate_dense(x, kernel, padding)
