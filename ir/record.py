"""Classes whose fields are their annotated names.

They are what dataclasses are, but ``dataclasses`` compiles methods for each class,
which would be half of the time that it takes to import this package.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, NoReturn, Self, dataclass_transform

__all__ = ["Node", "Record"]


class _Fields:
    """What has fields: the annotated names of the class, after those of its base.

    A name with a value has that as its default. Names that begin with an underscore
    are no fields, nor are those annotated as ``ClassVar``.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = inspect.get_annotations(cls)
        cls._fields += tuple(
            name
            for name, kind in own.items()
            if name[0] != "_" and "ClassVar" not in str(kind).partition("[")[0]
        )

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if named or len(values) != len(fields):
            values = self._completed(values, named)
        self.__dict__.update(zip(fields, values, strict=True))

    @classmethod
    def _completed(
        cls, values: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Any, ...]:
        """The values of all fields, defaults among them."""
        fields = cls._fields
        state = dict(zip(fields, values, strict=False))
        if len(values) > len(fields) or not state.keys().isdisjoint(named):
            raise TypeError(f"{cls.__name__} takes {', '.join(fields)}")
        state.update(named)
        for name in fields:
            if name not in state:
                if not hasattr(cls, name):
                    raise TypeError(f"{cls.__name__} needs {name}")
                state[name] = getattr(cls, name)
        if len(state) > len(fields):
            raise TypeError(f"{cls.__name__} takes {', '.join(fields)}")
        return tuple([state[name] for name in fields])

    def __repr__(self) -> str:
        state = self.__dict__
        parts = ", ".join(f"{name}={state[name]!r}" for name in self._fields)
        return f"{type(self).__name__}({parts})"


@dataclass_transform(eq_default=False)
class Node(_Fields):
    """The base of objects that may be changed, and are equal to themselves alone.

    Example:
        >>> class Place(Node):
        ...     offset: int
        ...     size: int = 8
        >>> place = Place(16)
        >>> place.size = 4
        >>> place, place == Place(16, 4)
        (Place(offset=16, size=4), False)
    """


@dataclass_transform(frozen_default=True)
class Record(_Fields):
    """The base of immutable values, which are compared by their fields.

    Example:
        >>> class Point(Record):
        ...     x: int
        ...     y: int = 0
        >>> Point(1), Point(1) == Point(1, 0), Point(1).replace(y=2)
        (Point(x=1, y=0), True, Point(x=1, y=2))
    """

    def replace(self, **changes: Any) -> Self:
        """The same with other values for some fields."""
        state = {name: self.__dict__[name] for name in self._fields}
        return type(self)(**state | changes)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        state = self.__dict__
        return tuple([state[name] for name in self._fields])

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")
