"""Nested arguments and results: a list of leaves, and the structure they came in.

Tuples, lists, dicts, dataclass instances, NamedTuples and ``None`` are structure;
everything else is a leaf. The order of a dict's keys is part of the structure: a
traced function can see it (``for key in d``), so a trace made for one order must
not serve another.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from penstock.ir.errors import ArtifactError, StructureError
from penstock.ir.wording import with_article
from penstock.runtime.constants import (
    Reference,
    constant_key,
    decode,
    encode,
    path_of,
    shown,
)

__all__ = [
    "DEEPEST",
    "LEAF",
    "NONE",
    "Structure",
    "flat_tuple",
    "flatten",
    "unflatten",
]

# Deeper than any data that people write, and far from Python's recursion limit.
DEEPEST = 200


class Structure:
    """What is left of nested data when its leaves are taken out.

    Structures are immutable, hashable, and equal when the same nesting of the same
    classes, with the same keys in the same order, holds the same number of leaves.

    Attributes:
        kind: ``"leaf"``, ``"none"``, ``"tuple"``, ``"list"``, ``"dict"``,
            ``"named"`` (a NamedTuple) or ``"dataclass"``.
        children: the structures within, in order.
        keys: the keys of a dict, or the names of fields.
        owner: the class of a NamedTuple or dataclass; a ``Reference`` to it where
            the structure was read from a file.
        leaf_count: how many leaves it holds.
        key: what equality compares.
    """

    __slots__ = ("_hash", "children", "key", "keys", "kind", "leaf_count", "owner")

    def __init__(
        self,
        kind: str,
        children: tuple[Structure, ...] = (),
        keys: tuple[Any, ...] = (),
        owner: type[Any] | _Owner | None = None,
    ) -> None:
        self.kind = kind
        self.children = children
        self.keys = keys
        self.owner = owner
        self.leaf_count: int = (
            1 if kind == "leaf" else sum(child.leaf_count for child in children)
        )
        typed = tuple(map(constant_key, keys)) if kind == "dict" else keys
        # Nested tuples of keys compare in C. The hash leaves the owner out: a class
        # equals a reference to it that was read from a file.
        self._hash: int = hash((kind, typed, children))
        below = tuple(child.key for child in children)
        self.key: tuple[Any, ...] = (kind, typed, owner, below)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Structure) and self.key == other.key)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return self.format(("*",) * self.leaf_count)

    def format(self, leaves: Sequence[str], modules: bool = False) -> str:
        """The structure written out with a text for each leaf.

        Args:
            leaves: the texts.
            modules: whether classes are named with their modules.

        Example:
            >>> flatten({"a": 1, "b": (2, None)})[1].format(["f32[n]", "3"])
            "{'a': f32[n], 'b': (3, None)}"
        """
        return _format(self, iter(leaves), modules)

    def paths(self) -> tuple[str, ...]:
        """How to reach each leaf, as Python writes it.

        Example:
            >>> flatten({"a": 1, "b": (2, 3)})[1].paths()
            ("['a']", "['b'][0]", "['b'][1]")
        """
        if self.kind == "leaf":
            return ("",)
        if self.kind in ("named", "dataclass"):
            steps = [f".{name}" for name in self.keys]
        elif self.kind == "dict":
            steps = [f"[{shown(key)}]" for key in self.keys]
        else:
            steps = [f"[{index}]" for index in range(len(self.children))]
        return tuple(
            step + path
            for step, child in zip(steps, self.children, strict=True)
            for path in child.paths()
        )

    def to_json(self) -> Any:
        """The structure as JSON; classes are written as names.

        Raises:
            ArtifactError: a dict's key is no constant, or a class cannot be found
                under its own name.
        """
        if self.kind in ("leaf", "none"):
            return self.kind
        form: dict[str, Any] = {
            "kind": self.kind,
            "children": [child.to_json() for child in self.children],
        }
        if self.kind == "dict":
            form["keys"] = [encode(key) for key in self.keys]
        elif self.owner is not None:
            form["keys"] = list(self.keys)
            form["owner"] = _owner_form(self.owner)
        return form

    @staticmethod
    def from_json(form: Any) -> Structure:
        """Read what ``to_json`` wrote. No class is imported for it.

        Raises:
            ArtifactError: the form is not one that ``to_json`` writes.
        """
        return _from_json(form, 0)


class _Owner:
    """A class known by name: equal to the class of that name once it is imported."""

    __slots__ = ("_stand_in", "dataclass", "fields", "reference")

    def __init__(
        self, reference: Reference, fields: tuple[str, ...], dataclass: bool
    ) -> None:
        self.reference = reference
        self.fields = fields
        self.dataclass = dataclass
        self._stand_in: type[Any] | None = None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Owner):
            return self.reference == other.reference and self.fields == other.fields
        return isinstance(other, type) and self.find() is other

    def __hash__(self) -> int:
        return hash(self.reference)

    def find(self) -> type[Any] | None:
        """The class, if it is imported and has the same fields."""
        try:
            owner = self.reference.resolve()
        except LookupError:
            return None
        if not isinstance(owner, type):
            return None
        kind, fields = _class_fields(owner)
        wanted = "dataclass" if self.dataclass else "named"
        return owner if (kind, fields) == (wanted, self.fields) else None

    def stand_in(self) -> type[Any]:
        """A class of the same name and fields, where the real one is not imported."""
        if self._stand_in is None:
            name = self.reference.name.rpartition(".")[2]
            members: dict[str, Any] = {"_fields": self.fields}
            if not self.dataclass:
                members["__slots__"] = ()
                for index, field in enumerate(self.fields):
                    members[field] = property(itemgetter(index))
            base = _Record if self.dataclass else _NamedRecord
            self._stand_in = type(name, (base,), members)
        return self._stand_in


class _Record:
    """The base of classes that stand in for a dataclass."""

    _fields: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({fields})"


class _NamedRecord(tuple[Any, ...]):
    """The base of classes that stand in for a NamedTuple."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __repr__(self) -> str:
        pairs = zip(self._fields, self, strict=True)
        fields = ", ".join(f"{name}={value!r}" for name, value in pairs)
        return f"{type(self).__name__}({fields})"


