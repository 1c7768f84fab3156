"""Artifacts: what a backend makes, and the file that holds it.

    offset  bytes
         0  8   magic
         8  4   version of this layout
        12  4   zero
        16  8   length of the whole file
        24  8   length of the description
        32  32  SHA-256 of the file with these 32 bytes left out
        64      the description: JSON in UTF-8, keys sorted
                the parts that it names, each at a multiple of 64 bytes

Numbers are little-endian. Equal artifacts have equal bytes. Nothing in a file is ever
evaluated or unpickled; but one part is machine code, so only load what you trust.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from penstock.ir import errors as error_kinds
from penstock.ir.errors import ArtifactError, PenstockError, RunError
from penstock.ir.location import Location
from penstock.ir.record import Record
from penstock.ir.types import DTYPES, dtype_of
from penstock.runtime.machine import Machine, host

__all__ = [
    "ABI_VERSION",
    "SHARED_OBJECT",
    "SUPPORT_OBJECT",
    "Artifact",
    "ErrorEntry",
    "array_form",
    "array_from_form",
    "sha256",
]

ABI_VERSION = 1
"""Raised when the exported functions or the order of slots change."""

SHARED_OBJECT = "code"
"""The part that is the artifact's shared object."""

SUPPORT_OBJECT = "support"
"""The part that is the shared object of the dispatcher and the thread pool."""

_MAGIC = b"\x89PNSTK\r\n"
_LAYOUT_VERSION = 1
_HEAD = 64
_ALIGN = 64


def sha256(data: bytes) -> bytes:
    """The SHA-256 digest of some bytes."""
    # Python's own modules: hashlib takes 13 ms to import, for OpenSSL.
    try:
        from _sha2 import sha256 as digest  # type: ignore[import-not-found]
    except ImportError:
        try:
            from _sha256 import sha256 as digest  # type: ignore[import-not-found]
        except ImportError:
            from hashlib import sha256 as digest
    return bytes(digest(data).digest())


class ErrorEntry(Record):
    """One error that a program can end with.

    Args:
        code: the message's short name.
        message: the text; ``{value}`` stands for the offending value.
        kind: the name of a class in ``penstock.ir.errors``.
        loc: the place in the user's source.
        hint: what to do about it.
    """

    code: str
    message: str
    kind: str = "RunError"
    loc: Location | None = None
    hint: str | None = None

    def error(
        self, value: int, sizes: Mapping[str, int] | None = None
    ) -> PenstockError:
        """The error to raise.

        Args:
            value: what the program left.
            sizes: of the call, by their symbols: those are given that the types of
                arrays in the message name.
        """
        kind = getattr(error_kinds, self.kind, RunError)
        shapes = " ".join(re.findall(r"\w\[([^]]*)\]", self.message))
        named = dict.fromkeys(re.findall(r"[^\W\d]\w*", shapes))
        where = ", ".join(f"{n} = {sizes[n]}" for n in named if sizes and n in sizes)
        # Not str.format: a file could name attributes in the braces.
        message = self.message.replace("{value}", str(value))
        message += f", where {where}" if where else ""
        error = kind(self.loc, message, code=self.code, hint=self.hint)
        assert isinstance(error, PenstockError)
        return error

    def to_json(self) -> Any:
        """The entry as JSON."""
        loc = self.loc
        place = loc and [loc.file, loc.line, loc.column, loc.end]
        return [self.code, self.message, self.kind, place, self.hint]

    @staticmethod
    def from_json(form: Any) -> ErrorEntry:
        """Read what ``to_json`` wrote."""
        code, message, kind, place, hint = form
        kind = str(kind)
        # The table holds classes of errors and nothing else.
        if kind not in error_kinds.__all__ or kind == "TypeRuleError":
            raise ValueError(kind)
        loc = None
        if place is not None:
            file, line, column, end = place
            loc = Location(str(file), int(line), int(column), int(end))
        return ErrorEntry(
            str(code), str(message), kind, loc, None if hint is None else str(hint)
        )


