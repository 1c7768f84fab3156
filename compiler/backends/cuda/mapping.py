"""Which threads run what: the loops of a Kernel on blocks and threads.

An iteration of the ``parallel`` loop goes to a block, those of a ``vector`` loop to the
threads of that block; what lies around vector loops all threads compute alike, so that
each has it at hand. A Kernel without vector loops gives each thread an iteration of
its parallel loop instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.backends.cuda.c_types import identifier
from penstock.ir.dims import Size, dim_maximum, dim_minimum
from penstock.ir.errors import UnsupportedError
from penstock.ir.loop.node import (
    Block,
    Buffer,
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
from penstock.ir.text import printable_name

__all__ = [
    "WARP",
    "CudaLaunch",
    "CudaParameter",
    "ThreadMap",
    "launch_of",
    "operands_of",
    "unsupported",
]

WARP = 32
# Threads of a block, at most: eight warps hide each other's waits, and leave each
# thread as many registers as its instructions can name.
BLOCK_THREADS = 256
# Threads that run whole rows by themselves: small blocks spread over more of the GPU.
ROW_THREADS = 64
# More blocks than any GPU holds at once; beyond that a block takes several iterations.
MOST_BLOCKS = 65536


@dataclass(frozen=True)
class CudaParameter:
    """A parameter of a kernel, in the order in which a launch passes them.

    Attributes:
        name: as it prints.
        kind: ``"data"``, the address of a Buffer; ``"stride"``, bytes between elements
            along one of its axes; ``"size"``, the value of a symbol; ``"error"``, the
            address of two 64-bit words that are zero at first: the number, from 1, of
            the error that struck, and the value that was found.
        buffer: the Buffer of data and strides.
        axis: of a stride.
        symbol: of a size.
    """

    name: str
    kind: str
    buffer: Buffer | None = None
    axis: int = 0
    symbol: str = ""


@dataclass(frozen=True)
class CudaLaunch:
    """How a Kernel is launched.

    Attributes:
        name: of the kernel in the unit.
        parameters: what is passed to it.
        block: threads of a block, along x.
        grid: blocks, along x.

    Example:
        >>> from penstock.ir.dims import evaluate_dim, symbol
        >>> launch = CudaLaunch("f_0", (), 256, symbol("n") + 1)
        >>> evaluate_dim(launch.grid, {"n": 3})
        4
    """

    name: str
    parameters: tuple[CudaParameter, ...]
    block: int
    grid: Size


class ThreadMap:
    """Which threads run which statements of a Kernel.

    Attributes:
        by_rows: whether each thread has an iteration of the parallel loop to itself.
        solo: serial loops that only the first thread of a block runs: they store, and
            nobody reads what they compute.
        gathering: loops after which the threads join their parts of carried values
            into totals that all of them get.
        continuing: loops that go on with the parts of a gathering loop around them.
        live: the Scalars that something stored, checked or branched on depends on.
        depths: how many statements are around the definition of a Scalar.

    Raises:
        UnsupportedError: the Kernel cannot be shared among blocks.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.parallel = kernel.parallel
        body = kernel.body if self.parallel is None else self.parallel.body
        self.by_rows = self.parallel is not None and not _has_vectors(body)
        self.solo: set[For] = set()
        self.gathering: set[For] = set()
        self.continuing: set[For] = set()
        self.depths: dict[Scalar, int] = {}
        self._measure_depths(kernel.body, 0)
        self.live = _live_scalars(kernel.body)
        if not self.by_rows:
            self._find_solo(body)
            self._find_gathering(body)
        if self.parallel is not None:
            self._check_parallel(self.parallel)

    def _measure_depths(self, block: Block, depth: int) -> None:
        for statement in block.statements:
            if isinstance(statement, Let | Load):
                self.depths[statement.result] = depth
            elif isinstance(statement, For):
                self.depths[statement.index] = depth + 1
                for carry in statement.carries:
                    self.depths[carry.parameter] = depth + 1
                    self.depths[carry.result] = depth
            if isinstance(statement, For | If):
                self._measure_depths(statement.body, depth + 1)

    def _find_solo(self, block: Block) -> None:
        for statement in block.statements:
            if isinstance(statement, For) and statement.kind == "serial":
                stores = any(isinstance(s, Store) for s in statement.body.walk())
                results = {carry.result for carry in statement.carries}
                if (
                    stores
                    and not _has_vectors(statement.body)
                    and results.isdisjoint(self.live)
                ):
                    self.solo.add(statement)
                    continue
            if isinstance(statement, If) or (
                isinstance(statement, For) and statement.kind == "serial"
            ):
                self._find_solo(statement.body)

    def _find_gathering(self, block: Block) -> None:
        for statement in block.statements:
            if isinstance(statement, If):
                self._find_gathering(statement.body)
            elif isinstance(statement, For):
                chain = _chain(statement)
                if chain is None:
                    self._find_gathering(statement.body)
                elif statement.carries:
                    self.gathering.add(statement)
                    self.continuing.update(chain[1:])

    def _check_parallel(self, parallel: For) -> None:
        for statement in self.kernel.body.statements:
            inner = statement.body.walk() if isinstance(statement, For | If) else ()
            if statement is not parallel and any(
                isinstance(s, Store) for s in (statement, *inner)
            ):
                raise unsupported(self.kernel, "stores outside its parallel loop")
        if _constant(parallel.start) is None or _size(parallel.stop) is None:
            raise unsupported(self.kernel, "has a parallel loop over no size")

    @property
    def block(self) -> int:
        """Threads of a block."""
        if self.by_rows:
            return ROW_THREADS
        widest = 1
        for statement in self.kernel.body.walk():
            if isinstance(statement, For) and statement.kind == "vector":
                longest = _longest(statement)
                if longest is None:
                    return BLOCK_THREADS
                widest = max(widest, -(-longest // statement.step))
        return min(BLOCK_THREADS, -(-widest // WARP) * WARP)

    @property
    def grid(self) -> Size:
        """Blocks of a launch."""
        if self.parallel is None:
            return 1
        start, stop = _constant(self.parallel.start), _size(self.parallel.stop)
        assert start is not None
        assert stop is not None
        each = self.parallel.step * (self.block if self.by_rows else 1)
        blocks = (stop - start + (each - 1)) // each
        return dim_maximum(dim_minimum(blocks, MOST_BLOCKS), 1)


def launch_of(kernel: Kernel, mapping: ThreadMap, names: set[str]) -> CudaLaunch:
    """How a Kernel is launched.

    Args:
        kernel: the Kernel.
        mapping: of its loops.
        names: of the unit's kernels so far; its name joins them.
    """
    taken: set[str] = set()
    data, strides = [], []
    for buffer in kernel.buffers:
        name = identifier(buffer.name, taken)
        data.append(CudaParameter(name, "data", buffer))
        if buffer.strided:
            strides += [
                CudaParameter(f"{name}_stride_{axis}", "stride", buffer, axis)
                for axis in range(buffer.type.rank)
            ]
    taken.update(parameter.name for parameter in strides)
    sizes = [
        CudaParameter(identifier(name, taken), "size", symbol=name)
        for name in kernel.sizes
    ]
    checks = any(isinstance(s, Check) for s in kernel.body.walk())
    errors = [CudaParameter(printable_name("error", "x", taken), "error")] if checks else []
    return CudaLaunch(
        identifier(kernel.name, names),
        (*data, *strides, *sizes, *errors),
        mapping.block,
        mapping.grid,
    )


def _chain(loop: For) -> list[For] | None:
    """Loops within each other that only combine into the same carried values.

    The innermost is a vector loop. None where the loop is not the first of such a chain.
    """
    if loop.kind == "vector":
        return [loop]
    inner = [s for s in loop.body.statements if not isinstance(s, Let | Load)]
    if loop.kind != "serial" or len(inner) != 1 or not isinstance(inner[0], For):
        return None
    (following,) = inner
    if len(following.carries) != len(loop.carries) or not loop.carries:
        return None
    for outer, carry in zip(loop.carries, following.carries, strict=True):
        if (
            outer.combine is None
            or carry.combine != outer.combine
            or carry.initial is not outer.parameter
            or outer.update is not carry.result
        ):
            return None
    rest = _chain(following)
    return None if rest is None else [loop, *rest]


def unsupported(kernel: Kernel, why: str) -> UnsupportedError:
    """The error about a Kernel that CUDA text does not cover, at the user's line."""
    loc = kernel.locations[0] if kernel.locations else None
    return UnsupportedError(
        loc,
        f"kernel {kernel.name} {why}, which the CUDA backend does not cover yet",
        code="not-on-cuda",
    )


def _has_vectors(block: Block) -> bool:
    return any(isinstance(s, For) and s.kind == "vector" for s in block.walk())


def _live_scalars(block: Block) -> set[Scalar]:
    live: set[Scalar] = set()
    pure = []
    for statement in block.walk():
        if isinstance(statement, Let | Load):
            pure.append(statement)
        else:
            live.update(operands_of(statement))
    # Each stands after what it reads, so one pass from the end finds all.
    for statement in reversed(pure):
        if statement.result in live:
            live.update(operands_of(statement))
    return live


def operands_of(statement: Statement) -> Iterator[Scalar]:
    """The Scalars that a statement reads, those of its body aside."""
    if isinstance(statement, Let):
        yield from statement.operands
    elif isinstance(statement, Load | Store):
        yield from statement.indices
        if statement.predicate is not None:
            yield statement.predicate
        if isinstance(statement, Store):
            yield statement.value
    elif isinstance(statement, Check):
        yield from (statement.condition, statement.detail)
    elif isinstance(statement, If):
        yield statement.condition
    else:
        yield from (statement.start, statement.stop)
        for carry in statement.carries:
            yield carry.initial
            if carry.update is not None:
                yield carry.update


def _constant(scalar: Scalar) -> int | None:
    definition = scalar.definition
    if isinstance(definition, Let) and definition.primitive == "const":
        return int(definition.value)
    return None


def _size(scalar: Scalar) -> Size | None:
    definition = scalar.definition
    if isinstance(definition, Let) and definition.primitive == "size":
        size: Size = definition.value
        return size
    return _constant(scalar)


def _longest(loop: For) -> int | None:
    """The most that a loop's index grows, if that is known beforehand."""
    start, stop = _constant(loop.start), _constant(loop.stop)
    if start is not None and stop is not None:
        return max(stop - start, 0)
    # A block of an axis: from `start` to the minimum of `start + n` and the axis' end.
    end = loop.stop.definition
    if not isinstance(end, Let) or end.primitive != "minimum":
        return None
    for operand in end.operands:
        limit = operand.definition
        if (
            isinstance(limit, Let)
            and limit.primitive == "add"
            and limit.operands[0] is loop.start
        ):
            return _constant(limit.operands[1])
    return None
