"""Mirrors: subclasses of the user's classes through which traced functions see them.

A mirror looks attributes up as Python does, in the dicts of the true classes; what
it finds is handed to the ``ObjectViews`` of its trace.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.frontend.libraries import is_library
from penstock.ir.location import is_user_code

if TYPE_CHECKING:
    from penstock.frontend.objects import ObjectViews

__all__ = [
    "MISSING",
    "MirrorType",
    "captured_class",
    "find",
    "find_with_owner",
    "is_local",
    "is_mirror",
    "is_user_class",
    "make_mirror",
    "mro_of",
    "real_class",
    "state_of",
    "true_classes",
]

MISSING: Any = object()
"""Stands for an attribute that is not there."""

# What Python keeps of classes: changes of it are noticed where the program asks.
_OF_CLASSES = frozenset(
    (
        "__annotations__", "__base__", "__bases__", "__dict__", "__doc__", "__module__",
        "__mro__", "__name__", "__qualname__",
    )
)  # fmt: skip


def is_user_class(kind: type[Any]) -> bool:
    """Whether a class is the user's own, so that its methods run over views."""
    return not is_library(kind.__module__) and not issubclass(kind, BaseException)


class MirrorType(type):
    """The metaclass of mirrors: reading an attribute of the class is recorded."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, real_class(cls))

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(subclass, real_class(cls))

    def __getattribute__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            if name not in _OF_CLASSES or not _is_asked_by_user():
                return type.__getattribute__(cls, name)
            found: ObjectViews = type.__getattribute__(cls, "_penstock_views")
            return found.of_class(cls, name)
        views: ObjectViews = type.__getattribute__(cls, "_penstock_views")
        return views.class_attribute(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        views: ObjectViews = type.__getattribute__(cls, "_penstock_views")
        views.refuse_write(cls.__name__, name)


def _is_asked_by_user() -> bool:
    return is_user_code(sys._getframe(2).f_code)


def mro_of(kind: type[Any]) -> tuple[type[Any], ...]:
    """The order of a class's bases, itself the first; no read of it is recorded."""
    found: tuple[type[Any], ...] = type.__getattribute__(kind, "__mro__")
    return found


def _dict_of(kind: type[Any]) -> Any:
    return type.__getattribute__(kind, "__dict__")


def real_class(kind: type[Any]) -> type[Any]:
    """The class that a mirror shows; other classes are themselves."""
    found: type[Any] = _dict_of(kind).get("_penstock_real", kind)
    return found


def is_mirror(kind: type[Any]) -> bool:
    """Whether a class is a mirror."""
    return "_penstock_real" in _dict_of(kind)


def is_local(kind: type[Any]) -> bool:
    """Whether the traced program itself made a class, from a mirror."""
    return issubclass(type(kind), MirrorType) and not is_mirror(kind)


def true_classes(kind: type[Any]) -> Iterator[type[Any]]:
    """The classes in which attributes are looked up, without mirrors."""
    return (one for one in mro_of(kind) if not is_mirror(one))


def captured_class(kind: type[Any]) -> type[Any]:
    """The first class in the order of bases that the traced program did not make."""
    return next(one for one in true_classes(kind) if not is_local(one))


def find(kind: type[Any], name: str) -> Any:
    """An attribute in the dicts of a class and its bases, unbound, or ``MISSING``."""
    return find_with_owner(kind, name)[0]


def find_with_owner(
    kind: type[Any], name: str, after: type[Any] | None = None
) -> tuple[Any, type[Any]]:
    """An attribute in the dicts of a class and its bases, and the class it is in.

    Args:
        kind: the class, or a mirror of it.
        name: the attribute's name.
        after: look only behind this class in the order of bases.
    """
    classes = true_classes(kind)
    if after is not None:
        for one in classes:
            if one is after:
                break
    for one in classes:
        names = _dict_of(one)
        if name in names:
            return names[name], one
    return MISSING, kind


def state_of(value: Any) -> dict[str, Any]:
    """An object's own attributes."""
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def make_mirror(
    views: ObjectViews, kind: type[Any], metaclass: type[Any], special: dict[str, Any]
) -> type[Any] | None:
    """The mirror of a class.

    Args:
        views: what its attributes are handed to.
        kind: the class.
        metaclass: MirrorType, or a class of it and of the class's metaclass.
        special: the class's special methods, over views.

    Returns:
        ``None`` where Python would call the user's ``__init_subclass__`` for it.
    """
    names = {
        **special,
        "_penstock_views": views,
        "_penstock_real": kind,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__getattribute__": _get_attribute,
        "__setattr__": _set_attribute,
        "__delattr__": _delete_attribute,
    }
    blank = type("Blank", (), {})
    mirror: type[Any] = type.__new__(metaclass, kind.__name__, (blank,), names)
    try:
        # Set afterwards: a class statement would call __init_subclass__.
        type.__setattr__(mirror, "__bases__", (kind,))
    except TypeError:
        # Slots and built-in bases have another layout in memory than `blank`.
        if views.has_subclass_hook(kind):
            return None
        mirror = type.__new__(metaclass, kind.__name__, (kind,), names)
    return mirror


def _views_of(view: Any) -> ObjectViews:
    found: ObjectViews = type.__getattribute__(type(view), "_penstock_views")
    return found


def _get_attribute(self: Any, name: str) -> Any:
    if name == "__class__":
        return type(self)
    if name == "__dict__":
        return _views_of(self).attributes_of(self)
    views = _views_of(self)
    if name.startswith("__") and name.endswith("__"):
        if name not in _OF_CLASSES and not views.has_of_its_own(self, name):
            return object.__getattribute__(self, name)
    return _views_of(self).attribute(self, name)


def _set_attribute(self: Any, name: str, value: Any) -> None:
    _views_of(self).set_attribute(self, name, value)


def _delete_attribute(self: Any, name: str) -> None:
    _views_of(self).delete_attribute(self, name)
