"""Sums of products: matrix products, ``einsum``, convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.frontend.broadcasting import broadcast_shape, require_equal
from penstock.frontend.handles import TracedArray, fresh, wrap
from penstock.frontend.lift import as_array, convert, find_tracer
from penstock.frontend.numpy_functions.arguments import (
    arrays_of,
    deliver,
    integer_argument,
    normalize_axis,
    numpy,
)
from penstock.frontend.numpy_functions.shaping import view_of
from penstock.frontend.promotion import (
    as_dtype,
    check_cast,
    loop_dtypes,
    result_dtype,
)
from penstock.frontend.refusals import bad_value
from penstock.frontend.tracer import Tracer
from penstock.frontend.views import DiagonalStep
from penstock.ir.dims import Size
from penstock.ir.errors import ShapeError, UnsupportedError
from penstock.ir.location import user_location
from penstock.ir.types import Dtype, bool_, u8

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contract(
    tracer: Tracer, spec: str, parts: list[TracedArray], dtype: Dtype
) -> TracedArray:
    """A contraction in a dtype; bools count, and any count is True.

    The sizes that a letter stands for are guarded to be equal.
    """
    sizes: dict[str, Size] = {}
    for letters, part in zip(spec.partition("->")[0].split(","), parts, strict=True):
        for letter, size in zip(letters, part.sizes, strict=True):
            if sizes.setdefault(letter, size) != size:
                operands = " and ".join(str(part.tensor) for part in parts)
                require_equal(
                    tracer, f"product of {operands}", sizes[letter], size,
                    "sizes that are multiplied and summed must be equal",
                )  # fmt: skip
    if dtype is bool_:
        counted = [as_array(tracer, part, u8) for part in parts]
        # One of 256 products could wrap around to zero, so sum as 64-bit numbers.
        from penstock.ir.types import i64

        values = [convert(tracer, part.value, i64) for part in counted]
        total = tracer.emit("contract", *values, spec=spec)
        found: TracedArray = wrap(tracer, total) != 0
        return found
    values = [convert(tracer, part.value, dtype) for part in parts]
    return wrap(tracer, tracer.emit("contract", *values, spec=spec))


def _common(parts: list[TracedArray]) -> Dtype:
    return result_dtype([part.kind for part in parts])


def _product_dtype(name: str, a: Dtype, b: Dtype) -> Dtype:
    """The dtype of a ufunc's product; of two bf16 it is bf16 too, not NumPy's f32."""
    return a if a is b else loop_dtypes(getattr(np, name), (a, b))[0]


def call_gufunc(
    tracer: Tracer,
    ufunc: np.ufunc,
    inputs: tuple[Any, ...],
    out: Any,
    dtype: Any,
    casting: str,
    signature: Any,
) -> Any:
    """Call a ufunc that works on whole axes: ``matmul`` and its kin."""
    known: dict[str, Any] = {
        "matmul": matmul, "vecdot": vecdot, "matvec": matvec, "vecmat": vecmat,
    }  # fmt: skip
    found = known.get(ufunc.__name__)
    if found is None:
        raise UnsupportedError(
            user_location(),
            f"numpy.{ufunc.__name__} is not supported",
            code="unsupported-function",
        )
    parts = [as_array(tracer, operand) for operand in inputs]
    kinds = tuple(part.kind for part in parts)
    loop: Sequence[Dtype] = kinds
    # Of one dtype it stays that, bf16 too, of which NumPy makes f32.
    if dtype is not None or signature is not None or len(set(kinds)) > 1:
        loop = loop_dtypes(ufunc, kinds, dtype, casting, signature)
    parts = [
        as_array(tracer, part, kind)
        for part, kind in zip(parts, loop[: ufunc.nin], strict=True)
    ]
    if isinstance(out, tuple):
        out = out[0]
    return deliver(ufunc.__name__, found(*parts), out, casting)


def matmul(x1: Any, x2: Any) -> Any:
    """``np.matmul``."""
    a, b = arrays_of([x1, x2])
    if not a.sizes or not b.sizes:
        raise bad_value(
            f"matmul: cannot multiply {a.tensor} with {b.tensor}: a scalar has no axis",
            hint="multiply by scalars with *",
        )
    row = len(a.sizes) == 1
    column = len(b.sizes) == 1
    return _batched(a, b, "k" if row else "mk", "k" if column else "kn", "matmul")


def vecdot(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    """``np.vecdot``."""
    a, b = arrays_of([x1, x2])
    if axis != -1:
        a, b = numpy.moveaxis(a, axis, -1), numpy.moveaxis(b, axis, -1)
    return _batched(a, b, "k", "k", "vecdot")


def matvec(x1: Any, x2: Any) -> Any:
    """``np.matvec``."""
    a, b = arrays_of([x1, x2])
    return _batched(a, b, "mk", "k", "matvec")


def vecmat(x1: Any, x2: Any) -> Any:
    """``np.vecmat``."""
    a, b = arrays_of([x1, x2])
    return _batched(a, b, "k", "kn", "vecmat")


def _batched(
    a: TracedArray, b: TracedArray, own: str, other: str, name: str
) -> TracedArray:
    """A product of the last axes, lettered; the axes before them broadcast."""
    tracer = a.tracer
    left, right = len(a.sizes) - len(own), len(b.sizes) - len(other)
    if left < 0 or right < 0:
        raise bad_value(
            f"{name}: {a.tensor} and {b.tensor} have too few axes",
            hint="matrices need two axes and vectors one: x[None] adds an axis",
        )
    shared_left = a.sizes[left:][own.index("k")]
    shared_right = b.sizes[right:][other.index("k")]
    if tracer.normalize(shared_left) != tracer.normalize(shared_right) and not (
        tracer.ask(shared_left, "==", shared_right)
    ):
        numbers = tracer.sizes_text((*a.sizes, *b.sizes))
        raise ShapeError(
            user_location(),
            f"{name}: cannot multiply {a.tensor} with {b.tensor}"
            + (f", where {numbers}" if numbers else ""),
            code="matmul",
            hint="the last size of the first must be the last but one of the second",
        )
    batch = broadcast_shape(tracer, name, [a.sizes[:left], b.sizes[:right]])
    rank = len(batch)
    free = [c for c in _LETTERS if c not in "kmn"]
    common = "".join(free[:rank])

    def lettered(x: TracedArray, count: int) -> tuple[TracedArray, str]:
        """An operand without axes of size 1 that the other repeats."""
        sizes = x.sizes[:count]
        letters = common[rank - count :]
        full = tuple(map(tracer.normalize, batch[rank - count :]))
        dropped = [
            i for i, (s, t) in enumerate(zip(sizes, full, strict=True)) if s == 1 != t
        ]
        if dropped:
            shape = tuple(s for i, s in enumerate(x.sizes) if i not in dropped)
            x = fresh(tracer, tracer.emit("reshape", x.value, shape=shape))
            letters = "".join(c for i, c in enumerate(letters) if i not in dropped)
        return x, letters

    a, left_letters = lettered(a, left)
    b, right_letters = lettered(b, right)
    result = common + (own + other).replace("k", "")
    spec = f"{left_letters}{own},{right_letters}{other}->{result}"
    return contract(tracer, spec, [a, b], _product_dtype(name, a.kind, b.kind))


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """``np.dot``."""
    x, y = arrays_of([a, b])
    if not x.sizes or not y.sizes:
        return deliver("dot", numpy.multiply(x, y), out)
    rows = _LETTERS[: len(x.sizes) - 1]
    columns = _LETTERS[26 : 26 + len(y.sizes) - 1]
    last = "z"
    right = columns[:-1] + last + columns[-1:] if len(y.sizes) > 1 else last
    spec = f"{rows}{last},{right}->{rows}{columns}"
    return deliver("dot", contract(x.tracer, spec, [x, y], _common([x, y])), out)


def vdot(a: Any, b: Any, /) -> Any:
    """``np.vdot``."""
    x, y = arrays_of([a, b])
    return dot(x.reshape(-1), y.reshape(-1))


def inner(a: Any, b: Any, /) -> Any:
    """``np.inner``."""
    x, y = arrays_of([a, b])
    if not x.sizes or not y.sizes:
        return numpy.multiply(x, y)
    rows = _LETTERS[: len(x.sizes) - 1]
    columns = _LETTERS[26 : 26 + len(y.sizes) - 1]
    spec = f"{rows}z,{columns}z->{rows}{columns}"
    return contract(x.tracer, spec, [x, y], _common([x, y]))


def outer(a: Any, b: Any, out: Any = None) -> Any:
    """``np.outer``."""
    x, y = (part.reshape(-1) for part in arrays_of([a, b]))
    return deliver("outer", x[:, None] * y[None, :], out)


def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """``np.linalg.outer``."""
    x, y = arrays_of([x1, x2])
    if len(x.sizes) != 1 or len(y.sizes) != 1:
        raise bad_value(
            f"outer: {x.tensor} and {y.tensor} must have one axis",
            hint="flatten them: x.ravel()",
        )
    return outer(x, y)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``np.tensordot``."""
    x, y = arrays_of([a, b])
    if isinstance(axes, (tuple, list)):
        left, right = (
            [*part] if isinstance(part, (tuple, list)) else [part] for part in axes
        )
    else:
        count = integer_argument(axes, "axes= of tensordot")
        left = [*range(len(x.sizes) - count, len(x.sizes))]
        right = [*range(count)]
    left = [normalize_axis(axis, len(x.sizes)) for axis in left]
    right = [normalize_axis(axis, len(y.sizes)) for axis in right]
    if len(left) != len(right):
        raise bad_value(
            f"tensordot: axes {axes} do not pair up",
            hint="name as many axes of the second array as of the first",
        )
    first = [*_LETTERS[: len(x.sizes)]]
    second = [*_LETTERS[26 : 26 + len(y.sizes)]]
    for own, other in zip(left, right, strict=True):
        second[other] = first[own]
    kept = [c for i, c in enumerate(first) if i not in left]
    kept += [c for i, c in enumerate(second) if i not in right]
    spec = f"{''.join(first)},{''.join(second)}->{''.join(kept)}"
    return contract(x.tracer, spec, [x, y], _common([x, y]))


