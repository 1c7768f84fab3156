"""Control flow and effects: ops that carry Functions, tuples, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.ir.attribute_kinds import SIZE
from penstock.ir.dims import symbols_of
from penstock.ir.errors import TypeRuleError, VerifyError
from penstock.ir.op import Anything, Op, Unsupported, define
from penstock.ir.types import TOKEN, TensorType, TokenType, TupleType, Type, bool_, i64

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function, Value

_LATER = Unsupported("passes have rules of their own for what carries regions")
_NOT_COMPILED = Unsupported("it becomes statements of a Plan, or nothing")
_EVALUATOR = Unsupported("the evaluator runs its regions")
_SCALAR_BOOL = TensorType(bool_)
_COUNTER = TensorType(i64)


class Control(Op):
    """Ops that carry regions; everything a region reads is an operand."""

    family = "control"
    operands = (Anything("arguments", variadic=True),)
    reference = _EVALUATOR
    jvp = _LATER
    batch = _LATER
    lower = _NOT_COMPILED
    flops = 0

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """Needs the regions."""
        raise TypeRuleError(f"{cls.name}: its regions are missing", kind=VerifyError)

    @classmethod
    def check_region_count(cls, regions: Sequence[Function]) -> None:
        """Raise a TypeRuleError unless there is a region for each name."""
        if len(regions) != len(cls.region_names):
            raise TypeRuleError(
                f"{cls.name}: has {len(regions)} regions, not "
                f"{' and '.join(cls.region_names)}",
                kind=VerifyError,
            )


def takes(name: str, region: Function, types: Sequence[Type]) -> None:
    """Raise a TypeRuleError unless a region takes arguments of these types."""
    have = [parameter.type for parameter in region.parameters]
    if have != list(types):
        raise TypeRuleError(
            f"{name}: a region takes ({_listed(have)}) but gets ({_listed(types)})",
            kind=VerifyError,
        )


def gives(name: str, region: Function, types: Sequence[Type]) -> None:
    """Raise a TypeRuleError unless a region returns results of these types."""
    have = [result.type for result in region.results]
    if have != list(types):
        raise TypeRuleError(
            f"{name}: a region returns ({_listed(have)}), not ({_listed(types)})",
            kind=VerifyError,
        )


def _listed(types: Sequence[Type]) -> str:
    return ", ".join(map(str, types))


def together(types: Sequence[Type]) -> Type:
    """One type, or the tuple of several or none."""
    return types[0] if len(types) == 1 else TupleType(tuple(types))


@define
class If(Control):
    """One of two Functions, by a condition.

    condition: bool []; arguments  ->  what both regions return.
    """

    name = "if"
    region_names = ("then", "else")
    source = "structured control flow"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """What the regions return."""
        cls.check_region_count(regions)
        if not types or types[0] != _SCALAR_BOOL:
            raise TypeRuleError("if: its first operand must be the condition, bool[]")
        for region in regions:
            takes(cls.name, region, types[1:])
        results = [result.type for result in regions[0].results]
        gives(cls.name, regions[1], results)
        return together(results)


@define
class While(Control):
    """A Function repeated while another holds.

    arguments  ->  the same types: the arguments, or what ``body`` last returned.
    """

    name = "while"
    region_names = ("cond", "body")
    total = False
    source = "structured control flow"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The types of the arguments."""
        cls.check_region_count(regions)
        cond, body = regions
        takes(cls.name, cond, types)
        gives(cls.name, cond, [_SCALAR_BOOL])
        takes(cls.name, body, types)
        gives(cls.name, body, types)
        return together(types)


