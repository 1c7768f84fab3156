"""How a call becomes the inputs of an artifact, and its outputs the results.

The values that an artifact's functions take are 64-bit slots, in this order:

    slot 0                  0; after an error, the offending value
    for each leaf           an array: address of its data, of its sizes, of its byte
                            strides; an integer: itself; a real: its bits; a key: none
    for each array result   address of its data, C-contiguous

``penstock_prepare`` fills a second vector, the sizes: bytes of scratch memory, the
estimated nanoseconds of work, then the sizes of each array result in order, then
the integers and the bits of the reals that the function returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from penstock.ir.errors import ArtifactError
from penstock.ir.record import Record
from penstock.ir.types import DTYPES, Dtype, bool_
from penstock.runtime.binding import Binder, Call, Parameter, leaf_names
from penstock.runtime.constants import Reference, decode, encode
from penstock.runtime.leaves import (
    MOST_AXES,
    ArrayLeaf,
    InstanceLeaf,
    IntegerLeaf,
    KeyLeaf,
    Leaf,
    RealLeaf,
    leaf_from_json,
    leaf_of,
    normalize,
)
from penstock.runtime.pytree import LEAF, Structure, flatten
from penstock.runtime.readers import (
    ArgumentReader,
    AttributeReader,
    CellReader,
    CodeReader,
    DefaultReader,
    GlobalReader,
    ItemReader,
    KeysReader,
    LengthReader,
    Reader,
    ValueReader,
)

__all__ = [
    "ArgumentReader",
    "ArrayLeaf",
    "ArrayResult",
    "AttributeReader",
    "Binder",
    "Call",
    "Captured",
    "CellReader",
    "CodeReader",
    "ConstantResult",
    "DefaultReader",
    "GlobalReader",
    "InstanceLeaf",
    "IntegerLeaf",
    "IntegerResult",
    "ItemReader",
    "KeyLeaf",
    "KeysReader",
    "Leaf",
    "LengthReader",
    "Parameter",
    "ParameterResult",
    "Reader",
    "RealLeaf",
    "RealResult",
    "Result",
    "Signature",
    "TruthResult",
    "ValueReader",
    "leaf_of",
    "normalize",
]


class ArrayResult(Record):
    """A result leaf that the artifact computes into a fresh array."""

    dtype: Dtype
    rank: int


class TruthResult(ArrayResult):
    """A result leaf that is a Python ``bool``: the element of a computed bool[]."""


class ConstantResult(Record):
    """A result leaf that is one Python object, whatever the arguments."""

    value: Any


class IntegerResult(Record):
    """A result leaf that is a Python ``int``: this element of the sizes vector."""

    index: int


class RealResult(Record):
    """A result leaf that is a ``float``: its bits are this element of the sizes."""

    index: int


class ParameterResult(Record):
    """A result leaf that is an input leaf's value; an array is copied."""

    index: int


Result = ArrayResult | ConstantResult | IntegerResult | RealResult | ParameterResult


class Captured(Record):
    """State that the function reads from elsewhere than its arguments.

    Args:
        reader: where it is read at each call.
        structure: what it must be; its leaves follow those of the arguments.
    """

    reader: Reader
    structure: Structure = LEAF


