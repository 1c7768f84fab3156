"""Objects, classes and modules of the user, seen by traced functions.

A class is seen as a subclass of itself, its mirror: attributes are looked up as
Python does, but what comes from captured state is recorded, and functions run over
views. A captured object is an instance of the mirror without state of its own; an
object that the traced program makes is an instance with state.
"""

from __future__ import annotations

import functools
import sys
from enum import Enum
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any

from penstock.frontend.forbidden import builtin_base, check_key
from penstock.frontend.libraries import is_library
from penstock.frontend.mirrors import (
    MISSING,
    MirrorType,
    captured_class,
    find,
    find_with_owner,
    is_local,
    is_mirror,
    is_user_class,
    make_mirror,
    mro_of,
    real_class,
    state_of,
)
from penstock.frontend.special_methods import descriptor_in_class, special_methods
from penstock.frontend.stand_ins import ModuleView, SuperView
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import user_location
from penstock.runtime.leaves import InstanceLeaf, own_array_class
from penstock.runtime.readers import (
    AbsenceReader,
    AttributeReader,
    ItemReader,
    KeysReader,
    Reader,
    SamenessReader,
    ValueReader,
)

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = ["ObjectViews", "is_user_object"]


def is_user_object(value: Any) -> bool:
    """Whether a value is an instance of a user's class, or a plain namespace."""
    kind = type(value)
    if issubclass(kind, (type, ModuleType, FunctionType, MethodType, Enum)):
        return False
    if own_array_class(kind):
        return False  # No object but an array or number, which is an error.
    return is_user_class(kind) or _is_namespace(kind)


def _is_namespace(kind: type[Any]) -> bool:
    if kind is SimpleNamespace:
        return True
    # Not imported for this: where it is not, there is no object of it.
    module = sys.modules.get("argparse")
    return module is not None and kind is module.Namespace


