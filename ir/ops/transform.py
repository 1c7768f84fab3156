"""Derivatives and batching of a Function, as ops that carry it.

The frontend writes them where the user transforms a function; the pass
``transforms`` puts what they stand for in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.ir.attribute_kinds import OPTIONAL_AXES, SIZE
from penstock.ir.errors import TypeRuleError
from penstock.ir.op import Unsupported, define
from penstock.ir.ops.control import Control, takes, together
from penstock.ir.types import TensorType, Type

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function, Value

__all__ = ["batched_type", "is_differentiable"]

_EXPANDED = Unsupported("the pass `transforms` puts something else in its place")


def is_differentiable(type_: Type) -> bool:
    """Whether a Value of this type has tangents: of its own type."""
    return isinstance(type_, TensorType) and type_.dtype.is_float


class Transform(Control):
    """Ops that stand for something derived from a Function."""

    family = "transform"
    region_names = ("body",)
    jvp = _EXPANDED
    batch = _EXPANDED
    lower = _EXPANDED


def _chosen(
    name: str, attributes: Mapping[str, Any], key: str, values: Sequence[Value]
) -> list[Type]:
    """The types of the arguments or results that an attribute chooses."""
    positions = attributes[key]
    if not (
        isinstance(positions, tuple)
        and all(isinstance(i, int) and 0 <= i < len(values) for i in positions)
        and list(positions) == sorted(set(positions))
    ):
        raise TypeRuleError(f"{name}: {key} {positions} does not fit {len(values)}")
    chosen = [values[i].type for i in positions]
    for type_ in chosen:
        if not is_differentiable(type_):
            raise TypeRuleError(f"{name}: {type_} has no derivative", code="dtype")
    return chosen


def _expect(name: str, what: str, have: Sequence[Type], want: Sequence[Type]) -> None:
    if list(have) != list(want):
        raise TypeRuleError(
            f"{name}: the {what} are ({', '.join(map(str, have))}), but must be "
            f"({', '.join(map(str, want))})",
            code="dtype",
        )


@define
class Jvp(Transform):
    """A Function and its derivative along tangents.

    arguments of body; tangents of those at the positions ``wrt``  ->  the results of
    body; a tangent of each result of floats.
    """

    name = "jvp"
    attributes = ("wrt",)
    source = "Griewank and Walther, Evaluating Derivatives, chapter 3"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The results, then their tangents."""
        cls.check_region_count(regions)
        (body,) = regions
        chosen = _chosen(cls.name, attributes, "wrt", body.parameters)
        takes(cls.name, body, types[: len(body.parameters)])
        _expect(cls.name, "tangents", types[len(body.parameters) :], chosen)
        results = [r.type for r in body.results if is_differentiable(r.type)]
        return together([r.type for r in body.results] + results)


@define
class Vjp(Transform):
    """A Function and its derivative, transposed, along cotangents.

    arguments of body; cotangents of the results at the positions ``of``  ->  the
    results of body; cotangents of the arguments at the positions ``wrt``.
    """

    name = "vjp"
    attributes = ("wrt", "of")
    source = "Griewank and Walther, Evaluating Derivatives, chapter 3"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The results, then the arguments' cotangents."""
        cls.check_region_count(regions)
        (body,) = regions
        chosen = _chosen(cls.name, attributes, "wrt", body.parameters)
        ends = _chosen(cls.name, attributes, "of", body.results)
        takes(cls.name, body, types[: len(body.parameters)])
        _expect(cls.name, "cotangents", types[len(body.parameters) :], ends)
        return together([r.type for r in body.results] + chosen)


def batched_type(name: str, type_: Type, axis: int | None, size: Any) -> Type:
    """What is left of a type without its batch axis.

    Raises:
        TypeRuleError: it has no such axis of this size.
    """
    if axis is None:
        return type_
    if not isinstance(type_, TensorType) or not 0 <= axis < type_.rank:
        raise TypeRuleError(f"{name}: {type_} has no axis {axis}")
    if type_.shape[axis] != size:
        raise TypeRuleError(f"{name}: axis {axis} of {type_} is not of size {size}")
    return type_.with_shape(type_.shape[:axis] + type_.shape[axis + 1 :])


@define
class Vmap(Transform):
    """A Function of each element along a batch axis of its arguments.

    arguments, each with one more axis at ``axes`` of its own, or ``none`` where it is
    the same for all  ->  the results of body, with a new first axis of ``size``.
    """

    name = "vmap"
    attributes = ("axes", "size")
    attribute_kinds = {"axes": OPTIONAL_AXES, "size": SIZE}
    source = "Frostig, Johnson and Leary, Compiling machine learning programs (2018)"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The results, each with a first axis."""
        cls.check_region_count(regions)
        axes, size = attributes["axes"], attributes["size"]
        if not isinstance(axes, tuple) or len(axes) != len(types):
            raise TypeRuleError(f"vmap: axes {axes} do not fit {len(types)} arguments")
        own = [
            batched_type(cls.name, type_, axis, size)
            for type_, axis in zip(types, axes, strict=True)
        ]
        takes(cls.name, regions[0], own)
        results = [result.tensor for result in regions[0].results]
        return together([t.with_shape((size, *t.shape)) for t in results])
