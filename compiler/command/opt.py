"""Run passes on the text of a graph, and print what they make of it.

Besides the passes of --list there are 'standard' and 'fast', all passes that compiling
runs, without and with fastmath, and 'lower', which comes last and prints the host
program with its loops.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.command.errors import UsageError

if TYPE_CHECKING:
    from penstock.ir.graph.value import Function
    from penstock.passes.graph_pass import GraphPass

EXAMPLE = "penstock opt --passes fold,cse,fuse gelu.pir"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "file", metavar="FILE.pir", nargs="?", help="the text of a graph; - for input"
    )
    parser.add_argument(
        "--passes",
        default="standard",
        metavar="NAME,...",
        help="the passes in order (default: standard)",
    )
    parser.add_argument(
        "--report", action="store_true", help="tell what each pass did, on the side"
    )
    parser.add_argument("--list", action="store_true", help="list the passes")


def run(options: argparse.Namespace) -> int:
    """Run the passes."""
    passes = all_passes()
    if options.list:
        for name, entry in sorted(passes.items()):
            print(f"{name:<16} {entry.description.strip().splitlines()[0]}")
        return 0
    if options.file is None:
        raise UsageError("which file? give FILE.pir, or - for standard input")
    from penstock.command.graph import read_graph

    names = [name.strip() for name in options.passes.split(",") if name.strip()]
    _check(names, passes)
    function = read_graph(options.file)
    print(run_passes(function, names, passes, report=options.report))
    return 0


def all_passes() -> Mapping[str, GraphPass]:
    """Every pass by name."""
    from penstock import passes
    from penstock.passes.graph_pass import PASSES, GraphPass

    for module in pkgutil.iter_modules(passes.__path__):
        importlib.import_module(f"penstock.passes.{module.name}")
    # Fusion takes options when it compiles; here it is a pass like any other.
    return {**PASSES, "fuse": GraphPass("fuse", fuse_if_needed)}


def _check(names: list[str], passes: Mapping[str, GraphPass]) -> None:
    known = [*passes, "standard", "fast", "lower"]
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no pass {name!r}; penstock opt --list lists them"
            )
    if "lower" in names[:-1]:
        raise UsageError("lower comes last: it gives no graph")


def run_passes(
    function: Function,
    names: list[str],
    passes: Mapping[str, GraphPass],
    *,
    report: bool,
) -> str:
    """The text that passes make of a Function.

    Args:
        function: a valid Function.
        names: the passes in order.
        passes: every pass by name.
        report: write a line on each to standard error.
    """
    from penstock.lower import lower_function
    from penstock.passes.pipelines import FAST, STANDARD, PassReport, run_pipeline
    from penstock.runtime.machine import host

    def tell(entry: PassReport) -> None:
        if report:
            outcome = "changed" if entry.changed else "nothing to do"
            milliseconds = entry.seconds * 1e3
            print(f"{entry.name}: {outcome}, {milliseconds:.2f} ms", file=sys.stderr)

    for name in names:
        if name == "lower":
            registers = host().vector_registers
            return str(lower_function(fuse_if_needed(function), registers=registers))
        named = {"standard": STANDARD, "fast": FAST}.get(name)
        pipeline = named or ((passes[name], "asked for"),)
        function = run_pipeline(function, pipeline, check=True, observe=tell)
    return str(function)


def fuse_if_needed(function: Function) -> Function:
    """Put Values that share loops into clusters, unless there are some already."""
    from penstock.passes.fuse import fuse

    if any(value.is_op("cluster") for value in function.values):
        return function
    return fuse(function)
