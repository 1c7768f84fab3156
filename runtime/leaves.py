"""What a leaf of a call must be for a variant to serve it.

An array is described by dtype, rank and layout, so one variant serves every size; a
Python int or float is a value of the call; everything else is a key, and the variant
serves that key alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from penstock.ir.errors import ArtifactError, DtypeError
from penstock.ir.record import Record
from penstock.ir.types import DTYPES, Dtype, dtype_of
from penstock.ir.wording import with_article
from penstock.runtime.constants import Reference, decode, encode, same_constant, shown

__all__ = [
    "MOST_AXES",
    "ArrayLeaf",
    "InstanceLeaf",
    "IntegerLeaf",
    "KeyLeaf",
    "Leaf",
    "RealLeaf",
    "leaf_from_json",
    "leaf_of",
    "normalize",
    "own_array_class",
]

_INT64_LEAST, _INT64_GREATEST = -(1 << 63), (1 << 63) - 1

# NumPy's NPY_MAXDIMS.
MOST_AXES = 64


class Leaf:
    """One kind of leaf.

    Attributes:
        slot_count: how many 64-bit slots its values take in a call.
    """

    __slots__ = ()
    slot_count = 0

    def accepts(self, value: object) -> bool:
        """Whether a value, as ``normalize`` gives it, is of this kind."""
        raise NotImplementedError

    def describe(self) -> str:
        """The leaf as messages show it."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The leaf as JSON.

        Raises:
            ArtifactError: its key cannot be written.
        """
        raise NotImplementedError


class ArrayLeaf(Record, Leaf):
    """An array in native byte order, aligned.

    Args:
        dtype: its dtype.
        rank: its number of axes.
        layout: ``"contiguous"`` (in C order) or ``"strided"`` (any strides).
        sizes: for each axis the size that it must have, or ``None`` for any; ``None``
            for all axes free.

    Example:
        >>> from penstock.ir.types import f32
        >>> ArrayLeaf(f32, 2).accepts(np.zeros((3, 4), np.float32))
        True
    """

    dtype: Dtype
    rank: int
    layout: str = "contiguous"
    sizes: tuple[int | None, ...] | None = None

    slot_count = 3

    def accepts(self, value: object) -> bool:
        """Whether a value is an array of this kind."""
        if type(value) is not np.ndarray or value.ndim != self.rank:
            return False
        if value.dtype != self.dtype.numpy or not value.flags.aligned:
            return False
        if self.layout == "contiguous" and not value.flags.c_contiguous:
            return False
        return self.sizes is None or all(
            wanted is None or wanted == size
            for wanted, size in zip(self.sizes, value.shape, strict=True)
        )

    def describe(self, names: Sequence[str | None] = ()) -> str:
        """For example ``f32[_,4]``, or ``f32[n,m] strided``.

        Args:
            names: for each axis what its size is called, where it has a name.
        """
        sizes = self.sizes or (None,) * self.rank
        names = names or (None,) * self.rank
        axes = ",".join(
            (name or "_") if size is None else str(size)
            for size, name in zip(sizes, names, strict=True)
        )
        strided = " strided" if self.layout == "strided" else ""
        return f"{self.dtype}[{axes}]{strided}"

    def to_json(self) -> dict[str, Any]:
        """The leaf as JSON."""
        return {
            "kind": "array",
            "dtype": self.dtype.name,
            "rank": self.rank,
            "layout": self.layout,
            "sizes": None if self.sizes is None else list(self.sizes),
        }


class IntegerLeaf(Record, Leaf):
    """A Python ``int`` of at most 64 bits, passed as a value."""

    slot_count = 1

    def accepts(self, value: object) -> bool:
        """Whether a value is exactly an ``int`` (``bool`` is not) and fits."""
        return type(value) is int and _INT64_LEAST <= value <= _INT64_GREATEST

    def describe(self) -> str:
        """``int``."""
        return "int"

    def to_json(self) -> dict[str, Any]:
        """The leaf as JSON."""
        return {"kind": "integer"}


class RealLeaf(Record, Leaf):
    """A Python ``float``, passed as a value."""

    slot_count = 1

    def accepts(self, value: object) -> bool:
        """Whether a value is exactly a ``float``."""
        return type(value) is float

    def describe(self) -> str:
        """``float``."""
        return "float"

    def to_json(self) -> dict[str, Any]:
        """The leaf as JSON."""
        return {"kind": "real"}


class KeyLeaf(Leaf):
    """One particular object: a string, a flag, a function, a module.

    Args:
        value: the object; other objects of its type are accepted where they are
            equal to it (floats by their bits).

    Example:
        >>> KeyLeaf(1).accepts(1), KeyLeaf(1).accepts(True)
        (True, False)
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyLeaf) and same_constant(self.value, other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))

    def __repr__(self) -> str:
        return f"KeyLeaf({self.value!r})"

    def accepts(self, value: object) -> bool:
        """Whether a value is the key."""
        if value is self.value:
            return True
        if type(self.value) is Reference:
            # Read from a file: what it names may be imported by now.
            try:
                self.value = self.value.resolve()
            except LookupError:
                return False
        return same_constant(self.value, value)

    def describe(self) -> str:
        """The key's text, cut short."""
        if isinstance(self.value, ModuleType):
            return f"module {self.value.__name__}"
        if isinstance(self.value, CodeType):
            return f"that of line {self.value.co_firstlineno}"
        name = getattr(self.value, "__qualname__", None)
        text = _without_scope(name) if name else shown(self.value)
        return text if len(text) <= 40 else f"{text[:37]}..."

    def to_json(self) -> dict[str, Any]:
        """The leaf as JSON."""
        return {"kind": "key", "value": encode(self.value)}


