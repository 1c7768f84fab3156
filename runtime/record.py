"""Immutable values that are compared by their fields.

They are what frozen dataclasses are, but ``dataclasses`` compiles methods for each
class, which would be half of the time that it takes to import this package.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, NoReturn, Self, dataclass_transform

__all__ = ["Record"]


@dataclass_transform(frozen_default=True)
class Record:
    """The base of immutable values; fields are the annotated names of the class.

    A name with a value has that as its default. Names that begin with an underscore
    are no fields.

    Example:
        >>> class Point(Record):
        ...     x: int
        ...     y: int = 0
        >>> Point(1), Point(1) == Point(1, 0), Point(1).replace(y=2)
        (Point(x=1, y=0), True, Point(x=1, y=2))
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = inspect.get_annotations(cls)
        cls._fields = tuple(name for name in own if name[0] != "_")

    def __init__(self, *values: Any, **named: Any) -> None:
        kind = type(self)
        fields = kind._fields
        state = dict(zip(fields, values, strict=False))
        if len(values) > len(fields) or not state.keys().isdisjoint(named):
            raise TypeError(f"{kind.__name__} takes {', '.join(fields)}")
        state.update(named)
        for name in fields:
            if name not in state:
                if not hasattr(kind, name):
                    raise TypeError(f"{kind.__name__} needs {name}")
                state[name] = getattr(kind, name)
        if len(state) > len(fields):
            raise TypeError(f"{kind.__name__} takes {', '.join(fields)}")
        self.__dict__.update(state)

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

    def __repr__(self) -> str:
        state = self.__dict__
        parts = ", ".join(f"{name}={state[name]!r}" for name in self._fields)
        return f"{type(self).__name__}({parts})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")
