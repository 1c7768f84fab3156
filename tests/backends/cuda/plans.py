"""Plans of Functions and Kernels that tests write as text."""

from textwrap import dedent

from penstock.ir.graph.text_parse import parse_function
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.plan.node import Launch, Plan, PlanBuffer
from penstock.lower import lower_function
from penstock.passes.expand import expand
from penstock.passes.fuse import fuse


def plan_of_function(text, strided=()):
    """The Plan of a Function; some parameters may be strided."""
    names = frozenset(strided)
    function = expand(parse_function(dedent(text)))
    return lower_function(fuse(function, strided=names), strided=names)


def plan_of_kernel(kernel):
    """A Plan that launches one Kernel, maybe text: ``in`` Buffers are parameters."""
    if isinstance(kernel, str):
        kernel = parse_kernel(dedent(kernel))
    buffers = {
        buffer: PlanBuffer(
            buffer.name,
            buffer.type,
            "parameter" if buffer.mode == "in" else "result",
            buffer.strided,
        )
        for buffer in kernel.arguments
    }
    of_role = {
        role: tuple(b for b in buffers.values() if b.role == role)
        for role in ("parameter", "result")
    }
    known = {str(size) for b in of_role["parameter"] for size in b.type.shape}
    return Plan(
        kernel.name,
        of_role["parameter"],
        tuple(name for name in kernel.sizes if name not in known),
        of_role["result"],
        body=[Launch(kernel, tuple(buffers.values()))],
    )
