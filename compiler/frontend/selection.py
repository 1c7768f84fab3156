"""What a boolean mask selects: ``x[mask]``, whose size only the running program knows.

It stays spread out over the masked array. That serves ``x[mask] += 1``,
``x[mask] = y[mask]`` and reductions; what would need the size is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray
from penstock.frontend.tracer import Traced, Tracer
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location

__all__ = ["Selection"]


def _operator(ufunc: np.ufunc) -> tuple[Any, Any]:
    def forward(self: Selection, other: Any) -> Any:
        return self.apply(ufunc, (self, other))

    def reflected(self: Selection, other: Any) -> Any:
        return self.apply(ufunc, (other, self))

    return forward, reflected


class Selection(Traced):
    """The elements of an array at which a mask holds.

    Attributes:
        full: the array that is selected from.
        mask: bools that broadcast against it.
    """

    __array_priority__ = 2000.0

    def __init__(self, full: TracedArray, mask: TracedArray) -> None:
        self.tracer: Tracer = full.tracer
        self.full = full
        self.mask = mask

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return np.ndarray

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self.full.dtype

    def same_mask(self, other: Selection) -> bool:
        """Whether another selection has its elements at the same places."""
        return self.mask.value is other.mask.value

    def apply(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
        """An elementwise ufunc on this and scalars, or selections by the same mask."""
        from penstock.frontend.ufuncs import call_ufunc

        full = []
        for operand in inputs:
            if type(operand) is Selection:
                if not self.same_mask(operand):
                    raise _unsupported("arithmetic between selections by two masks")
                full.append(operand.full)
            elif isinstance(operand, (np.ndarray, list, tuple)) and np.ndim(operand):
                raise _unsupported("arithmetic of a selection with an array")
            else:
                full.append(operand)
        return Selection(call_ufunc(ufunc, tuple(full)), self.mask)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        if method != "__call__" or options or ufunc.nout != 1:
            raise _unsupported(f"numpy.{ufunc.__name__} on a selection")
        return self.apply(ufunc, inputs)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        reduction = {np.sum: "sum", np.mean: "mean", np.any: "any", np.all: "all"}
        if len(args) == 1 and not kwargs and function in reduction:
            return getattr(self, reduction[function])()
        raise _unsupported(f"numpy.{function.__name__} on a selection")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _unsupported(f"x[mask].{name}")

    def sum(self) -> Any:
        """The sum of the selected elements."""
        return np.sum(self.full, where=self.mask)

    def mean(self) -> Any:
        """The mean of the selected elements."""
        return np.mean(self.full, where=self.mask)

    def any(self) -> Any:
        """Whether any selected element holds."""
        return np.any(self.full, where=self.mask)

    def all(self) -> Any:
        """Whether all selected elements hold."""
        return np.all(self.full, where=self.mask)

    def astype(self, dtype: Any) -> Selection:
        """The selected elements in another dtype."""
        return Selection(self.full.astype(dtype), self.mask)

    def copy(self) -> Selection:
        """The selection itself: it is a copy already."""
        return Selection(self.full, self.mask)

    def __len__(self) -> int:
        raise _unsupported("len(x[mask])")

    def __iter__(self) -> Any:
        raise _unsupported("iterating over x[mask]")

    def __getitem__(self, key: Any) -> Any:
        raise _unsupported("indexing x[mask] again")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise _unsupported("making x[mask] a NumPy array")

    __add__, __radd__ = _operator(np.add)
    __sub__, __rsub__ = _operator(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.true_divide)
    __floordiv__, __rfloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__ = _operator(np.remainder)
    __pow__, __rpow__ = _operator(np.power)
    __and__, __rand__ = _operator(np.bitwise_and)
    __or__, __ror__ = _operator(np.bitwise_or)
    __xor__, __rxor__ = _operator(np.bitwise_xor)
    __eq__ = _operator(np.equal)[0]
    __ne__ = _operator(np.not_equal)[0]
    __lt__ = _operator(np.less)[0]
    __le__ = _operator(np.less_equal)[0]
    __gt__ = _operator(np.greater)[0]
    __ge__ = _operator(np.greater_equal)[0]
    __hash__ = None  # type: ignore[assignment]

    def __matmul__(self, other: Any) -> Any:
        raise _unsupported("a matrix product with x[mask]")

    __rmatmul__ = __matmul__

    def __neg__(self) -> Any:
        return self.apply(np.negative, (self,))

    def __abs__(self) -> Any:
        return self.apply(np.absolute, (self,))

    def __repr__(self) -> str:
        return f"<selection from {self.full!r}>"


def _unsupported(what: str) -> UnsupportedError:
    return UnsupportedError(
        user_location(),
        f"{what}: how many elements a mask selects is known only when the compiled "
        "function runs",
        code="selection-size",
        hint="keep the full size and choose elements with np.where(mask, a, b)",
    )
