"""Captured state: what a traced program reads from elsewhere than its arguments.

Everything that is read has a reader, which says where; it is read there again at
each call. Arrays become inputs of the graph; numbers, strings, functions, classes
and modules become keys; containers and objects are seen through views that record
what is read of them and refuse to be written.
"""

from __future__ import annotations

import enum
import functools
from collections import Counter
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.frontend.containers import FrozenSet
from penstock.frontend.forbidden import forbidden
from penstock.frontend.inputs import Inputs, refuse_own_class
from penstock.frontend.libraries import is_library
from penstock.frontend.namespace import numpy_view
from penstock.frontend.nested_compile import compiled_in_place
from penstock.frontend.plain import plain
from penstock.frontend.tracer import Traced, Tracer
from penstock.frontend.transformed import Transformed
from penstock.frontend.untraced import record_untraced
from penstock.ir.location import user_location
from penstock.runtime.leaves import InstanceLeaf, KeyLeaf, Leaf, normalize
from penstock.runtime.readers import (
    ArgumentReader,
    AttributeReader,
    ItemReader,
    KeysReader,
    LengthReader,
    Reader,
    SamenessReader,
    ValueReader,
)
from penstock.runtime.signature import Captured

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.frontend.functions import FunctionViews
    from penstock.frontend.objects import ObjectViews

__all__ = ["Capture"]

_LRU_CACHE = type(functools.lru_cache(len))
_CONTAINERS = (list, dict, set, np.ndarray)
_WITH_IDENTITY = (list, dict, np.ndarray, MappingProxyType)
_KEYS = (
    str, bytes, int, float, complex, type(None), enum.Enum, np.dtype, np.generic,
)  # fmt: skip


def has_own_methods(kind: type[Any]) -> bool:
    """Whether a class of the user's has methods, which have to run over views."""
    return not issubclass(kind, enum.Enum) and any(
        type(value) is FunctionType
        for one in kind.__mro__
        if not is_library(one.__module__)
        for value in vars(one).values()
    )


