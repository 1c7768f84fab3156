"""Why a variant does not serve a call, and which variant comes nearest to it."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ir.dim_text import parse_dim
from penstock.ir.dims import evaluate_dim
from penstock.ir.errors import NumberRangeError, PenstockError, TextError
from penstock.ir.guards import Guard, parse_guard
from penstock.ir.reals import Real
from penstock.ir.record import Record
from penstock.ir.types import dtype_of, text_of_array
from penstock.runtime.leaves import ArrayLeaf, InstanceLeaf, IntegerLeaf, KeyLeaf, Leaf

if TYPE_CHECKING:
    from penstock.runtime.binding import Call
    from penstock.runtime.dispatch import Variant

__all__ = [
    "Refusal",
    "describe_value",
    "host_numbers",
    "nearest",
    "overflow",
    "readable_guard",
    "refusals",
    "sizes_in_slots",
]


# Nested arguments are shown up to this many characters.
_LONGEST = 120


class Refusal(Record):
    """One thing in which a call differs from what a variant takes.

    Args:
        kind: ``"structure"`` (an argument is nested otherwise), ``"argument"``,
            ``"captured"``, ``"gone"`` (what it captures cannot be read) or
            ``"guard"``.
        name: the leaf or argument as messages call it, or the guard.
        now: what the call has.
        wanted: what the variant takes.
        changes: each difference alone: ``f64, was f32``.
    """

    kind: str
    name: str = ""
    now: str = ""
    wanted: str = ""
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Why the variant does not serve the call."""
        if self.kind == "gone":
            return "what it captures has gone, or is nested otherwise"
        if self.kind == "guard":
            return self._guard_text("it does not hold that {}", "it holds that {}")
        return f"{self.name} is {self.now}, not {self.wanted}"

    @property
    def reason(self) -> str:
        """Why the call needed a variant of its own."""
        if self.kind == "guard":
            return self._guard_text("{} does not hold", "{} holds")
        changes = "; ".join(self.changes)
        if self.kind in ("argument", "structure"):
            return f"argument {self.name}: {changes or self._instead}"
        if self.kind == "captured":
            if changes:
                return f"{self.name} changed: {changes}"
            if self.wanted == self.now:
                return f"{self.name} changed to another {self.now}"
            return f"{self.name} changed from {self.wanted} to {self.now}"
        return str(self)

    @property
    def _instead(self) -> str:
        other = "another " * (self.now == self.wanted)
        return f"{other}{self.now}, was {self.wanted}"

    def _guard_text(self, broken: str, denied: str) -> str:
        found = f": {self.now}" if self.now else ""
        if not self.name:
            return "a guard does not hold"
        if self.name.startswith("not "):
            return denied.format(self.name[4:]) + found
        return broken.format(self.name) + found


def refusals(variant: Variant, call: Call) -> list[Refusal]:
    """Every argument, captured leaf and guard in which a call differs.

    Args:
        variant: the variant.
        call: the call.

    Returns:
        Nothing, if the variant serves the call.
    """
    signature = variant.signature
    wanted = wanted_texts(variant)
    if call.structure != signature.structure:
        return _nesting_refusals(variant, call, wanted)
    first = signature.argument_count
    leaves = list(zip(signature.leaf_names(), signature.leaves, wanted, strict=True))
    found = [
        _leaf_refusal("argument", *leaf, value)
        for leaf, value in zip(leaves, call.leaves, strict=False)
        if not leaf[1].accepts(value)
    ]
    captured = signature.read_captured(call.leaves)
    if captured is None:
        # It may hang on an argument that is none of those the variant takes.
        return found or [Refusal("gone")]
    found += [
        _leaf_refusal("captured", *leaf, value)
        for leaf, value in zip(leaves[first:], captured, strict=True)
        if not leaf[1].accepts(value)
    ]
    inputs = call.leaves + captured
    if found:
        # Another function has other code.
        found = [x for x in found if not x.name.startswith("code of ")] or found
        return [*found, *_guard_refusals(variant, inputs)]
    failed = variant.failed_guard(inputs)
    if failed <= 0:
        return []
    guards = () if variant.artifact is None else variant.artifact.guards
    text = guards[failed - 1] if failed <= len(guards) else ""
    broken = _guard_refusals(variant, inputs)
    return broken or [Refusal("guard", readable_guard(text))]


