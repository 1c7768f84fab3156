"""Special methods of the user's classes, over views.

Python looks them up in classes alone, past ``__getattribute__``, so that a mirror has
one of its own for each. Using one is recorded, as is that the class lacks those which
Python would have preferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from penstock.frontend.mirrors import (
    MISSING,
    captured_class,
    find,
    is_user_class,
    mro_of,
    true_classes,
)
from penstock.runtime.readers import AttributeReader, ItemReader, KeysReader, Reader

if TYPE_CHECKING:
    from penstock.frontend.objects import ObjectViews

__all__ = ["descriptor_in_class", "special_methods"]

# Dunder names that mirrors take from the class itself.
_LEFT_ALONE = frozenset(
    (
        "__class__", "__class_getitem__", "__delattr__", "__dict__", "__doc__",
        "__getattribute__", "__init_subclass__", "__instancecheck__", "__module__",
        "__new__", "__prepare__", "__qualname__", "__set_name__", "__setattr__",
        "__slots__", "__subclasscheck__", "__subclasshook__", "__weakref__",
    )
)  # fmt: skip
_OPERATORS = (
    "add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift",
    "sub", "truediv", "xor",
)  # fmt: skip
# What Python would have used rather than a special method, had it been there.
_PREFERRED = {
    "__eq__": ("__ne__",),
    "__getitem__": ("__contains__", "__iter__", "__reversed__"),
    "__iter__": ("__contains__",),
    "__repr__": ("__format__", "__str__"),
    "__str__": ("__format__",),
} | {f"__{name}__": (f"__i{name}__",) for name in _OPERATORS}


class SpecialMethod:
    """A special method of a mirror: it and what it reads are recorded when used.

    Args:
        views: makes the function's view.
        kind: the class.
        name: the method's name.
        function: the method.
    """

    def __init__(
        self, views: ObjectViews, kind: type[Any], name: str, function: FunctionType
    ) -> None:
        self._parts = (kind, name, function)
        self._views = views

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        kind, name, function = self._parts
        _record_preferred(self._views, kind, name)
        view = self._views.function(kind, name, function)
        return view if instance is None else MethodType(view, instance)


def special_methods(views: ObjectViews, kind: type[Any]) -> dict[str, Any]:
    """The special methods of the mirror of a class, or of a metaclass.

    Args:
        views: makes the views of functions.
        kind: the class.
    """
    names: dict[str, Any] = {}
    if not issubclass(kind, type):
        if find(kind, "__eq__") is object.__eq__:
            # One hash for all objects of the class, so that dicts ask, too.
            names["__eq__"] = _equal_by_identity(views)
            names["__hash__"] = lambda view: id(kind)
        if find(kind, "__bool__") is MISSING:
            names["__bool__"] = _true_unless_empty(views, kind)
        names["__dir__"] = lambda view: views.names_of(view)  # noqa: PLW0108
    for one in reversed([*true_classes(kind)]):
        if not is_user_class(one):
            continue
        for name, value in type.__getattribute__(one, "__dict__").items():
            if not (name.startswith("__") and name.endswith("__")):
                continue
            if name == "__new__" and isinstance(value, staticmethod):
                function = value.__func__
                if isinstance(function, FunctionType) and not issubclass(kind, type):
                    names[name] = staticmethod(views.function(kind, name, function))
            elif name not in _LEFT_ALONE and isinstance(value, FunctionType):
                names[name] = SpecialMethod(views, kind, name, value)
    return names


def _equal_by_identity(views: ObjectViews) -> Any:
    """The ``__eq__`` of mirrors of classes that define none."""

    def equal(left: Any, right: Any) -> Any:
        kind = captured_class(type(left))
        _record_absent(views, kind, "__eq__")
        return views.same(left, right)

    return equal


def _true_unless_empty(views: ObjectViews, kind: type[Any]) -> Any:
    """The ``__bool__`` of mirrors of classes that define none."""

    def truth(view: Any) -> bool:
        _record_absent(views, kind, "__bool__")
        if find(type(view), "__len__") is not MISSING:
            return len(view) != 0
        _record_absent(views, kind, "__len__")
        return True

    return truth


def _record_preferred(views: ObjectViews, kind: type[Any], name: str) -> None:
    for other in _PREFERRED.get(name, ()):
        if not isinstance(find(kind, other), FunctionType):
            _record_absent(views, kind, other)


def _record_absent(views: ObjectViews, kind: type[Any], name: str) -> None:
    """Note that a class has no special method of its own of a name."""
    reader = views.class_reader(kind)
    default = find(kind, name)
    if default is not MISSING:
        views.capture.record_once(AttributeReader(reader, name), default)
        return
    _record_names(views, kind, mro_of(kind))


def _record_names(
    views: ObjectViews, kind: type[Any], classes: Sequence[type[Any]]
) -> None:
    """Note the names in some of the classes in which a class's attributes are."""
    # Native calls compare the names of a class, but cannot tell that one is missing.
    reader = views.class_reader(kind)
    for one in classes:
        if is_user_class(one):
            place = KeysReader(_dict_in_class(reader, kind, one))
            views.capture.record_once(place, tuple(vars(one)))


def _dict_in_class(reader: Reader, kind: type[Any], owner: type[Any]) -> Reader:
    base = ItemReader(AttributeReader(reader, "__mro__"), mro_of(kind).index(owner))
    return AttributeReader(base, "__dict__")


def descriptor_in_class(
    views: ObjectViews, kind: type[Any], raw: Any, owner: type[Any], name: str
) -> Any:
    """A descriptor itself, where an attribute would be what it gives.

    Args:
        views: of the trace.
        kind: the class that it is looked up in.
        raw: the descriptor.
        owner: the one of the class's bases that has it.
        name: its name.

    Returns:
        Its view.
    """
    classes = mro_of(kind)
    _record_names(views, kind, classes[: classes.index(owner)])
    place = ItemReader(_dict_in_class(views.class_reader(kind), kind, owner), name)
    return views.capture.wrap(raw, place)
