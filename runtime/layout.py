"""The memory that the native dispatcher reads, word by word.

``penstock.runtime.native`` writes it; the dispatcher's code, which the compiler
generates, reads it. Every word has 64 bits; offsets are in bytes.
"""

from __future__ import annotations

from typing import Final

from penstock.runtime.artifact import sha256

__all__ = [
    "FLOAT_VALUE",
    "FUNCTIONS",
    "LENGTH",
    "LIST_ITEMS",
    "NUMPY_FUNCTIONS",
    "OBJECTS",
    "SCALAR_VALUE",
    "SUPPORT_VERSION",
    "TUPLE_ITEMS",
    "Array",
    "Build",
    "BuildKind",
    "Callable",
    "Code",
    "Container",
    "ContainerKind",
    "Descriptor",
    "Leaf",
    "LeafKind",
    "Reader",
    "ReaderKind",
    "Result",
    "ResultKind",
    "Table",
    "Variant",
]

FUNCTIONS: Final = (
    "Py_IncRef",
    "Py_DecRef",
    "PyObject_Vectorcall",
    "PyObject_RichCompareBool",
    "PyObject_GetAttr",
    "PyObject_GetItem",
    "PyObject_Size",
    "PySequence_Tuple",
    "PyObject_GC_UnTrack",
    "PyObject_GC_Del",
    "PyObject_ClearWeakRefs",
    "PyLong_AsLongLongAndOverflow",
    "PyLong_FromLongLong",
    "PyLong_FromVoidPtr",
    "PyFloat_FromDouble",
    "PyBool_FromLong",
    "PyTuple_New",
    "PyList_New",
    "PyDict_New",
    "PyDict_SetItem",
    "PyDict_Size",
    "PyDict_Next",
    "PyDict_GetItemWithError",
    "PyObject_GenericSetAttr",
    "PyContextVar_Get",
    "PyCell_Get",
    "PyMethod_New",
    "PyFunction_GetDefaults",
    "PyFunction_GetKwDefaults",
    "PyFunction_GetCode",
    "PyErr_Occurred",
    "PyErr_Clear",
    "PyErr_ExceptionMatches",
    "PyErr_NoMemory",
    "PyErr_CheckSignals",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyGILState_Ensure",
    "PyGILState_Release",
)
"""Functions of CPython that the dispatcher calls, in the order of their table."""

NUMPY_FUNCTIONS: Final = {
    "PyArray_NewFromDescr": 94,
    "PyArray_NewCopy": 85,
    "PyArray_Return": 76,
}
"""Functions of NumPy that follow them, and their places in NumPy's own table."""

OBJECTS: Final = (
    "ndarray", "int", "float", "tuple", "list", "dict", "None", "Exception",
    "new_object", "new_tuple", "scope_variable", "scope_threads",
)  # fmt: skip
"""Objects whose addresses follow those."""


class Callable:
    """A compiled function, the Python object. The first two words are Python's."""

    TYPE: Final = 8
    VECTORCALL: Final = 16
    SLOW: Final = 24  # the Python dispatcher
    DICT: Final = 32
    WEAKREFS: Final = 40
    OWNER: Final = 48  # keeps all that the table points to
    TABLE: Final = 56
    SIZE: Final = 64


class Array:
    """NumPy's array object."""

    DATA: Final = 16
    RANK: Final = 24  # 32 bits
    SIZES: Final = 32
    STRIDES: Final = 40
    DESCRIPTOR: Final = 56
    FLAGS: Final = 64  # 32 bits
    C_CONTIGUOUS: Final = 0x0001
    ALIGNED: Final = 0x0100


class Descriptor:
    """NumPy's dtype object."""

    BYTE_ORDER: Final = 26  # a character
    TYPE_NUMBER: Final = 28  # 32 bits


FLOAT_VALUE: Final = 16
SCALAR_VALUE: Final = 16  # of NumPy's scalars
LENGTH: Final = 16  # of tuples and lists
TUPLE_ITEMS: Final = 24
LIST_ITEMS: Final = 24  # address of the items


class Table:
    """What serves the calls of one compiled function."""

    VARIANT_COUNT: Final = 0
    PARAMETER_COUNT: Final = 8
    POSITIONAL_COUNT: Final = 16
    SLOT_COUNT: Final = 24  # the most of all variants, and so below
    SIZE_COUNT: Final = 32
    OBJECT_COUNT: Final = 40
    CLOCK: Final = 48  # address of the counter of calls
    UNLOCKED_NANOSECONDS: Final = 56  # longer work runs without the lock
    FUNCTION: Final = 64  # has the defaults that can be rebound; null if there are none
    DEFAULTS: Final = 72  # address of the parameters' other defaults, or nulls
    NAMES: Final = 80  # address of the parameters' names
    BLOCKS: Final = 88  # address of the count of blocks that limit threads
    THREADS: Final = 96  # the function's own limit; 0 for none
    VARIANTS: Final = 104  # addresses