def nearest(
    variants: Sequence[Variant], call: Call
) -> tuple[Variant, list[Refusal]] | None:
    """The variant that a call differs least from, and how; ``None`` without variants.

    Args:
        variants: none of them serves the call.
        call: the call.
    """
    compared = [(variant, refusals(variant, call)) for variant in variants]
    return min(compared, key=lambda pair: _distance(pair[1]), default=None)


def _distance(found: Sequence[Refusal]) -> tuple[bool, int, int]:
    """How much differs; what is nested otherwise hides what else there may be."""
    order = ("guard", "captured", "argument", "gone", "structure")
    farthest = max((order.index(entry.kind) for entry in found), default=0)
    count = sum(max(len(entry.changes), 1) for entry in found)
    return farthest >= order.index("gone"), count, farthest


def wanted_texts(variant: Variant) -> list[str]:
    """What each leaf of a variant must be, sizes by the names that guards give them."""
    names = {place: name for name, place in _places(variant).items()}
    texts = []
    number = 0
    for leaf in variant.signature.leaves:
        texts.append(
            leaf.describe([names.get((number, axis)) for axis in range(leaf.rank)])
            if isinstance(leaf, ArrayLeaf)
            else leaf.describe()
        )
        number += leaf.slot_count > 0
    return texts


def _nesting_refusals(
    variant: Variant, call: Call, wanted: Sequence[str]
) -> list[Refusal]:
    """The arguments that are nested otherwise, and the leaves of the others."""
    signature = variant.signature
    names = iter(signature.leaf_names())
    texts, leaves, values = iter(wanted), iter(signature.leaves), iter(call.leaves)
    found = []
    for name, old, new in zip(
        signature.parameters,
        signature.structure.children,
        call.structure.children,
        strict=True,
    ):
        given = list(islice(values, new.leaf_count))
        taken = list(islice(zip(names, leaves, texts, strict=False), old.leaf_count))
        if old == new:
            found += [
                _leaf_refusal("argument", *leaf, value)
                for leaf, value in zip(taken, given, strict=True)
                if not leaf[1].accepts(value)
            ]
            continue
        # Only their modules tell classes of one name apart.
        alike = new.format(["*"] * new.leaf_count) == old.format(["*"] * old.leaf_count)
        now = _short(new.format([describe_value(value) for value in given], alike))
        was = _short(old.format([text for *_, text in taken], alike))
        found.append(Refusal("structure", name, now, was))
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _leaf_refusal(
    kind: str, name: str, leaf: Leaf, wanted: str, value: object
) -> Refusal:
    now = describe_value(value)
    if isinstance(leaf, KeyLeaf) and not isinstance(value, np.ndarray):
        now = KeyLeaf(value).describe()
    if isinstance(leaf, InstanceLeaf):
        now = InstanceLeaf(type(value)).describe()
    changes: tuple[str, ...] = ()
    if isinstance(leaf, ArrayLeaf) and type(value) is np.ndarray:
        changes = _array_changes(leaf, value)
    return Refusal(kind, name, now, wanted, changes)


def _array_changes(leaf: ArrayLeaf, value: np.ndarray[Any, Any]) -> tuple[str, ...]:
    changes = []
    dtype = dtype_of(value.dtype) or value.dtype
    if dtype != leaf.dtype:
        changes.append(f"{dtype}, was {leaf.dtype}")
    if value.ndim != leaf.rank:
        changes.append(f"rank {value.ndim}, was {leaf.rank}")
    elif leaf.sizes is not None:
        changes += [
            f"size {size} of axis {axis}, was {wanted}"
            for axis, (size, wanted) in enumerate(
                zip(value.shape, leaf.sizes, strict=True)
            )
            if wanted is not None and wanted != size
        ]
    if leaf.layout == "contiguous" and not value.flags.c_contiguous:
        changes.append("strided, was contiguous")
    return tuple(changes)


def _guard_refusals(variant: Variant, inputs: Sequence[Any]) -> list[Refusal]:
    """The guards that do not hold, as far as the artifact says what they ask about."""
    guards = () if variant.artifact is None else variant.artifact.guards
    numbers = host_numbers(variant, inputs)
    found = []
    for text in guards:
        try:
            guard = parse_guard(text)
            holds = guard.holds(numbers, numbers)
        except (LookupError, TextError):
            continue
        if not holds:
            sides = _sides(guard, numbers)
            found.append(Refusal("guard", readable_guard(text), sides))
    return found