LEAF = Structure("leaf")
NONE = Structure("none")

_LEAF_TYPES = frozenset({np.ndarray, int, float, bool, str, bytes, complex})
_FLAT_TUPLES: list[Structure] = [Structure("tuple", (LEAF,) * n) for n in range(16)]


def flat_tuple(count: int) -> Structure:
    """The structure of a tuple of ``count`` leaves."""
    if count < len(_FLAT_TUPLES):
        return _FLAT_TUPLES[count]
    return Structure("tuple", (LEAF,) * count)


def flatten(value: object) -> tuple[list[Any], Structure]:
    """Take nested data apart.

    Args:
        value: any nesting of tuples, lists, dicts, dataclass instances, NamedTuples
            and ``None``.

    Returns:
        The leaves in order, and the structure.

    Raises:
        StructureError: the data contains itself, or nests absurdly deep.

    Example:
        >>> flatten((1, {"w": 2.0, "b": None}))
        ([1, 2.0], (*, {'w': *, 'b': None}))
    """
    if type(value) is tuple and _LEAF_TYPES.issuperset(map(type, value)):
        return list(value), flat_tuple(len(value))
    leaves: list[Any] = []
    return leaves, _flatten(value, leaves, 0)


def _flatten(value: Any, leaves: list[Any], depth: int) -> Structure:
    kind = type(value)
    if kind in _LEAF_TYPES:
        leaves.append(value)
        return LEAF
    if value is None:
        return NONE
    if depth > DEEPEST:
        raise StructureError(
            None,
            f"the data nests more than {DEEPEST} levels deep",
            code="deep-structure",
            hint="does a list or dict contain itself?",
        )
    if kind is tuple or kind is list:
        # Reading a field runs code, which may change what is around it, as other
        # threads may: all items are taken before any of them is looked at.
        name = "tuple" if kind is tuple else "list"
        return Structure(name, _flatten_all([*value], leaves, depth))
    if kind is dict:
        items = [*value.items()]
        children = _flatten_all([item for _, item in items], leaves, depth)
        return Structure("dict", children, tuple([key for key, _ in items]))
    name, fields = _class_fields(kind)
    if name == "named":
        return Structure(name, _flatten_all(value, leaves, depth), fields, kind)
    if name == "dataclass":
        parts = [_field(value, field) for field in fields]
        return Structure(name, _flatten_all(parts, leaves, depth), fields, kind)
    leaves.append(value)
    return LEAF


def _flatten_all(values: Any, leaves: list[Any], depth: int) -> tuple[Structure, ...]:
    return tuple([_flatten(value, leaves, depth + 1) for value in values])


def _field(value: object, name: str) -> object:
    try:
        return getattr(value, name)
    except AttributeError:
        raise StructureError(
            None,
            f"the field {name!r} of {with_article(type(value).__name__)} was never set",
            code="unset-field",
        ) from None