class Signature(Record):
    """What a variant takes and gives.

    Args:
        parameters: the names of the function's parameters.
        structure: the structure of the tuple of their values.
        leaves: the kind of each leaf: those of the arguments, then those of the
            captured state, in order.
        captured: the state that is read at each call.
        results: the kind of each leaf of the result.
        result_structure: the structure of the result.
    """

    parameters: tuple[str, ...]
    structure: Structure
    leaves: tuple[Leaf, ...]
    captured: tuple[Captured, ...] = ()
    results: tuple[Result, ...] = ()
    result_structure: Structure = LEAF

    @property
    def argument_count(self) -> int:
        """How many leaves are the arguments'; the rest are captured."""
        return self.structure.leaf_count

    @cached_property
    def array_results(self) -> tuple[ArrayResult, ...]:
        """The results that are computed arrays, in order."""
        return tuple(r for r in self.results if isinstance(r, ArrayResult))

    @cached_property
    def slot_offsets(self) -> tuple[int, ...]:
        """The first slot of each leaf, then that of the results."""
        offsets = [1]
        for leaf in self.leaves:
            offsets.append(offsets[-1] + leaf.slot_count)
        return tuple(offsets)

    @cached_property
    def slot_count(self) -> int:
        """How many slots a call takes."""
        return self.slot_offsets[-1] + len(self.array_results)

    @cached_property
    def size_count(self) -> int:
        """How many elements the sizes vector has."""
        count = 2 + sum(result.rank for result in self.array_results)
        numbers = (
            r.index + 1
            for r in self.results
            if isinstance(r, (IntegerResult, RealResult))
        )
        return max(count, *numbers, 2)

    @property
    def slot_texts(self) -> list[str]:
        """What each slot and each number of the sizes is for, as code is made for."""
        numbers = {
            f"{'int' if isinstance(r, IntegerResult) else 'float'} {r.index}"
            for r in self.results
            if isinstance(r, (IntegerResult, RealResult))
        }
        return [
            *(leaf.describe() for leaf in self.leaves if leaf.slot_count),
            *(f"-> {r.dtype} of {r.rank} axes" for r in self.array_results),
            *(f"-> {number}" for number in sorted(numbers)),
        ]

    def leaf_names(self) -> tuple[str, ...]:
        """What messages call each leaf."""
        captured = (
            entry.reader.describe() + path
            for entry in self.captured
            for path in entry.structure.paths()
        )
        return (*leaf_names(self.parameters, self.structure), *captured)

    def describe(self, wanted: Sequence[str] | None = None) -> str:
        """The arguments as messages show them: ``x: f32[_,_], mode: 'fast'``.

        Args:
            wanted: what each leaf must be, where more is known of it than it says
                itself, such as names of sizes.
        """
        texts = iter(wanted or [leaf.describe() for leaf in self.leaves])
        parts = []
        for name, child in zip(self.parameters, self.structure.children, strict=True):
            form = child.format([next(texts) for _ in range(child.leaf_count)])
            parts.append(f"{name}: {form}")
        return ", ".join(parts)

    def read_captured(self, arguments: Sequence[Any]) -> list[Any] | None:
        """The captured leaves as they are now, normalized.

        Args:
            arguments: the leaves of the arguments.

        Returns:
            The leaves; ``None`` if something is not there, or is nested otherwise.
        """
        found: list[Any] = []
        first = self.argument_count
        for entry in self.captured:
            try:
                value = entry.reader.read(arguments)
            except Exception:  # noqa: BLE001
                # The state has changed since the trace; tracing it anew raises what
                # the user's own line raises now.
                return None
            if entry.structure is LEAF:
                # A NumPy scalar that is a key is itself, not an array.
                is_key = isinstance(self.leaves[first + len(found)], KeyLeaf)
                found.append(value if is_key else normalize(value))
                continue
            leaves, structure = flatten(value)
            if structure != entry.structure:
                return None
            found += [normalize(leaf) for leaf in leaves]
        return found

    def to_json(self, stored: Sequence[Any]) -> dict[str, Any]:
        """The signature as JSON, for a file.

        Args:
            stored: for each captured leaf that takes slots, in order, the JSON of its
                value; the others have done their work in the trace and are left out.

        Raises:
            ArtifactError: a key or class cannot be found again by its name.
        """
        return {
            "parameters": list(self.parameters),
            "structure": self.structure.to_json(),
            "leaves": [x.to_json() for x in self.leaves[: self.argument_count]],
            "captured": [
                {"leaf": leaf.to_json(), "text": text, "value": value}
                for (leaf, text), value in zip(
                    self.stored_leaves(), stored, strict=True
                )
            ],
            "results": [self._result_form(result) for result in self.results],
            "result_structure": self.result_structure.to_json(),
        }

    def stored_leaves(self) -> list[tuple[Leaf, str]]:
        """The captured leaves whose values a file must hold, with their names."""
        first = self.argument_count
        pairs = zip(self.leaves[first:], self.leaf_names()[first:], strict=True)
        return [(leaf, name) for leaf, name in pairs if leaf.slot_count]

    def _result_form(self, result: Result) -> list[Any]:
        if isinstance(result, TruthResult):
            return ["truth"]
        if isinstance(result, ArrayResult):
            return ["array", result.dtype.name, result.rank]
        if isinstance(result, ConstantResult):
            return ["constant", encode(result.value)]
        if isinstance(result, ParameterResult):
            # Captured leaves that a file leaves out do not count there.
            first = self.argument_count
            dropped = [x for x in self.leaves[first : result.index] if not x.slot_count]
            if result.index >= first and not self.leaves[result.index].slot_count:
                key = self.leaves[result.index]
                assert isinstance(key, KeyLeaf)
                return ["constant", encode(key.value)]
            return ["parameter", result.index - len(dropped)]
        kind = "integer" if isinstance(result, IntegerResult) else "real"
        return [kind, result.index]

    @staticmethod
    def from_json(form: Any, values: Sequence[Any]) -> Signature:
        """Read what ``to_json`` wrote.

        Args:
            form: the JSON.
            values: the captured values, in order.

        Raises:
            ArtifactError: the form is not one that ``to_json`` writes.
        """
        try:
            structure = Structure.from_json(form["structure"])
            leaves = tuple(leaf_from_json(leaf) for leaf in form["leaves"])
            stored = tuple(leaf_from_json(entry["leaf"]) for entry in form["captured"])
            captured = tuple(
                Captured(ValueReader(value, str(entry["text"])))
                for entry, value in zip(form["captured"], values, strict=True)
            )
            results = tuple(map(_result_from_json, form["results"]))
            signature = Signature(
                tuple(str(name) for name in form["parameters"]),
                structure,
                leaves + stored,
                captured,
                results,
                Structure.from_json(form["result_structure"]),
            )
            _check(signature)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(
                None,
                "cannot read the signature of the function",
                code="artifact-damaged",
            ) from error
        return signature


