"""Nested arrays of the traced program, taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.host_numbers import HostNumber
from penstock.frontend.lift import as_array, convert, kind_of
from penstock.frontend.tracer import Tracer
from penstock.ir.errors import DtypeError, ShapeError, StructureError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import TensorType
from penstock.runtime.pytree import Structure, flatten, unflatten

__all__ = [
    "Arguments",
    "Leaves",
    "Mixed",
    "argument_name",
    "as_type",
    "directions",
    "is_array",
    "is_setting",
    "with_values",
    "zeros",
]


class Leaves:
    """Nested arrays of the traced program, taken apart.

    Attributes:
        leaves: as they are.
        arrays: the leaves as arrays.
        structure: what they were in.
        weak: which leaves are numbers of Python.
    """

    def __init__(self, tracer: Tracer, tree: Any) -> None:
        self.tracer = tracer
        self.leaves, self.structure = flatten(tracer.plain(tree))
        self.arrays = [as_array(tracer, leaf) for leaf in self.leaves]
        # Python's numbers take the dtype of what they meet.
        self.weak = [kind_of(leaf) in (int, float) for leaf in self.leaves]

    @property
    def values(self) -> list[Value]:
        """The Values that the leaves have now."""
        return [array.value for array in self.arrays]

    @property
    def types(self) -> list[TensorType]:
        """The leaves' types."""
        return [self.tracer.type_of(value) for value in self.values]

    def with_values(self, values: Sequence[Value]) -> Any:
        """Others in the same structure."""
        return with_values(self.tracer, self.structure, values)


class Arguments(Leaves):
    """Nested arrays to differentiate by, and settings such as strings among them.

    Attributes:
        places: which of all leaves are arrays; ``leaves`` are these alone.

    Raises:
        DtypeError: one is not of floats.
    """

    def __init__(self, tracer: Tracer, tree: tuple[Any, ...]) -> None:
        self.tracer = tracer
        self._all, self.structure = flatten(tracer.plain(tree))
        # Where a whole argument is one, there is nothing to differentiate by.
        alone = [child.kind == "leaf" for child in self.structure.children
                 for _ in range(child.leaf_count)]  # fmt: skip
        self.places = [
            i for i, leaf in enumerate(self._all) if alone[i] or not is_setting(leaf)
        ]
        # A number of Python that is a whole argument counts as a float64; what nests
        # may as well be a size, so that its integers are errors.
        self.leaves = [self._all[i] for i in self.places]
        for at, (place, leaf) in enumerate(zip(self.places, self.leaves, strict=True)):
            if alone[place] and _is_number(leaf) and kind_of(leaf) is int:
                self.leaves[at] = as_array(tracer, leaf).astype(np.float64)
        paths = self.structure.paths()
        for place, leaf in zip(self.places, self.leaves, strict=True):
            have = type(leaf).__name__
            if is_array(leaf) or _is_number(leaf):
                type_ = as_array(tracer, leaf).tensor
                if type_.dtype.is_float:
                    continue
                have = str(type_)
            raise DtypeError(
                user_location(),
                f"{argument_name(paths[place])} is {have}, which has no derivative",
                code="derivative-dtype",
                hint="choose floating arguments with argnums, or convert them "
                "with x.astype(float)",
            )
        self.arrays = [as_array(tracer, leaf) for leaf in self.leaves]

    def with_arrays(self, arrays: Sequence[Any]) -> Any:
        """Other arrays in the same structure, beside the same settings."""
        leaves = list(self._all)
        for place, array in zip(self.places, arrays, strict=True):
            leaves[place] = array
        return unflatten(self.structure, leaves)

    def with_values(self, values: Sequence[Value]) -> Any:
        """Other Values in the same structure, beside the same settings."""
        return self.with_arrays([wrap(self.tracer, value) for value in values])


def argument_name(path: str) -> str:
    """What messages call a leaf of a tuple of arguments: ``argument 0['w']``."""
    number, _, rest = path[1:].partition("]")
    return f"argument {number}{rest}"


