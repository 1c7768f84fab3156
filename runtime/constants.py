"""Constants of a program as keys and as JSON: what is the same, and what is saved.

Python holds ``1 == True == 1.0`` and ``0.0 == -0.0``; a program traced for one of
them must not serve the others. JSON holds none of bytes, complex or infinite, so
those are written under a tag. Functions, classes and modules are written as names
and only ever looked up among what is already imported: a file imports nothing.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from penstock.ir.errors import ArtifactError
from penstock.ir.record import Record
from penstock.ir.wording import with_article

__all__ = [
    "Reference",
    "constant_key",
    "decode",
    "encode",
    "path_of",
    "same_constant",
    "shown",
]


class Reference(Record):
    """Something that has a name in a module: a function, a class, an enum member.

    Args:
        module: the module's name.
        name: the qualified name within it; empty for the module itself.
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}" if self.name else self.module

    def resolve(self) -> object:
        """What the name stands for among the imported modules.

        Raises:
            LookupError: nothing imported has this name.
        """
        found: object = sys.modules.get(self.module)
        if found is None:
            raise LookupError(f"{self} is not imported")
        for part in self.name.split(".") if self.name else ():
            if not hasattr(found, part):
                raise LookupError(f"{self} is not there")
            found = getattr(found, part)
        return found


def path_of(value: object) -> Reference | None:
    """The name under which a function, class, module or enum member is found."""
    if isinstance(value, types.ModuleType):
        reference = Reference(value.__name__, "")
    elif isinstance(value, enum.Enum):
        owner = type(value)
        reference = Reference(owner.__module__, f"{owner.__qualname__}.{value.name}")
    elif value is np._NoValue:  # noqa: SLF001
        reference = Reference("numpy", "_NoValue")
    else:
        module = getattr(value, "__module__", None)
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
        if not isinstance(module, str) or not isinstance(name, str):
            return None
        reference = Reference(module, name)
    try:
        return reference if reference.resolve() is value else None
    except LookupError:
        return None


def shown(value: object) -> str:
    """The text of a key in messages; its class's, where the user's own code fails."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001
        return f"<{type(value).__name__}>"


def constant_key(value: object) -> Hashable:
    """A hashable key that tells constants apart as compiled code must.

    Example:
        >>> constant_key(1) == constant_key(True)
        False
        >>> constant_key(0.0) == constant_key(-0.0)
        False
    """
    kind = type(value)
    if kind in (str, int, bool, bytes, type(None)):
        return (kind, value)
    if isinstance(value, float):
        return (kind, value.hex())
    if kind is complex:
        assert isinstance(value, complex)
        return (kind, value.real.hex(), value.imag.hex())
    if isinstance(value, (tuple, frozenset)):
        parts = [constant_key(part) for part in value]
        return (kind, frozenset(parts) if isinstance(value, frozenset) else (*parts,))
    if isinstance(value, slice):
        ends = (value.start, value.stop, value.step)
        return (kind, *(constant_key(end) for end in ends))
    if isinstance(value, np.generic):
        return (kind, value.dtype, value.tobytes())
    # Equal codes take long to compare, and new code is rarely equal.
    if isinstance(value, (enum.Enum, types.CodeType)) or kind.__hash__ is None:
        return (kind, id(value))
    return (kind, value)


def same_constant(left: object, right: object) -> bool:
    """Whether a program traced for one of these serves the other.

    They are the same object, or of one type and equal; floats by their bits.
    """
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    try:
        return bool(constant_key(left) == constant_key(right))
    except Exception:  # noqa: BLE001
        # A user's own __eq__ or __hash__ that fails says nothing of equality.
        return False


_PLAIN = (str, int, bool, type(None))

_ENCODERS: dict[type[Any], tuple[str, Callable[[Any], Any]]] = {
    Reference: ("name", lambda value: [value.module, value.name]),
    float: ("float", float.hex),
    complex: ("complex", lambda value: [value.real.hex(), value.imag.hex()]),
    bytes: ("bytes", bytes.hex),
    tuple: ("tuple", lambda value: list(map(encode, value))),
    frozenset: ("frozenset", lambda value: sorted(map(encode, value), key=repr)),
    slice: (
        "slice",
        lambda value: [encode(end) for end in (value.start, value.stop, value.step)],
    ),
    range: ("range", lambda value: [value.start, value.stop, value.step]),
    type(Ellipsis): ("ellipsis", lambda _: True),
}


def encode(value: object) -> Any:
    """A constant as JSON.

    Raises:
        ArtifactError: the value has no name and is none of Python's constants.

    Example:
        >>> encode((1, 0.5, b"a"))
        {'tuple': [1, {'float': '0x1.0000000000000p-1'}, {'bytes': '61'}]}
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in _ENCODERS:
        tag, write = _ENCODERS[kind]
        return {tag: write(value)}
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return {"scalar": [value.dtype.str, value.tobytes().hex()]}
    if isinstance(value, np.dtype) and not value.hasobject and value.names is None:
        return {"dtype": value.str}
    if (reference := path_of(value)) is not None:
        return encode(reference)
    raise ArtifactError(
        None,
        f"{with_article(kind.__name__)} has no name by which another program "
        "could find it",
        code="unsaved-constant",
        hint="use a constant, or something defined at the top level of a module",
    )


def decode(form: Any) -> object:
    """The constant that ``encode`` wrote; named things stay a ``Reference``.

    Raises:
        ArtifactError: the form is not one that ``encode`` writes.
    """
    if type(form) in _PLAIN:
        constant: object = form
        return constant
    try:
        ((tag, content),) = form.items()
        return _DECODERS[tag](content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            None,
            f"cannot read the constant {str(form)[:60]!r}",
            code="artifact-damaged",
        ) from error


def _decode_scalar(content: Any) -> object:
    dtype = _decode_dtype(content[0])
    return np.frombuffer(bytes.fromhex(content[1]), dtype=dtype, count=1)[0]


def _decode_dtype(text: str) -> np.dtype[Any]:
    dtype = np.dtype(str(text))
    if dtype.hasobject or dtype.names is not None:
        raise ValueError(text)
    return dtype


_DECODERS = {
    "name": lambda content: Reference(str(content[0]), str(content[1])),
    "scalar": _decode_scalar,
    "float": float.fromhex,
    "complex": lambda parts: complex(*(float.fromhex(part) for part in parts)),
    "bytes": bytes.fromhex,
    "tuple": lambda parts: tuple(decode(part) for part in parts),
    "frozenset": lambda parts: frozenset(decode(part) for part in parts),
    "slice": lambda ends: slice(*(decode(end) for end in ends)),
    "range": lambda ends: range(*ends),
    "ellipsis": lambda _: Ellipsis,
    "dtype": _decode_dtype,
}
