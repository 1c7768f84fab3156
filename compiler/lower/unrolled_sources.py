"""Where the elements of Values come from that are taken apart into scalars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.ir.loop.node import Buffer, Scalar
from penstock.lower.fold import number_of

if TYPE_CHECKING:
    from penstock.lower.unrolled import Context, Unrolling

__all__ = ["Computed", "Indices", "Memory", "Numbers", "Part", "Source"]

Indices = Sequence[Scalar]


class Source(Protocol):
    """Where the elements of a Value come from."""

    def element(self, indices: Indices, when: Scalar | None = None) -> Scalar:
        """An element; zero where ``when`` does not hold."""


class Memory(Source):
    """Elements that are loaded."""

    def __init__(self, unrolling: Unrolling, buffer: Buffer) -> None:
        self.unrolling = unrolling
        self.buffer = buffer

    def element(self, indices: Indices, when: Scalar | None = None) -> Scalar:
        """Loaded."""
        return self.unrolling.builder.load(self.buffer, indices, when)


class Part(Source):
    """The part of an array that a turn sees."""

    def __init__(self, whole: Source, index: Scalar) -> None:
        self.whole = whole
        self.index = index

    def element(self, indices: Indices, when: Scalar | None = None) -> Scalar:
        """That of the whole."""
        return self.whole.element([self.index, *indices], when)


class Computed(Source):
    """Elements that are computed where they are asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def element(self, indices: Indices, when: Scalar | None = None) -> Scalar:
        """Computed by the rule of its op."""
        context = self.context.under(when)
        result: Scalar = context.value.op.element(context, indices)  # type: ignore[attr-defined]
        return result


class Numbers(Source):
    """Elements that are Scalars, one for each."""

    def __init__(self, unrolling: Unrolling, scalars: np.ndarray[Any, Any]) -> None:
        self.unrolling = unrolling
        self.scalars = scalars

    def element(self, indices: Indices, when: Scalar | None = None) -> Scalar:
        """At hand."""
        found = self.choose(self.scalars, indices)
        if when is None:
            return found
        builder = self.unrolling.builder
        return builder.select(when, found, builder.constant(0, found.dtype))

    def choose(self, scalars: Any, indices: Indices) -> Scalar:
        """The element at indices that may be known only at run time."""
        if not indices:
            found: Any = scalars
            if isinstance(scalars, np.ndarray):
                found = scalars[()]
            assert isinstance(found, Scalar)
            return found
        first, *rest = indices
        number = number_of(first)
        if number is not None:
            return self.choose(scalars[min(max(number, 0), len(scalars) - 1)], rest)
        builder = self.unrolling.builder
        chosen = self.choose(scalars[0], rest)
        for position in range(1, len(scalars)):
            here = first.equals(position)
            chosen = builder.select(here, self.choose(scalars[position], rest), chosen)
        return chosen
