"""What stands for modules of the user and for ``super()``."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from penstock.runtime.readers import AbsenceReader, AttributeReader, Reader

if TYPE_CHECKING:
    from penstock.frontend.objects import ObjectViews

__all__ = ["ModuleView", "SuperView"]


class SuperView:
    """What ``super()`` gives in a traced method."""

    def __init__(self, views: ObjectViews, kind: type[Any], view: Any) -> None:
        self._views = views
        self._kind = kind
        self._view = view

    def __getattribute__(self, name: str) -> Any:
        get = object.__getattribute__
        return get(self, "_views").after(get(self, "_kind"), get(self, "_view"), name)


class ModuleView:
    """A module of the user: what is read of it is recorded."""

    def __init__(self, views: ObjectViews, module: ModuleType, reader: Reader) -> None:
        object.__setattr__(self, "_parts", (views, module, reader))

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return ModuleType

    def __getattr__(self, name: str) -> Any:
        views, module, reader = object.__getattribute__(self, "_parts")
        place = AttributeReader(reader, name)
        try:
            found = getattr(module, name)
        except AttributeError:
            views.capture.wrap(True, AbsenceReader(place))
            raise
        return views.capture.wrap(found, place)

    def __setattr__(self, name: str, value: Any) -> None:
        views, module, _ = object.__getattribute__(self, "_parts")
        views.refuse_write(module.__name__, name)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_parts")[1])


# Python names it in its own errors, such as those of operators.
ModuleView.__name__ = ModuleView.__qualname__ = "module"
