"""What a boolean mask selects: ``x[mask]``, whose size only the running program knows.

It stays spread out over the masked array. That serves ``x[mask] += 1``,
``x[mask] = y[mask]`` and reductions; what would need the size is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.lift import value_of
from penstock.frontend.promotion import integer_range
from penstock.frontend.tracer import Traced, Tracer
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location

__all__ = ["Selection"]


def _operator(ufunc: np.ufunc) -> tuple[Any, Any, Any]:
    """A binary operator, its reflection, and the assignment that it is part of."""

    def forward(self: Selection, other: Any) -> Any:
        return self.apply(ufunc, (self, other))

    def reflected(self: Selection, other: Any) -> Any:
        return self.apply(ufunc, (other, self))

    def update(self: Selection, other: Any) -> Any:
        return self.update(ufunc, other)

    return forward, reflected, update


def _unary(ufunc: np.ufunc) -> Any:
    def apply(self: Selection) -> Any:
        return self.apply(ufunc, (self,))

    return apply


class Selection(Traced):
    """The elements of an array at which a mask holds.

    Attributes:
        full: the array that is selected from.
        mask: bools that broadcast against it.
        axis: the first axis of the array that the mask indexes; the selected elements
            lie along it.
        covered: how many axes the mask indexes.
        loc: the place that selects them.
    """

    __slots__ = ("axis", "covered", "full", "loc", "mask", "tracer")

    __array_priority__ = 2000.0

    def __init__(
        self, full: TracedArray, mask: TracedArray, axis: int, covered: int
    ) -> None:
        self.tracer: Tracer = full.tracer
        self.full = full
        self.mask = mask
        self.axis = axis
        self.covered = covered
        self.loc = user_location()

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return np.ndarray

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self.full.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.full.ndim - self.covered + 1

    def same_mask(self, other: Selection) -> bool:
        """Whether another selection has its elements at the same places."""
        return self.mask.value is other.mask.value

    def like(self, full: Any) -> Selection:
        """The same places of another array."""
        return Selection(full, self.mask, self.axis, self.covered)

    def apply(self, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
        """An elementwise ufunc on this and selections by the same mask.

        Arrays may take part that do not reach the axis of the selected elements.
        """
        from penstock.frontend.ufuncs import call_ufunc

        return self.like(call_ufunc(ufunc, self._full_operands(inputs)))

    def update(self, ufunc: np.ufunc, other: Any) -> Selection:
        """``x[mask] += other``: what is selected is a copy, and is written itself.

        Raises:
            DtypeError: the result has no place in this dtype, as of whole arrays.
        """
        from penstock.frontend.operators import in_place

        operands = self._full_operands((self, other))
        in_place(ufunc, self.full, operands[1])
        return self

    def _full_operands(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The whole arrays that operands are selected from."""
        full = []
        for operand in inputs:
            if type(operand) is Selection:
                if not self.same_mask(operand):
                    raise _unsupported("arithmetic between selections by two masks")
                full.append(operand.full)
            elif (
                isinstance(operand, (np.ndarray, list, tuple))
                and np.ndim(operand) >= self.ndim - self.axis
            ):
                raise _unsupported("arithmetic of a selection with an array")
            else:
                full.append(operand)
        return tuple(full)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        if method != "__call__" or options or ufunc.nout != 1:
            raise _unsupported(f"numpy.{ufunc.__name__} on a selection")
        return self.apply(ufunc, inputs)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        name = getattr(function, "__name__", "")
        if args and args[0] is self and getattr(np, name, None) is function:
            name = {"amax": "max", "amin": "min"}.get(name, name)
            if name in _REDUCTIONS or name == "count_nonzero":
                return self._reduction(name, f"numpy.{name}")(*args[1:], **kwargs)
        raise _unsupported(f"numpy.{name} on a selection")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _REDUCTIONS:
            return self._reduction(name, f"ndarray.{name}")
        # A traced count would promote as no Python integer does.
        hint = "count them: mask.sum()" if name == "size" else _HINT
        raise _unsupported(f"x[mask].{name}", hint)

    def _reduction(self, name: str, shown: str) -> Any:
        """A reduction of the selected elements, as a method."""

        def reduce(axis: Any = None, *rest: Any, **options: Any) -> Any:
            if rest or "where" in options:
                raise _unsupported(
                    f"{shown} of x[mask] with where=, or more than an axis by position"
                )
            if options.get("keepdims") and self.covered > 1:
                raise _unsupported(f"{shown} with keepdims=")
            options.update(axis=self._full_axes(axis), where=self.mask)
            if name == "count_nonzero":
                return self._call("sum", shown, self.full != 0, options)
            if name not in ("max", "min") or "initial" in options:
                return self._call(name, shown, self.full, options)
            options["initial"] = _limits(self.full)[name == "min"]
            result = self._call(name, shown, self.full, options)
            return self._unless_empty(name, result)

        return reduce

    def _call(self, name: str, shown: str, full: Any, options: dict[str, Any]) -> Any:
        from penstock.frontend.namespace import call_checked
        from penstock.frontend.numpy_functions.table import FUNCTIONS

        return call_checked(FUNCTIONS[getattr(np, name)], shown, (full,), options)

    def _full_axes(self, axis: Any) -> tuple[int, ...]:
        """The axes of the whole array that axes of the selection are."""
        from penstock.frontend.numpy_functions.arguments import reduced_axes

        found: list[int] = []
        axes = reduced_axes(axis, self.ndim)
        for place in axes:
            if place == self.axis:
                found += range(place, place + self.covered)
            else:
                found.append(place if place < self.axis else place + self.covered - 1)
        if self.axis not in axes:
            raise _unsupported("reducing x[mask] along other axes than the selected")
        return tuple(found)

    def _unless_empty(self, name: str, result: Any) -> Any:
        """A result that is not there where nothing is selected: a ValueError then."""
        tracer = self.tracer
        found = np.broadcast_to(np.any(self.mask), np.shape(result))
        text = f"{name} of no elements: the mask selects none of {self.full.tensor}"
        value = tracer.emit(
            "require", value_of(tracer, result), value_of(tracer, found),
            text=text, code="no-elements",
        )  # fmt: skip
        return wrap(tracer, value)

    def astype(self, dtype: Any) -> Selection:
        """The selected elements in another dtype."""
        return self.like(self.full.astype(dtype))

    def copy(self) -> Selection:
        """The same elements, written by themselves."""
        return self.like(self.full.copy())

    def __setitem__(self, key: Any, value: Any) -> None:
        raise _unsupported("writing to x[mask]")

    def __len__(self) -> int:
        raise _unsupported("len(x[mask])", "count them: mask.sum()")

    def __iter__(self) -> Any:
        raise _unsupported("iterating over x[mask]")

    def __getitem__(self, key: Any) -> Any:
        raise _unsupported("indexing x[mask] again")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise _unsupported("making x[mask] a NumPy array")

    __add__, __radd__, __iadd__ = _operator(np.add)
    __sub__, __rsub__, __isub__ = _operator(np.subtract)
    __mul__, __rmul__, __imul__ = _operator(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _operator(np.true_divide)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__, __imod__ = _operator(np.remainder)
    __pow__, __rpow__, __ipow__ = _operator(np.power)
    __and__, __rand__, __iand__ = _operator(np.bitwise_and)
    __or__, __ror__, __ior__ = _operator(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = _operator(np.bitwise_xor)
    __lshift__, __rlshift__, __ilshift__ = _operator(np.left_shift)
    __rshift__, __rrshift__, __irshift__ = _operator(np.right_shift)
    __eq__ = _operator(np.equal)[0]
    __ne__ = _operator(np.not_equal)[0]
    __lt__ = _operator(np.less)[0]
    __le__ = _operator(np.less_equal)[0]
    __gt__ = _operator(np.greater)[0]
    __ge__ = _operator(np.greater_equal)[0]
    __neg__ = _unary(np.negative)
    __pos__ = _unary(np.positive)
    __abs__ = _unary(np.absolute)
    __invert__ = _unary(np.invert)
    __hash__ = None  # type: ignore[assignment]

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __matmul__(self, other: Any) -> Any:
        raise _unsupported("a matrix product with x[mask]")

    __rmatmul__ = __imatmul__ = __matmul__

    def __repr__(self) -> str:
        return f"<selection from {self.full!r}>"

    def __str__(self) -> str:
        raise _unsupported("the text of x[mask]")

    def __format__(self, spec: str) -> str:
        return str(self)


# As of other traced arrays.
Selection.__name__ = "numpy.ndarray"


_REDUCTIONS = frozenset(
    ("all", "any", "max", "mean", "min", "prod", "std", "sum", "var")
)


def _limits(x: TracedArray) -> tuple[Any, Any]:
    """What no element is less than, and what none is greater than."""
    if x.kind.is_float:
        return -np.inf, np.inf
    return integer_range(x.kind) if x.kind.is_integer else (False, True)


_HINT = "keep the full size and choose elements with np.where(mask, a, b)"


def _unsupported(what: str, hint: str = _HINT) -> UnsupportedError:
    return UnsupportedError(
        user_location(),
        f"{what}: how many elements a mask selects is known only when the compiled "
        "function runs",
        code="selection-size",
        hint=hint,
    )
