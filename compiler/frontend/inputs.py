"""The inputs of a graph: each leaf of a call as the traced program sees it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from penstock.frontend.cells import Cell
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostInteger
from penstock.frontend.host_reals import HostReal
from penstock.frontend.static import StaticEntries
from penstock.frontend.tracer import Tracer
from penstock.ir.errors import StructureError, UnsupportedError
from penstock.ir.graph.value import Value
from penstock.ir.location import Location
from penstock.ir.reals import Real
from penstock.ir.text import RESERVED_WORDS
from penstock.ir.types import TensorType, dtype_of, f64
from penstock.ir.wording import with_article
from penstock.runtime.leaves import (
    ArrayLeaf,
    IntegerLeaf,
    KeyLeaf,
    Leaf,
    RealLeaf,
    leaf_of,
    own_array_class,
)

__all__ = ["Inputs", "refuse_own_class"]

_NOT_A_WORD = re.compile(r"\W+", re.ASCII)


class Inputs:
    """Makes inputs, and remembers them in order.

    Attributes:
        leaves: what each leaf must be for the variant to serve it.
        parameters: the arrays and floats among them, as Values.
        integers: the symbols that are integers among them.
        positions: the leaf that each parameter is.
        static: what is fixed among them.
    """

    def __init__(self, tracer: Tracer, static: Collection[Any] = ()) -> None:
        self.tracer = tracer
        self.static = StaticEntries(static)
        self.leaves: list[Leaf] = []
        self.parameters: list[Value] = []
        self.integers: list[str] = []
        self.positions: dict[Value, int] = {}

    def add(
        self, value: Any, name: str, owner: str, loc: Location | None = None
    ) -> Any:
        """A further leaf.

        Args:
            value: the normalized leaf.
            name: what messages call it: ``params['w']``.
            owner: the same with its role: ``argument x``, ``global W``.
            loc: where it is read, for messages.

        Returns:
            The leaf as the traced program sees it; a key is itself.
        """
        if type(value) is np.ndarray:
            return self._add_array(value, name, owner, loc)
        refuse_own_class(value, owner, loc)
        leaf = KeyLeaf(value) if self.static.fixes(name) else leaf_of(value)
        self.leaves.append(leaf)
        if isinstance(leaf, IntegerLeaf):
            size = self.tracer.new_integer(_word(name), value)
            self.integers.append(str(size))
            return HostInteger(self.tracer, size)
        if isinstance(leaf, RealLeaf):
            return self._add_real(value, name)
        return value

    def add_key(self, value: Any) -> None:
        """A leaf that must be this very value."""
        self.leaves.append(KeyLeaf(value))

    def add_leaf(self, leaf: Leaf) -> None:
        """A leaf that gives the graph nothing."""
        self.leaves.append(leaf)

    def _add_array(
        self, array: Any, name: str, owner: str, loc: Location | None
    ) -> TracedArray:
        dtype = dtype_of(array.dtype)
        if dtype is None or dtype.kind == "c":
            raise UnsupportedError(
                loc,
                f"{owner} is an array of dtype {array.dtype}, which is not supported",
                code="unsupported-dtype",
                hint="use bool, an integer or a floating dtype",
            )
        leaf = leaf_of(array)
        assert isinstance(leaf, ArrayLeaf)
        every = self.static.fixes(name)
        fixed: list[int | None] = []
        sizes: list[Any] = []
        for axis, size in enumerate(array.shape):
            if self.static.fixes_axis(name, axis) or every:
                fixed.append(size)
                sizes.append(size)
            else:
                fixed.append(None)
                sizes.append(self.tracer.new_size(size))
        if any(size is not None for size in fixed):
            leaf = ArrayLeaf(leaf.dtype, leaf.rank, leaf.layout, tuple(fixed))
        type_ = TensorType(leaf.dtype, tuple(sizes))
        value = self._add_parameter(name, type_)
        self.leaves.append(leaf)
        ordered = leaf.layout == "contiguous"
        return TracedArray(self.tracer, Cell(value, owner, ordered))

    def _add_real(self, number: float, name: str) -> HostReal:
        value = self._add_parameter(name, TensorType(f64), offset=1)
        parameter = str(value.attributes["name"])
        self.tracer.real_hints[parameter] = number
        return HostReal(
            self.tracer,
            number,
            "parameter",
            expression=Real.parameter(parameter),
            value=value,
        )

    def _add_parameter(self, name: str, type_: TensorType, offset: int = 0) -> Value:
        unique = self.tracer.reserve(_word(name))
        value = self.tracer.builder.parameter(unique, type_)
        self.parameters.append(value)
        self.positions[value] = len(self.leaves) - offset
        return value


def _word(name: str) -> str:
    """A name that the text of graphs can hold: ``params['w']`` as ``params_w``."""
    word = _NOT_A_WORD.sub("_", name).strip("_") or "argument"
    if word[0].isdigit() or word in RESERVED_WORDS:
        word = f"_{word}"
    return word


def refuse_own_class(value: Any, owner: str, loc: Location | None) -> None:
    """Raise a StructureError for arrays and scalars with rules of their own.

    Args:
        value: anything.
        owner: what messages call it.
        loc: where it is read.
    """
    kind = type(value)
    if own_array_class(kind):
        parent = "np.ndarray" if issubclass(kind, np.ndarray) else "a NumPy scalar"
        masked = (
            ", or x.filled(...) for masked ones" if "Masked" in kind.__name__ else ""
        )
        raise StructureError(
            loc,
            f"{owner} is {with_article(kind.__name__)}, a subclass of {parent} that "
            "may compute by other rules",
            code="array-subclass",
            hint=f"pass a plain one: np.asarray(x){masked}",
        )
