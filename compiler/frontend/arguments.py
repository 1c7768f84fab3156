"""The arguments of the traced call, as the traced program sees them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import numpy as np

from penstock.frontend.captured import Capture
from penstock.frontend.containers import FrozenDict, FrozenList
from penstock.frontend.objects import is_user_object
from penstock.frontend.tracer import Traced
from penstock.ir.errors import StructureError, TraceError
from penstock.ir.location import Location, user_location
from penstock.ir.wording import with_article
from penstock.runtime.binding import Call, signature_of
from penstock.runtime.leaves import InstanceLeaf
from penstock.runtime.pytree import Structure
from penstock.runtime.readers import ArgumentReader, ValueReader

__all__ = ["Arguments"]

_MUTABLE = (set, bytearray, deque)


class Arguments:
    """The arguments of one trace.

    Args:
        capture: the trace's captured state.
        call: the arguments as they are.
        loc: where the function is defined, for messages.
    """

    def __init__(self, capture: Capture, call: Call, loc: Location | None) -> None:
        self._capture = capture
        self._loc = loc
        self._call = call
        names = call.leaf_names()
        inputs = capture.inputs
        inputs.tracer.avoided_names.update(
            name for name, leaf in zip(names, call.leaves, strict=True)
            if type(leaf) is int
        )  # fmt: skip
        added = [
            self._add(leaf, f"argument {name}", name)
            for leaf, name in zip(call.leaves, names, strict=True)
        ]
        # The leaves of arguments come first: only now may functions be looked into.
        handles = [
            self._view(leaf, seen, ArgumentReader(index, name))
            for index, (leaf, seen, name) in enumerate(
                zip(call.leaves, added, names, strict=True)
            )
        ]
        rest = iter(handles)
        self._values = [
            self._rebuild(child, rest, f"argument {name}")
            for name, child in zip(call.names, call.structure.children, strict=True)
        ]

    def _add(self, leaf: Any, owner: str, name: str) -> Any:
        refuse_argument(leaf, owner, self._loc)
        inputs = self._capture.inputs
        if is_user_object(leaf):
            inputs.add_leaf(InstanceLeaf(type(leaf)))
            return leaf
        return inputs.add(leaf, name, owner, self._loc)

    def _view(self, leaf: Any, seen: Any, reader: ArgumentReader) -> Any:
        capture = self._capture
        if is_user_object(leaf):
            instance = capture.objects.instance
            return capture.only(leaf, reader, lambda: instance(leaf, reader))
        if seen is leaf:
            return capture.wrap(leaf, reader)
        return capture.only(leaf, reader, lambda: seen)

    def _rebuild(self, structure: Structure, leaves: Iterator[Any], owner: str) -> Any:
        """Nested arguments, which the traced program may read but not write."""
        kind = structure.kind
        if kind == "leaf":
            return next(leaves)
        if kind == "none":
            return None
        parts = [self._rebuild(child, leaves, owner) for child in structure.children]
        if kind == "tuple":
            return tuple(parts)
        if kind == "list":
            return FrozenList(parts, owner)
        if kind == "dict":
            member = self._capture.member
            keys = [member(key, ValueReader(key, owner)) for key in structure.keys]
            return FrozenDict(dict(zip(keys, parts, strict=True)), owner)
        fields = dict(zip(structure.keys, parts, strict=True))
        made: Any = structure.owner
        if kind == "named":
            return self._capture.objects.named_tuple(made, parts)
        return self._capture.objects.freeze(made, fields, owner)

    def values(self, function: Any) -> tuple[list[Any], dict[str, Any]]:
        """How a function takes them: positional and keyword arguments."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        kinds = _parameter_kinds(function)
        for name, kind, value in zip(
            self._call.names, kinds, self._values, strict=True
        ):
            if kind is inspect.Parameter.VAR_POSITIONAL:
                positional += value
            elif kind is inspect.Parameter.VAR_KEYWORD:
                keywords.update(dict.items(value))
            elif kind is inspect.Parameter.KEYWORD_ONLY:
                keywords[name] = value
            else:
                positional.append(value)
        return positional, keywords


def _parameter_kinds(function: Any) -> list[Any]:
    if type(function) is not FunctionType:
        signature = signature_of(function)
        assert signature is not None
        return [parameter.kind for parameter in signature.parameters.values()]
    code, parameter = function.__code__, inspect.Parameter
    kinds: list[Any] = [parameter.POSITIONAL_OR_KEYWORD] * code.co_argcount
    if code.co_flags & inspect.CO_VARARGS:
        kinds.append(parameter.VAR_POSITIONAL)
    kinds += [parameter.KEYWORD_ONLY] * code.co_kwonlyargcount
    if code.co_flags & inspect.CO_VARKEYWORDS:
        kinds.append(parameter.VAR_KEYWORD)
    return kinds


def refuse_argument(leaf: Any, owner: str, loc: Location | None) -> None:
    """Raise for an argument that no variant could serve.

    Raises:
        StructureError: it can change without being another object, or is an array
            of another library.
        TraceError: it is a value of a trace.
    """
    kind = type(leaf)
    if issubclass(kind, Traced):
        raise TraceError(
            user_location(),
            f"{owner} is a traced value, but the call did not come from traced code",
            code="traced-argument",
            hint="call the compiled function from the traced function itself",
        )
    if issubclass(kind, _MUTABLE):
        raise StructureError(
            loc,
            f"{owner} is {with_article(kind.__name__)}, which could change unnoticed",
            code="mutable-argument",
            hint="pass a tuple, list, dict or frozenset",
        )
    if hasattr(kind, "__array__") and not issubclass(kind, (np.ndarray, np.generic)):
        raise StructureError(
            loc,
            f"{owner} is a {kind.__module__}.{kind.__name__}, not a NumPy array",
            code="foreign-array",
            hint="convert it first: np.asarray(x)",
        )
