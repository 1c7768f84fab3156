"""The definition of an op, and the registry of all of them.

An op is one class that says everything the system knows of it. Its family (see
``penstock.ir.ops.families``) answers what follows from the family; the rest it
states itself, or refuses with ``Unsupported("why")``. ``define`` checks that
nothing is passed over in silence.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from penstock.ir.attribute_kinds import AttributeKind
from penstock.ir.errors import DtypeError, TypeRuleError, VerifyError
from penstock.ir.record import Record
from penstock.ir.types import Dtype, TensorType, Type

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function
    from penstock.ir.guards import Guard

__all__ = [
    "OPS",
    "ULP",
    "Anything",
    "Boolean",
    "BooleanOrInteger",
    "Floating",
    "Integer",
    "Numeric",
    "Op",
    "Operand",
    "Unsupported",
    "define",
    "op_named",
]

ULP = 1.0
"""Unit of tolerances: a unit in the last place of the result."""


class Unsupported:
    """States that an op has no such rule, and why.

    Args:
        why: what users are told.
    """

    def __init__(self, why: str) -> None:
        self.why = why

    def __repr__(self) -> str:
        return f"Unsupported({self.why!r})"


class Operand(Record):
    """What an op takes in one place.

    Args:
        name: the operand's name in messages.
        variadic: whether it stands for any number of operands, at least one.
    """

    name: str
    variadic: bool = False
    kinds: ClassVar[str] = "biufc"
    noun: ClassVar[str] = "any dtype"

    def check(self, op_name: str, dtype: Dtype) -> None:
        """Raise a TypeRuleError unless the dtype is of this kind."""
        if dtype.kind not in self.kinds:
            raise TypeRuleError(
                f"{op_name}: {self.name} is {dtype}, but must be {self.noun}",
                kind=DtypeError,
            )


class Anything(Operand):
    """An operand of any dtype."""

    kinds = "biuf"


class Numeric(Operand):
    """An operand of integers or floats."""

    kinds = "iuf"
    noun = "an integer or floating dtype"


class Floating(Operand):
    """An operand of floats."""

    kinds = "f"
    noun = "a floating dtype"


class Integer(Operand):
    """An operand of integers."""

    kinds = "iu"
    noun = "an integer dtype"


class Boolean(Operand):
    """An operand of bools."""

    kinds = "b"
    noun = "bool"


class BooleanOrInteger(Operand):
    """An operand of bools or integers."""

    kinds = "biu"
    noun = "bool or an integer dtype"


class Op:
    """The base of all ops; see ``define`` for what a definition must state.

    An op is its class: it has no instances, and its functions are static.

    Rules (each may be ``Unsupported("why")``; Expressions are Values with operators):
        partials(y, *x, **attributes): for elementwise ops, the partial derivative of
            the result ``y`` by each operand; ``None`` where it is zero.
        jvp(y, x, tangents, **attributes): the result's tangent, given the operands'
            (``None`` where zero). Linear ops need not state it.
        transpose(cotangent, x, position, **attributes): for an op that is linear in
            the operands at the positions ``linear``, that operand's cotangent. Those
            of elementwise ops are summed afterwards over axes that were repeated.
        batch(x, batched, **attributes): the op over a new leading axis of the
            operands marked in ``batched``.
        lower: the op as loops; the family says with which arguments.
        flops: floating-point operations per element (of the operand for reductions,
            per term for contractions).

    Attributes:
        name: as it prints.
        family: the name of its family.
        operands: what it takes.
        attributes: the names of its attributes, in the order they print.
        reference: the NumPy function that is its meaning.
        numpy: further NumPy callables that the tracer maps to it one to one.
        pure: False for effects, which are ordered by tokens.
        tolerance: for each Dtype name, the allowed difference of compiled code
            from the reference, in ULP; absent says equal to the bit.
        source: where the formula comes from.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    operands: ClassVar[tuple[Operand, ...]]
    attributes: ClassVar[tuple[str, ...]] = ()
    # What those may be whose names say it only in this op.
    attribute_kinds: ClassVar[Mapping[str, AttributeKind]] = {}
    reference: ClassVar[Any]
    numpy: ClassVar[tuple[Any, ...]] = ()
    pure: ClassVar[bool] = True
    # Whether it always ends, and without an error, whatever its operands hold.
    total: ClassVar[bool] = True
    tolerance: ClassVar[Mapping[str, float]] = {}
    source: ClassVar[str]
    # The rules. A family or a definition must answer each of them.
    partials: ClassVar[Any] = None
    jvp: ClassVar[Any] = None
    transpose: ClassVar[Any] = None
    batch: ClassVar[Any] = None
    lower: ClassVar[Any] = None
    flops: ClassVar[int | Unsupported | None] = None
    linear: ClassVar[tuple[int, ...]] = ()
    region_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def infer_type(cls, types: Sequence[Type], attributes: Mapping[str, Any]) -> Type:
        """The result type.

        Raises:
            TypeRuleError: the operands do not fit.
        """
        raise NotImplementedError(cls.name)

    @classmethod
    def infer_region_type(
        cls,
        types: Sequence[Type],
        attributes: Mapping[str, Any],
        regions: Sequence[Function],
    ) -> Type:
        """The result type of an op that may carry regions."""
        return cls.infer_type(types, attributes)

    @classmethod
    def requirements(
        cls, types: Sequence[Type], attributes: Mapping[str, Any]
    ) -> Iterator[Guard]:
        """What must hold of sizes, beyond what the type rule decides of them.

        Native code of an op reads and writes where its attributes say. The tracer
        asks for what is stated here before it makes a Value; a Function that was
        written as text gets it as guards.
        """
        return iter(())

    @classmethod
    def evaluate(
        cls, arrays: Sequence[Any], attributes: Mapping[str, Any], type_: Type
    ) -> Any:
        """The meaning: NumPy arrays in, an array (or a tuple of arrays) out.

        ``type_`` is the result's type with sizes as numbers.
        """
        return cls.reference(*arrays, **attributes)

    @classmethod
    def check_operands(cls, types: Sequence[Type]) -> list[TensorType]:
        """The operand types as tensors, checked for number and kind of dtype."""
        variadic = bool(cls.operands) and cls.operands[-1].variadic
        least = len(cls.operands)
        if len(types) < least or (len(types) > least and not variadic):
            raise TypeRuleError(
                f"{cls.name}: takes {least} operands, not {len(types)}",
                kind=VerifyError,
            )
        checked = []
        for index, type_ in enumerate(types):
            operand = cls.operands[min(index, least - 1)]
            if not isinstance(type_, TensorType):
                raise TypeRuleError(
                    f"{cls.name}: {operand.name} is {type_}, but must be an array",
                    kind=DtypeError,
                )
            operand.check(cls.name, type_.dtype)
            checked.append(type_)
        return checked


