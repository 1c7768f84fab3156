"""Writes the tables that the native dispatcher reads (``penstock.runtime.layout``)."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from inspect import Parameter
from types import FunctionType
from typing import Any

import numpy as np

from penstock.runtime import layout
from penstock.runtime.config import BLOCKS_WITH_THREADS
from penstock.runtime.constants import Reference
from penstock.runtime.dispatch import Dispatcher, Variant
from penstock.runtime.layout import ContainerKind, LeafKind, ReaderKind
from penstock.runtime.native_results import ResultWriter
from penstock.runtime.native_words import Memory, UncoveredError
from penstock.runtime.pytree import LEAF, NONE, Structure
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayLeaf,
    AttributeReader,
    CellReader,
    CodeReader,
    DefaultReader,
    GlobalReader,
    InstanceLeaf,
    IntegerLeaf,
    ItemReader,
    KeyLeaf,
    KeysReader,
    Leaf,
    LengthReader,
    Reader,
    RealLeaf,
    Signature,
    ValueReader,
)
from penstock.runtime.support import Support

__all__ = ["SCALAR_CLASSES", "build_table"]

# Giving up the interpreter's lock and taking it again costs 0.1 us, and up to 5 ms
# where other threads want it.
_UNLOCKED_NANOSECONDS = 10_000
# What a call keeps on the stack is at most 32 KiB for each of these.
_MOST_WORDS = 4096
# Comparing two objects of one of these types runs no code of the user's.
_COMPARABLE = (str, bytes, int)
_PLAIN_CONTAINERS = {"tuple": tuple, "list": list, "dict": dict}
_CONTAINER_KINDS = {
    "tuple": ContainerKind.TUPLE,
    "named": ContainerKind.TUPLE,
    "list": ContainerKind.LIST,
    "dict": ContainerKind.DICT,
    "dataclass": ContainerKind.FIELDS,
}


_DTYPES = [np.dtype(code) for code in "?bhilqBHILQefd"]
SCALAR_CLASSES = [dtype.type for dtype in _DTYPES]
"""NumPy's own scalars that are read natively.

