"""Derivatives that users state themselves, as ops that carry them.

They stand in a graph until all derivatives are taken; then the Function itself is put
in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.ir.errors import DtypeError, TypeRuleError
from penstock.ir.graph.expression import Expression
from penstock.ir.loop.node import Scalar
from penstock.ir.op import Anything, Unsupported, define
from penstock.ir.ops.control import Control, gives, takes, together
from penstock.ir.ops.families import Elementwise
from penstock.ir.ops.transform import is_differentiable
from penstock.ir.types import Type

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function

_REGIONS = Unsupported("the passes of derivatives and batches know its regions")
_DROPPED = Unsupported("the pass `drop-custom` puts its function in its place")


@define
class StopGradient(Elementwise):
    """The array itself, which counts as constant in derivatives.

    x: any [...]  ->  the same.
    """

    name = "stop_gradient"
    operands = (Anything("x"),)
    source = "the identity"
    flops = 0

    @staticmethod
    def reference(x: Any) -> Any:
        return x

    @staticmethod
    def partials(y: Expression, x: Expression) -> tuple[None]:
        return (None,)

    @staticmethod
    def lower(x: Scalar) -> Scalar:
        return x


class Custom(Control):
    """Ops whose first region is their meaning.

    The first ``count`` operands are the function's arguments; the rest is what it, and
    the rules, read beside them.
    """

    family = "custom"
    attributes = ("count",)
    jvp = _REGIONS
    batch = _REGIONS
    lower = _DROPPED
    source = "Bradbury et al., JAX (2018), custom derivative rules"

    @classmethod
    def split(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> tuple[list[Type], list[Type]]:
        """The types of the arguments, and of what else is read."""
        count = attributes["count"]
        if not isinstance(count, int) or not 0 <= count <= len(types):
            raise TypeRuleError(f"{cls.name}: count {count} is not of {len(types)}")
        return list(types[:count]), list(types[count:])


def floats(types: Sequence[Type]) -> list[Type]:
    """Those types that have tangents."""
    return [type_ for type_ in types if is_differentiable(type_)]


@define
class CustomJvp(Custom):
    """A Function with its derivative along tangents.

    arguments; what else is read  ->  the results of function.

    ``rule`` takes the arguments, a tangent of each that is of floats, and what else is
    read; it returns the results, and a tangent of each that is of floats.
    """

    name = "custom_jvp"
    region_names = ("function", "rule")

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The results of the function."""
        cls.check_region_count(regions)
        own, read = cls.split(types, attributes)
        function, rule = regions
        takes(cls.name, function, types)
        takes(cls.name, rule, [*own, *floats(own), *read])
        results = [result.type for result in function.results]
        gives(cls.name, rule, [*results, *floats(results)])
        return together(results)


@define
class CustomVjp(Custom):
    """A Function with its derivative along cotangents.

    arguments; what else is read  ->  the results of function.

    ``forward`` takes what function takes; it returns the results, and residuals.
    ``backward`` takes the residuals, a cotangent of each result that is of floats, and
    what else is read; it returns a cotangent of each argument that is of floats.
    """

    name = "custom_vjp"
    region_names = ("function", "forward", "backward")

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The results of the function."""
        cls.check_region_count(regions)
        own, read = cls.split(types, attributes)
        function, forward, backward = regions
        takes(cls.name, function, types)
        takes(cls.name, forward, types)
        results = [result.type for result in function.results]
        given = [result.type for result in forward.results]
        if given[: len(results)] != results:
            raise TypeRuleError(
                f"{cls.name}: forward returns other results than function",
                kind=DtypeError,
                code="dtype",
            )
        residuals = given[len(results) :]
        takes(cls.name, backward, [*residuals, *floats(results), *read])
        gives(cls.name, backward, floats(own))
        return together(results)


@define
class Transposed(Custom):
    """The linear map of which a Function is the transpose.

    what is fixed, tangents  ->  tangents of results.

    ``body`` takes the first ``count`` operands and cotangents of the results; it
    returns cotangents of the other operands. There is no more than its transpose: it
    stands only where one is taken.
    """

    name = "transposed"
    region_names = ("body",)

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """What the body takes beside what is fixed."""
        cls.check_region_count(regions)
        fixed, tangents = cls.split(types, attributes)
        (body,) = regions
        results = [p.type for p in body.parameters[len(fixed) :]]
        takes(cls.name, body, [*fixed, *results])
        gives(cls.name, body, tangents)
        return together(results)