class Capture:
    """The captured state of one trace.

    Attributes:
        tracer: the trace.
        inputs: where leaves are added.
        captured: what is read, in the order of its leaves.
        functions: views of functions.
        objects: views of objects and classes.
        shared: whether what is one object outside is one within, too, so that ``is``
            says so; the variant serves only while it is.
    """

    def __init__(self, tracer: Tracer, inputs: Inputs, shared: bool = False) -> None:
        from penstock.frontend.functions import FunctionViews
        from penstock.frontend.objects import ObjectViews

        self.tracer = tracer
        self.inputs = inputs
        self.captured: list[Captured] = []
        self.functions: FunctionViews = FunctionViews(self)
        self.objects: ObjectViews = ObjectViews(self)
        self.shared = shared
        self._seen: dict[Reader, Any] = {}
        tracer.plain = plain
        # What has an identity that ``is`` could ask for: the object and its view.
        self._places: dict[Reader, Any] = {}
        self._views: dict[int, Any] = {}

    def wrap(self, value: Any, reader: Reader) -> Any:
        """A captured value as the traced program sees it; the read is recorded."""
        if issubclass(type(value), Traced) or self.objects.is_view(value):
            return value
        if reader in self._seen:
            return self._seen[reader]
        view = self.only(value, reader, lambda: self._wrap(value, reader))
        self._seen[reader] = view
        return view

    def only(self, value: Any, reader: Reader, make: Callable[[], Any]) -> Any:
        """The view of an object, which is made once if identities are shared."""
        if not issubclass(type(value), _WITH_IDENTITY) and not self.objects.is_own(
            value
        ):
            return make()
        self._places[reader] = value
        if not self.shared or id(value) not in self._views:
            self._views[id(value)] = make()
        return self._views[id(value)]

    def record_identities(self) -> bool:
        """Make part of the signature which objects are the same, if that was asked.

        Returns:
            Whether some are the same object, so that they must be shared.
        """
        if len(self._places) < 2 or not self.functions.ask_identity():
            return False
        reader = SamenessReader(*self._places)
        first: dict[int, int] = {}
        pattern = tuple(
            first.setdefault(id(value), index)
            for index, value in enumerate(self._places.values())
        )
        self.record_once(reader, pattern)
        return len(first) < len(pattern)

    def record(self, reader: Reader, leaf: Leaf) -> None:
        """Make the leaf that a reader reads part of the signature."""
        if isinstance(reader, (ArgumentReader, ValueReader)):
            return  # Arguments have leaves already, and constants need none.
        self.captured.append(Captured(reader))
        self.inputs.add_leaf(leaf)

    def record_key(self, reader: Reader, value: Any) -> None:
        """Make the variant serve only while a reader reads this value."""
        self.record(reader, KeyLeaf(value))

    def record_once(self, reader: Reader, value: Any) -> None:
        """``record_key``, unless that was done before."""
        if reader not in self._seen:
            self._seen[reader] = value
            self.record_key(reader, value)

    def length(self, value: Any, reader: Reader) -> int:
        """The length of a captured container, recorded."""
        return int(self.wrap(len(value), LengthReader(reader)))

    def keys(self, value: Any, reader: Reader) -> tuple[Any, ...]:
        """The keys of a captured dict, recorded."""
        place = KeysReader(reader)
        if place not in self._seen:
            keys = tuple(value)
            self.record_key(place, keys)
            self._seen[place] = tuple(
                self.member(key, ItemReader(place, index))
                for index, key in enumerate(keys)
            )
        found: tuple[Any, ...] = self._seen[place]
        return found

    def member(self, value: Any, reader: Reader) -> Any:
        """A key of a dict or member of a set: functions and objects are views."""
        seen = issubclass(type(value), (type, FunctionType)) or self.objects.is_own(
            value
        )
        return self.wrap(value, reader) if seen else value

    def original(self, view: Any) -> Any:
        """The function, class or object that a view shows; others are themselves."""
        if type(view) is FunctionType:
            return self.functions.original(view)
        return self.objects.original(view) if self.objects.is_view(view) else view

    def _wrap(self, value: Any, reader: Reader) -> Any:
        kind = type(value)
        if issubclass(kind, np.ndarray):
            return self._wrap_array(value, reader)
        if issubclass(kind, np.generic):
            refuse_own_class(value, reader.describe(), user_location())
        if issubclass(kind, _KEYS) and not has_own_methods(kind):
            self.record_key(reader, value)
            if issubclass(kind, enum.Enum):
                record_untraced(self, kind, AttributeReader(reader, "__class__"))
            return value
        if issubclass(kind, (set, frozenset)):
            members = frozenset(value)
            self.record(reader, InstanceLeaf(kind))
            self.record_key(KeysReader(reader), members)
            if issubclass(kind, frozenset):
                return members
            place = reader.describe()
            seen = [self.member(one, ValueReader(one, place)) for one in members]
            return FrozenSet(seen, place)
        container = self._wrap_container(value, kind, reader)
        if container is not None:
            return container
        stand_in = forbidden(value, reader.bare)
        if stand_in is not None:
            self.record_key(reader, value)
            return stand_in
        if issubclass(kind, type):
            self.record_key(reader, value)
            record_untraced(self, value, reader)
            return self.objects.class_view(value, reader)
        callable_view = self._wrap_callable(value, kind, reader)
        if callable_view is not None:
            return callable_view
        if issubclass(kind, ModuleType):
            self.record_key(reader, value)
            return self.objects.module_view(value, reader)
        if issubclass(kind, BaseException):
            record_untraced(self, kind, AttributeReader(reader, "__class__"))
        return self.objects.object_view(value, reader)

    def _wrap_array(self, value: Any, reader: Reader) -> Any:
        self.captured.append(Captured(reader))
        name = reader.describe()
        return self.inputs.add(normalize(value), reader.bare(), name, user_location())

    def _wrap_container(self, value: Any, kind: type[Any], reader: Reader) -> Any:
        from penstock.frontend.containers import (
            CapturedCounter,
            CapturedDict,
            CapturedList,
        )

        if issubclass(kind, dict) and is_library(kind.__module__):
            self.record(reader, InstanceLeaf(kind))
            view = CapturedCounter if kind is Counter else CapturedDict
            return view(self, value, reader)
        if kind is MappingProxyType:
            self.record(reader, InstanceLeaf(kind))
            return MappingProxyType(CapturedDict(self, value, reader))
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
        if issubclass(kind, Transformed):
            self.record_key(reader, value)
            place = AttributeReader(reader, "function")
            return value.over(self.wrap(value.function, place))
        if issubclass(kind, functools.partial):
            return self._wrap_partial(value, reader)
        if kind.__module__.startswith("penstock.") and hasattr(value, "__wrapped__"):
            # A compiled function within a compiled function is traced in place.
            self.record_key(reader, value)
            function = value.__wrapped__
            seen = self.wrap(function, ValueReader(function, reader.describe()))
            return compiled_in_place(seen, value._state.options.static)  # noqa: SLF001
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
