"""Checks that a Kernel keeps the rules of the loop level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from penstock.ir.dims import product, symbols_of
from penstock.ir.errors import VerifyError
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Carry,
    Check,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scalar,
    Statement,
    Store,
)
from penstock.ir.loop.primitive import COMBINES, PRIMITIVES
from penstock.ir.loop.vector_rules import broken_vector_rule
from penstock.ir.types import Dtype, bool_, i64

__all__ = ["broken_rule", "verify_kernel"]

_MODES = ("in", "out", "inout", "local")

# Local memory is on the stack of a thread, or in the shared memory of a block.
_MOST_LOCAL_BYTES = 1 << 15
_KINDS = ("serial", "parallel", "vector")


def verify_kernel(kernel: Kernel) -> None:
    """Check a Kernel.

    - Every Scalar is defined once, before its uses, in a block around them.
    - Primitives, loads and stores have the operands and dtypes that they take;
      ``in`` Buffers are not written.
    - There is at most one ``parallel`` loop, as the last statement of the body.
    - In a ``vector`` loop no loop bound and no ``if`` depends on the lane, stores go
      to a place of their own in each lane, and a carried value is only combined into.
    - Sizes mention the symbols that the Kernel takes.
    - Where it states how many products are added up, there are loops that carry sums.

    Args:
        kernel: what to check.

    Raises:
        VerifyError: a rule is broken; the message holds the statement.
    """
    broken = broken_rule(kernel)
    if broken is None:
        return
    from penstock.ir.loop.text_print import print_statement

    problem, statement = broken
    line = "" if statement is None else f": {print_statement(kernel, statement)}"
    raise VerifyError(None, f"kernel @{kernel.name}: {problem}{line}")


def broken_rule(kernel: Kernel) -> tuple[str, Statement | None] | None:
    """The first rule that a Kernel breaks, and the statement that breaks it."""
    try:
        _Verifier(kernel).kernel_rules()
    except _BrokenRuleError as broken:
        return broken.problem, broken.statement
    return None


class _BrokenRuleError(Exception):
    def __init__(self, problem: str, statement: Statement | None) -> None:
        self.problem = problem
        self.statement = statement


class _Verifier:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.buffers = set(kernel.buffers)
        self.sizes = set(kernel.sizes)
        self.defined: set[Scalar] = set()
        self.visible: set[Scalar] = set()
        self.statement: Statement | None = None

    def error(self, problem: str) -> _BrokenRuleError:
        return _BrokenRuleError(problem, self.statement)

    def require(self, holds: bool, problem: str) -> None:
        if not holds:
            raise self.error(problem)

    def kernel_rules(self) -> None:
        kernel = self.kernel
        self.require(bool(kernel.name), "it has no name")
        self.require(len(self.buffers) == len(kernel.buffers), "a buffer occurs twice")
        self.require(len(self.sizes) == len(kernel.sizes), "a size occurs twice")
        for buffer in kernel.buffers:
            self.require(
                buffer.mode in _MODES,
                f"buffer {buffer.name} has the mode {buffer.mode!r}",
            )
            for size in buffer.shape:
                self.symbols(size, f"buffer {buffer.name}")
        self.local_rules()
        self.products_rules()
        self.block(kernel.body)
        for position, statement in enumerate(kernel.body.statements):
            if isinstance(statement, For) and statement.kind == "parallel":
                self.statement = statement
                last = position == len(kernel.body.statements) - 1
                self.require(last, "the parallel loop is not the last statement")
        for statement in kernel.body.walk():
            if isinstance(statement, For) and statement.kind == "vector":
                self.statement = statement
                broken = broken_vector_rule(statement)
                if broken is not None:
                    problem, self.statement = broken
                    raise self.error(problem)

    def local_rules(self) -> None:
        """Local memory has a fixed size, and not too much of it."""
        total = 0
        for buffer in self.kernel.buffers:
            if buffer.mode != "local":
                continue
            size = product(buffer.shape)
            if not isinstance(size, int) or buffer.strided:
                raise self.error(
                    f"buffer {buffer.name} is local, but its size is not fixed"
                )
            total += size * buffer.dtype.itemsize
        self.require(
            total <= _MOST_LOCAL_BYTES,
            f"its local buffers take {total} bytes, more than {_MOST_LOCAL_BYTES}",
        )

    def products_rules(self) -> None:
        """What is said of products is said of sums, all of one dtype."""
        products = self.kernel.products
        if products is None:
            return
        self.symbols(products, "the count of products")
        dtypes = self.kernel.carried_dtypes
        self.require(
            len(dtypes) == 1,
            f"it states products, but its loops carry {len(dtypes)} dtypes",
        )

    def symbols(self, size: Any, owner: str) -> None:
        for name in symbols_of(size):
            self.require(
                name in self.sizes, f"{owner} needs {name}, which is not given"
            )

    def block(self, block: Block, depth: int = 0) -> None:
        for statement in block.statements:
            self.statement = statement
            if isinstance(statement, Let):
                self.let(statement)
            elif isinstance(statement, Load):
                self.load(statement)
            elif isinstance(statement, Store):
                self.store(statement)
            elif isinstance(statement, Check):
                self.check(statement)
            elif isinstance(statement, If):
                self.use(statement.condition, bool_, "the condition")
                with self.scope():
                    self.block(statement.body, depth + 1)
            else:
                self.loop(statement, depth)

    @contextmanager
    def scope(self) -> Iterator[None]:
        outer, self.visible = self.visible, set(self.visible)
        yield
        self.visible = outer

    def define(self, scalar: Scalar, dtype: Dtype | None = None) -> None:
        self.require(scalar not in self.defined, "its result is defined twice")
        self.require(
            scalar.definition is self.statement, "its result names another definition"
        )
        if dtype is not None and scalar.dtype is not dtype:
            raise self.error(f"its result is {scalar.dtype}, but must be {dtype}")
        self.defined.add(scalar)
        self.visible.add(scalar)

    def use(self, scalar: Scalar, dtype: Dtype | None, role: str) -> None:
        if scalar not in self.visible:
            known = scalar in self.defined
            raise self.error(
                f"{role} is defined {'in another block' if known else 'nowhere before'}"
            )
        if dtype is not None and scalar.dtype is not dtype:
            raise self.error(f"{role} is {scalar.dtype}, but must be {dtype}")

    def let(self, let: Let) -> None:
        if let.primitive == "const":
            self.require(not let.operands, "a constant takes no operands")
            array = np.asarray(let.value)
            dtype = let.result.dtype
            fits = array.shape == () and array.dtype == dtype.numpy
            self.require(fits, f"its value is not a number of {dtype}")
            self.define(let.result)
        elif let.primitive == "size":
            self.require(not let.operands, "a size takes no operands")
            self.symbols(let.value, "it")
            self.define(let.result, i64)
        else:
            self.primitive(let)

    def primitive(self, let: Let) -> None:
        primitive = PRIMITIVES.get(let.primitive)
        if primitive is None:
            raise self.error(f"there is no primitive {let.primitive}")
        self.require(
            len(let.operands) == primitive.arity,
            f"{let.primitive} takes {primitive.arity} operands",
        )
        for operand in let.operands:
            self.use(operand, None, "an operand")
        dtypes = [operand.dtype for operand in let.operands]
        if let.primitive == "select":
            self.require(dtypes.pop(0) is bool_, "the choice is no bool")
        first = dtypes[0]
        self.require(
            all(dtype is first for dtype in dtypes),
            f"operands are {' and '.join(map(str, dtypes))}",
        )
        self.require(
            first.kind in primitive.kinds, f"{let.primitive} does not take {first}"
        )
        given = primitive.result == "given"
        self.require(
            let.primitive != "bitcast" or first.bits == let.result.dtype.bits,
            f"bitcast of {first} to {let.result.dtype}, which is of another size",
        )
        self.define(let.result, None if given else primitive.result_dtype((first,)))

    def load(self, load: Load) -> None:
        self.access(load.buffer, load.indices, load.predicate)
        self.define(load.result, load.buffer.dtype)

    def store(self, store: Store) -> None:
        self.require(store.buffer.mode != "in", "the buffer is only read")
        self.use(store.value, store.buffer.dtype, "the value")
        self.access(store.buffer, store.indices, store.predicate)

    def access(
        self, buffer: Buffer, indices: Iterable[Scalar], predicate: Scalar | None
    ) -> None:
        self.require(buffer in self.buffers, "the buffer is not one of the kernel's")
        indices = tuple(indices)
        self.require(
            len(indices) == buffer.type.rank,
            f"{len(indices)} indices into {buffer.type.rank} axes",
        )
        for index in indices:
            self.use(index, i64, "an index")
        if predicate is not None:
            self.use(predicate, bool_, "the predicate")

    def check(self, check: Check) -> None:
        self.use(check.condition, bool_, "the condition")
        self.use(check.detail, i64, "the detail")
        self.require(check.error >= 0, "the error is negative")

    def loop(self, loop: For, depth: int) -> None:
        self.require(loop.kind in _KINDS, f"there is no kind of loop {loop.kind!r}")
        self.use(loop.start, i64, "the start")
        self.use(loop.stop, i64, "the stop")
        self.require(loop.step >= 1, "the step is not positive")
        self.require(loop.unroll >= 0, "the unrolling is negative")
        if loop.kind == "parallel":
            self.require(depth == 0, "a parallel loop is inside another statement")
            self.require(not loop.carries, "a parallel loop carries nothing")
            whole = _is_number(loop.start, 0) and loop.step == 1
            self.require(
                whole and _is_host_integer(loop.stop),
                "a parallel loop runs from 0 by 1 to a size",
            )
        for carry in loop.carries:
            self.carry(loop, carry)
        if loop.test is not None:
            self.require(loop.kind == "serial", "only a serial loop has a test")
            self.require(loop.test in loop.carries, "its test is not carried")
            self.use(loop.test.initial, bool_, "the test")
        with self.scope():
            self.define(loop.index, i64)
            for carry in loop.carries:
                self.define(carry.parameter, carry.initial.dtype)
            self.block(loop.body, depth + 1)
            self.statement = loop
            for carry in loop.carries:
                if carry.update is None:
                    raise self.error("a carried value has no update")
                self.use(carry.update, carry.initial.dtype, "an update")
        for carry in loop.carries:
            self.define(carry.result, carry.initial.dtype)

    def carry(self, loop: For, carry: Carry) -> None:
        self.use(carry.initial, None, "a carried value's start")
        combine, dtype = carry.combine, carry.initial.dtype
        if combine is None:
            self.require(loop.kind != "vector", "a vector loop has to combine")
            return
        self.require(combine in COMBINES, f"{combine} does not combine")
        self.require(
            dtype.kind in PRIMITIVES[combine].kinds, f"{combine} does not take {dtype}"
        )


def _is_host_integer(scalar: Scalar) -> bool:
    definition = scalar.definition
    return isinstance(definition, Let) and definition.primitive in ("const", "size")


def _is_number(scalar: Scalar, number: int) -> bool:
    definition = scalar.definition
    return _is_host_integer(scalar) and definition.value == number  # type: ignore[union-attr]
