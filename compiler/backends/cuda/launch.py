"""How the kernels of a unit are launched: their parameters, blocks and threads."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.backends.cuda.c_types import identifier
from penstock.backends.cuda.threads import ThreadMap
from penstock.ir.dims import Size, dim_maximum, dim_minimum
from penstock.ir.errors import UnsupportedError
from penstock.ir.loop.node import Buffer, Check, For, If, Kernel, Let, Scalar, Store
from penstock.ir.text import printable_name

__all__ = ["WARP", "CudaLaunch", "CudaParameter", "launch_of", "unsupported"]

WARP = 32
# Threads of a block, at most: eight warps hide each other's waits, and leave each
# thread as many registers as an instruction can name.
BLOCK_THREADS = 256
# Threads that have whole rows to themselves: small blocks spread over more of the GPU.
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
        grid: blocks, along x. Fewer give the same results.

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

    def __str__(self) -> str:
        blocks = "1 block" if self.grid == 1 else f"{self.grid} blocks"
        return f"{blocks} of {self.block} threads"


def launch_of(kernel: Kernel, threads: ThreadMap, names: set[str]) -> CudaLaunch:
    """How a Kernel is launched.

    Args:
        kernel: the Kernel.
        threads: which threads run what of it.
        names: of the unit's kernels so far; its name joins them.

    Raises:
        UnsupportedError: the Kernel cannot be shared among blocks.
    """
    block = _block(threads)
    return CudaLaunch(
        identifier(kernel.name, names),
        _parameters(kernel),
        block,
        _grid(threads, block),
    )


def unsupported(kernel: Kernel, what: str) -> UnsupportedError:
    """The error about a Kernel that CUDA text does not cover, at the user's line."""
    return UnsupportedError(
        kernel.locations[0] if kernel.locations else None,
        f"kernel {kernel.name} {what}, which the CUDA backend does not cover yet",
        code="not-on-cuda",
    )


def _parameters(kernel: Kernel) -> tuple[CudaParameter, ...]:
    taken: set[str] = set()
    data = [
        CudaParameter(identifier(buffer.name, taken), "data", buffer)
        for buffer in kernel.arguments
    ]
    strides = [
        CudaParameter(
            identifier(f"{parameter.name}_stride_{axis}", taken), "stride", buffer, axis
        )
        for parameter, buffer in zip(data, kernel.arguments, strict=True)
        if buffer.strided
        for axis in range(buffer.type.rank)
    ]
    sizes = [
        CudaParameter(identifier(name, taken), "size", symbol=name)
        for name in kernel.sizes
    ]
    parameters = [*data, *strides, *sizes]
    if any(isinstance(statement, Check) for statement in kernel.body.walk()):
        parameters.append(CudaParameter(printable_name("error", "x", taken), "error"))
    return tuple(parameters)


def _block(threads: ThreadMap) -> int:
    """Threads of a block: as many as the longest vector loop has work for."""
    if threads.by_rows:
        return ROW_THREADS
    widest = 1
    for statement in threads.kernel.body.walk():
        if isinstance(statement, For) and statement.kind == "vector":
            longest = _longest(statement)
            if longest is None:
                return BLOCK_THREADS
            widest = max(widest, -(-longest // statement.step))
    return min(BLOCK_THREADS, -(-widest // WARP) * WARP)


def _grid(threads: ThreadMap, block: int) -> Size:
    parallel = threads.parallel
    if parallel is None:
        return 1
    kernel = threads.kernel
    for statement in kernel.body.statements:
        inner = statement.body.walk() if isinstance(statement, For | If) else ()
        if statement is not parallel and any(
            isinstance(s, Store) for s in (statement, *inner)
        ):
            # Every block would do it.
            raise unsupported(kernel, "stores outside its parallel loop")
    iterations = _size(parallel.stop)
    each = block if threads.by_rows else 1
    blocks = (iterations + (each - 1)) // each
    return dim_maximum(dim_minimum(blocks, MOST_BLOCKS), 1)


def _constant(scalar: Scalar) -> int | None:
    definition = scalar.definition
    if isinstance(definition, Let) and definition.primitive == "const":
        return int(definition.value)
    return None


def _size(scalar: Scalar) -> Size:
    definition = scalar.definition
    assert isinstance(definition, Let), "a parallel loop runs over a size"
    size: Size = definition.value
    return size if definition.primitive == "size" else int(definition.value)


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
