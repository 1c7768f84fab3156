"""Batches of functions, as the traced program takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.frontend.broadcasting import require_equal
from penstock.frontend.handles import wrap
from penstock.frontend.lift import as_array
from penstock.frontend.regions import Region
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.frontend.transform_leaves import (
    Leaves,
    argument_name,
    is_array,
    is_setting,
)
from penstock.ir.dims import Size
from penstock.ir.errors import AxisError, StructureError
from penstock.ir.graph.value import Function as FunctionOfGraph
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.runtime.pytree import Structure, flatten, unflatten

__all__ = ["batch"]

Function = Callable[..., Any]


def batch(
    function: Function, arguments: tuple[Any, ...], in_axes: Any, out_axes: Any
) -> Any:
    """A function of each element along axes of its arguments.

    Args:
        function: the function.
        arguments: nested arrays.
        in_axes: for all arguments, or a tuple with one for each: the axis, or
            ``None``; where an argument is nested, its own may be nested likewise.
        out_axes: the same for the result; ``None`` for one that is the same for all.

    Raises:
        StructureError: the axes do not fit the arguments, or the results.
        AxisError: an array has no such axis.
        ShapeError: the axes differ in size.
    """
    tracer = require_tracer("vmap")
    given = _Given(tracer, arguments, in_axes)
    region = Region(tracer, given.own)
    with region.open() as handles:
        leaves = list(given.leaves)
        for place, handle in zip(given.places, handles, strict=True):
            leaves[place] = handle
        results = Leaves(tracer, function(*unflatten(given.structure, leaves)))
        values = results.values
    region.close(values)
    ends = _spread(tracer, out_axes, results.structure, "out_axes")
    if not values:
        return unflatten(results.structure, [])
    body = region.function("body")
    operands = [*given.values, *region.captured]
    axes = (*given.axes, *([None] * len(region.captured)))
    same = _without_axis(body, axes)
    found = _emit(tracer, body, operands, axes, given.size)
    placed: list[Value] = []
    for i, (end, path) in enumerate(zip(ends, results.structure.paths(), strict=True)):
        what = f"vmap: out_axes of the result{path}"
        if end is not None:
            placed.append(_moved(tracer, found[i], end, what))
        elif i in same:
            placed.append(_copied(tracer, body, operands, i))
        else:
            raise StructureError(
                user_location(),
                f"{what} is None, but the result is not the same for all",
                code="batched-result",
                hint="give it an axis in out_axes, or reduce it outside",
            )
    return unflatten(results.structure, [wrap(tracer, value) for value in placed])


class _Given:
    """The arguments of a batch.

    What has no axis and is no array, such as a number of Python, stays what it is;
    so does what cannot have one, such as a string.

    Attributes:
        leaves: all leaves.
        structure: how they nest.
        places: which of them become parameters.
        values: these.
        axes: the axis of each of these.
        own: their types without it.
        size: of the axes.
    """

    def __init__(
        self, tracer: Tracer, arguments: tuple[Any, ...], in_axes: Any
    ) -> None:
        self.leaves, self.structure = flatten(tracer.plain(arguments))
        axes = _spread(tracer, in_axes, self.structure, "in_axes")
        self.places = [
            i
            for i, (leaf, axis) in enumerate(zip(self.leaves, axes, strict=True))
            if is_array(leaf) or (axis is not None and not is_setting(leaf))
        ]
        paths = self.structure.paths()
        self.values = [as_array(tracer, self.leaves[i]).value for i in self.places]
        types = [tracer.type_of(value) for value in self.values]
        self.axes = [
            _axis(axes[i], type_.rank, f"vmap: in_axes of {argument_name(paths[i])}")
            for i, type_ in zip(self.places, types, strict=True)
        ]
        size: Size | None = None
        self.own = []
        for axis, type_ in zip(self.axes, types, strict=True):
            if axis is None:
                self.own.append(type_)
                continue
            if size is None:
                size = type_.shape[axis]
            require_equal(
                tracer,
                "vmap",
                size,
                type_.shape[axis],
                hint="the axes named by in_axes need one size",
            )
            rest = type_.shape[:axis] + type_.shape[axis + 1 :]
            self.own.append(type_.with_shape(rest))
        if size is None:
            raise StructureError(
                user_location(),
                "vmap: no argument has a batch axis",
                code="no-batch",
                hint="in_axes must name an axis of at least one argument",
            )
        self.size = tracer.normalize(size)


def _emit(
    tracer: Tracer,
    body: FunctionOfGraph,
    operands: Sequence[Value],
    axes: tuple[int | None, ...],
    size: Size,
) -> list[Value]:
    """All results of a ``vmap``."""
    value = tracer.emit("vmap", *operands, regions=(body,), axes=axes, size=size)
    return tracer.builder.results(value)


def _without_axis(body: FunctionOfGraph, axes: Sequence[int | None]) -> set[int]:
    """The positions of results that depend on nothing with a batch axis."""
    pairs = zip(body.parameters, axes, strict=True)
    batched = {parameter for parameter, axis in pairs if axis is not None}
    for value in body.values:
        if not batched.isdisjoint(value.operands):
            batched.add(value)
    return {i for i, result in enumerate(body.results) if result not in batched}


def _copied(
    tracer: Tracer, body: FunctionOfGraph, operands: Sequence[Value], position: int
) -> Value:
    """A result that is the same for all, computed outside the batch."""
    part = FunctionOfGraph("part", body.parameters, (body.results[position],))
    known = dict(zip(body.parameters, operands, strict=True))
    for value in part.values:
        operands = [known[operand] for operand in value.operands]
        known[value] = tracer.builder.rebuild(value, operands)
    return known[part.results[0]]


def _moved(tracer: Tracer, value: Value, end: int, what: str) -> Value:
    """A result with its first axis where it is wanted."""
    rank = len(value.shape)
    target = _axis(end, rank, what)
    assert target is not None
    if target == 0:
        return value
    order = [*range(1, rank)]
    order.insert(target, 0)
    return tracer.emit("transpose", value, permutation=tuple(order))


def _axis(axis: Any, rank: int, what: str) -> int | None:
    if axis is None:
        return None
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise AxisError(
            user_location(),
            f"{what}: axis {axis} is out of bounds for an array of {rank} axes",
            code="bad-axis",
            hint="axes count from 0, and from -1 backwards",
        )
    return axis % rank


def _spread(
    tracer: Tracer, axes: Any, structure: Structure, what: str
) -> list[int | None]:
    """The axis of each leaf: one that stands for nested arrays is that of them all."""
    axes = tracer.plain(axes)
    if axes is None or isinstance(axes, int):
        return [axes] * structure.leaf_count
    if structure.kind == "leaf" and is_setting(axes):
        # A dataclass of axes has its strings too.
        return [None]
    parts: Any = axes
    if isinstance(axes, dict) and structure.kind == "dict":
        parts = [axes.get(key, _MISSING) for key in structure.keys]
    elif structure.kind == "dataclass" and type(axes) is structure.owner:
        parts = [getattr(axes, name) for name in structure.keys]
    elif not isinstance(axes, (tuple, list)):
        parts = []
    if len(parts) != len(structure.children) or any(p is _MISSING for p in parts):
        raise StructureError(
            user_location(),
            f"vmap: {what} {axes!r} does not fit {structure!r}",
            code="bad-axes",
            hint="give one axis for all, or one for each part",
        )
    return [
        axis
        for part, child in zip(parts, structure.children, strict=True)
        for axis in _spread(tracer, part, child, what)
    ]


_MISSING = object()