class InstanceLeaf(Leaf):
    """Any instance of exactly one class, whose state is read by captured readers.

    Args:
        owner: the class.
    """

    __slots__ = ("owner",)

    def __init__(self, owner: type[Any]) -> None:
        self.owner = owner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstanceLeaf) and self.owner is other.owner

    def __hash__(self) -> int:
        return hash(self.owner)

    def __repr__(self) -> str:
        return f"InstanceLeaf({self.owner.__qualname__})"

    def accepts(self, value: object) -> bool:
        """Whether a value's class is this one."""
        return type(value) is self.owner

    def describe(self) -> str:
        """The class's name."""
        return _without_scope(self.owner.__qualname__)

    def to_json(self) -> dict[str, Any]:
        """Never: what was read from an instance is saved as constants."""
        raise ArtifactError(
            None,
            f"{with_article(self.owner.__qualname__)} cannot be an argument of a "
            "saved function",
            code="unsaved-constant",
            hint="save a function whose arguments are arrays and numbers",
        )


def _without_scope(qualified: str) -> str:
    """A qualified name without the functions in which it was defined."""
    return qualified.rpartition("<locals>.")[2]


def leaf_from_json(form: Any) -> Leaf:
    """Read what ``Leaf.to_json`` wrote.

    Raises:
        ArtifactError: the form is not one that it writes.
    """
    try:
        kind = form["kind"]
        if kind == "integer":
            return IntegerLeaf()
        if kind == "real":
            return RealLeaf()
        if kind == "key":
            return KeyLeaf(decode(form["value"]))
        rank, layout, sizes = int(form["rank"]), form["layout"], form["sizes"]
        if kind != "array" or layout not in ("contiguous", "strided"):
            raise ValueError(kind)
        if not 0 <= rank <= MOST_AXES:
            raise ValueError("a rank that NumPy does not have")
        if sizes is not None:
            sizes = tuple(None if size is None else int(size) for size in sizes)
            if len(sizes) != rank:
                raise ValueError("sizes")
        return ArrayLeaf(DTYPES[form["dtype"]], rank, layout, sizes)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(
            None,
            f"cannot read the argument {str(form)[:60]!r}",
            code="artifact-damaged",
        ) from error


def leaf_of(value: object) -> Leaf:
    """The leaf that a normalized value is by default.

    Raises:
        DtypeError: an array of a dtype that Penstock does not have.

    Example:
        >>> leaf_of(np.zeros((2, 3))).describe(), leaf_of(7).describe()
        ('f64[_,_]', 'int')
    """
    kind = type(value)
    if kind is np.ndarray:
        assert isinstance(value, np.ndarray)
        dtype = dtype_of(value.dtype)
        if dtype is None:
            raise DtypeError(
                None,
                f"arrays of dtype {value.dtype} are not supported",
                code="dtype",
                hint="use bool, an integer or a floating dtype",
            )
        layout = "contiguous" if value.flags.c_contiguous else "strided"
        return ArrayLeaf(dtype, value.ndim, layout)
    if kind is float:
        return RealLeaf()
    if IntegerLeaf().accepts(value):
        return IntegerLeaf()
    return KeyLeaf(value)


def normalize(value: object) -> object:
    """A leaf in the form that variants take, without changing its meaning.

    NumPy scalars become arrays of rank 0; arrays in foreign byte order or misaligned
    in memory become copies; ``np.memmap`` becomes a plain array. Other subclasses may
    compute by rules of their own, so they are left as they are, and no variant accepts
    them.

    Example:
        >>> normalize(np.float32(2))
        array(2., dtype=float32)
    """
    # By type: a traced array only says that it is an array.
    kind = type(value)
    if issubclass(kind, np.ndarray):
        assert isinstance(value, np.ndarray)
        if kind is not np.ndarray:
            if own_array_class(kind):
                return value
            value = np.asarray(value)
        if value.dtype.isnative and value.flags.aligned:
            return value
        return value.astype(value.dtype.newbyteorder("="))
    if issubclass(kind, np.generic):
        return value if own_array_class(kind) else np.asarray(value)
    return value


def own_array_class(kind: type[Any]) -> bool:
    """Whether a class of arrays or NumPy scalars may compute by rules of its own.

    Example:
        >>> own_array_class(np.memmap), own_array_class(np.ma.MaskedArray)
        (False, True)
    """
    if issubclass(kind, np.ndarray):
        return kind not in (np.ndarray, np.memmap)
    module = kind.__module__.partition(".")[0]
    return issubclass(kind, np.generic) and module not in ("numpy", "ml_dtypes")