def _result_from_json(form: Any) -> Result:
    kind, *content = form
    if kind == "array":
        dtype, rank = content
        return ArrayResult(DTYPES[dtype], int(rank))
    if kind == "truth":
        return TruthResult(bool_, 0)
    if kind == "constant":
        value = decode(content[0])
        return ConstantResult(
            value.resolve() if isinstance(value, Reference) else value
        )
    index = int(content[0])
    if kind == "integer":
        return IntegerResult(index)
    if kind == "real":
        return RealResult(index)
    if kind == "parameter":
        return ParameterResult(index)
    raise ValueError(kind)


def _check(signature: Signature) -> None:
    """Raise ValueError where the parts of a signature do not fit together."""
    structure = signature.structure
    if structure.kind != "tuple":
        raise ValueError("the arguments are a tuple")
    if len(structure.children) != len(signature.parameters):
        raise ValueError("one structure for each parameter")
    if structure.leaf_count + len(signature.captured) != len(signature.leaves):
        raise ValueError("one kind for each leaf")
    if signature.result_structure.leaf_count != len(signature.results):
        raise ValueError("one kind for each result")
    for result in signature.results:
        index = getattr(result, "index", 0)
        bound = len(signature.leaves)
        if isinstance(result, (IntegerResult, RealResult)):
            bound = 1 << 16
        if not 0 <= index < max(bound, 1):
            raise ValueError("an index beyond the inputs")
        if isinstance(result, ArrayResult) and not 0 <= result.rank <= MOST_AXES:
            raise ValueError("a rank that NumPy does not have")