def readable_guard(guard: object) -> str:
    """A guard, or a side of one, as people are shown it.

    Example:
        >>> readable_guard("%rate > 0.5"), readable_guard("n % 2 == 0")
        ('rate > 0.5', 'n % 2 == 0')
    """
    # Its text marks the float arguments.
    return re.sub(r"%(?=[^\W\d])", "", str(guard))


def _sides(guard: Guard, numbers: Mapping[str, Any]) -> str:
    """What the sides of a guard are, of those that are not plain numbers."""
    sides = []
    for side in (guard.left, guard.right):
        try:
            if isinstance(side, Real):
                value: float | str = side.evaluate(numbers, numbers)
            else:
                value = evaluate_dim(side, numbers)
        except ZeroDivisionError:
            value = "a division by zero"
        if str(side) != str(value):
            sides.append((readable_guard(side), value))
    if len(sides) == 1:
        return f"{sides[0][0]} is {sides[0][1]}"
    return " and ".join(str(value) for _, value in sides)


def host_numbers(variant: Variant, inputs: Sequence[Any]) -> dict[str, Any]:
    """The sizes, integers and floats of a call, by the names that guards give them.

    Args:
        variant: its artifact says where each stands.
        inputs: all leaves of a call, the captured ones too; those that the variant
            does not take are left out.
    """
    leaves = variant.signature.leaves
    pairs = [
        (leaf, value)
        for leaf, value in zip(leaves, inputs, strict=True)
        if leaf.slot_count
    ]
    numbers: dict[str, Any] = {}
    for name, (place, axis) in _places(variant).items():
        leaf, value = pairs[place]
        if leaf.accepts(value):
            is_array = isinstance(value, np.ndarray)
            numbers[name] = value.shape[axis] if is_array else value
    return numbers


def sizes_in_slots(variant: Variant, slots: Sequence[int]) -> dict[str, int]:
    """The sizes and integers of a call that runs, by their symbols.

    Args:
        variant: its artifact says where each stands.
        slots: those that its code was given, while the arguments live.
    """
    signature = variant.signature
    taken = [
        offset
        for leaf, offset in zip(signature.leaves, signature.slot_offsets, strict=False)
        if leaf.slot_count
    ]
    leaves = [leaf for leaf in signature.leaves if leaf.slot_count]
    sizes: dict[str, int] = {}
    for name, (place, axis) in _places(variant).items():
        leaf = leaves[place]
        if isinstance(leaf, ArrayLeaf) and 0 <= axis < leaf.rank:
            # The second slot of an array is the address of its sizes.
            size = ctypes.c_int64.from_address(slots[taken[place] + 1] + 8 * axis)
            sizes[name] = size.value
        elif isinstance(leaf, IntegerLeaf):
            sizes[name] = slots[taken[place]]
    return sizes


def overflow(variant: Variant, inputs: Sequence[Any]) -> PenstockError:
    """The error for a call in which a size or number does not fit 64 bits.

    Args:
        variant: its artifact says which there are, and the last of its errors, where
            each comes from.
        inputs: all leaves of a call.
    """
    artifact = variant.artifact
    texts = artifact.facts.get("checked", ()) if artifact is not None else ()
    numbers = host_numbers(variant, inputs)
    entries = variant.errors[len(variant.errors) - len(texts) :]
    for text, entry in zip(texts, entries, strict=False):
        try:
            value = evaluate_dim(parse_dim(text), numbers)
        except ZeroDivisionError:
            continue
        if not -(1 << 63) <= value < 1 << 63:
            return entry.error(value)
    return NumberRangeError(
        None,
        "a size or number that the program computes from these arguments does not fit "
        "64 bits",
        code="size-overflow",
        hint="use smaller arrays and numbers",
    )


def _places(variant: Variant) -> dict[str, tuple[int, int]]:
    """The leaf and axis that each symbol is; leaves count that have slots."""
    artifact = variant.artifact
    symbols = {} if artifact is None else artifact.facts.get("symbols", {})
    return {name: (place, axis) for name, (place, axis) in symbols.items()}


def describe_value(value: object) -> str:
    """A leaf of a call as messages show it: its kind, with its sizes."""
    if type(value) is np.ndarray:
        layout = "" if value.flags.c_contiguous else " strided"
        return text_of_array(value) + layout
    if isinstance(value, np.ndarray):
        return type(value).__name__
    if type(value) in (int, float):
        return f"{type(value).__name__} ({value!r})"
    return KeyLeaf(value).describe()
