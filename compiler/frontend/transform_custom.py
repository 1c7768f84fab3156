"""Functions that state their own derivative, and those computed again for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.frontend.handles import TracedArray, wrap
from penstock.frontend.regions import Region, captured_by
from penstock.frontend.tracer import Tracer, require_tracer
from penstock.frontend.transform import of_order
from penstock.frontend.transform_leaves import (
    Leaves,
    Mixed,
    argument_name,
    as_type,
    directions,
    with_values,
    zeros,
)
from penstock.frontend.transformed import Transformed
from penstock.ir.errors import OptionError, StructureError
from penstock.ir.graph.value import Value
from penstock.ir.location import user_location
from penstock.ir.types import TensorType
from penstock.runtime.pytree import Structure, flatten, unflatten

__all__ = ["CustomJvp", "CustomVjp", "recomputed", "without_gradient"]

Function = Callable[..., Any]


class _Custom(Transformed):
    """A function with rules of its own, which its user gives later.

    Args:
        function: the function, and its rules as far as they are given.
        nondiff: the positions of arguments that the rules take as they are.
    """

    rule_count: int
    missing: str

    def __init__(self, functions: tuple[Any, ...], nondiff: tuple[int, ...]) -> None:
        super().__init__(functions[0], _call, type(self).__name__)
        self.function = functions
        self.nondiff = nondiff
        self.__name__ = getattr(functions[0], "__name__", self.__name__)

    def over(self, view: Any) -> _Custom:
        """The same with views of the functions."""
        made = type(self)(tuple(view), self.nondiff)
        made.__name__ = self.__name__
        made.__signature__ = self.__signature__
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function[1] is None:
            raise OptionError(
                user_location(),
                f"{self.__name__} has no derivative yet",
                code="missing-rule",
                hint=f"give it one with {self.__name__}.{self.missing}",
            )
        if kwargs:
            bound = self.__signature__.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if kwargs:
            raise StructureError(
                user_location(),
                f"{self.__name__} has a rule for its derivative, which takes arguments "
                f"by position, but {next(iter(kwargs))} is given by keyword",
                code="custom-keyword",
                hint="let the function take it by position",
            )
        tracer = require_tracer(self.__name__)
        chosen = {n % len(args) if args else n for n in self.nondiff}
        fixed = [args[i] for i in sorted(chosen)]
        arguments = Mixed(
            tracer, tuple(a for i, a in enumerate(args) if i not in chosen)
        )

        def whole(function: Function) -> Function:
            def call(own: Any) -> Any:
                rest = iter(own)
                return function(
                    *(a if i in chosen else next(rest) for i, a in enumerate(args))
                )

            return call

        if not arguments.arrays or not tracer.derivative_order:
            return self.function[0](*args)
        return self.emit(tracer, arguments, fixed, whole)

    def emit(
        self,
        tracer: Tracer,
        arguments: Mixed,
        fixed: list[Any],
        whole: Callable[[Function], Function],
    ) -> Any:
        """Trace the function and its rules into an op."""
        raise NotImplementedError


def _call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    raise AssertionError("a custom derivative applies itself")


class _Traced:
    """A function of arguments, traced into a region of their arrays.

    Attributes:
        region: the region, closed.
        results: what it returned.
        types: the types of its leaves.
    """

    def __init__(
        self, tracer: Tracer, function: Function, arguments: Mixed, order: int
    ) -> None:
        self.region = Region(tracer, arguments.types)
        with self.region.open() as handles, of_order(tracer, order):
            self.results = Leaves(tracer, function(arguments.with_arrays(handles)))
            values = self.results.values
            self.types = self.results.types
        self.region.close(values)

    @property
    def structure(self) -> Structure:
        """How its results nest."""
        return self.results.structure

    @property
    def float_types(self) -> list[TensorType]:
        """The types of the results that have tangents."""
        return [type_ for type_ in self.types if type_.dtype.is_float]


def _emitted(
    tracer: Tracer, op: str, traced: _Traced, operands: Sequence[Value], **rest: Any
) -> Any:
    """The results of an op, nested as a traced function's."""
    if not traced.types:
        return unflatten(traced.structure, [])
    value = tracer.emit(op, *operands, **rest)
    return with_values(tracer, traced.structure, tracer.builder.results(value))