def _class_fields(kind: type[Any]) -> tuple[str, tuple[str, ...]]:
    """``("named" or "dataclass" or "leaf", field names)`` of a class."""
    fields: Any = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and isinstance(fields, tuple):
        return "named", fields
    # Imported by whoever made the dataclass.
    module = sys.modules.get("dataclasses")
    if module is not None and module.is_dataclass(kind):
        return "dataclass", tuple(field.name for field in module.fields(kind))
    return "leaf", ()


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """Put nested data together again.

    Dataclass instances are made without calling ``__init__``, so that fields come
    back as they were, and no user code runs.

    Args:
        structure: as ``flatten`` gave it.
        leaves: as many as the structure holds.

    Raises:
        ValueError: the number of leaves is wrong.

    Example:
        >>> unflatten(flatten({"w": 0, "b": 0})[1], [1, 2])
        {'w': 1, 'b': 2}
    """
    if len(leaves) != structure.leaf_count:
        raise ValueError(
            f"the structure holds {structure.leaf_count} leaves, not {len(leaves)}"
        )
    if structure is LEAF:
        return leaves[0]
    return _unflatten(structure, iter(leaves))


def _unflatten(structure: Structure, leaves: Iterator[Any]) -> Any:
    kind = structure.kind
    if kind == "leaf":
        return next(leaves)
    if kind == "none":
        return None
    parts = [_unflatten(child, leaves) for child in structure.children]
    if kind == "tuple":
        return tuple(parts)
    if kind == "list":
        return parts
    if kind == "dict":
        return dict(zip(structure.keys, parts, strict=True))
    owner: Any = structure.owner
    if isinstance(owner, _Owner):
        owner = owner.find() or owner.stand_in()
    if kind == "named":
        return tuple.__new__(owner, parts)
    instance = object.__new__(owner)
    for name, part in zip(structure.keys, parts, strict=True):
        object.__setattr__(instance, name, part)
    return instance


def _format(structure: Structure, leaves: Iterator[str], modules: bool) -> str:
    kind = structure.kind
    if kind == "leaf":
        return next(leaves)
    if kind == "none":
        return "None"
    parts = [_format(child, leaves, modules) for child in structure.children]
    if kind == "tuple":
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if kind == "list":
        return f"[{', '.join(parts)}]"
    pairs = list(zip(structure.keys, parts, strict=True))
    if kind == "dict":
        return "{" + ", ".join(f"{shown(key)}: {part}" for key, part in pairs) + "}"
    name = _owner_name(structure.owner, modules)
    return f"{name}({', '.join(f'{key}={part}' for key, part in pairs)})"


def _owner_name(owner: Any, with_module: bool) -> str:
    if isinstance(owner, _Owner):
        module, name = owner.reference.module, owner.reference.name
    else:
        module, name = owner.__module__, owner.__name__
    return f"{module}.{name}" if with_module else name


def _owner_form(owner: type[Any] | _Owner) -> list[str]:
    reference = owner.reference if isinstance(owner, _Owner) else path_of(owner)
    if reference is None:
        assert isinstance(owner, type)
        raise ArtifactError(
            None,
            f"the class {owner.__qualname__} cannot be found under its own name",
            code="unsaved-constant",
            hint="define it at the top level of a module",
        )
    return [reference.module, reference.name]


def _from_json(form: Any, depth: int) -> Structure:
    if form == "leaf":
        return LEAF
    if form == "none":
        return NONE
    try:
        if depth > DEEPEST:
            raise ValueError("too deep")
        kind = form["kind"]
        children = tuple(_from_json(child, depth + 1) for child in form["children"])
        if kind in ("tuple", "list"):
            return Structure(kind, children)
        if kind not in ("dict", "named", "dataclass"):
            raise ValueError(kind)
        if len(form["keys"]) != len(children):
            raise ValueError("keys")
        if kind == "dict":
            return Structure(kind, children, tuple(map(_key_of, form["keys"])))
        fields = tuple(str(name) for name in form["keys"])
        module, name = form["owner"]
        owner = _Owner(Reference(str(module), str(name)), fields, kind == "dataclass")
        return Structure(kind, children, fields, owner)
    except (LookupError, TypeError, ValueError) as error:
        raise ArtifactError(
            None,
            f"cannot read the structure {str(form)[:60]!r}",
            code="artifact-damaged",
        ) from error


def _key_of(form: Any) -> Any:
    key = decode(form)
    return key.resolve() if isinstance(key, Reference) else key
