"""Traced arrays: handles on storage cells, which pass for NumPy arrays.

A handle is (cell, view). The cell holds the Value that the storage has now; a write
through any handle gives the cell a new Value, and all handles on it see that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from penstock.frontend.broadcasting import broadcast_into
from penstock.frontend.cells import Cell
from penstock.frontend.host_numbers import host_integer
from penstock.frontend.promotion import check_cast
from penstock.frontend.refusals import bad_type, bad_value
from penstock.frontend.tracer import Traced, Tracer, leaked
from penstock.frontend.views import Step, put_path, take_path
from penstock.ir.dims import Size
from penstock.ir.errors import ArgumentError, TraceError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, TensorType

__all__ = ["TracedArray", "TracedScalar", "fresh", "wrap"]


def _binary(ufunc: np.ufunc) -> tuple[Any, Any]:
    """A binary operator and its reflection."""

    def forward(self: TracedArray, other: Any) -> Any:
        from penstock.frontend.operators import binary

        return binary(ufunc, self, other, self)

    def reflected(self: TracedArray, other: Any) -> Any:
        from penstock.frontend.operators import binary

        return binary(ufunc, other, self, self)

    return forward, reflected


def _comparison(ufunc: np.ufunc) -> Any:
    return _binary(ufunc)[0]


def _in_place(ufunc: np.ufunc) -> Any:
    def update(self: TracedArray, other: Any) -> Any:
        from penstock.frontend.operators import in_place

        return in_place(ufunc, self, other)

    return update


def _unary(ufunc: np.ufunc) -> Any:
    def apply(self: TracedArray) -> Any:
        from penstock.frontend.ufuncs import call_ufunc

        return call_ufunc(ufunc, (self,))

    return apply


class TracedArray(Traced):
    """An array of the traced program.

    ``__class__`` says that it is an ``np.ndarray``, whose attributes and methods are
    looked up in the tables of ``penstock.frontend.methods``.

    Attributes:
        tracer: the trace that it belongs to.
        cell: its storage.
        path: how it sees the storage.
    """

    __slots__ = ("_memo", "_shape", "cell", "path", "tracer")

    # NumPy's arrays leave operators to us.
    __array_priority__ = 1000.0

    def __init__(
        self,
        tracer: Tracer,
        cell: Cell,
        path: tuple[Step, ...] = (),
        shape: tuple[Size, ...] | None = None,
    ) -> None:
        self.tracer = tracer
        self.cell = cell
        self.path = path
        self._shape = tracer.type_of(cell.value).shape if shape is None else shape
        self._memo: tuple[int, Value] | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return np.ndarray

    @property
    def value(self) -> Value:
        """The Value of what the handle sees now."""
        cell, dead = self.cell, self.tracer.dead
        if dead and cell.value in dead:
            raise leaked("a traced array", of_region=True)
        if not self.path:
            return cell.value
        if (
            self._memo is None
            or self._memo[0] != cell.version
            or (dead and self._memo[1] in dead)
        ):
            value = take_path(self.tracer, cell.value, self.path)
            self._memo = (cell.version, value)
        return self._memo[1]

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The shape as sizes, normalized."""
        tracer = self.tracer
        if tracer.facts.replacements:
            self._shape = tuple([tracer.normalize(size) for size in self._shape])
        return self._shape

    @property
    def kind(self) -> Dtype:
        """The dtype as a Dtype."""
        return self.cell.value.dtype

    @property
    def tensor(self) -> TensorType:
        """The type."""
        return TensorType(self.kind, self.sizes)

    def seen(self, step: Step, shape: tuple[Size, ...]) -> TracedArray:
        """A further handle on the same cell, which sees it through one more step."""
        return TracedArray(self.tracer, self.cell, (*self.path, step), shape)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape as the traced program sees it."""
        tracer = self.tracer
        return tuple([host_integer(tracer, size) for size in self.sizes])

    @shape.setter
    def shape(self, shape: Any) -> NoReturn:
        raise _cannot_set("shape", "make a view of that shape: y = x.reshape(shape)")

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self.kind.numpy

    @dtype.setter
    def dtype(self, dtype: Any) -> NoReturn:
        raise _cannot_set("dtype", "to convert elements, use x.astype(dtype)")

    @property
    def real(self) -> Any:
        """The array itself: its numbers are real."""
        return self

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value

    @property
    def imag(self) -> Any:
        """Zeros, which cannot be written."""
        from penstock.frontend.methods import lookup

        return lookup(self, "imag")

    @imag.setter
    def imag(self, value: Any) -> NoReturn:
        raise TypeError("array does not have imaginary part to set")

    @property
    def flat(self) -> Any:
        """Refused, with what to use instead."""
        from penstock.frontend.methods import lookup

        return lookup(self, "flat")

    @flat.setter
    def flat(self, value: Any) -> NoReturn:
        raise _cannot_set("flat", "write all elements: x[...] = value")

    @property
    def in_order(self) -> bool:
        """Whether NumPy would certainly have the elements in C order, without gaps."""
        return (self.cell.ordered and not self.path) or len(self.sizes) == 0

    def write(self, value: Value) -> None:
        """Replace what the handle sees by a Value of the same type.

        Raises:
            TraceError: the storage is the caller's.
            ArgumentError: the view is read-only.
        """
        self.check_writable()
        cell = self.cell
        if self.path:
            value = put_path(self.tracer, cell.value, self.path, value)
        cell.put(value)

    def check_writable(self) -> None:
        """Raise a TraceError or ArgumentError if this must not be written."""
        self.tracer.check()
        if self.cell.owner:
            raise self.tracer.fail(
                f"cannot write to {self.cell.owner}: it belongs to the caller",
                code="write-to-input",
                hint=f"write to a copy: {_copied(self.cell.owner)}",
            )
        if self.cell.serial < self.tracer.first_serial:
            raise self.tracer.fail(
                "cannot write to an array that was made outside the function that is "
                "transformed or repeated",
                code="write-to-outer",
                hint="pass the array to the function, and return the new one",
            )
        for step in self.path:
            if step.read_only:
                # As NumPy's, a ValueError: programs may catch it.
                raise ArgumentError(
                    user_location(),
                    f"cannot write to {step.read_only}",
                    code="write-to-view",
                    hint="write to a copy: x = x.copy()",
                )

    def assign(self, source: TracedArray, casting: str = "unsafe") -> None:
        """Write an array into this one, broadcast and converted as NumPy does.

        Raises:
            ShapeError: it does not broadcast to this shape.
        """
        self.check_writable()
        if self.kind is not source.kind:
            check_cast(source.kind, self.kind, casting, "assignment")
        value = broadcast_into(self.tracer, source, self.sizes)
        if value.dtype is not self.kind:
            value = self.tracer.emit("astype", value, dtype=self.kind)
        self.write(value)

    def __getattr__(self, name: str) -> Any:
        from penstock.frontend.methods import lookup

        return lookup(self, name)

    def __dir__(self) -> list[str]:
        from penstock.frontend.methods import names

        return names()

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        from penstock.frontend.ufuncs import call_method

        return call_method(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: Any, kwargs: Any
    ) -> Any:
        from penstock.frontend.namespace import call_function

        return call_function(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        from penstock.frontend.answers import array_hint

        raise self._unknown(
            "a traced array cannot become a NumPy array: its elements are known only "
            "when the compiled function runs",
            "to-numpy",
            array_hint(dtype),
        )

    def _unknown(self, message: str, code: str, hint: str) -> TraceError:
        self.tracer.check()
        return self.tracer.fail(message, code=code, hint=hint)

    def __getitem__(self, key: Any) -> Any:
        from penstock.frontend.indexing import get_item

        return get_item(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from penstock.frontend.assignment import set_item

        set_item(self, key, value)

    def __delitem__(self, key: Any) -> NoReturn:
        raise bad_value("cannot delete array elements", "use np.delete(x, index)")

    def __len__(self) -> int:
        if not self.sizes:
            raise TypeError("len() of unsized object")
        # Python insists on a true int: the size becomes part of the variant.
        return self.tracer.pin(self.sizes[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.sizes:
            raise TypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __bool__(self) -> bool:
        from penstock.frontend.answers import truth

        return truth(self)

    def __index__(self) -> int:
        from penstock.frontend.answers import index

        return index(self)

    def __int__(self) -> int:
        from penstock.frontend.answers import INTEGER_HINT, number

        return int(number(self, "int()", INTEGER_HINT))

    def __float__(self) -> float:
        from penstock.frontend.answers import number

        return float(number(self, "float()"))

    def __complex__(self) -> complex:
        from penstock.frontend.answers import number

        return complex(number(self, "complex()"))

    def __hash__(self) -> int:
        hint = "pass a Python number: int(k); NumPy's scalars count as arrays"
        tuples = "use a tuple of Python numbers, which has a hash"
        raise bad_type(
            "unhashable type: 'numpy.ndarray'", tuples if self.sizes else hint
        )

    def __repr__(self) -> str:
        if not self.tracer.active:
            return f"<traced {self.cell.value.dtype} of a finished trace>"
        shown = f"<traced {self.tensor}>"
        self.tracer.shown.add(shown)
        return shown

    def __str__(self) -> str:
        from penstock.frontend.answers import text

        return text(self, "", "str()")

    def __format__(self, spec: str) -> str:
        from penstock.frontend.answers import text

        return text(self, spec, "format()")

    def __copy__(self) -> TracedArray:
        return fresh(self.tracer, self.value)

    def __deepcopy__(self, memo: Any) -> TracedArray:
        return fresh(self.tracer, self.value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise self._unknown(
            "a traced array cannot be pickled: its elements are known only when the "
            "compiled function runs",
            "to-numpy",
            "pickle what the compiled function returns",
        )

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.true_divide)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide)
    __mod__, __rmod__ = _binary(np.remainder)
    __divmod__, __rdivmod__ = _binary(np.divmod)
    __pow__, __rpow__ = _binary(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    __and__, __rand__ = _binary(np.bitwise_and)
    __or__, __ror__ = _binary(np.bitwise_or)
    __xor__, __rxor__ = _binary(np.bitwise_xor)
    __lshift__, __rlshift__ = _binary(np.left_shift)
    __rshift__, __rrshift__ = _binary(np.right_shift)
    __eq__ = _comparison(np.equal)
    __ne__ = _comparison(np.not_equal)
    __lt__ = _comparison(np.less)
    __le__ = _comparison(np.less_equal)
    __gt__ = _comparison(np.greater)
    __ge__ = _comparison(np.greater_equal)
    __neg__ = _unary(np.negative)
    __pos__ = _unary(np.positive)
    __abs__ = _unary(np.absolute)
    __invert__ = _unary(np.invert)
    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.true_divide)
    __ifloordiv__ = _in_place(np.floor_divide)
    __imod__ = _in_place(np.remainder)
    __ipow__ = _in_place(np.power)
    __imatmul__ = _in_place(np.matmul)
    __iand__ = _in_place(np.bitwise_and)
    __ior__ = _in_place(np.bitwise_or)
    __ixor__ = _in_place(np.bitwise_xor)
    __ilshift__ = _in_place(np.left_shift)
    __irshift__ = _in_place(np.right_shift)


# Python's own messages name the class: 'numpy.ndarray' object has no attribute 'w'.
TracedArray.__name__ = "numpy.ndarray"


def _cannot_set(name: str, hint: str) -> UnsupportedError:
    return UnsupportedError(
        user_location(),
        f"setting ndarray.{name} is not supported",
        code="unsupported-function",
        hint=hint,
    )


class TracedScalar(TracedArray):
    """A NumPy scalar of the traced program, such as a full sum: it is immutable."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return self.kind.numpy.type

    def check_writable(self) -> None:
        """Always raises: NumPy scalars cannot be written."""
        raise TypeError(
            f"'numpy.{self.kind.numpy.name}' object does not support item assignment"
        )

    def __len__(self) -> int:
        raise TypeError(f"object of type 'numpy.{self.kind.numpy.name}' has no len()")

    def __hash__(self) -> int:
        from penstock.frontend.answers import number

        return hash(number(self, "hash()"))

    def __round__(self, digits: Any = None) -> Any:
        from penstock.frontend.answers import number

        if digits is not None:
            from penstock.frontend.numpy_functions.numerics import round_

            return round_(self, digits)
        return round(number(self, "round()"), digits)

    # `s += 1` makes a new scalar, as it does of Python's numbers.
    __iadd__ = TracedArray.__add__
    __isub__ = TracedArray.__sub__
    __imul__ = TracedArray.__mul__
    __itruediv__ = TracedArray.__truediv__
    __ifloordiv__ = TracedArray.__floordiv__
    __imod__ = TracedArray.__mod__
    __ipow__ = TracedArray.__pow__
    __iand__ = TracedArray.__and__
    __ior__ = TracedArray.__or__
    __ixor__ = TracedArray.__xor__
    __ilshift__ = TracedArray.__lshift__
    __irshift__ = TracedArray.__rshift__


TracedScalar.__name__ = "numpy.generic"


def _copied(owner: str) -> str:
    """How to copy an array of the caller: a name of its own is there to be bound."""
    name = owner.removeprefix("argument ")
    if name != owner and name.isidentifier():
        return f"{name} = {name}.copy()"
    return f"new = {name.removeprefix('global ').removeprefix('closure ')}.copy()"


def wrap(tracer: Tracer, value: Value, ordered: bool = True) -> TracedArray:
    """A Value as an operation returns it: a NumPy scalar where it has no axes."""
    cell = Cell(value, ordered=ordered)
    return TracedArray(tracer, cell) if value.shape else TracedScalar(tracer, cell)


def fresh(tracer: Tracer, value: Value, ordered: bool = True) -> TracedArray:
    """A Value as an array of its own, also where it has no axes."""
    return TracedArray(tracer, Cell(value, ordered=ordered))