class Artifact(Record):
    """What a backend makes of a program.

    Args:
        name: the function's name.
        machine: what the code was made for.
        errors: what the program's entries stand for when they return a number.
        guards: the guards as text, in the order of ``penstock_prepare``'s answers.
        signature: the signature's JSON; empty where it is known from elsewhere.
        facts: what else is worth knowing: kernels, sizes, times; shown by ``explain``.
        parts: bytes by name; ``SHARED_OBJECT`` is always there.

    Example:
        >>> artifact = Artifact("f", host(), parts={SHARED_OBJECT: b"..."})
        >>> Artifact.from_bytes(artifact.to_bytes()) == artifact
        True
    """

    name: str
    machine: Machine
    errors: tuple[ErrorEntry, ...] = ()
    guards: tuple[str, ...] = ()
    signature: Mapping[str, Any] = MappingProxyType({})
    facts: Mapping[str, Any] = MappingProxyType({})
    parts: Mapping[str, bytes] = MappingProxyType({})

    def to_bytes(self, key: str = "") -> bytes:
        """The artifact as the bytes of a file.

        Args:
            key: what the file is to be found under, where it is one of a cache.
        """
        machine = self.machine
        description = {
            "abi": ABI_VERSION,
            "key": key,
            "name": self.name,
            "machine": {
                "architecture": machine.architecture,
                "system": machine.system,
                "cpu": machine.cpu,
                "features": sorted(machine.features),
            },
            "errors": [entry.to_json() for entry in self.errors],
            "guards": list(self.guards),
            "signature": dict(self.signature),
            "facts": dict(self.facts),
            "parts": [[name, len(self.parts[name])] for name in sorted(self.parts)],
        }
        text = json.dumps(
            description, sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()
        body = [text]
        position = _HEAD + len(text)
        for name in sorted(self.parts):
            padding = -position % _ALIGN
            body += [bytes(padding), self.parts[name]]
            position += padding + len(self.parts[name])
        head = _MAGIC + b"".join(
            number.to_bytes(width, "little")
            for number, width in (
                (_LAYOUT_VERSION, 4),
                (0, 4),
                (position, 8),
                (len(text), 8),
            )
        )
        content = b"".join(body)
        return head + sha256(head + content) + content

    @staticmethod
    def from_bytes(
        data: bytes, source: str = "the artifact", key: str = ""
    ) -> Artifact:
        """Read a file, having checked all of it.

        Args:
            data: the file's bytes.
            source: what messages call it.
            key: what it was found under, in a cache.

        Raises:
            ArtifactError: the file is none of ours, damaged, or for another machine
                or version.
        """
        text = _checked_description(data, source)
        try:
            description = json.loads(text)
            machine = _machine_from_json(description["machine"])
            if description["abi"] != ABI_VERSION:
                raise _version_error(source)
            if description.get("key", "") != key:
                raise _damaged(source, "it was made to be found elsewhere")
            _check_machine(machine, source)
            return Artifact(
                name=str(description["name"]),
                machine=machine,
                errors=tuple(map(ErrorEntry.from_json, description["errors"])),
                guards=tuple(str(guard) for guard in description["guards"]),
                signature=dict(description["signature"]),
                facts=dict(description["facts"]),
                parts=_split(data, _HEAD + len(text), description["parts"]),
            )
        except ArtifactError:
            raise
        except (
            LookupError, TypeError, ValueError, OverflowError, RecursionError
        ) as error:  # fmt: skip
            raise _damaged(source, "its description cannot be read") from error


def _checked_description(data: bytes, source: str) -> bytes:
    if len(data) < _HEAD or data[:8] != _MAGIC:
        if data and _MAGIC.startswith(data[:8]):
            raise _damaged(source, "it is cut short")
        raise ArtifactError(
            None, f"{source} is not a Penstock artifact", code="not-an-artifact"
        )
    if int.from_bytes(data[8:12], "little") != _LAYOUT_VERSION:
        raise _version_error(source)
    length = int.from_bytes(data[16:24], "little")
    if len(data) != length:
        raise _damaged(source, f"it has {len(data)} bytes, not {length}")
    if sha256(data[:32] + data[64:]) != data[32:64]:
        raise _damaged(source, "its checksum is wrong")
    return data[_HEAD : _HEAD + int.from_bytes(data[24:32], "little")]


def _split(data: bytes, position: int, parts: Any) -> dict[str, bytes]:
    found = {}
    for name, length in parts:
        position += -position % _ALIGN
        if length < 0 or position + length > len(data):
            raise ValueError("a part beyond the end")
        found[str(name)] = data[position : position + length]
        position += length
    if position != len(data) or SHARED_OBJECT not in found:
        raise ValueError("parts that do not fill the file")
    return found


def _machine_from_json(form: Any) -> Machine:
    return Machine(
        str(form["architecture"]),
        str(form["system"]),
        str(form["cpu"]),
        frozenset(str(feature) for feature in form["features"]),
    )


def _check_machine(machine: Machine, source: str) -> None:
    here = host()
    if (machine.architecture, machine.system) != (here.architecture, here.system):
        raise ArtifactError(
            None,
            f"{source} was made for {machine.architecture} {machine.system}, and this "
            f"is {here.architecture} {here.system}",
            code="artifact-machine",
        )
    missing = sorted(machine.features - here.features)
    if missing:
        raise ArtifactError(
            None,
            f"{source} was made for {machine.cpu} and uses {', '.join(missing)}, which "
            f"this processor ({here.cpu}) lacks",
            code="artifact-machine",
            hint="save it under a lower PENSTOCK_TARGET, e.g. x86-64-v3",
        )


def _damaged(source: str, reason: str) -> ArtifactError:
    return ArtifactError(
        None, f"{source} is damaged: {reason}", code="artifact-damaged"
    )


def _version_error(source: str) -> ArtifactError:
    return ArtifactError(
        None,
        f"{source} was made by another version of Penstock",
        code="artifact-version",
    )


def array_form(array: np.ndarray[Any, Any], part: str) -> dict[str, Any]:
    """The JSON that goes with an array whose bytes are a part of the file.

    Args:
        array: in native byte order.
        part: the name of the part, to hold ``array.tobytes()``.
    """
    dtype = dtype_of(array.dtype)
    if dtype is None:
        raise ArtifactError(
            None,
            f"an array of dtype {array.dtype} cannot be saved",
            code="dtype",
            hint="use bool, an integer or a floating dtype",
        )
    return {"dtype": dtype.name, "shape": list(array.shape), "part": part}


def array_from_form(form: Any, parts: Mapping[str, bytes]) -> np.ndarray[Any, Any]:
    """The array that ``array_form`` describes; it cannot be written to.

    Raises:
        ArtifactError: the description and the bytes do not fit together.
    """
    try:
        dtype = DTYPES[form["dtype"]].numpy
        shape = tuple(int(size) for size in form["shape"])
        return np.frombuffer(parts[form["part"]], dtype).reshape(shape)
    except (LookupError, TypeError, ValueError) as error:
        raise ArtifactError(
            None, "cannot read an array of the artifact", code="artifact-damaged"
        ) from error