class Mixed:
    """Nested data of which only arrays belong to the graph.

    Numbers of Python, strings and the like stay what they are.

    Attributes:
        structure: how the data nests.
        leaves: all leaves.
        places: which of them are arrays.
        arrays: these.
    """

    def __init__(self, tracer: Tracer, tree: Any) -> None:
        self.tracer = tracer
        self.leaves, self.structure = flatten(tracer.plain(tree))
        self.places = [i for i, leaf in enumerate(self.leaves) if is_array(leaf)]
        self.arrays = [as_array(tracer, self.leaves[i]) for i in self.places]

    @property
    def values(self) -> list[Value]:
        """The arrays as Values."""
        return [array.value for array in self.arrays]

    @property
    def types(self) -> list[TensorType]:
        """The types of the arrays."""
        return [self.tracer.type_of(value) for value in self.values]

    @property
    def float_types(self) -> list[TensorType]:
        """Those that have tangents."""
        return [type_ for type_ in self.types if type_.dtype.is_float]

    def with_arrays(self, arrays: Sequence[Any]) -> Any:
        """The data with other arrays."""
        leaves = list(self.leaves)
        for place, array in zip(self.places, arrays, strict=True):
            leaves[place] = array
        return unflatten(self.structure, leaves)

    def tangents(self, given: Sequence[Any]) -> Any:
        """Tangents nested as the data: as given of floats, zeros of the others."""
        rest = iter(given)
        leaves: list[Any] = [_zero_of(leaf) for leaf in self.leaves]
        for place, type_ in zip(self.places, self.types, strict=True):
            leaves[place] = (
                next(rest)
                if type_.dtype.is_float
                else wrap(self.tracer, zeros(self.tracer, type_))
            )
        return unflatten(self.structure, leaves)


def _zero_of(leaf: Any) -> float | None:
    """The tangent of what is no array: that of a number of Python is one too."""
    if not _is_number(leaf):
        return None
    return 0.0 if kind_of(leaf) is float else 0


def _is_number(leaf: Any) -> bool:
    return type(leaf) in (int, float) or issubclass(type(leaf), HostNumber)


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array or a NumPy scalar, traced or not."""
    return issubclass(type(leaf), (TracedArray, np.ndarray, np.generic)) or hasattr(
        type(leaf), "__array__"
    )


def is_setting(leaf: Any) -> bool:
    """Whether a leaf says how to compute, and is nothing to compute with."""
    return isinstance(leaf, (str, bytes, Enum, np.dtype))


def with_values(tracer: Tracer, structure: Structure, values: Sequence[Value]) -> Any:
    """Nested handles on these Values."""
    return unflatten(structure, [wrap(tracer, value) for value in values])


def directions(
    tracer: Tracer, tree: Any, structure: Structure, types: Sequence[TensorType],
    what: str, each: Callable[[str], str], places: Sequence[int] | None = None,
) -> list[Value]:  # fmt: skip
    """Tangents or cotangents, which must be as what they belong to.

    Args:
        tracer: the trace.
        tree: them, nested.
        structure: how they must nest.
        types: of what they belong to.
        what: the noun for one of them.
        each: what one is called, from its path.
        places: which of the leaves they are; by default all.

    Raises:
        StructureError: they are nested otherwise.
        ShapeError: one has another shape.
        DtypeError: one has a dtype that does not fit.
    """
    leaves, have = flatten(tracer.plain(tree))
    if have != structure:
        raise StructureError(
            user_location(),
            f"the {what}s are {have!r}, but must be {structure!r}",
            code="direction-structure",
            hint="give one for each array, nested in the same way",
        )
    paths = structure.paths()
    places = range(len(leaves)) if places is None else places
    return [
        as_type(tracer, each(paths[place]), leaves[place], type_)
        for place, type_ in zip(places, types, strict=True)
    ]


def as_type(tracer: Tracer, what: str, leaf: Any, type_: TensorType) -> Value:
    """An array as a Value of a type that it must have.

    Numbers of Python, and arrays of lower precision, are converted.

    Raises:
        ShapeError: it has another shape.
        DtypeError: it has a dtype that does not fit.
    """
    value = as_array(tracer, leaf).value
    own = tracer.type_of(value)
    if own.rank != type_.rank or not all(
        tracer.ask(left, "==", right)
        for left, right in zip(own.shape, type_.shape, strict=True)
    ):
        sizes = tracer.sizes_text((*own.shape, *type_.shape))
        raise ShapeError(
            user_location(),
            f"the {what} is {own}, but must be {type_}{sizes and f' ({sizes})'}",
            code="direction-shape",
            hint="it has the shape of what it belongs to",
        )
    is_number = kind_of(leaf) in (int, float)
    if not is_number and not np.can_cast(own.dtype.numpy, type_.dtype.numpy):
        raise DtypeError(
            user_location(),
            f"the {what} is {own}, but must be {type_}",
            code="direction-dtype",
            hint=f"convert it: x.astype(np.{type_.dtype.numpy.name})",
        )
    return convert(tracer, value, type_.dtype)


def zeros(tracer: Tracer, type_: TensorType) -> Value:
    """Zeros of a type."""
    zero = tracer.constant(0, type_.dtype)
    return tracer.emit("broadcast_to", zero, shape=type_.shape)