class CustomJvp(_Custom):
    """A function with a rule for its derivative along tangents."""

    missing = "defjvp"

    def defjvp(self, rule: Function) -> Function:
        """State the derivative: ``rule(primals, tangents) -> (result, tangent)``."""
        self.function = (self.function[0], rule)
        return rule

    def emit(
        self,
        tracer: Tracer,
        arguments: Mixed,
        fixed: list[Any],
        whole: Callable[[Function], Function],
    ) -> Any:
        """Trace the function and its rule into an op."""
        function, rule = self.function
        traced = _Traced(tracer, whole(function), arguments, 0)
        types = arguments.types
        region = Region(tracer, [*types, *arguments.float_types])
        # What a rule computes is differentiated once less; so rules may call the
        # function that they belong to.
        order = tracer.derivative_order - 1
        with region.open() as handles, of_order(tracer, order):
            primals = arguments.with_arrays(handles[: len(types)])
            tangents = arguments.tangents(handles[len(types) :])
            returned = rule(*fixed, primals, tangents)
            result, tangent = pair(
                returned, "the rule of custom_jvp", "return result, tangent"
            )
            values = _same_results(tracer, result, traced, "custom_jvp")
            ends = directions(
                tracer, tangent, traced.structure, traced.types,
                "rule's tangent", lambda path: f"rule's tangent{path}",
            )  # fmt: skip
            values += [
                end
                for end, type_ in zip(ends, traced.types, strict=True)
                if type_.dtype.is_float
            ]
        region.close(values)
        captured = captured_by((traced.region, region))
        return _emitted(
            tracer, "custom_jvp", traced, [*arguments.values, *captured],
            regions=(
                traced.region.function("function", captured),
                # For messages.
                region.function(self.__name__, captured),
            ),
            count=len(types),
        )  # fmt: skip


def pair(returned: Any, what: str, hint: str) -> tuple[Any, Any]:
    """The two things that a rule returns.

    Raises:
        StructureError: it returned something else.
    """
    if type(returned) is not tuple or len(returned) != 2:
        raise StructureError(
            user_location(), f"{what} must return a pair", code="custom-result",
            hint=hint,
        )  # fmt: skip
    return returned


def _same_results(
    tracer: Tracer, result: Any, traced: _Traced, what: str
) -> list[Value]:
    """The result of a rule, which must be as the function's."""
    leaves = Leaves(tracer, result)
    if leaves.structure != traced.structure:
        raise StructureError(
            user_location(),
            f"the rule of {what} returns {leaves.structure!r} as its result, but the "
            f"function {traced.structure!r}",
            code="custom-result",
            hint="return what the function returns",
        )
    return [
        as_type(tracer, f"result{path} of the rule", leaf, type_)
        for path, leaf, type_ in zip(
            traced.structure.paths(), leaves.leaves, traced.types, strict=True
        )
    ]


