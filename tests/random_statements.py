"""Random statements: each adds a Value or a few to what a Writer has written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from penstock.ir.dims import Size, evaluate_dim, symbol
from penstock.ir.graph.value import Builder, Value
from penstock.ir.guards import Facts
from penstock.ir.types import (
    Dtype,
    TensorType,
    bool_,
    f16,
    f32,
    f64,
    i8,
    i32,
    i64,
    u8,
    u32,
)

__all__ = ["DTYPES", "Statements", "random_array"]

DTYPES = (bool_, i8, i32, i64, u8, u32, f16, f32, f32, f64, f64)
AWKWARD = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan, 1e-40, 1e30)
_T = TypeVar("_T")
_UNARY = ("neg", "abs", "sign")
_INTEGER_UNARY = ("neg", "abs", "sign", "bit_count")
_FLOAT_UNARY = (
    "sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "erf",
    "floor", "ceil", "round", "exp2", "log2", "log10", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "asinh", "acosh", "atanh", "cbrt", "erfc", "spacing", "fraction",
    "exponent",
)  # fmt: skip
_BINARY = (
    "add", "sub", "mul", "maximum", "minimum", "floor_divide", "remainder",
)  # fmt: skip
_FLOAT_BINARY = ("div", "pow", "atan2", "hypot", "copysign", "nextafter")
_INTEGER_BINARY = ("shift_left", "shift_right", "gcd", "lcm")
_COMPARISONS = (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
)  # fmt: skip


def random_array(
    integer: Callable[[int, int], int], dtype: Dtype, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """An array of numbers that are small, or awkward."""

    def number() -> float:
        if dtype.kind == "b":
            return integer(0, 1)
        if dtype.is_integer:
            return integer(0 if dtype.kind == "u" else -3, 5)
        return AWKWARD[integer(0, len(AWKWARD) - 1)]

    numbers = [number() for _ in range(int(np.prod(shape)))]
    with np.errstate(over="ignore"):
        return np.array(numbers).astype(dtype.numpy).reshape(shape)


class Statements:
    """Writes Values of one random Function, without regions.

    Args:
        integer: draws an integer between two bounds, both included.
        sizes: the number that each symbol stands for.
        facts: what the guards say; those of the Function around a region.
    """

    def __init__(
        self,
        integer: Callable[[int, int], int],
        sizes: Mapping[str, int],
        facts: Facts,
    ) -> None:
        self.integer = integer
        self.sizes = sizes
        self.builder = Builder(facts)
        self.values: list[Value] = []

    def choose(self, items: Sequence[_T]) -> _T:
        return items[self.integer(0, len(items) - 1)]

    def pick(self, accept: Callable[[Value], bool] = lambda _: True) -> Value:
        """A recent Value that is accepted, or a new constant that is."""
        found = [value for value in self.values[-8:] if accept(value)]
        if found:
            return self.choose(found)
        for dtype in (f32, i32, bool_):
            value = self.constant(dtype)
            if accept(value):
                return value
        raise AssertionError("no constant is accepted")

    def constant(self, dtype: Dtype, shape: tuple[int, ...] = ()) -> Value:
        array = random_array(self.integer, dtype, shape)
        return self.builder.constant(array, dtype)

    def length(self, size: Size) -> int:
        return evaluate_dim(size, self.sizes)

    def normal(self, value: Value) -> TensorType:
        type_ = self.builder.facts.normalize_type(value.type)
        assert isinstance(type_, TensorType)
        return type_

    def add(self, op: str, *operands: Value, **attributes: Any) -> Value:
        value = self.builder.add(op, *operands, **attributes)
        if isinstance(value.type, TensorType):
            self.values.append(value)
        return value

    def unary(self) -> None:
        x = self.pick(lambda v: v.dtype.kind in "iuf")
        floating = x.dtype.is_float and self.integer(0, 2)
        plain = _UNARY if x.dtype.is_float else _INTEGER_UNARY
        self.add(self.choose(_FLOAT_UNARY if floating else plain), x)

    def binary(self) -> None:
        x = self.pick(lambda v: v.dtype.kind in "iuf")
        y = self.partner(x)
        ops = (*_BINARY, *(_FLOAT_BINARY if x.dtype.is_float else _INTEGER_BINARY))
        self.add(self.choose(ops), *self.either_way(x, y))

    def comparison(self) -> None:
        x = self.pick()
        self.add(self.choose(_COMPARISONS), *self.either_way(x, self.partner(x)))

    def exchanged(self) -> None:
        """The same again with its operands exchanged, as ``cse`` looks for it."""
        x = self.pick(lambda v: len(v.operands) == 2 or v.is_op("const"))
        kinds = {operand.dtype for operand in x.operands}
        if len(x.operands) == 2 and x.op.family == "elementwise" and len(kinds) == 1:
            y = self.add(x.op.name, *reversed(x.operands))
            self.add("and" if x.dtype is bool_ else "add", x, y)

    def bits(self) -> None:
        x = self.pick(lambda v: v.dtype.kind in "biu")
        if self.integer(0, 3) == 0:
            self.add("not", x)
        else:
            y = self.partner(x)
            self.add(self.choose(("and", "or", "xor")), *self.either_way(x, y))

    def partner(self, x: Value) -> Value:
        """A Value of the same dtype that broadcasts with another."""

        def fits(y: Value) -> bool:
            pairs = zip(reversed(x.shape), reversed(y.shape), strict=False)
            same = all(a == b or 1 in (a, b) for a, b in pairs)
            return y.dtype is x.dtype and same

        found = [value for value in self.values[-8:] if fits(value)]
        # Constants and equal operands are what rules look for.
        kind = self.integer(0, 3)
        if kind == 0 or not found:
            return self.constant(x.dtype)
        return x if kind == 1 else self.choose(found)

    def either_way(self, x: Value, y: Value) -> tuple[Value, Value]:
        return (x, y) if self.integer(0, 1) else (y, x)

    def condition(self, shape: tuple[Size, ...]) -> Value:
        found = [v for v in self.values if v.dtype is bool_ and v.shape in ((), shape)]
        return self.choose(found) if found else self.constant(bool_)

    def select(self) -> None:
        x = self.pick()
        self.add(
            "select", self.condition(x.shape), *self.either_way(x, self.partner(x))
        )

    def astype(self) -> None:
        x = self.pick()
        dtype = self.choose(DTYPES)
        if x.dtype.is_float and dtype.is_integer:
            # What does not fit depends on the machine.
            x = self.small_integers(x)
            if dtype.kind == "u":
                x = self.add("abs", x)
        self.add("astype", x, dtype=dtype)

    def is_nan(self) -> None:
        x = self.pick(lambda v: v.dtype.is_float)
        if self.integer(0, 3) == 0:
            self.add("ldexp", x, self.add("exponent", x))
        self.add(self.choose(("is_nan", "signbit")), x)

    def small_integers(self, x: Value) -> Value:
        """Numbers from -2 to 2, so that sums of products are exact; nan is 0."""
        if not x.dtype.is_float:
            return x
        low, high, zero = (self.builder.constant(n, x.dtype) for n in (-2, 2, 0))
        bounded = self.add("minimum", self.add("maximum", x, low), high)
        rounded = self.add("floor", bounded)
        return self.add("select", self.add("is_nan", rounded), zero, rounded)

    def reduction(self) -> None:
        x = self.pick()
        axes = tuple(a for a in range(len(x.shape)) if self.integer(0, 1))
        ops = (
            ("any", "all", "min", "max")
            if x.dtype is bool_
            else ("sum", "prod", "min", "max")
        )
        keepdims = bool(self.integer(0, 1))
        self.add(self.choose(ops), x, axes=axes, keepdims=keepdims)

    def along_axis(self) -> None:
        x = self.pick(lambda v: len(v.shape) > 0 or v.is_op("const"))
        if not x.shape:
            x = self.add("broadcast_to", x, shape=(2,))
        axis = self.integer(0, len(x.shape) - 1)
        kind = self.integer(0, 3)
        if kind == 0:
            ordered = self.add("sort", x, axis=axis)
            if len(x.shape) == 1:
                side = self.choose(("left", "right"))
                self.add("searchsorted", ordered, x, side=side, batch_axes=0)
            self.add(self.choose(("argsort", "cummax", "cummin")), x, axis=axis)
        elif kind == 1 and x.dtype is not bool_:
            self.add(self.choose(("cumsum", "cumprod")), x, axis=axis)
        elif kind == 2 and x.dtype is not bool_:
            self.add("recurrence", x, x, axis=axis)
        elif self.length(x.shape[axis]) > 0:
            op = self.choose(("argmax", "argmin"))
            self.add(op, x, axis=axis, keepdims=bool(self.integer(0, 1)))

    def reshape(self) -> None:
        x = self.pick()
        shape = list(x.shape)
        kind = self.integer(0, 2)
        if kind == 0:
            shape = [x.tensor.size]
        elif kind == 1:
            shape.insert(self.integer(0, len(shape)), 1)
        else:
            shape = [size for size in shape if size != 1]
        if len(shape) <= 4:
            self.add("reshape", x, shape=tuple(shape))

    def transpose(self) -> None:
        x = self.pick()
        axes = list(range(len(x.shape)))
        order = [axes.pop(self.integer(0, len(axes) - 1)) for _ in range(len(axes))]
        self.add("transpose", x, permutation=tuple(order))

    def broadcast(self) -> None:
        x = self.pick(lambda v: len(v.shape) < 3)
        shape = [self.size() if size == 1 else size for size in x.shape]
        if self.integer(0, 1):
            shape.insert(0, self.size())
        self.add("broadcast_to", x, shape=tuple(shape))

    def size(self) -> Size:
        # Those that are born in a region are known there alone.
        names = [name for name in self.builder.facts.order if name in self.sizes]
        sizes: list[Size] = [1, 2, 3, *map(symbol, names)]
        size = self.builder.facts.normalize(self.choose(sizes))
        return size if 0 <= self.length(size) <= 4 else 2

    def concatenate(self) -> None:
        x = self.pick(lambda v: len(v.shape) > 0 or v.is_op("const"))
        if not x.shape:
            x = self.add("reshape", x, shape=(1,))
        axis = self.integer(0, len(x.shape) - 1)

        def fits(y: Value) -> bool:
            return (
                y.dtype is x.dtype
                and len(y.shape) == len(x.shape)
                and all(
                    a == b
                    for i, (a, b) in enumerate(zip(x.shape, y.shape, strict=True))
                    if i != axis
                )
            )

        found = [value for value in self.values if fits(value)]
        parts = [self.choose(found) for _ in range(self.integer(1, 3))]
        self.add("concatenate", *parts, axis=axis)

    def pad(self) -> None:
        x = self.pick()
        low, high = (
            tuple(self.integer(0, 1) for _ in x.shape) for _ in ("low", "high")
        )
        self.add("pad", x, self.constant(x.dtype), low=low, high=high)

    def slice_of(
        self, x: Value, *, repeats: bool = True
    ) -> dict[str, tuple[Size, ...]]:
        """Attributes of a slice that fits; it may repeat an element."""
        start: list[Size] = []
        step: list[Size] = []
        size: list[Size] = []
        for whole in x.shape:
            length = self.length(whole)
            kind = self.integer(0, 4)
            if kind == 0 and length:
                start, step, size = [*start, whole - 1], [*step, -1], [*size, whole]
            elif kind == 1 and length:
                start, step, size = [*start, 1], [*step, 1], [*size, whole - 1]
            elif kind == 2 and length > 2:
                start, step, size = [*start, 0], [*step, 2], [*size, 2]
            elif kind == 3 and length:
                count = self.integer(1, 2) if repeats else 1
                start, step, size = [*start, whole - 1], [*step, 0], [*size, count]
            else:
                start, step, size = [*start, 0], [*step, 1], [*size, whole]
        return {"start": tuple(start), "step": tuple(step), "size": tuple(size)}

    def slice(self) -> None:
        x = self.pick()
        self.add("slice", x, **self.slice_of(x))

    def update_slice(self) -> None:
        x = self.pick()
        attributes = self.slice_of(x, repeats=False)
        if self.integer(0, 2) == 0:
            y = self.add("slice", x, **attributes)
        else:
            y = self.constant(x.dtype)
            y = self.add("broadcast_to", y, shape=attributes["size"])
        updated = self.add("update_slice", x, y, **attributes)
        if self.integer(0, 1):
            self.add("slice", updated, **attributes)

    def indexing(self) -> None:
        x = self.pick(lambda v: len(v.shape) > 0 or v.is_op("const"))
        if not x.shape:
            x = self.add("reshape", x, shape=(1,))
        axis = self.integer(0, len(x.shape) - 1)
        if self.length(x.shape[axis]) == 0:
            return
        raw = self.pick(lambda v: v.dtype.is_integer and len(v.shape) < 3)
        wide = self.add("astype", raw, dtype=i64)
        size = self.add("dim", size=x.shape[axis])
        index = self.add("remainder", wide, size)
        if self.integer(0, 1):
            index = self.add("sub", index, size)  # negative: from the end
        kind = self.integer(0, 2)
        taken = self.add("gather", x, index, axes=(axis,))
        if kind == 1:
            self.add("scatter", x, taken, index, axes=(axis,))
        elif kind == 2 and x.dtype is not bool_:
            whole, part = self.small_integers(x), self.small_integers(taken)
            self.add("scatter_add", whole, part, index, axes=(axis,))
            op = self.choose(("scatter_max", "scatter_min"))
            self.add(op, x, taken, index, axes=(axis,))

    def create(self) -> None:
        kind = self.integer(0, 3)
        dtype = self.choose(DTYPES)
        if kind == 0:
            self.add("dim", size=self.size())
        elif kind == 1:
            shape = tuple(self.integer(0, 3) for _ in range(self.integer(0, 2)))
            self.values.append(self.constant(dtype, shape))
        elif kind == 2:
            self.values.append(self.constant(dtype))
        elif dtype is not bool_:
            shape = tuple(self.size() for _ in range(self.integer(1, 2)))
            axis = self.integer(0, len(shape) - 1)
            self.add("iota", shape=shape, axis=axis, dtype=dtype)

    def contract(self) -> None:
        x = self.pick(lambda v: v.dtype is not bool_ and len(v.shape) < 4)
        x = self.small_integers(x)
        letters = "ijkl"[: len(x.shape)]
        operands, inputs = [x], [letters]
        if self.integer(0, 1):
            other = self.pick(lambda v: v.dtype is not bool_ and len(v.shape) < 3)
            other = self.add("astype", self.small_integers(other), dtype=x.dtype)
            sizes = dict(zip(letters, x.shape, strict=True))
            named = ""
            for number, size in enumerate(other.shape):
                shared = [c for c in letters if sizes[c] == size and c not in named]
                named += self.choose(shared) if shared else "mn"[number]
            operands, inputs = [x, other], [letters, named]
        known = "".join(dict.fromkeys("".join(inputs)))
        output = "".join(c for c in known if self.integer(0, 1))[:3]
        if self.integer(0, 1):
            output = output[::-1]
        spec = f"{','.join(inputs)}->{output}"
        result = self.add("contract", *operands, spec=spec)
        # A sum of nothing but -0.0 is 0.0 in one order and -0.0 in another.
        self.add("add", result, self.builder.constant(0, x.dtype))

    def convolution(self) -> None:
        x = self.pick(lambda v: v.dtype.is_float and len(v.shape) < 2)
        size = x.tensor.size
        if self.length(size) == 0:
            return
        x = self.add("reshape", self.small_integers(x), shape=(1, 1, size))
        ones = self.builder.constant(np.ones((2, 1, 2)), x.dtype)
        self.add(
            "convolution", x, ones,
            stride=(self.integer(1, 2),), low=(1,), high=(1,), dilation=(1,), groups=1,
            partial=self.integer(0, 1) == 1,
        )  # fmt: skip
