"""Print a stage of compiling a function, or the text of a graph, for arguments.

The stages, in order: trace, graph (after all passes), fused, loops, plan, llvm, asm,
and cuda. Nothing is run.
"""

from __future__ import annotations

import argparse

from penstock.command import source, values

EXAMPLE = "penstock dump model.py:gelu --arg 'f32[1024,1024]' --stage fused"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "function",
        metavar="FILE.py:FUNC",
        type=source.parse_source_or(source.is_graph),
        help=f"{source.HELP}; or the text of a graph: FILE.pir, or -",
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="VALUE",
        type=values.parse_argument,
        help=values.HELP,
    )
    parser.add_argument(
        "--stage", default="graph", type=_parse_stage, help="default: graph"
    )
    parser.add_argument(
        "--fastmath", action="store_true", help="let algebra change the last bits"
    )


def _parse_stage(text: str) -> str:
    from penstock.driver import STAGES

    if text not in STAGES:
        listed = ", ".join(STAGES)
        raise argparse.ArgumentTypeError(f"{text!r} is none of {listed}")
    return text


def run(options: argparse.Namespace) -> int:
    """Print the stage."""
    if isinstance(options.function, str):
        from penstock.api import Lowered
        from penstock.command.graph import compilation_of, read_graph

        function = read_graph(options.function)
        lowered = Lowered(compilation_of(function, fastmath=options.fastmath))
    else:
        compiled = source.compiled_function(options.function, fastmath=options.fastmath)
        positional, named = values.build_call_of(compiled, options.arg)
        lowered = compiled.lower(*positional, **named)
    print(lowered.text(options.stage).rstrip())
    return 0
