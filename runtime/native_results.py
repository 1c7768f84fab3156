"""Writes how a result is put together, for the native dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.runtime import layout
from penstock.runtime.layout import BuildKind, ResultKind
from penstock.runtime.leaves import KeyLeaf
from penstock.runtime.native_words import Memory, UncoveredError
from penstock.runtime.pytree import LEAF, NONE, Structure, unflatten
from penstock.runtime.signature import (
    ArrayResult,
    ConstantResult,
    IntegerResult,
    ParameterResult,
    RealResult,
    Result,
    Signature,
    TruthResult,
)

__all__ = ["ResultWriter"]

_BUILD_KINDS = {
    "tuple": BuildKind.TUPLE,
    "list": BuildKind.LIST,
    "dict": BuildKind.DICT,
    "named": BuildKind.NAMED,
    "dataclass": BuildKind.FIELDS,
}


class ResultWriter:
    """Writes the leaves of a variant's result, and the containers they go into.

    Args:
        memory: where they are written.
        signature: the variant's.
        places: for each input leaf which of the call's objects it is; -1 for none.

    Raises:
        UncoveredError: only the Python dispatcher makes such a result.
    """

    def __init__(
        self, memory: Memory, signature: Signature, places: Sequence[int]
    ) -> None:
        self._memory = memory
        self._signature = signature
        self._places = places
        self._leaves: list[dict[int, int]] = []
        self._builds: list[dict[int, int]] = []
        # Where the sizes of the next array begin among the sizes.
        self._position = 2
        # Containers follow the leaves, so the places of leaves come first.
        results = iter(signature.results)
        root = self._add_leaves(signature.result_structure, results)
        self._leaf_count = len(self._leaves)
        self._add_builds(root)

    @property
    def word_count(self) -> int:
        """How many objects there are at once while the result is made."""
        return self._leaf_count + len(self._builds)

    def write(self) -> dict[int, int]:
        """Write them; the fields of the variant that say where they are."""
        memory, fields = self._memory, layout.Variant
        return {
            fields.RESULTS: memory.records(self._leaves, layout.Result.SIZE),
            fields.RESULT_COUNT: self._leaf_count,
            fields.BUILDS: memory.records(self._builds, layout.Build.SIZE),
            fields.BUILD_COUNT: len(self._builds),
        }

    def _add_leaves(self, structure: Structure, results: Any) -> _Node:
        node = _Node(structure)
        if structure is LEAF:
            self._leaves.append(self._leaf(next(results)))
        elif structure is NONE:
            self._leaves.append(self._leaf(ConstantResult(None)))
        elif _is_named_in_file(structure):
            node.first_leaf = len(self._leaves)
            for _ in range(structure.leaf_count):
                self._leaves.append(self._leaf(next(results)))
            return node
        else:
            node.items = [self._add_leaves(x, results) for x in structure.children]
            return node
        node.place = len(self._leaves) - 1
        return node

    def _add_builds(self, node: _Node) -> int:
        """Build a part of the result, its items first; its place."""
        structure = node.structure
        if structure is LEAF or structure is NONE:
            return node.place
        fields, keep, names = layout.Build, self._memory.keep, 0
        owner: Any = structure.owner
        if _is_named_in_file(structure):
            # Its class is looked up by its name at each call.
            kind, owner = BuildKind.CALL, _Unflatten(structure)
            places = [node.first_leaf + i for i in range(structure.leaf_count)]
        else:
            kind = _BUILD_KINDS[structure.kind]
            places = [self._add_builds(item) for item in node.items]
        if structure.kind == "dict":
            names = self._memory.array([keep(key) for key in structure.keys])
        elif structure.kind == "dataclass":
            names = self._memory.names(structure.keys)
        self._builds.append(
            {
                fields.KIND: kind,
                fields.OBJECT: keep(owner),
                fields.COUNT: len(places),
                fields.PLACES: self._memory.array(places),
                fields.NAMES: names,
            }
        )
        return self._leaf_count + len(self._builds) - 1

    def _leaf(self, result: Result) -> dict[int, int]:
        fields = layout.Result
        if isinstance(result, ArrayResult):
            is_truth = isinstance(result, TruthResult)
            record = {
                fields.KIND: ResultKind.TRUTH if is_truth else ResultKind.ARRAY,
                fields.OBJECT: self._memory.keep(result.dtype.numpy),
                fields.RANK: result.rank,
                fields.INDEX: self._position,
            }
            self._position += result.rank
            return record
        if isinstance(result, ConstantResult):
            value = self._memory.keep(result.value)
            return {fields.KIND: ResultKind.CONSTANT, fields.OBJECT: value}
        if isinstance(result, ParameterResult):
            return self._passed(result.index)
        is_integer = isinstance(result, IntegerResult)
        assert is_integer or isinstance(result, RealResult)
        kind = ResultKind.INTEGER if is_integer else ResultKind.REAL
        return {fields.KIND: kind, fields.INDEX: result.index}

    def _passed(self, index: int) -> dict[int, int]:
        fields, signature = layout.Result, self._signature
        leaf, place = signature.leaves[index], self._places[index]
        # Python copies an array of another class by that class's rules.
        is_array = isinstance(leaf, KeyLeaf) and isinstance(leaf.value, np.ndarray)
        if place < 0 or is_array:
            raise UncoveredError
        is_argument = index < signature.argument_count
        kind = ResultKind.ARGUMENT if is_argument else ResultKind.CAPTURED
        return {fields.KIND: kind, fields.INDEX: place}


class _Node:
    """A part of the result."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.items: list[_Node] = []
        self.place = 0
        self.first_leaf = 0


class _Unflatten:
    """Puts leaves together."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure

    def __call__(self, *leaves: Any) -> Any:
        return unflatten(self._structure, leaves)


def _is_named_in_file(structure: Structure) -> bool:
    return structure.owner is not None and not isinstance(structure.owner, type)