@define
class Loop(Control):
    """A Function repeated ``trip`` times, with a counter.

    carried values, arrays to slice, and invariants  ->  the carried values as they are
    in the end, and stacks of what each turn gave beside them.

    Of the arguments, the first ``carried`` go from turn to turn; each of the next
    ``sliced`` has a first axis of size ``trip``, of which a turn sees its own element;
    the rest is the same for all turns. ``body(i: i64[], carried..., slices...,
    invariants...)`` returns the next carried values, then the elements of the stacks.
    ``reverse`` counts down from ``trip - 1``.
    """

    name = "loop"
    attributes = ("trip", "carried", "sliced", "reverse")
    region_names = ("body",)
    source = "structured control flow"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The carried types, and each other result with an axis of ``trip`` before."""
        cls.check_region_count(regions)
        (body,) = regions
        trip, carried, sliced = (attributes[k] for k in ("trip", "carried", "sliced"))
        if not (
            isinstance(carried, int)
            and isinstance(sliced, int)
            and min(carried, sliced) >= 0
            and carried + sliced <= len(types)
        ):
            raise TypeRuleError(
                f"loop: {carried} carried and {sliced} sliced do not fit "
                f"{len(types)} arguments"
            )
        slices = [
            element_type(cls.name, type_, trip)
            for type_ in types[carried : carried + sliced]
        ]
        own = [*types[:carried], *slices, *types[carried + sliced :]]
        takes(cls.name, body, [_COUNTER, *own])
        results = [result.type for result in body.results]
        if results[:carried] != list(types[:carried]):
            raise TypeRuleError(
                f"loop: a region returns ({_listed(results)}), but carries "
                f"({_listed(types[:carried])})",
                kind=VerifyError,
            )
        stacks = []
        for type_ in results[carried:]:
            if not isinstance(type_, TensorType):
                raise TypeRuleError(
                    f"loop: {type_} cannot be stacked", kind=VerifyError
                )
            stacks.append(type_.with_shape((trip, *type_.shape)))
        return together([*types[:carried], *stacks])


def element_type(name: str, type_: Type, trip: Any) -> TensorType:
    """What a turn sees of an array with an element for each.

    Raises:
        TypeRuleError: its first axis is not of size ``trip``.
    """
    if not isinstance(type_, TensorType) or type_.shape[:1] != (trip,):
        raise TypeRuleError(f"{name}: {type_} has no first axis of size {trip}")
    return type_.with_shape(type_.shape[1:])


def arguments_of(value: Value, region: Function) -> list[Value | None]:
    """For each parameter of a region, the operand that it is for all of a run.

    ``None`` for counters, and for what is carried from turn to turn.
    """
    operands: list[Value | None] = list(value.operands)
    if value.op.name in ("if", "bind"):
        return operands[1:]
    if value.is_op("loop"):
        carried = value.attributes["carried"]
        return [None] * (1 + carried) + operands[carried:]
    if value.is_op("while"):
        body = value.regions[1]
        pairs = zip(operands, body.parameters, body.results, strict=True)
        return [o if p is r else None for o, p, r in pairs]
    return operands


@define
class Bind(Control):
    """A Function of a size that is only known when the program runs.

    number: i64[]; arguments  ->  what ``body`` returns, whose types must not mention
    the size. Within ``body`` the symbol is the number; one below 0 is an error.
    """

    name = "bind"
    attributes = ("symbol",)
    total = False
    region_names = ("body",)
    source = "structured control flow"

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """What the region returns."""
        cls.check_region_count(regions)
        if not types or types[0] != _COUNTER:
            raise TypeRuleError("bind: its first operand must be the number, i64[]")
        takes(cls.name, regions[0], types[1:])
        results = [result.type for result in regions[0].results]
        name = str(attributes["symbol"])
        for type_ in results:
            if isinstance(type_, TensorType):
                for size in type_.shape:
                    if name in symbols_of(size):
                        raise TypeRuleError(
                            f"bind: a result is {type_}, but {name} is known only "
                            "within its region",
                            kind=VerifyError,
                        )
        return together(results)


class Inline(Control):
    """A Function in the place of its Values."""

    region_names = ("body",)

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """What the region returns."""
        cls.check_region_count(regions)
        takes(cls.name, regions[0], types)
        return together([result.type for result in regions[0].results])


@define
class Recompute(Inline):
    """Values to be computed again rather than kept.

    arguments  ->  what ``body`` returns. The serial number keeps two of them, and
    what they hold, from being merged.
    """

    name = "recompute"
    attributes = ("serial",)
    source = "Chen et al., Training Deep Nets with Sublinear Memory Cost (2016)"


@define
class Segmented(Inline):
    """Loops of which reverse mode keeps the state of some turns only.

    arguments  ->  what ``body`` returns. Its loops keep one state for each ``length``
    turns, and compute the others again; 0 stands for the square root of their number.
    """

    name = "segmented"
    attributes = ("length",)
    attribute_kinds = {"length": SIZE}
    source = "Griewank and Walther, Evaluating Derivatives (2008), chapter 12"


@define
class Cluster(Inline):
    """Values that fusion put into one kernel.

    arguments  ->  what ``body`` returns.

    ``kind`` is ``"map"``, ``"rows"``, ``"nest"`` or ``"scalars"``, which holds one
    Value of control flow whose arrays become so many scalars. ``loops`` are the sizes
    of the shared loops, from outermost to innermost; ``inner`` are the numbers of those
    that run within the others, once for each pass over a row. ``results`` and
    ``reductions`` give, for each result of the body and for the operand of each
    reduction in it, the loop of each axis (``none`` for an axis of size 1).
    """

    name = "cluster"
    attributes = ("kind", "loops", "inner", "results", "reductions")
    source = "penstock.passes.fuse"


@define
class Get(Op):
    """One of several results.

    tuple  ->  its element at ``index``.
    """

    name = "get"
    family = "control"
    operands = (Anything("tuple"),)
    attributes = ("index",)
    source = "structured control flow"
    jvp = _LATER
    batch = _LATER
    lower = _NOT_COMPILED
    flops = 0

    @staticmethod
    def reference(x: Any, *, index: int) -> Any:
        return x[index]

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The element's type."""
        index = attributes["index"]
        if len(types) != 1 or not isinstance(types[0], TupleType):
            raise TypeRuleError("get: its operand must be a tuple")
        if not (isinstance(index, int) and 0 <= index < len(types[0].elements)):
            raise TypeRuleError(f"get: {types[0]} has no element {index}")
        return types[0].elements[index]


class Effect(Op):
    """Ops whose order is kept, by the token that they take and give."""

    family = "effect"
    pure = False
    operands = (Anything("operands", variadic=True),)
    reference = _EVALUATOR
    jvp = _LATER
    batch = _LATER
    lower = _NOT_COMPILED
    flops = 0


@define
class Token(Effect):
    """The first token of a chain of effects.

    ->  token.
    """

    name = "token"
    source = "effects in order"

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """A token."""
        if types:
            raise TypeRuleError("token: takes no operands")
        return TOKEN


@define
class Print(Effect):
    """Writes a text and an array where the program runs.

    token; x: any [...]  ->  token.
    """

    name = "print"
    attributes = ("text",)
    source = "effects in order"

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """A token."""
        if len(types) != 2 or not isinstance(types[0], TokenType):
            raise TypeRuleError("print: takes a token and an array")
        return TOKEN
