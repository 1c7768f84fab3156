"""Why a variant does not serve a call, and which variant comes nearest to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ir.dims import evaluate_dim
from penstock.ir.errors import TextError
from penstock.ir.guards import Guard, parse_guard
from penstock.ir.reals import Real
from penstock.ir.types import dtype_of
from penstock.runtime.leaves import ArrayLeaf, KeyLeaf, Leaf
from penstock.runtime.record import Record

if TYPE_CHECKING:
    from penstock.runtime.binding import Call
    from penstock.runtime.dispatch import Variant

__all__ = [
    "Refusal",
    "describe_value",
    "host_numbers",
    "nearest",
    "readable_guard",
    "refusals",
]


class Refusal(Record):
    """One thing in which a call differs from what a variant takes.

    Args:
        kind: ``"structure"``, ``"argument"``, ``"captured"``, ``"gone"`` (what it
            captures cannot be read) or ``"guard"``.
        name: the leaf as messages call it, or the guard.
        now: what the call has.
        wanted: what the variant takes.
        change: the difference alone: ``f64, was f32``.
    """

    kind: str
    name: str = ""
    now: str = ""
    wanted: str = ""
    change: str = ""

    def __str__(self) -> str:
        """Why the variant does not serve the call."""
        if self.kind == "structure":
            return f"its arguments are nested as {self.now}"
        if self.kind == "gone":
            return "what it captures has gone, or is nested otherwise"
        if self.kind == "guard":
            return self._guard_text("it does not hold that {}", "it holds that {}")
        return f"{self.name} is {self.now}, not {self.wanted}"

    @property
    def reason(self) -> str:
        """Why the call needed a variant of its own."""
        if self.kind == "structure":
            return f"arguments nested as {self.now}, were {self.wanted}"
        if self.kind == "guard":
            return self._guard_text("{} does not hold", "{} holds")
        if self.kind == "argument":
            return f"argument {self.name}: {self.change}"
        if self.kind == "captured":
            if self.wanted == self.now:
                return f"{self.name} changed to another {self.now}"
            return f"{self.name} changed from {self.wanted} to {self.now}"
        return str(self)

    def _guard_text(self, broken: str, denied: str) -> str:
        found = f": {self.now}" if self.now else ""
        if not self.name:
            return "a guard does not hold"
        if self.name.startswith("not "):
            return denied.format(self.name[4:]) + found
        return broken.format(self.name) + found


def refusals(variant: Variant, call: Call) -> list[Refusal]:
    """Every leaf that a variant does not take, or else every guard that fails.

    Args:
        variant: the variant.
        call: the call.

    Returns:
        Nothing, if the variant serves the call.
    """
    signature = variant.signature
    if call.structure != signature.structure:
        now, wanted = str(call.structure), str(signature.structure)
        return [Refusal("structure", "arguments", now, wanted)]
    first = signature.argument_count
    names = signature.leaf_names()
    pairs = list(zip(names, signature.leaves, call.leaves, strict=False))
    found = [_leaf_refusal("argument", *p) for p in pairs if not p[1].accepts(p[2])]
    captured = signature.read_captured(call.leaves)
    if captured is None:
        # It may hang on an argument that is none of those the variant takes.
        return found or [Refusal("gone")]
    pairs = list(zip(names[first:], signature.leaves[first:], captured, strict=True))
    found += [_leaf_refusal("captured", *p) for p in pairs if not p[1].accepts(p[2])]
    if found:
        return found
    inputs = call.leaves + captured
    failed = variant.failed_guard(inputs)
    return _guard_refusals(variant, failed - 1, inputs) if failed else []


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


def _distance(found: Sequence[Refusal]) -> tuple[int, int]:
    order = ("guard", "captured", "argument", "gone", "structure")
    return max((order.index(entry.kind) for entry in found), default=0), len(found)


def _leaf_refusal(kind: str, name: str, leaf: Leaf, value: object) -> Refusal:
    now, wanted = describe_value(value), leaf.describe()
    if isinstance(leaf, KeyLeaf) and not isinstance(value, np.ndarray):
        now = KeyLeaf(value).describe()
    change = f"{now}, was {wanted}"
    if isinstance(leaf, ArrayLeaf) and type(value) is np.ndarray:
        change = _array_change(leaf, value) or change
    return Refusal(kind, name, now, wanted, change)


def _array_change(leaf: ArrayLeaf, value: np.ndarray[Any, Any]) -> str:
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
    return "; ".join(changes)


def _guard_refusals(
    variant: Variant, first: int, inputs: Sequence[Any]
) -> list[Refusal]:
    guards = () if variant.artifact is None else variant.artifact.guards
    if first >= len(guards):
        return [Refusal("guard")]
    try:
        numbers = host_numbers(variant, inputs)
        parsed = [(text, parse_guard(text)) for text in guards]
        return [
            Refusal("guard", readable_guard(text), _sides(guard, numbers))
            for text, guard in parsed
            if not guard.holds(numbers, numbers)
        ]
    except (LookupError, TextError):
        # The artifact does not say where its sizes stand.
        return [Refusal("guard", readable_guard(guards[first]))]


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
        inputs: all leaves of a call, the captured ones too.
    """
    artifact = variant.artifact
    places = {} if artifact is None else artifact.facts.get("symbols", {})
    leaves = variant.signature.leaves
    values = [v for leaf, v in zip(leaves, inputs, strict=True) if leaf.slot_count]
    numbers: dict[str, Any] = {}
    for name, (place, axis) in places.items():
        value = values[place]
        is_array = isinstance(value, np.ndarray)
        numbers[name] = value.shape[axis] if is_array else value
    return numbers


def describe_value(value: object) -> str:
    """A leaf of a call as messages show it: its kind, with its sizes."""
    if type(value) is np.ndarray:
        dtype = dtype_of(value.dtype) or value.dtype
        layout = "" if value.flags.c_contiguous else " strided"
        return f"{dtype}[{','.join(map(str, value.shape))}]{layout}"
    if isinstance(value, np.ndarray):
        return type(value).__name__
    if type(value) in (int, float):
        return f"{type(value).__name__} ({value!r})"
    return KeyLeaf(value).describe()
