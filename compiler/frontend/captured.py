"""Captured state: what a traced program reads from elsewhere than its arguments.

Everything that is read has a reader, which says where; it is read there again at
each call. Arrays become inputs of the graph; numbers, strings, functions, classes
and modules become keys; containers and objects are seen through views that record
what is read of them and refuse to be written.
"""

from __future__ import annotations

import enum
import functools
import os
import sys
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.frontend.inputs import Inputs
from penstock.frontend.namespace import Forbidden, numpy_view
from penstock.frontend.tracer import Traced, Tracer
from penstock.ir.location import user_location
from penstock.runtime.leaves import InstanceLeaf, KeyLeaf, Leaf, normalize
from penstock.runtime.readers import (
    ArgumentReader,
    AttributeReader,
    ItemReader,
    KeysReader,
    LengthReader,
    Reader,
    ValueReader,
)
from penstock.runtime.signature import Captured

if TYPE_CHECKING:
    from penstock.frontend.functions import FunctionViews
    from penstock.frontend.objects import ObjectViews

__all__ = ["Capture", "is_library"]

_FORBIDDEN_MODULES = frozenset({"random", "secrets", "time", "uuid"})
_FORBIDDEN_OF_OS = frozenset({"getrandom", "urandom"})
_LRU_CACHE = type(functools.lru_cache(len))
_CONTAINERS = (list, dict, set, np.ndarray)
_KEYS = (
    str, bytes, int, float, complex, type(None), enum.Enum, np.dtype, np.generic,
)  # fmt: skip


def is_library(module: object) -> bool:
    """Whether a module's name is one of Python's own, NumPy's, SciPy's or ours."""
    if not isinstance(module, str):
        return False
    top = module.partition(".")[0]
    return top in _LIBRARIES or (top in sys.stdlib_module_names and top != "__main__")


_LIBRARIES = frozenset({"numpy", "scipy", "penstock", "builtins", "opt_einsum"})