class Variant:
    """One variant."""

    PREPARE: Final = 0
    RUN: Final = 8
    PARALLEL: Final = 16
    COUNTERS: Final = 24  # address of its calls and the time of the last
    LEAVES: Final = 32
    LEAF_COUNT: Final = 40  # those of the arguments
    CONTAINERS: Final = 48  # in the order in which they are taken apart
    CONTAINER_COUNT: Final = 56
    PART_COUNT: Final = 64  # objects that arguments are taken apart into; 0: none are
    READERS: Final = 72
    READER_COUNT: Final = 80
    HELD_COUNT: Final = 88  # of parts and what is read, for which the call has counts
    RESULTS: Final = 96
    RESULT_COUNT: Final = 104
    RESULT_SLOT: Final = 112  # number of the first slot of a result
    BUILDS: Final = 120  # in the order in which they are made
    BUILD_COUNT: Final = 128
    FAIL: Final = 136  # callable: (status, address of the slots), raises
    CODES: Final = 144  # address of a Code for each function that it was traced from
    CODE_COUNT: Final = 152
    SIZE: Final = 160


class Code:
    """Where a function has its code, and what must be there."""

    PLACE: Final = 0
    OBJECT: Final = 8
    SIZE: Final = 16


class Leaf:
    """What an object must be."""

    KIND: Final = 0
    OBJECT: Final = 8  # the dtype, the key, or the class
    TYPE_NUMBERS: Final = 16  # two of 32 bits, of equivalent dtypes
    RANK: Final = 24
    FLAGS: Final = 32
    SIZES: Final = 40  # address of the sizes it must have, -1 for any; or null
    SCALARS: Final = 48  # two classes of NumPy's scalars that are as good, or null
    PLACE: Final = 64  # which of the objects it is; unused in what is captured
    SIZE: Final = 72


class LeafKind:
    """Kinds of leaves."""

    ARRAY: Final = 0
    INTEGER: Final = 1
    REAL: Final = 2
    KEY: Final = 3  # this very object
    EQUAL_KEY: Final = 4  # or one equal to it, of a type where that calls no one
    INSTANCE: Final = 5


class Container:
    """A container among the arguments: what it must be, and where its items go.

    The objects that arguments are taken apart into are the arguments themselves, then
    the items of each container in turn.
    """

    KIND: Final = 0
    OBJECT: Final = 8  # the class that it must be
    PLACE: Final = 16  # which of the objects it is
    COUNT: Final = 24  # how many items it must have; they follow those before
    NAMES: Final = 32  # address of the names of fields, or a Leaf for each key
    SIZE: Final = 40


class ContainerKind:
    """Kinds of containers."""

    TUPLE: Final = 0  # or a NamedTuple
    LIST: Final = 1
    DICT: Final = 2
    FIELDS: Final = 3  # a dataclass


class Reader:
    """A step in reading captured state."""

    KIND: Final = 0
    SOURCE: Final = 8  # address of a dict, cell or object; number of a step or argument
    NAME: Final = 16
    BUILTINS: Final = 24
    LEAF: Final = 32  # address of the Leaf that it must be; null between steps
    SIZE: Final = 40


class ReaderKind:
    """Kinds of steps."""

    GLOBAL: Final = 0
    CELL: Final = 1
    ATTRIBUTE: Final = 2
    ITEM: Final = 3
    LENGTH: Final = 4
    KEYS: Final = 5
    CODE: Final = 6
    ARGUMENT: Final = 7
    VALUE: Final = 8


class Result:
    """A leaf of the result."""

    KIND: Final = 0
    OBJECT: Final = 8  # the dtype, or the constant
    RANK: Final = 16
    INDEX: Final = 24  # where its sizes, or its value, stand; or which object it is
    SIZE: Final = 32


class ResultKind:
    """Kinds of leaves of the result."""

    ARRAY: Final = 0
    TRUTH: Final = 1  # a Python bool, computed into an array of rank 0
    INTEGER: Final = 2
    REAL: Final = 3
    CONSTANT: Final = 4
    ARGUMENT: Final = 5  # a leaf of the arguments, copied if it is an array
    CAPTURED: Final = 6  # the same of what was read


class Build:
    """A container of the result.

    The leaves of the result are followed by what is built; the last is the result.
    """

    KIND: Final = 0
    OBJECT: Final = 8  # its class, or what is called
    COUNT: Final = 16  # how many items it has
    PLACES: Final = 24  # address of which leaves or containers they are
    NAMES: Final = 32  # address of the names of its fields, or its keys
    SIZE: Final = 40


class BuildKind:
    """How containers of the result are made."""

    TUPLE: Final = 0
    LIST: Final = 1
    DICT: Final = 2
    NAMED: Final = 3
    FIELDS: Final = 4
    CALL: Final = 5  # by a callable: items -> container


def _version() -> int:
    """A number that differs for every content of this file."""
    tables = (
        Callable, Array, Descriptor, Table, Variant, Code, Leaf, LeafKind, Container,
        ContainerKind, Reader, ReaderKind, Result, ResultKind, Build, BuildKind,
    )  # fmt: skip
    constants = [
        sorted((name, offset) for name, offset in vars(table).items() if name.isupper())
        for table in tables
    ]
    words = (FLOAT_VALUE, SCALAR_VALUE, LENGTH, TUPLE_ITEMS, LIST_ITEMS)
    text = repr((FUNCTIONS, NUMPY_FUNCTIONS, OBJECTS, words, constants))
    return _GENERATION << 32 | int.from_bytes(sha256(text.encode())[:4])


# Raised when the generated code changes in another way than by this file.
_GENERATION = 5
SUPPORT_VERSION: Final = _version()
"""Stands in the support object, so that none of another layout is ever used."""