class CustomVjp(_Custom):
    """A function with a rule for its derivative along cotangents."""

    missing = "defvjp"

    def defvjp(self, forward: Function, backward: Function) -> None:
        """State the derivative.

        Args:
            forward: ``forward(*args) -> (result, residuals)``.
            backward: ``backward(residuals, cotangent) -> cotangents of the arguments``,
                a tuple; ``None`` for zeros.
        """
        self.function = (self.function[0], forward, backward)

    def emit(
        self,
        tracer: Tracer,
        arguments: Mixed,
        fixed: list[Any],
        whole: Callable[[Function], Function],
    ) -> Any:
        """Trace the function and its rules into an op."""
        function, forward, backward = self.function
        traced = _Traced(tracer, whole(function), arguments, 0)
        ahead = Region(tracer, arguments.types)
        order = tracer.derivative_order - 1
        with ahead.open() as handles, of_order(tracer, order):
            result, kept = pair(
                whole(forward)(arguments.with_arrays(handles)),
                "the forward rule of custom_vjp",
                "return result, residuals",
            )
            values = _same_results(tracer, result, traced, "custom_vjp")
            residuals = Mixed(tracer, kept)
            types = residuals.types
            values += residuals.values
        ahead.close(values)
        behind = Region(tracer, [*types, *traced.float_types])
        with behind.open() as handles, of_order(tracer, order):
            saved = residuals.with_arrays(handles[: len(types)])
            rest = iter(handles[len(types) :])
            cotangents = unflatten(
                traced.structure,
                [
                    next(rest)
                    if type_.dtype.is_float
                    else wrap(tracer, zeros(tracer, type_))
                    for type_ in traced.types
                ],
            )
            returned = backward(*fixed, saved, cotangents)
            ends = _cotangents(tracer, returned, arguments)
        behind.close(ends)
        captured = captured_by((traced.region, ahead, behind))
        return _emitted(
            tracer, "custom_vjp", traced, [*arguments.values, *captured],
            regions=(
                traced.region.function("function", captured),
                ahead.function("forward", captured),
                behind.function("backward", captured),
            ),
            count=len(arguments.arrays),
        )  # fmt: skip


def _cotangents(tracer: Tracer, returned: Any, arguments: Mixed) -> list[Value]:
    """The cotangents of an argument's arrays of floats, in the types of these."""
    plain = tracer.plain(returned)
    count = len(arguments.structure.children)
    if type(plain) is not tuple or len(plain) != count:
        raise StructureError(
            user_location(),
            f"the backward rule of custom_vjp must return a tuple with the cotangents "
            f"of {count} argument{'s' * (count != 1)}",
            code="custom-result",
            hint="return (cotangent,) for one argument, None where it is zero",
        )
    leaves, structure = flatten(plain)
    aligned = _aligned(structure, arguments.structure, iter(leaves))
    paths = arguments.structure.paths()
    found = []
    for place, type_ in zip(arguments.places, arguments.types, strict=True):
        leaf = aligned[place]
        if not type_.dtype.is_float:
            continue
        if leaf is None:
            found.append(zeros(tracer, type_))
            continue
        what = f"cotangent of {argument_name(paths[place])}"
        found.append(as_type(tracer, what, leaf, type_))
    return found


def _aligned(have: Structure, want: Structure, leaves: Any) -> list[Any]:
    """The leaves in the place of another structure's; None where a part is None."""
    if have.kind == "none":
        return [None] * want.leaf_count
    if have.kind == want.kind == "leaf":
        return [next(leaves)]
    if (have.kind, have.keys, have.owner, len(have.children)) != (
        want.kind,
        want.keys,
        want.owner,
        len(want.children),
    ):
        raise StructureError(
            user_location(),
            f"the backward rule of custom_vjp returns {have!r} for an argument "
            f"{want!r}",
            code="custom-result",
            hint="nest cotangents as the arguments, None where they are zero",
        )
    return [
        leaf
        for a, b in zip(have.children, want.children, strict=True)
        for leaf in _aligned(a, b, leaves)
    ]


def recomputed(function: Function, args: Any, kwargs: Any) -> Any:
    """A function's result, which derivatives compute again rather than keep."""
    tracer = require_tracer("checkpoint")
    if not tracer.derivative_order:
        return function(*args, **kwargs)
    arguments = Mixed(tracer, (args, kwargs))

    def call(own: Any) -> Any:
        return function(*own[0], **own[1])

    traced = _Traced(tracer, call, arguments, tracer.derivative_order)
    tracer.recomputations += 1
    return _emitted(
        tracer, "recompute", traced, [*arguments.values, *traced.region.captured],
        regions=(traced.region.function("body"),), serial=tracer.recomputations,
    )  # fmt: skip


def without_gradient(tree: Any) -> Any:
    """Nested arrays that count as constants in derivatives."""
    tracer = require_tracer("stop_gradient")
    leaves, structure = flatten(tracer.plain(tree))
    return unflatten(
        structure,
        [
            wrap(tracer, tracer.emit("stop_gradient", leaf.value))
            if issubclass(type(leaf), TracedArray)
            else leaf
            for leaf in leaves
        ],
    )