class Capture:
    """The captured state of one trace.

    Attributes:
        tracer: the trace.
        inputs: where leaves are added.
        captured: what is read, in the order of its leaves.
        functions: views of functions.
        objects: views of objects and classes.
    """

    def __init__(self, tracer: Tracer, inputs: Inputs) -> None:
        from penstock.frontend.functions import FunctionViews
        from penstock.frontend.objects import ObjectViews

        self.tracer = tracer
        self.inputs = inputs
        self.captured: list[Captured] = []
        self.functions: FunctionViews = FunctionViews(self)
        self.objects: ObjectViews = ObjectViews(self)
        self._seen: dict[Reader, Any] = {}

    def wrap(self, value: Any, reader: Reader) -> Any:
        """A captured value as the traced program sees it; the read is recorded."""
        if issubclass(type(value), Traced) or self.objects.is_view(value):
            return value
        if reader in self._seen:
            return self._seen[reader]
        view = self._wrap(value, reader)
        self._seen[reader] = view
        return view

    def record(self, reader: Reader, leaf: Leaf) -> None:
        """Make the leaf that a reader reads part of the signature."""
        if isinstance(reader, (ArgumentReader, ValueReader)):
            return  # Arguments have leaves already, and constants need none.
        self.captured.append(Captured(reader))
        self.inputs.add_leaf(leaf)

    def record_key(self, reader: Reader, value: Any) -> None:
        """Make the variant serve only while a reader reads this value."""
        self.record(reader, KeyLeaf(value))

    def length(self, value: Any, reader: Reader) -> int:
        """The length of a captured container, recorded."""
        return int(self.wrap(len(value), LengthReader(reader)))

    def keys(self, value: Any, reader: Reader) -> tuple[Any, ...]:
        """The keys of a captured dict, recorded."""
        keys = tuple(value)
        place = KeysReader(reader)
        if place not in self._seen:
            self._seen[place] = keys
            self.record_key(place, keys)
        return keys

    def _wrap(self, value: Any, reader: Reader) -> Any:
        kind = type(value)
        if issubclass(kind, np.ndarray):
            return self._wrap_array(value, reader)
        if issubclass(kind, _KEYS):
            self.record_key(reader, value)
            return value
        if issubclass(kind, (set, frozenset)):
            members = frozenset(value)
            self.record(reader, InstanceLeaf(kind))
            self.record_key(KeysReader(reader), members)
            return members
        container = self._wrap_container(value, kind, reader)
        if container is not None:
            return container
        if issubclass(kind, type):
            self.record_key(reader, value)
            return self.objects.class_view(value, reader)
        forbidden = _forbidden(value)
        if forbidden is not None:
            self.record_key(reader, value)
            return forbidden
        callable_view = self._wrap_callable(value, kind, reader)
        if callable_view is not None:
            return callable_view
        if issubclass(kind, ModuleType):
            self.record_key(reader, value)
            return self.objects.module_view(value, reader)
        return self.objects.object_view(value, reader)

    def _wrap_array(self, value: Any, reader: Reader) -> Any:
        self.captured.append(Captured(reader))
        name = reader.describe()
        return self.inputs.add(normalize(value), reader.bare(), name, user_location())

    def _wrap_container(self, value: Any, kind: type[Any], reader: Reader) -> Any:
        from penstock.frontend.containers import CapturedDict, CapturedList

        if issubclass(kind, dict) and is_library(kind.__module__):
            self.record(reader, InstanceLeaf(kind))
            return CapturedDict(self, value, reader)
        if kind is list:
            self.record(reader, InstanceLeaf(kind))
            return CapturedList(self, value, reader)
        if kind is tuple:
            self.record(reader, InstanceLeaf(kind))
            count = self.length(value, reader)
            places = [ItemReader(reader, i) for i in range(count)]
            return tuple(map(self.wrap, value, places))
        return None

    def _wrap_callable(self, value: Any, kind: type[Any], reader: Reader) -> Any:
        if kind.__module__.startswith("penstock.") and hasattr(value, "__wrapped__"):
            # A compiled function within a compiled function is traced in place.
            self.record_key(reader, value)
            function = value.__wrapped__
            return self.wrap(function, ValueReader(function, reader.describe()))
        view = numpy_view(value)
        if view is not None:
            self.record_key(reader, value)
            return view
        if kind is FunctionType:
            self.record_key(reader, value)
            return self.functions.view(value, reader)
        if kind is MethodType:
            function = self.wrap(value.__func__, AttributeReader(reader, "__func__"))
            instance = self.wrap(value.__self__, AttributeReader(reader, "__self__"))
            return MethodType(function, instance)
        if issubclass(kind, functools.partial):
            return self._wrap_partial(value, reader)
        if kind is _LRU_CACHE:
            return self.wrap(value.__wrapped__, AttributeReader(reader, "__wrapped__"))
        if kind is BuiltinFunctionType and isinstance(value.__self__, _CONTAINERS):
            # A method such as `append`: that of the container as it is seen.
            owner = self.wrap(value.__self__, AttributeReader(reader, "__self__"))
            return getattr(owner, value.__name__)
        if kind is BuiltinFunctionType or kind is WrapperDescriptorType:
            self.record_key(reader, value)
            return value
        return None

    def _wrap_partial(self, value: Any, reader: Reader) -> Any:
        self.record(reader, InstanceLeaf(type(value)))
        function = self.wrap(value.func, AttributeReader(reader, "func"))
        args = self.wrap(value.args, AttributeReader(reader, "args"))
        keywords = self.wrap(value.keywords, AttributeReader(reader, "keywords"))
        return functools.partial(function, *args, **keywords)

    def check_unchanged(self) -> None:
        """Raise a TraceError if the traced program wrote to captured state."""
        self.functions.check_unchanged()


def _forbidden(value: Any) -> Any:
    """A stand-in for clocks and hidden random state, or ``None``."""
    # Not imported for this: where it is not, nothing of it can be captured.
    random = sys.modules.get("random")
    kind = type(value)
    if issubclass(kind, ModuleType):
        if value.__name__ in _FORBIDDEN_MODULES:
            return Forbidden(value.__name__, value)
        return PartlyForbidden(value, _FORBIDDEN_OF_OS) if value is os else None
    if random is not None and isinstance(value, random.Random):
        return Forbidden(kind.__name__, value)
    owner = getattr(value, "__self__", None)
    if random is not None and isinstance(owner, random.Random):
        return Forbidden(f"random.{value.__name__}", value)
    module = getattr(value, "__module__", None)
    if module in _FORBIDDEN_MODULES and callable(value):
        return Forbidden(f"{module}.{value.__name__}", value)
    if kind is BuiltinFunctionType and value is os.urandom:
        return Forbidden("os.urandom", value)
    return None


class PartlyForbidden:
    """A module of which some functions are forbidden.

    Args:
        module: the module.
        names: the names of those functions.
    """

    def __init__(self, module: ModuleType, names: frozenset[str]) -> None:
        self._module = module
        self._names = names

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if name in self._names:
            return Forbidden(f"{self._module.__name__}.{name}", value)
        return value
