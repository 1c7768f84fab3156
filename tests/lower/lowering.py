"""Helpers of the tests of lowering: graph text in, loops and plans out."""

from textwrap import dedent

from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.verify import verify
from penstock.ir.plan.node import Plan
from penstock.ir.plan.verify import verify_plan
from penstock.lower import lower_function
from penstock.lower.cluster import Cluster
from penstock.lower.collapse import collapse
from penstock.lower.element import ErrorTable
from penstock.passes.fuse import fuse


def plan_of(text: str, strided: tuple[str, ...] = ()) -> Plan:
    """The Plan of a graph, fused and lowered."""
    function = parse_function(dedent(text))
    verify(function)
    names = frozenset(strided)
    plan = lower_function(fuse(function, strided=names), strided=names)
    verify_plan(plan)
    return plan


def host_program(plan: Plan) -> str:
    """A Plan's text without its Kernels."""
    return str(plan).split("\n\nkernel", maxsplit=1)[0] + "\n"


def kernels_of(text: str, strided: tuple[str, ...] = ()) -> str:
    """The Kernels of a graph, as text."""
    kernels = plan_of(text, strided).kernels
    return "\n\n".join(str(kernel) for kernel in kernels) + "\n"


def cluster_of(text: str, strided: tuple[str, ...] = ()) -> Cluster:
    """The cluster that a graph becomes; it must be one."""
    function = fuse(parse_function(dedent(text)), strided=frozenset(strided))
    (value,) = (value for value in function.values if value.is_op("cluster"))
    given = [p.is_op("parameter") and p.attributes["name"] in strided
             for p in value.operands]  # fmt: skip
    return Cluster.of(value, "f", given, ErrorTable())


def loops_and_body(cluster: Cluster) -> str:
    """A cluster as text: its loops, then the Function within."""
    loops = ", ".join(
        f"{size} inner" if number in cluster.inner else f"{size}"
        for number, size in enumerate(cluster.loops)
    )
    return f"loops {loops}\n{print_function(cluster.body, locations=False)}"


def collapsed(text: str, strided: tuple[str, ...] = ()) -> str:
    """The cluster that a graph becomes, its loops merged, as text."""
    return loops_and_body(collapse(cluster_of(text, strided)))
