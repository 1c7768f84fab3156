"""Inputs of programs: what is given, and the rest drawn at random to fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.command.errors import UsageError
from penstock.command.values import Argument, array_of
from penstock.ir.dims import Size, evaluate_dim, symbol, symbols_of
from penstock.ir.guards import Facts, parse_guard
from penstock.ir.record import Record
from penstock.ir.types import Dtype, TensorType
from penstock.runtime.signature import ArrayLeaf, IntegerLeaf, KeyLeaf, RealLeaf

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function
    from penstock.runtime.dispatch import Variant

__all__ = ["Input", "fill", "given_by_name", "inputs_of_graph", "inputs_of_variant"]

# The size of an axis, or the integer, that nobody has given.
_DEFAULT = 8


class Input(Record):
    """One input of a program.

    Args:
        name: its name.
        dtype: of an array; ``None`` for another input.
        shape: of an array.
        value: of another input, where none is given.
    """

    name: str
    dtype: Dtype | None = None
    shape: tuple[Size, ...] = ()
    value: Any = None


def inputs_of_graph(function: Function) -> tuple[list[Input], Facts]:
    """The inputs of a Function, arrays first, and what is known of their sizes."""
    arrays = [
        Input(str(value.attributes["name"]), value.dtype, value.shape)
        for value in function.parameters
    ]
    integers = [Input(name, value=symbol(name)) for name in function.integers]
    return [*arrays, *integers], function.facts


def inputs_of_variant(variant: Variant) -> tuple[list[Input], Facts]:
    """The leaves of the arguments of a saved program, and what is known of sizes."""
    signature, artifact = variant.signature, variant.artifact
    assert artifact is not None
    places = artifact.facts.get("symbols", {})
    names = {(place, axis): name for name, (place, axis) in places.items()}
    facts = Facts(dict.fromkeys(places, 0), map(parse_guard, artifact.guards))
    found: list[Input] = []
    number = 0
    for name, leaf in zip(signature.leaf_names(), signature.leaves, strict=True):
        if isinstance(leaf, ArrayLeaf):
            fixed = leaf.sizes or (None,) * leaf.rank
            shape = [
                symbol(names.get((number, axis), f"{name} {axis}"))
                if size is None
                else size
                for axis, size in enumerate(fixed)
            ]
            found.append(Input(name, leaf.dtype, tuple(shape)))
        elif isinstance(leaf, IntegerLeaf):
            found.append(Input(name, value=symbol(names.get((number, 0), name))))
        elif isinstance(leaf, RealLeaf):
            found.append(Input(name, value=1.0))
        else:
            assert isinstance(leaf, KeyLeaf)
            found.append(Input(name, value=leaf.value))
        number += leaf.slot_count > 0
    return found[: signature.argument_count], facts


def given_by_name(
    arguments: Sequence[Argument], inputs: Sequence[Input], random: np.random.Generator
) -> dict[str, Any]:
    """The values that were given, by the names of the inputs.

    Raises:
        UsageError: there is no such input.
    """
    names = [entry.name for entry in inputs]
    given: dict[str, Any] = {}
    positions = iter(names)
    for argument in arguments:
        name = argument.name or next(positions, None)
        if name not in names:
            listed = ", ".join(names) or "none"
            problem = f"there is no input {name}" if name else "that is one too many"
            raise UsageError(
                f"--arg {argument.text}: {problem}; the inputs are {listed}"
            )
        if argument.text != "random":
            given[name] = argument.build(random)
    return given


def fill(
    inputs: Sequence[Input],
    facts: Facts,
    given: Mapping[str, Any],
    sizes: Mapping[str, int],
    random: np.random.Generator,
) -> list[Any]:
    """A value for each input: what is given, or one drawn to fit that.

    Args:
        inputs: the inputs.
        facts: what is known of their sizes.
        given: values by the names of inputs.
        sizes: sizes and integers by their names.
        random: draws the rest.

    Raises:
        UsageError: a size is given that no input has, or what is no array for one.
    """
    known = dict(sizes)
    symbols = {name for entry in inputs for name in _symbols(entry)}
    if unknown := sorted(sizes.keys() - symbols):
        listed = ", ".join(sorted(symbols)) or "none"
        raise UsageError(f"there is no size {unknown[0]}; the sizes are {listed}")
    given = dict(given)
    for entry in inputs:
        if entry.dtype is not None and entry.name in given:
            array = _array(entry, entry.dtype, given[entry.name])
            given[entry.name] = array
            known |= {
                str(size): number
                for size, number in zip(entry.shape, array.shape, strict=False)
                if not isinstance(size, int)
            }
    return [_value(entry, facts, given, known, random) for entry in inputs]


def _array(entry: Input, dtype: Dtype, value: Any) -> np.ndarray[Any, Any]:
    """What is given for an array: a number takes its dtype, an array has its own."""
    if isinstance(value, np.ndarray):
        return value
    try:
        return np.asarray(value, dtype.numpy)
    except (TypeError, ValueError, OverflowError) as error:
        type_ = TensorType(dtype, entry.shape)
        raise UsageError(f"{entry.name} is {type_}: {error}") from None


def _symbols(entry: Input) -> list[str]:
    sizes = entry.shape if entry.dtype is not None else (entry.value,)
    return [name for size in sizes for name in symbols_of(size)]


def _value(
    entry: Input,
    facts: Facts,
    given: Mapping[str, Any],
    known: Mapping[str, int],
    random: np.random.Generator,
) -> Any:
    if entry.name in given:
        return given[entry.name]
    if entry.dtype is None:
        return (
            entry.value if not _symbols(entry) else _number(entry.value, facts, known)
        )
    shape = [_number(size, facts, known) for size in entry.shape]
    return array_of(entry.dtype.name, shape, random)


def _number(size: Size, facts: Facts, known: Mapping[str, int]) -> int:
    """A size that is given, or follows from one that is, or the default."""
    if str(size) in known:
        return known[str(size)]
    # What must be equal to it is written in the same symbol.
    for name, number in known.items():
        if facts.normalize(symbol(name)) == facts.normalize(size):
            return number
    normal = facts.normalize(size)
    return evaluate_dim(
        normal, {**dict.fromkeys(symbols_of(normal), _DEFAULT), **known}
    )
