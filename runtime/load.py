"""Programs in files: saved by one process, run by another without the compiler.

A file holds one variant: its code, what its arguments must be, the values of the state
that it captured, and the support object, so that calls are as fast as they were.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import symbols_of
from penstock.ir.errors import (
    ArtifactError,
    PenstockError,
    StructureError,
    TextError,
)
from penstock.ir.guards import parse_guard
from penstock.ir.reals import Real
from penstock.runtime.artifact import (
    SHARED_OBJECT,
    SUPPORT_OBJECT,
    Artifact,
    array_form,
    array_from_form,
)
from penstock.runtime.binding import Binder, Call
from penstock.runtime.cache import default_cache, support_data
from penstock.runtime.constants import decode, encode
from penstock.runtime.dispatch import (
    Dispatcher,
    DispatchOptions,
    Statistics,
    Variant,
)
from penstock.runtime.executable import Executable
from penstock.runtime.native import new_callable
from penstock.runtime.readers import SamenessReader
from penstock.runtime.signature import ArrayLeaf, Signature, normalize
from penstock.runtime.support import Support, load_support, support_library
from penstock.runtime.writing import write_whole

__all__ = ["Loaded", "describe", "load", "pack", "save"]


# The fact that says what the code takes and gives.
_SLOTS = "slots"


class Loaded:
    """A function that was read from a file. ``load`` makes it."""

    __slots__ = ()

    # Set by `load` in the object's own dictionary.
    artifact: Artifact
    dispatcher: Dispatcher
    __name__: str

    def stats(self) -> Statistics:
        """What it has done so far."""
        return self.dispatcher.statistics()

    def explain(self) -> str:
        """What it takes, what it was made for, and what is in it."""
        (variant,) = self.dispatcher.variants
        return describe(self.artifact, variant.signature)

    def __repr__(self) -> str:
        return f"<penstock.load {self.__name__}>"


def describe(artifact: Artifact, signature: Signature) -> str:
    """A few lines about an artifact, for people.

    Args:
        artifact: the artifact.
        signature: what it takes and gives.
    """
    lines = [f"{artifact.name}({signature.describe()})"]
    lines.append(f"  made for: {artifact.machine.cpu} {artifact.machine.system}")
    first = signature.argument_count
    for name, leaf in zip(
        signature.leaf_names()[first:], signature.leaves[first:], strict=True
    ):
        lines.append(f"  captured: {name}: {leaf.describe()}")
    lines += [f"  guard: {guard}" for guard in artifact.guards]
    # The others are for programs to read.
    facts = sorted(item for item in artifact.facts.items() if type(item[1]) is int)
    lines += [f"  {name}: {value}" for name, value in facts]
    return "\n".join(lines)


def pack(binder: Binder, variant: Variant, call: Call) -> Artifact:
    """A variant as an artifact that runs on its own.

    Captured arrays and numbers are stored as they are now.

    Args:
        binder: binds arguments to the function's parameters.
        variant: what to save; it has its artifact.
        call: a call that it serves.

    Raises:
        ArtifactError: something that it needs cannot be written.
    """
    assert variant.artifact is not None
    signature, artifact = variant.signature, variant.artifact
    parts = {SHARED_OBJECT: artifact.parts[SHARED_OBJECT]}
    if (support := support_library()) is not None:
        parts[SUPPORT_OBJECT] = support.data
    if any(isinstance(entry.reader, SamenessReader) for entry in signature.captured):
        raise ArtifactError(
            None,
            f"{binder.name} asks which of its arguments are the same object, which a "
            "file cannot hold",
            code="unsaved",
            hint="save a function without `is` between arrays or objects",
        )
    captured = signature.read_captured(call.leaves)
    if captured is None:
        raise ArtifactError(
            None,
            f"{binder.name}: what it captures has gone",
            code="unsaved",
            hint="call the function, then save it",
        )
    first = signature.argument_count
    values = [
        _stored_value(f"captured.{index}", value, parts)
        for index, (leaf, value) in enumerate(
            zip(signature.leaves[first:], captured, strict=True)
        )
        if leaf.slot_count
    ]
    form = signature.to_json(values)

    def encode_default(name: str, value: object) -> Any:
        try:
            return _stored_value(f"default.{name}", normalize(value), parts)
        except ArtifactError as error:
            raise ArtifactError(
                None,
                f"the default of {name} cannot be saved: {error.message}",
                code=error.code,
                hint=error.hint,
            ) from None

    form["binder"] = binder.to_json(encode_default)
    return Artifact(
        artifact.name,
        artifact.machine,
        artifact.errors,
        artifact.guards,
        form,
        {**artifact.facts, _SLOTS: signature.slot_texts},
        parts,
    )


def _stored_value(name: str, value: object, parts: dict[str, bytes]) -> Any:
    if isinstance(value, np.ndarray):
        parts[name] = value.tobytes()
        return {"array": array_form(value, name)}
    return encode(value)


def _value_of(form: Any, parts: Any) -> Any:
    if isinstance(form, dict) and "array" in form:
        return array_from_form(form["array"], parts)
    return decode(form)


def save(path: str | os.PathLike[str], artifact: Artifact) -> None:
    """Write an artifact to a file, all of it or none.

    Args:
        path: the file; one that is there is replaced.
        artifact: what to write.
    """
    write_whole(path, artifact.to_bytes())


def load(path: str | os.PathLike[str]) -> Any:
    """Load a function that was saved.

    The file holds machine code: load only what you trust.

    Args:
        path: the file.

    Returns:
        A callable that takes and gives what the function did, for the arguments it
        was saved for, of any size that its guards allow. It has ``stats()`` and
        ``explain()``.

    Raises:
        ArtifactError: the file is damaged, or made for another machine or version.
        OSError: it cannot be read.
    """
    source = os.fspath(path)
    with open(source, "rb") as file:
        artifact = Artifact.from_bytes(file.read(), source)
    form = artifact.signature
    if "binder" not in form:
        raise ArtifactError(
            None, f"{source} holds a part of a program, not a function", code="artifact"
        )
    parts = artifact.parts
    try:
        binder = Binder.from_json(form["binder"], lambda one: _value_of(one, parts))
        values = [_value_of(entry["value"], parts) for entry in form["captured"]]
        signature = Signature.from_json(form, values)
        _check_fit(artifact, binder, signature)
    except (ArtifactError, LookupError, TypeError) as error:
        reason = getattr(error, "message", "a part of it is missing")
        raise ArtifactError(
            None, f"{source} is damaged: {reason}", code="artifact-damaged"
        ) from error
    executable = Executable(artifact.parts[SHARED_OBJECT], source)
    variant = Variant(signature, executable, artifact.errors, artifact=artifact)
    dispatcher = Dispatcher(
        binder, DispatchOptions(variant_limit=1), _Refusal(source, variant)
    )
    dispatcher.add(variant)
    loaded = new_callable(Loaded, dispatcher, _support(artifact))
    vars(loaded).update(
        __name__=artifact.name, __qualname__=artifact.name, artifact=artifact
    )
    return loaded


def _check_fit(artifact: Artifact, binder: Binder, signature: Signature) -> None:
    """Raise an ArtifactError where the parts of a description do not fit together.

    The code reads as many slots as it was made for, whatever the description says.
    """
    reason = None
    if binder.names != signature.parameters:
        reason = "its parameters are not those of its signature"
    elif artifact.facts.get(_SLOTS) != signature.slot_texts:
        reason = "its code was made for another signature"
    elif not _are_places(artifact.facts.get("symbols", {}), signature):
        reason = "its sizes are none of its arguments"
    elif not _are_known(artifact):
        reason = "its guards ask about what it does not have"
    if reason is not None:
        raise ArtifactError(None, reason, code="artifact-damaged")


def _are_places(symbols: Any, signature: Signature) -> bool:
    """Whether each symbol has the number of a leaf that takes slots, and an axis."""
    ranks = [
        leaf.rank if isinstance(leaf, ArrayLeaf) else 1
        for leaf in signature.leaves
        if leaf.slot_count
    ]
    return isinstance(symbols, dict) and all(
        isinstance(place, list)
        and list(map(type, place)) == [int, int]
        and 0 <= place[0] < len(ranks)
        and 0 <= place[1] < ranks[place[0]]
        for place in symbols.values()
    )


def _are_known(artifact: Artifact) -> bool:
    """Whether guards, and sizes that may overflow, are of symbols that there are."""
    names = artifact.facts.get("symbols", {}).keys()
    try:
        for text in artifact.guards:
            guard = parse_guard(text)
            sides = (guard.left, guard.right)
            reals = [side.parameters() for side in sides if isinstance(side, Real)]
            if not names >= guard.symbols().union(*reals):
                return False
        checked = map(parse_dim, artifact.facts.get("checked", ()))
        return all(names >= set(symbols_of(size)) for size in checked)
    except (TextError, TypeError):
        return False


def _support(artifact: Artifact) -> Support | None:
    def data() -> bytes | None:
        carried = artifact.parts.get(SUPPORT_OBJECT)
        return carried or support_data(default_cache(), None)

    try:
        return load_support(data)
    except ArtifactError:
        # Made by another version; the Python dispatcher serves.
        return None


class _Refusal:
    """Says why a call is not served, where nothing can be compiled for it."""

    def __init__(self, source: str, variant: Variant) -> None:
        self._source = source
        self._variant = variant

    def __call__(self, call: Call) -> Variant:
        raise self._error(call)

    def _error(self, call: Call) -> PenstockError:
        from penstock.runtime.refusal import wanted_texts

        # The reason speaks of sizes by the names that they have here.
        made_for = self._variant.signature.describe(wanted_texts(self._variant))
        reason = self._variant.refusal(call) or "it has changed meanwhile"
        return StructureError(
            None,
            f"{self._source} was saved for ({made_for}), not for this call: {reason}",
            code="not-served",
            hint="save it for these arguments too",
        )