OPS: dict[str, type[Op]] = {}
"""Every defined op by name."""

_REQUIRED = (
    "name", "family", "operands", "reference", "source", "batch", "lower", "flops",
)  # fmt: skip
_T = TypeVar("_T", bound=type[Op])


def define(cls: _T) -> _T:
    """Register an op, refusing a definition that leaves something unsaid.

    A definition (with its family) must have a docstring, and state ``name``,
    ``operands``, ``reference``, ``source``, ``batch``, ``flops``, ``lower``, and
    one of ``partials``, ``jvp`` and ``transpose``; ``Unsupported("why")`` counts.

    Raises:
        TypeError: something is missing, or the name is taken.
    """
    missing = [name for name in _REQUIRED if getattr(cls, name, None) is None]
    if not any(getattr(cls, rule) is not None for rule in _DERIVATIVES):
        missing.append(" or ".join(_DERIVATIVES))
    # With -OO there are no docstrings to ask for.
    if sys.flags.optimize < 2 and (
        not cls.__doc__ or cls.__doc__ is cls.__mro__[1].__doc__
    ):
        missing.append("a docstring")
    if missing:
        raise TypeError(f"op {cls.__name__} does not state {', '.join(missing)}")
    if cls.name in OPS:
        raise TypeError(f"two ops are named {cls.name}")
    OPS[cls.name] = cls
    return cls


_DERIVATIVES = ("partials", "jvp", "transpose")


def op_named(name: str) -> type[Op]:
    """The op of this name.

    Raises:
        KeyError: there is none.
    """
    if not OPS:
        import penstock.ir.ops  # noqa: F401
    return OPS[name]
