"""What a traced function returns or raises, without what belongs to its trace."""

from __future__ import annotations

from typing import Any

from penstock.frontend.containers import FrozenDict, FrozenList
from penstock.frontend.handles import TracedArray
from penstock.frontend.host_numbers import HostNumber
from penstock.frontend.mirrors import is_mirror, real_class
from penstock.runtime.pytree import DEEPEST

__all__ = ["make_plain", "plain"]


def make_plain(error: Exception) -> None:
    """Put numbers in the place of what stands for them in an error of the user's.

    ``raise ValueError("too long", len(x))`` is to say how long, as with NumPy. Of an
    array only the type is known, which its text shows after the trace too.
    """
    error.args = _with_numbers(error.args)
    fields = vars(error)
    fields.update({name: _with_numbers(field) for name, field in fields.items()})


def _with_numbers(value: Any, depth: int = 0) -> Any:
    kind, depth = type(value), depth + 1
    if issubclass(kind, HostNumber):
        return value.concrete()
    if issubclass(kind, TracedArray):
        return repr(value)
    if depth > DEEPEST:
        return value
    if kind is tuple or kind is list:
        return kind([_with_numbers(item, depth) for item in value])
    if kind is dict:
        return {
            _with_numbers(key, depth): _with_numbers(item, depth)
            for key, item in value.items()
        }
    return value


def plain(value: Any, depth: int = 0) -> Any:
    """A result as the caller gets it: real classes, plain lists and dicts.

    Args:
        value: anything that traced code returns.
        depth: how deep it is nested within another.
    """
    kind, depth = type(value), depth + 1
    if depth > DEEPEST + 1:
        return value  # Taking it apart raises the error.
    if kind is tuple:
        return tuple([plain(item, depth) for item in value])
    if kind is list or issubclass(kind, FrozenList):
        return [plain(item, depth) for item in value]
    if kind is dict or (issubclass(kind, FrozenDict) and value.outside_type is dict):
        return {key: plain(item, depth) for key, item in value.items()}
    if not is_mirror(kind):
        fields = getattr(kind, "__dataclass_fields__", None)
        if fields is None or not any(
            is_mirror(type(getattr(value, name, None))) for name in fields
        ):
            return value
    real = real_class(kind)
    if issubclass(kind, tuple):
        return tuple.__new__(real, [plain(item, depth) for item in value])
    if not hasattr(real, "__dataclass_fields__"):
        return value
    made = object.__new__(real)
    for name in real.__dataclass_fields__:
        object.__setattr__(made, name, plain(getattr(value, name), depth))
    return made
