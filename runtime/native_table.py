"""Writes the tables that the native dispatcher reads (``penstock.runtime.layout``)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from inspect import Parameter
from typing import Any

import numpy as np

from penstock.runtime import layout
from penstock.runtime.config import BLOCKS_WITH_THREADS
from penstock.runtime.constants import Reference
from penstock.runtime.dispatch import Dispatcher, Variant
from penstock.runtime.layout import LeafKind, ReaderKind, ResultForm, ResultKind
from penstock.runtime.pytree import LEAF, NONE, Structure, flat_tuple, unflatten
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayLeaf,
    ArrayResult,
    AttributeReader,
    CellReader,
    ConstantResult,
    DefaultReader,
    GlobalReader,
    InstanceLeaf,
    IntegerLeaf,
    IntegerResult,
    ItemReader,
    KeyLeaf,
    KeysReader,
    Leaf,
    LengthReader,
    Reader,
    RealLeaf,
    RealResult,
    Result,
    Signature,
    TruthResult,
    ValueReader,
)
from penstock.runtime.support import Support

__all__ = ["build_table"]

# Giving up the interpreter's lock and taking it again costs 0.1 us, and up to 5 ms
# where other threads want it.
_UNLOCKED_NANOSECONDS = 10_000
# What a call keeps on the stack is at most 32 KiB for each of these.
_MOST_WORDS = 4096
# Comparing two objects of one of these types runs no code of the user's.
_COMPARABLE = (str, bytes, int)


class _UncoveredError(Exception):
    """Something that only the Python dispatcher does."""


def build_table(dispatcher: Dispatcher, support: Support) -> tuple[object, int]:
    """Write the table of a dispatcher's variants.

    Returns:
        The object that owns all of it, and the table's address; 0 if none of the
        function's calls are covered.
    """
    memory = _Memory()
    parameters = dispatcher.binder.parameters
    if any(
        p.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for p in parameters
    ):
        return memory.kept, 0
    signatures, variants = [], []
    for variant in dispatcher.variants:
        try:
            writer = _VariantWriter(memory, variant)
            variants.append(writer.write(support.parallel(dispatcher.options.threads)))
            signatures.append(writer)
        except _UncoveredError:
            continue
    names = [
        0 if p.kind is Parameter.POSITIONAL_ONLY else memory.keep(sys.intern(p.name))
        for p in parameters
    ]
    function = dispatcher.binder.function
    fields = layout.Table
    table = memory.words(
        {
            fields.VARIANT_COUNT: len(variants),
            fields.PARAMETER_COUNT: len(parameters),
            fields.POSITIONAL_COUNT: len(dispatcher.binder.positional),
            fields.SLOT_COUNT: max((w.slot_count for w in signatures), default=0),
            fields.SIZE_COUNT: max((w.size_count for w in signatures), default=0),
            fields.OBJECT_COUNT: max((w.object_count for w in signatures), default=0),
            fields.CLOCK: memory.keep_array(dispatcher.clock),
            fields.UNLOCKED_NANOSECONDS: _UNLOCKED_NANOSECONDS,
            fields.FUNCTION: 0 if function is None else memory.keep(function),
            fields.NAMES: memory.array(names),
            fields.BLOCKS: memory.keep_buffer(BLOCKS_WITH_THREADS),
            **{fields.VARIANTS + 8 * i: at for i, at in enumerate(variants)},
        },
        fields.VARIANTS + 8 * len(variants),
    )
    return memory.kept, table


class _Memory:
    """Words in memory, and the objects that they point to."""

    def __init__(self) -> None:
        self.kept: list[object] = []

    def keep(self, value: object) -> int:
        """Keep an object alive; its address."""
        self.kept.append(value)
        return id(value)

    def keep_buffer(self, buffer: ctypes.Array[Any]) -> int:
        """Keep some words alive; their address."""
        self.kept.append(buffer)
        return ctypes.addressof(buffer)

    def keep_array(self, array: np.ndarray[Any, Any]) -> int:
        """Keep an array alive; the address of its elements."""
        self.kept.append(array)
        return int(array.ctypes.data)

    def array(self, words: Sequence[int]) -> int:
        """Write words one after the other; their address."""
        return self.keep_buffer((ctypes.c_int64 * max(len(words), 1))(*words))

    def words(self, fields: dict[int, int], size: int) -> int:
        """Write a record from its fields by offset; its address."""
        words = [0] * (size // 8)
        for offset, value in fields.items():
            words[offset // 8] = value
        return self.array(words)

    def records(self, records: Sequence[dict[int, int]], size: int) -> int:
        """Write records one after the other; their address."""
        words = [0] * (size // 8 * len(records))
        for index, fields in enumerate(records):
            for offset, value in fields.items():
                words[(index * size + offset) // 8] = value
        return self.array(words)


class _VariantWriter:
    """Writes one variant."""

    def __init__(self, memory: _Memory, variant: Variant) -> None:
        self._memory = memory
        self._variant = variant
        signature = variant.signature
        self._steps: list[dict[int, int]] = []
        self._step_of: dict[Reader, int] = {}
        self._positions = _positions(signature.structure)
        self._leaves = self._argument_leaves(signature)
        for entry, leaf in zip(
            signature.captured,
            signature.leaves[signature.argument_count :],
            strict=False,
        ):
            if entry.structure is not LEAF:
                raise _UncoveredError
            if isinstance(entry.reader, KeysReader):
                self._add_keys(entry.reader, leaf)
            else:
                self._add_step(entry.reader, leaf)
        self._results = self._result_records(signature.results)
        self.slot_count = signature.slot_count
        self.size_count = signature.size_count
        self.object_count = len(self._steps) + len(self._results)
        if max(self.slot_count, self.size_count, self.object_count) > _MOST_WORDS:
            raise _UncoveredError

    def write(self, parallel: int) -> int:
        """Write it; its address."""
        memory, variant, fields = self._memory, self._variant, layout.Variant
        signature, executable = variant.signature, variant.executable
        form, wrap = self._form(signature)
        memory.keep(variant)
        return memory.words(
            {
                fields.PREPARE: executable.prepare_address,
                fields.RUN: executable.run_address,
                fields.PARALLEL: parallel,
                fields.COUNTERS: memory.keep_array(variant.counters),
                fields.LEAVES: memory.records(self._leaves, layout.Leaf.SIZE),
                fields.READERS: memory.records(self._steps, layout.Reader.SIZE),
                fields.READER_COUNT: len(self._steps),
                fields.RESULTS: memory.records(self._results, layout.Result.SIZE),
                fields.RESULT_COUNT: len(self._results),
                fields.FORM: form,
                fields.WRAP: memory.keep(wrap),
                fields.FAIL: memory.keep(_Failure(variant)),
                fields.RESULT_SLOT: signature.slot_offsets[-1],
            },
            fields.SIZE,
        )

    def _argument_leaves(self, signature: Signature) -> list[dict[int, int]]:
        leaves = iter(signature.leaves)
        records = []
        for child in signature.structure.children:
            if child is NONE:
                records.append(self._leaf(KeyLeaf(None)))
            elif child is LEAF:
                records.append(self._leaf(next(leaves)))
            else:
                raise _UncoveredError
        return records

    def _leaf(self, leaf: Leaf) -> dict[int, int]:
        fields = layout.Leaf
        if isinstance(leaf, ArrayLeaf):
            return self._array_leaf(leaf)
        if isinstance(leaf, IntegerLeaf):
            return {fields.KIND: LeafKind.INTEGER}
        if isinstance(leaf, RealLeaf):
            return {fields.KIND: LeafKind.REAL}
        if isinstance(leaf, InstanceLeaf):
            owner = self._memory.keep(leaf.owner)
            return {fields.KIND: LeafKind.INSTANCE, fields.OBJECT: owner}
        assert isinstance(leaf, KeyLeaf)
        if isinstance(leaf.value, Reference):
            raise _UncoveredError
        equal = type(leaf.value) in _COMPARABLE
        return {
            fields.KIND: LeafKind.EQUAL_KEY if equal else LeafKind.KEY,
            fields.OBJECT: self._memory.keep(leaf.value),
        }

    def _array_leaf(self, leaf: ArrayLeaf) -> dict[int, int]:
        fields, flags = layout.Leaf, layout.Array.ALIGNED
        if leaf.layout == "contiguous":
            flags |= layout.Array.C_CONTIGUOUS
        sizes = 0
        if leaf.sizes is not None and any(size is not None for size in leaf.sizes):
            free = [-1 if size is None else size for size in leaf.sizes]
            sizes = self._memory.array(free)
        dtype = leaf.dtype.numpy
        # C has two names for some integers, and NumPy a dtype for each.
        numbers = {np.dtype(c).num for c in "ilqILQ" if np.dtype(c) == dtype}
        first, second = min(numbers | {dtype.num}), max(numbers | {dtype.num})
        return {
            fields.KIND: LeafKind.ARRAY,
            fields.OBJECT: self._memory.keep(dtype),
            fields.TYPE_NUMBERS: first | second << 32,
            fields.RANK: leaf.rank,
            fields.FLAGS: flags,
            fields.SIZES: sizes,
        }

    def _add_keys(self, reader: KeysReader, leaf: Leaf) -> None:
        """Compare the keys of a dict one by one: a tuple's own comparison is laxer."""
        if not isinstance(leaf, KeyLeaf) or type(leaf.value) is not tuple:
            raise _UncoveredError
        self._add_step(LengthReader(reader), KeyLeaf(len(leaf.value)))
        for place, key in enumerate(leaf.value):
            self._add_step(ItemReader(reader, place), KeyLeaf(key))

    def _add_step(self, reader: Reader, leaf: Leaf | None) -> int:
        if leaf is None and reader in self._step_of:
            return self._step_of[reader]
        record = self._step(reader)
        if leaf is not None:
            at = self._memory.records([self._leaf(leaf)], layout.Leaf.SIZE)
            record[layout.Reader.LEAF] = at
        self._steps.append(record)
        self._step_of.setdefault(reader, len(self._steps) - 1)
        return len(self._steps) - 1

    def _step(self, reader: Reader) -> dict[int, int]:
        keep = self._memory.keep
        if isinstance(reader, GlobalReader):
            name = keep(sys.intern(reader.name))
            step = self._make_step(ReaderKind.GLOBAL, keep(reader.namespace), name)
            step[layout.Reader.BUILTINS] = keep(reader.builtin_names)
            return step
        if isinstance(reader, CellReader):
            return self._make_step(ReaderKind.CELL, keep(reader.cell))
        if isinstance(reader, AttributeReader):
            parent = self._add_step(reader.parent, None)
            name = keep(sys.intern(reader.name))
            return self._make_step(ReaderKind.ATTRIBUTE, parent, name)
        if isinstance(reader, ItemReader):
            parent = self._add_step(reader.parent, None)
            return self._make_step(ReaderKind.ITEM, parent, keep(reader.key))
        if isinstance(reader, (LengthReader, KeysReader)):
            parent = self._add_step(reader.parent, None)
            is_length = isinstance(reader, LengthReader)
            kind = ReaderKind.LENGTH if is_length else ReaderKind.KEYS
            return self._make_step(kind, parent)
        if isinstance(reader, DefaultReader):
            return self._step(reader.as_item())
        if isinstance(reader, ArgumentReader):
            return self._make_step(ReaderKind.ARGUMENT, self._positions[reader.index])
        if isinstance(reader, ValueReader):
            return self._make_step(ReaderKind.VALUE, keep(reader.value))
        raise _UncoveredError

    def _make_step(self, kind: int, source: int, name: int = 0) -> dict[int, int]:
        fields = layout.Reader
        return {fields.KIND: kind, fields.SOURCE: source, fields.NAME: name}

    def _result_records(self, results: Sequence[Result]) -> list[dict[int, int]]:
        fields = layout.Result
        position, records = 2, []
        for result in results:
            if isinstance(result, ArrayResult):
                record = {
                    fields.KIND: ResultKind.ARRAY,
                    fields.OBJECT: self._memory.keep(result.dtype.numpy),
                    fields.RANK: result.rank,
                    fields.INDEX: position,
                }
                position += result.rank
            elif isinstance(result, ConstantResult):
                value = self._memory.keep(result.value)
                record = {fields.KIND: ResultKind.CONSTANT, fields.OBJECT: value}
            elif isinstance(result, IntegerResult):
                record = {fields.KIND: ResultKind.INTEGER, fields.INDEX: result.index}
            elif isinstance(result, RealResult):
                record = {fields.KIND: ResultKind.REAL, fields.INDEX: result.index}
            else:
                raise _UncoveredError
            records.append(record)
        return records

    def _form(self, signature: Signature) -> tuple[int, object]:
        structure = signature.result_structure
        truths = [
            index
            for index, result in enumerate(signature.results)
            if isinstance(result, TruthResult)
        ]
        if truths:
            return ResultForm.WRAPPED, _Wrap(structure, truths)
        if structure is LEAF:
            return ResultForm.SINGLE, None
        if structure == flat_tuple(len(signature.results)):
            return ResultForm.TUPLE, None
        return ResultForm.WRAPPED, _Wrap(structure)


class _Wrap:
    """Puts the leaves of a result together; those at some places as Python's bools."""

    def __init__(self, structure: Structure, truths: Sequence[int] = ()) -> None:
        self._structure = structure
        self._truths = truths

    def __call__(self, *leaves: Any) -> Any:
        if self._truths:
            found = [*leaves]
            for place in self._truths:
                found[place] = bool(found[place])
            return unflatten(self._structure, found)
        return unflatten(self._structure, leaves)


class _Failure:
    """Raises what a program's status stands for."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant

    def __call__(self, code: int, value: int) -> None:
        raise self._variant.failure(code, value)


def _positions(structure: Structure) -> list[int]:
    """For each leaf of the arguments, the parameter that it is in."""
    return [
        position
        for position, child in enumerate(structure.children)
        for _ in range(child.leaf_count)
    ]