Those of bfloat16, which another package brings, are left to the Python dispatcher.
"""


def build_table(dispatcher: Dispatcher, support: Support) -> tuple[object, int]:
    """Write the table of a dispatcher's variants.

    Returns:
        The object that owns all of it, and the table's address; 0 if none of the
        function's calls are covered.
    """
    memory = Memory()
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
        except UncoveredError:
            continue
    names = [
        0 if p.kind is Parameter.POSITIONAL_ONLY else memory.keep(sys.intern(p.name))
        for p in parameters
    ]
    defaults = [memory.keep(p.default()) if p.is_fixed else 0 for p in parameters]
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
            fields.DEFAULTS: memory.array(defaults),
            fields.NAMES: memory.array(names),
            fields.BLOCKS: memory.keep_buffer(BLOCKS_WITH_THREADS),
            fields.THREADS: dispatcher.options.threads or 0,
            **{fields.VARIANTS + 8 * i: at for i, at in enumerate(variants)},
        },
        fields.VARIANTS + 8 * len(variants),
    )
    return memory.kept, table


class _VariantWriter:
    """Writes one variant."""

    def __init__(self, memory: Memory, variant: Variant) -> None:
        self._memory = memory
        self._variant = variant
        signature = variant.signature
        self._steps: list[dict[int, int]] = []
        self._step_of: dict[Reader, int] = {}
        self._containers: list[dict[int, int]] = []
        self._part_count = 0
        # For each leaf of the arguments and what is captured, which object it is.
        self._places: list[int] = []
        self._codes: list[dict[int, int]] = []
        self._functions: dict[Reader, FunctionType] = {}
        self._leaves = self._argument_leaves(signature)
        captured_leaves = signature.leaves[signature.argument_count :]
        for entry, leaf in zip(signature.captured, captured_leaves, strict=False):
            if entry.structure is not LEAF:
                raise UncoveredError
            if self._add_code(entry.reader, leaf):
                self._places.append(-1)
            elif isinstance(entry.reader, KeysReader):
                # Its keys are read one by one: there is no one object of them.
                self._add_keys(entry.reader, leaf)
                self._places.append(-1)
            else:
                self._places.append(self._add_step(entry.reader, leaf))
        self._results = ResultWriter(memory, signature, self._places)
        self._held_count = self._part_count + len(self._steps)
        self.slot_count = signature.slot_count
        self.size_count = signature.size_count
        self.object_count = self._held_count + self._results.word_count
        if max(self.slot_count, self.size_count, self.object_count) > _MOST_WORDS:
            raise UncoveredError

    def write(self, parallel: int) -> int:
        """Write it; its address."""
        memory, variant, fields = self._memory, self._variant, layout.Variant
        signature, executable = variant.signature, variant.executable
        memory.keep(variant)
        containers = memory.records(self._containers, layout.Container.SIZE)
        return memory.words(
            {
                fields.PREPARE: executable.prepare_address,
                fields.RUN: executable.run_address,
                fields.PARALLEL: parallel,
                fields.COUNTERS: memory.keep_array(variant.counters),
                fields.LEAVES: memory.records(self._leaves, layout.Leaf.SIZE),
                fields.LEAF_COUNT: len(self._leaves),
                fields.CONTAINERS: containers,
                fields.CONTAINER_COUNT: len(self._containers),
                fields.PART_COUNT: self._part_count,
                fields.READERS: memory.records(self._steps, layout.Reader.SIZE),
                fields.READER_COUNT: len(self._steps),
                fields.HELD_COUNT: self._held_count,
                fields.FAIL: memory.keep(_Failure(variant)),
                fields.RESULT_SLOT: signature.slot_offsets[-1],
                **self._results.write(),
                fields.CODES: memory.records(self._codes, layout.Code.SIZE),
                fields.CODE_COUNT: len(self._codes),
            },
            fields.SIZE,
        )

    def _argument_leaves(self, signature: Signature) -> list[dict[int, int]]:
        """The leaves, from left to right as slots are, and the containers in order."""
        arguments = [_Part(child) for child in signature.structure.children]
        # Containers are taken apart from the outside inwards, and their items follow
        # what is there.
        queue = [*arguments]
        for place, part in enumerate(queue):
            part.place = place
            queue += part.items
            if part.structure.kind not in ("leaf", "none"):
                self._containers.append(self._container(part))
        self._part_count = len(queue) if self._containers else 0
        leaves, records = iter(signature.leaves), []
        for argument in arguments:
            for part in argument.leaves():
                if part.structure is LEAF:
                    record = self._leaf(next(leaves))
                    self._places.append(part.place)
                else:
                    record = self._leaf(KeyLeaf(None))
                record[layout.Leaf.PLACE] = part.place
                records.append(record)
        return records

    def _container(self, part: _Part) -> dict[int, int]:
        fields, structure = layout.Container, part.structure
        owner: Any = structure.owner
        names = 0
        if structure.kind in _PLAIN_CONTAINERS:
            owner = _PLAIN_CONTAINERS[structure.kind]
        if structure.kind == "dict":
            keys = [self._leaf(KeyLeaf(key)) for key in structure.keys]
            names = self._memory.records(keys, layout.Leaf.SIZE)
        elif structure.kind == "dataclass":
            names = self._memory.names(structure.keys)
        if not isinstance(owner, type):
            # One that was read from a file is looked up by its name at each call.
            raise UncoveredError
        if structure.kind == "named" and owner.__iter__ is not tuple.__iter__:  # type: ignore[attr-defined]
            # It may say otherwise what its items are.
            raise UncoveredError
        return {
            fields.KIND: _CONTAINER_KINDS[structure.kind],
            fields.OBJECT: self._memory.keep(owner),
            fields.PLACE: part.place,
            fields.COUNT: len(structure.children),
            fields.NAMES: names,
        }

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
            raise UncoveredError
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
        alike = [one for one in _DTYPES if one == dtype]
        numbers = {dtype.num, *(one.num for one in alike)}
        first, second = min(numbers), max(numbers)
        scalars = [self._memory.keep(one.type) for one in alike if leaf.rank == 0]
        return {
            fields.KIND: LeafKind.ARRAY,
            fields.OBJECT: self._memory.keep(dtype),
            fields.TYPE_NUMBERS: first | second << 32,
            fields.RANK: leaf.rank,
            fields.FLAGS: flags,
            fields.SIZES: sizes,
            fields.SCALARS: scalars[0] if scalars else 0,
            fields.SCALARS + 8: scalars[-1] if scalars else 0,
        }

    def _add_code(self, reader: Reader, leaf: Leaf) -> bool:
        """Have the code of a function compared where it is, without a step for it.

        Returns:
            Whether that is possible: it is known which function is read.
        """
        if isinstance(leaf, KeyLeaf) and type(leaf.value) is FunctionType:
            self._functions[reader] = leaf.value
        if not isinstance(reader, CodeReader) or not isinstance(leaf, KeyLeaf):
            return False
        parent = reader.parent
        function = self._functions.get(parent)
        if isinstance(parent, ValueReader):
            function = parent.value
        offset = _code_offset()
        if type(function) is not FunctionType or not offset:
            return False
        keep, fields = self._memory.keep, layout.Code
        place, code = keep(function) + offset, keep(leaf.value)
        self._codes.append({fields.PLACE: place, fields.OBJECT: code})
        return True

    def _add_keys(self, reader: KeysReader, leaf: Leaf) -> None:
        """Compare the keys of a dict one by one: a tuple's own comparison is laxer."""
        if not isinstance(leaf, KeyLeaf) or type(leaf.value) is not tuple:
            raise UncoveredError
        self._add_step(LengthReader(reader), KeyLeaf(len(leaf.value)))
        for place, key in enumerate(leaf.value):
            self._add_step(ItemReader(reader, place), KeyLeaf(key))

    def _add_step(self, reader: Reader, leaf: Leaf | None) -> int:
        """Read a place; which object it is."""
        if leaf is None and reader in self._step_of:
            return self._step_of[reader]
        record = self._step(reader)
        if leaf is not None:
            at = self._memory.records([self._leaf(leaf)], layout.Leaf.SIZE)
            record[layout.Reader.LEAF] = at
        # What is read follows the parts of the arguments.
        place = self._part_count + len(self._steps)
        self._steps.append(record)
        self._step_of.setdefault(reader, place)
        return place

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
        if isinstance(reader, CodeReader):
            parent = self._add_step(reader.parent, None)
            return self._make_step(ReaderKind.CODE, parent)
        if isinstance(reader, DefaultReader):
            return self._step(reader.as_item())
        if isinstance(reader, ArgumentReader):
            return self._make_step(ReaderKind.ARGUMENT, self._places[reader.index])
        if isinstance(reader, ValueReader):
            return self._make_step(ReaderKind.VALUE, keep(reader.value))
        raise UncoveredError

    def _make_step(self, kind: int, source: int, name: int = 0) -> dict[int, int]:
        fields = layout.Reader
        return {fields.KIND: kind, fields.SOURCE: source, fields.NAME: name}


class _Failure:
    """Raises what a program's status stands for."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant

    def __call__(self, code: int, address: int) -> None:
        raise self._variant.failure(code, address)


@functools.cache
def _code_offset() -> int:
    """Where function objects have their code, found by looking; 0 if that fails."""

    def probe() -> None: ...
    def other() -> int:
        return 1

    count = FunctionType.__basicsize__ // 8
    words = (ctypes.c_int64 * count).from_address(id(probe))
    found = {i for i, word in enumerate(words) if word == id(probe.__code__)}
    probe.__code__ = other.__code__
    found &= {i for i, word in enumerate(words) if word == id(other.__code__)}
    return 8 * found.pop() if len(found) == 1 else 0


class _Part:
    """An argument, or an item of a container among the arguments."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.items = [_Part(child) for child in structure.children]
        self.place = 0

    def leaves(self) -> Iterator[_Part]:
        """The leaves within, and what is ``None``."""
        if self.structure is LEAF or self.structure is NONE:
            yield self
        for item in self.items:
            yield from item.leaves()