def kron(a: Any, b: Any) -> Any:
    """``np.kron``."""
    x, y = arrays_of([a, b])
    rank = max(len(x.sizes), len(y.sizes))
    xs, ys = ((1,) * (rank - len(p.sizes)) + p.shape for p in (x, y))
    left = x.reshape(tuple(size for s in xs for size in (s, 1)))
    right = y.reshape(tuple(size for s in ys for size in (1, s)))
    product = left * right
    return product.reshape(tuple(s * t for s, t in zip(xs, ys, strict=True)))


def trace(
    a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None,
    out: Any = None,
) -> Any:  # fmt: skip
    """``np.trace``."""
    return numpy.diagonal(a, offset, axis1, axis2).sum(-1, dtype=dtype, out=out)


def cross(
    a: Any, b: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None
) -> Any:
    """``np.cross`` of vectors of three elements, or of two with a third that is 0."""
    x, y = arrays_of([a, b])
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = numpy.moveaxis(x, axisa, -1), numpy.moveaxis(y, axisb, -1)
    for part in (x, y):
        sizes = part.sizes
        if not part.tracer.ask(sizes[-1], "==", 3) and (
            not part.tracer.ask(sizes[-1], "==", 2)
        ):
            raise bad_value(
                f"cross: {part.tensor} does not hold vectors of 2 or 3 elements",
                hint="name the axis along which the vectors lie: axis=0",
            )

    def product(i: int, j: int) -> Any:
        there = i < x.sizes[-1] and j < y.sizes[-1]
        return x[..., i] * y[..., j] if there else None

    def minor(i: int, j: int) -> Any:
        left, right = product(i, j), product(j, i)
        if left is None:
            return -right
        return left if right is None else left - right

    if x.sizes[-1] == y.sizes[-1] == 2:
        return fresh(x.tracer, minor(0, 1).value)
    return numpy.stack([minor(1, 2), minor(2, 0), minor(0, 1)], axis=axisc)