class ObjectViews:
    """The views of classes, objects and modules in one trace."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._mirrors: dict[type[Any], type[Any]] = {}
        self._class_readers: dict[type[Any], Reader] = {}
        self._metaclasses: dict[type[Any], type[Any]] = {}
        # By the identity of the view: the view, the object, and where it is read.
        self._origins: dict[int, tuple[Any, Any, Reader]] = {}
        # Arguments that came apart as pytrees: their fields, by identity.
        self._frozen: dict[int, tuple[Any, str]] = {}

    is_own = staticmethod(is_user_object)

    def is_view(self, value: Any) -> bool:
        """Whether a value is an object of the traced program already."""
        kind = type(value)
        return is_mirror(kind) or (issubclass(kind, type) and is_mirror(value))

    def original(self, view: Any) -> Any:
        """The class or object that a view shows; others are themselves."""
        if issubclass(type(view), type):
            return real_class(view)
        found = self._origins.get(id(view))
        return view if found is None else found[1]

    def same(self, left: Any, right: Any) -> Any:
        """``left == right`` where the class leaves that to identity, recorded."""
        first, second = self._origins.get(id(left)), self._origins.get(id(right))
        if first is None or second is None or left is right:
            return left is right
        one_object = first[1] is second[1]
        reader = SamenessReader(first[2], second[2])
        self.capture.record_once(reader, (0, 0) if one_object else (0, 1))
        return one_object

    # Classes

    def class_view(self, kind: type[Any], reader: Reader) -> type[Any]:
        """A class as traced functions see it; its read is recorded already."""
        if not is_user_class(kind) or issubclass(kind, (Enum, type)):
            return kind
        self._class_readers.setdefault(kind, reader)
        return self.mirror(kind)

    def mirror(self, kind: type[Any]) -> type[Any]:
        """The mirror of a user's class."""
        found = self._mirrors.get(kind)
        if found is None:
            found = self._make_mirror(kind)
            self._mirrors[kind] = found
        return found

    def _make_mirror(self, kind: type[Any]) -> type[Any]:
        if isinstance(find(kind, "__getattribute__"), FunctionType):
            raise UnsupportedError(
                user_location(),
                f"the class {kind.__name__} defines __getattribute__, which is not "
                "supported in compiled functions",
                code="unsupported-class",
                hint="define __getattr__ instead",
            )
        place = AttributeReader(self.class_reader(kind), "__class__")
        self._class_readers.setdefault(type(kind), place)
        metaclass = self._metaclass(type(kind))
        mirror = make_mirror(self, kind, metaclass, special_methods(self, kind))
        if mirror is None:
            raise UnsupportedError(
                user_location(),
                f"the class {kind.__name__} has both slots and __init_subclass__, "
                "which is not supported in compiled functions",
                code="unsupported-class",
            )
        return mirror

    def has_subclass_hook(self, kind: type[Any]) -> bool:
        """Whether the user's own code runs when the class gets a subclass."""
        hook = find(kind, "__init_subclass__")
        return (
            isinstance(hook, classmethod)
            and isinstance(hook.__func__, FunctionType)
            and not is_library(hook.__func__.__module__)
        )

    def _metaclass(self, kind: type[Any]) -> type[Any]:
        if kind is type:
            return MirrorType
        if kind not in self._metaclasses:
            names = special_methods(self, kind)
            made = type(f"Mirror{kind.__name__}", (MirrorType, kind), names)
            self._metaclasses[kind] = made
        return self._metaclasses[kind]

    def function(self, kind: type[Any], name: str, function: FunctionType) -> Any:
        """A function that is found in a class, over views; the read is recorded."""
        reader = AttributeReader(self.class_reader(kind), name)
        return self.capture.wrap(function, reader)

    def class_reader(self, kind: type[Any]) -> Reader:
        """Reads a class."""
        kind = real_class(kind)
        return self._class_readers.get(kind) or ValueReader(kind, kind.__name__)

    def class_attribute(self, mirror: type[Any], name: str) -> Any:
        """An attribute of a class as traced functions see it."""
        raw, owner = find_with_owner(mirror, name)
        if is_local(owner):
            return type.__getattribute__(mirror, name)
        reader = AttributeReader(self.class_reader(captured_class(mirror)), name)
        if raw is MISSING:
            return self._from_metaclass(mirror, name, reader)
        if isinstance(raw, staticmethod):
            return self.capture.wrap(raw.__func__, reader)
        if isinstance(raw, classmethod):
            return self._bind_class_method(raw, reader, mirror)
        if isinstance(raw, (property, MemberDescriptorType, GetSetDescriptorType)):
            return raw
        if _is_own_descriptor(raw):
            return self._call_descriptor(None, mirror, raw, owner, name)
        return self.capture.wrap(raw, reader)

    def _from_metaclass(self, mirror: type[Any], name: str, reader: Reader) -> Any:
        """An attribute that a class may have from its own class."""
        metaclass = type(captured_class(mirror))
        raw = find(metaclass, name)
        place = AttributeReader(self.class_reader(metaclass), name)
        if isinstance(raw, FunctionType) and is_user_class(metaclass):
            return MethodType(self.capture.wrap(raw, place), mirror)
        if isinstance(raw, property):
            return self.capture.wrap(raw.fget, AttributeReader(place, "fget"))(mirror)
        if raw is not MISSING and not hasattr(type(raw), "__get__"):
            return self.capture.wrap(raw, reader)
        try:
            return type.__getattribute__(mirror, name)
        except AttributeError:
            self._record_absence(reader)
            raise

    def of_class(self, mirror: type[Any], name: str) -> Any:
        """What Python itself keeps of a class: ``__doc__``, ``__mro__``."""
        if is_local(mirror):
            return type.__getattribute__(mirror, name)
        real = real_class(mirror)
        place = AttributeReader(self.class_reader(real), name)
        return self.capture.wrap(type.__getattribute__(real, name), place)

    def names_of(self, view: Any) -> list[str]:
        """``dir(view)``, without what mirrors have beyond their classes."""
        return sorted({*dir(captured_class(type(view))), *self.attributes_of(view)})

    def _bind_class_method(self, raw: Any, reader: Reader, owner: Any) -> Any:
        function = self.capture.wrap(raw.__func__, AttributeReader(reader, "__func__"))
        return MethodType(function, owner)

    # Objects

    def object_view(self, value: Any, reader: Reader) -> Any:
        """A captured object; its class is recorded."""
        kind = type(value)
        if not is_user_object(value):
            check_key(value, reader.describe())
            self.capture.record_key(reader, value)
            return value
        self.capture.record(reader, InstanceLeaf(kind))
        return self.instance(value, reader)

    def instance(self, value: Any, reader: Reader) -> Any:
        """The view of an object whose class is recorded by whoever calls."""
        kind = type(value)
        self._class_readers.setdefault(kind, AttributeReader(reader, "__class__"))
        mirror = self.mirror(kind)
        if issubclass(kind, tuple):
            items = [
                self.capture.wrap(item, ItemReader(reader, i))
                for i, item in enumerate(tuple.__iter__(value))
            ]
            return tuple.__new__(mirror, items)
        maker: Any = SimpleNamespace if issubclass(kind, SimpleNamespace) else object
        try:
            view = maker.__new__(mirror)
        except TypeError:
            raise builtin_base(kind, reader.describe()) from None
        self._origins[id(view)] = (view, value, reader)
        return view

    def named_tuple(self, kind: type[Any], items: list[Any]) -> Any:
        """A NamedTuple of an argument."""
        if is_user_class(kind):
            self._class_readers.setdefault(kind, ValueReader(kind, kind.__name__))
            kind = self.mirror(kind)
        return tuple.__new__(kind, items)

    def freeze(self, kind: type[Any], fields: dict[str, Any], owner: str) -> Any:
        """A dataclass argument, its fields as the traced program sees them."""
        self._class_readers.setdefault(kind, ValueReader(kind, kind.__name__))
        mirror = self.mirror(kind) if is_user_class(kind) else kind
        view = object.__new__(mirror)
        for name, value in fields.items():
            object.__setattr__(view, name, value)
        self._frozen[id(view)] = (view, owner)
        return view

    def attribute(self, view: Any, name: str) -> Any:
        """An attribute of an object, looked up as ``object.__getattribute__`` does."""
        kind = type(view)
        origin = self._origins.get(id(view))
        raw, owner = find_with_owner(kind, name)
        if is_local(owner):
            return object.__getattribute__(view, name)
        if raw is not MISSING and _is_data_descriptor(raw):
            return self._from_descriptor(view, raw, name, origin)
        state = state_of(view)
        if name in state:
            return state[name]
        if origin is not None:
            _, value, reader = origin
            if name in state_of(value):
                return self.capture.wrap(
                    state_of(value)[name], AttributeReader(reader, name)
                )
        if raw is MISSING:
            self._record_absence(
                AttributeReader(origin[2], name)
                if origin is not None
                else self._reader_in_class(view, name)
            )
            if find(kind, "__getattr__") is MISSING:
                self._record_absence(self._reader_in_class(view, "__getattr__"))
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        return self._bind(view, raw, name, origin)

    def has_of_its_own(self, view: Any, name: str) -> bool:
        """Whether an object has an attribute that is not one of its class."""
        origin = self._origins.get(id(view))
        return origin is not None and name in state_of(origin[1])

    def _record_absence(self, reader: Reader) -> None:
        self.capture.wrap(True, AbsenceReader(reader))

    def _from_descriptor(self, view: Any, raw: Any, name: str, origin: Any) -> Any:
        if isinstance(raw, property):
            if raw.fget is None:
                raise AttributeError(f"property {name!r} has no getter")
            reader = AttributeReader(self._reader_in_class(view, name), "fget")
            return self.capture.wrap(raw.fget, reader)(view)
        if isinstance(raw, (MemberDescriptorType, GetSetDescriptorType)):
            if origin is None:
                return raw.__get__(view, type(view))
            _, value, reader = origin
            place = AttributeReader(reader, name)
            try:
                found = raw.__get__(value, type(value))
            except AttributeError:
                self._record_absence(place)
                raise
            return self.capture.wrap(found, place)
        if is_library(type(raw).__module__):
            return raw.__get__(view, type(view))
        owner = find_with_owner(type(view), name)[1]
        return self._call_descriptor(view, type(view), raw, owner, name)

    def _reader_in_class(self, view: Any, name: str) -> Reader:
        kind = captured_class(type(view))
        return AttributeReader(self.class_reader(kind), name)

    def _call_descriptor(
        self, view: Any, kind: type[Any], raw: Any, owner: type[Any], name: str
    ) -> Any:
        real = captured_class(kind)
        descriptor = descriptor_in_class(self, real, raw, owner, name)
        return type(descriptor).__get__(descriptor, view, kind)

    def _bind(self, view: Any, raw: Any, name: str, origin: Any) -> Any:
        reader = self._reader_in_class(view, name)
        if isinstance(raw, FunctionType):
            return MethodType(self.capture.wrap(raw, reader), view)
        if isinstance(raw, staticmethod):
            return self.capture.wrap(raw.__func__, reader)
        if isinstance(raw, classmethod):
            return self._bind_class_method(raw, reader, type(view))
        if isinstance(raw, functools.cached_property):
            function = self.capture.wrap(raw.func, AttributeReader(reader, "func"))
            result = function(view)
            state_of(view)[name] = result
            return result
        if isinstance(raw, functools.partialmethod):
            function = self.capture.wrap(raw.func, AttributeReader(reader, "func"))
            return functools.partial(function, view, *raw.args, **raw.keywords)
        if _is_compiled(raw):
            return MethodType(self.capture.wrap(raw, reader), view)
        if hasattr(type(raw), "__get__"):
            if is_library(type(raw).__module__):
                return raw.__get__(view, type(view))
            if origin is not None and hasattr(origin[1], "__dict__"):
                # What is set in the object itself comes first.
                names = KeysReader(AttributeReader(origin[2], "__dict__"))
                self.capture.record_once(names, tuple(state_of(origin[1])))
            owner = find_with_owner(type(view), name)[1]
            return self._call_descriptor(view, type(view), raw, owner, name)
        if origin is not None:
            reader = AttributeReader(origin[2], name)
        return self.capture.wrap(raw, reader)

    def attributes_of(self, view: Any) -> Any:
        """``view.__dict__``."""
        from penstock.frontend.containers import CapturedDict

        origin = self._origins.get(id(view))
        if origin is None:
            return state_of(view)
        _, value, reader = origin
        return CapturedDict(
            self.capture, state_of(value), AttributeReader(reader, "__dict__")
        )

    def set_attribute(self, view: Any, name: str, value: Any) -> None:
        """Set an attribute of an object that the traced program made."""
        self._check_writable(view, name)
        raw = find(type(view), name)
        own = find(type(view), "__setattr__")
        if isinstance(own, FunctionType):
            self.function(captured_class(type(view)), "__setattr__", own)(
                view, name, value
            )
        elif isinstance(raw, property):
            if raw.fset is None:
                raise AttributeError(f"property {name!r} has no setter")
            reader = AttributeReader(self._reader_in_class(view, name), "fset")
            self.capture.wrap(raw.fset, reader)(view, value)
        elif (
            raw is not MISSING
            and _is_data_descriptor(raw)
            and not isinstance(raw, (MemberDescriptorType, GetSetDescriptorType))
        ):
            owner = find_with_owner(type(view), name)[1]
            real = captured_class(type(view))
            descriptor = descriptor_in_class(self, real, raw, owner, name)
            type(descriptor).__set__(descriptor, view, value)
        else:
            object.__setattr__(view, name, value)

    def delete_attribute(self, view: Any, name: str) -> None:
        """Delete an attribute of an object that the traced program made."""
        self._check_writable(view, name)
        object.__delattr__(view, name)

    def _check_writable(self, view: Any, name: str) -> None:
        origin = self._origins.get(id(view))
        if origin is not None:
            self.refuse_write(origin[2].describe().rpartition(" ")[2], name)
        frozen = self._frozen.get(id(view))
        if frozen is not None:
            self.refuse_write(frozen[1].rpartition(" ")[2], name)

    def refuse_write(self, owner: str, name: str) -> None:
        """Raise the TraceError for writing to an attribute of captured state."""
        raise self.capture.tracer.fail(
            f"cannot set {owner}.{name} in a compiled function: it belongs to the "
            "caller",
            code="write-to-state",
            hint="return the new value from the function and set it outside",
        )

    def super_view(self, kind: type[Any], view: Any) -> Any:
        """``super(kind, view)``."""
        return SuperView(self, real_class(kind), view)

    def after(self, kind: type[Any], view: Any, name: str) -> Any:
        """An attribute found behind a class in the order of bases."""
        # In a method of a metaclass, a class is an object as others.
        is_class = issubclass(type(view), type) and kind in mro_of(view)
        owner = view if is_class else type(view)
        raw, place = find_with_owner(owner, name, after=kind)
        if raw is MISSING:
            raise AttributeError(f"'super' object has no attribute {name!r}")
        reader = AttributeReader(ValueReader(place, place.__name__), name)
        if isinstance(raw, FunctionType):
            function = self.capture.wrap(raw, reader)
            return function if is_class else MethodType(function, view)
        if isinstance(raw, staticmethod):
            return self.capture.wrap(raw.__func__, reader)
        if isinstance(raw, classmethod):
            return self._bind_class_method(raw, reader, owner)
        if isinstance(raw, property):
            getter = self.capture.wrap(raw.fget, AttributeReader(reader, "fget"))
            return getter(view)
        if name == "__setattr__" or name == "__delattr__":
            return functools.partial(raw, view)
        if hasattr(type(raw), "__get__"):
            return raw.__get__(None if is_class else view, owner)
        return self.capture.wrap(raw, reader)

    # Modules

    def module_view(self, module: ModuleType, reader: Reader) -> Any:
        """A module of the user; others are themselves."""
        if is_library(module.__name__):
            return module
        return ModuleView(self, module, reader)


def _is_data_descriptor(raw: Any) -> bool:
    return hasattr(type(raw), "__set__") or hasattr(type(raw), "__delete__")


def _is_own_descriptor(raw: Any) -> bool:
    return hasattr(type(raw), "__get__") and is_user_object(raw)


def _is_compiled(raw: Any) -> bool:
    if isinstance(raw, functools.partial):
        return False  # A method of a compiled one, bound already.
    return type(raw).__module__.startswith("penstock.") and hasattr(raw, "__wrapped__")