def linalg_cross(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    """``np.linalg.cross``, of vectors of three elements alone."""
    parts = arrays_of([x1, x2])
    for part in parts:
        place = normalize_axis(axis, len(part.sizes))
        if not part.tracer.ask(part.sizes[place], "==", 3):
            raise bad_value(
                f"cross: {part.tensor} does not hold vectors of 3 elements",
                hint="name the axis along which the vectors lie: axis=0",
            )
    return cross(x1, x2, axis=axis)


def einsum(
    *operands: Any, out: Any = None, dtype: Any = None, order: str = "K",
    casting: str = "safe", optimize: Any = True,
) -> Any:  # fmt: skip
    """``np.einsum``; the order of products is chosen by opt_einsum."""
    spec, parts = _einsum_arguments(operands)
    tracer = find_tracer(parts)
    arrays = [as_array(tracer, part) for part in parts]
    inputs, output = _complete_spec(spec, [len(array.sizes) for array in arrays])
    for array, letters in zip(arrays, inputs, strict=True):
        _check_diagonals(array, letters)
    if len(arrays) == 1 and set(inputs[0]) == set(output) and out is None:
        # NumPy leaves dtype= unheeded here.
        view = _einsum_view(arrays[0], inputs[0], output)
        return view if output else wrap(tracer, view.value)
    if dtype is None:
        # NumPy counts an array for the result among those that it takes.
        takes_part = isinstance(out, TracedArray)
        common = _common([*arrays, out] if takes_part else arrays)
    else:
        common = as_dtype(dtype)
    for array in arrays:
        check_cast(array.kind, common, casting, "einsum")
    arrays = [as_array(tracer, array, common) for array in arrays]
    arrays, inputs = _drop_repeated_sizes(tracer, arrays, inputs)
    if len(arrays) <= 2:
        result = contract(tracer, f"{','.join(inputs)}->{output}", arrays, common)
    else:
        result = _einsum_path(tracer, arrays, inputs, output, common)
    return deliver("einsum", result, out, casting)


def _check_diagonals(x: TracedArray, letters: str) -> None:
    """Guard that axes of one letter are of one size: within an operand none repeats."""
    for i, letter in enumerate(letters):
        require_equal(
            x.tracer, "einsum", x.sizes[letters.index(letter)], x.sizes[i],
            f"the axes {letter!r} of one operand must be of one size",
        )  # fmt: skip


def _einsum_view(x: TracedArray, letters: str, output: str) -> Any:
    """What ``einsum`` gives where nothing is summed: a view that can be written."""
    while repeated := [c for c in letters if letters.count(c) > 1]:
        letter = repeated[0]
        first = letters.index(letter)
        second = letters.index(letter, first + 1)
        x = numpy.moveaxis(x, (first, second), (-2, -1))
        x = view_of(x, DiagonalStep(writable=True), x.sizes[:-1])
        rest = letters[:first] + letters[first + 1 : second] + letters[second + 1 :]
        letters = rest + letter
    return numpy.transpose(x, [letters.index(letter) for letter in output])


def _einsum_arguments(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The subscripts as a string, from either way of giving them."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), [*operands[1:]]
    parts = [*operands[: len(operands) - len(operands) % 2 : 2]]
    lists = [*operands[1::2]]

    def lettered(axes: Any) -> str:
        return "".join("..." if a is Ellipsis else _LETTERS[a] for a in axes)

    spec = ",".join(map(lettered, lists))
    if len(operands) % 2:
        spec += "->" + lettered(operands[-1])
    return spec, parts


def _complete_spec(spec: str, ranks: list[int]) -> tuple[list[str], str]:
    """Letters for every axis of operands and result, an ellipsis written out."""
    left, arrow, output = spec.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise bad_value(
            f"einsum: {spec!r} does not letter {len(ranks)} operands",
            hint="letter each operand, with commas between: 'ij,jk->ik'",
        )
    free = [letter for letter in _LETTERS if letter not in spec]
    longest = 0
    for position, (letters, rank) in enumerate(zip(inputs, ranks, strict=True)):
        named = letters.replace("...", "")
        hidden = rank - len(named)
        known = set(named) <= {*_LETTERS} and hidden >= 0
        if not known or (hidden and "..." not in letters):
            raise bad_value(
                f"einsum: {letters!r} does not letter an operand of {rank} axes",
                hint="give each axis a letter, or write ... for several",
            )
        longest = max(longest, hidden if "..." in letters else 0)
        inputs[position] = letters.replace("...", "".join(free[:hidden][::-1]))
    every = "".join(free[:longest][::-1])
    # NumPy sums over no axes that an ellipsis stands for.
    is_whole = not (arrow and every) or "..." in output
    if arrow:
        output = output.replace("...", every)
    else:
        joined = "".join(inputs)
        once = sorted(c for c in set(joined) if joined.count(c) == 1 and c not in every)
        output = every + "".join(once)
    is_named = all(letter in "".join(inputs) for letter in output)
    if not is_whole or not is_named or len(set(output)) < len(output):
        raise bad_value(
            f"einsum: {spec!r} has no such result",
            hint="name each letter once, of those that operands have, and their ...",
        )
    return inputs, output


def _drop_repeated_sizes(
    tracer: Tracer, arrays: list[TracedArray], inputs: list[str]
) -> tuple[list[TracedArray], list[str]]:
    """Axes of size 1 that another operand's letter repeats are taken out."""
    largest: dict[str, Size] = {}
    for array, letters in zip(arrays, inputs, strict=True):
        for letter, size in zip(letters, array.sizes, strict=True):
            if tracer.number(size) != 1 or letter not in largest:
                largest[letter] = size
    found, kept = [], []
    for array, letters in zip(arrays, inputs, strict=True):
        thin = [
            i
            for i, (c, size) in enumerate(zip(letters, array.sizes, strict=True))
            if tracer.number(size) == 1 != tracer.number(largest[c])
            and tracer.ask(size, "==", 1)
        ]
        if thin:
            shape = tuple(s for i, s in enumerate(array.sizes) if i not in thin)
            array = fresh(tracer, tracer.emit("reshape", array.value, shape=shape))
            letters = "".join(c for i, c in enumerate(letters) if i not in thin)
        found.append(array)
        kept.append(letters)
    return found, kept


def _einsum_path(
    tracer: Tracer,
    arrays: list[TracedArray],
    inputs: list[str],
    output: str,
    dtype: Dtype,
) -> TracedArray:
    """Products of two at a time, in the order that opt_einsum finds cheapest."""
    import opt_einsum

    shapes = [tuple(map(tracer.number, array.sizes)) for array in arrays]
    path, _ = opt_einsum.contract_path(
        f"{','.join(inputs)}->{output}", *shapes, shapes=True, optimize="auto"
    )
    arrays, inputs = [*arrays], [*inputs]
    for pair in path:
        taken = [(arrays.pop(i), inputs.pop(i)) for i in sorted(pair, reverse=True)]
        while len(taken) > 1:
            (a, left), (b, right) = taken.pop(), taken.pop()
            later = set(output).union(*inputs, *(letters for _, letters in taken))
            kept = "".join(c for c in dict.fromkeys(left + right) if c in later)
            if not arrays and not taken:
                kept = output
            product = contract(tracer, f"{left},{right}->{kept}", [a, b], dtype)
            taken.append((product, kept))
        arrays.append(taken[0][0])
        inputs.append(taken[0][1])
    if inputs[0] != output:
        return contract(tracer, f"{inputs[0]}->{output}", arrays, dtype)
    return arrays[0]
