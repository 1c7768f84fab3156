"""Say what compiling a function for arguments gives, or what a saved program holds.

Its kernels with the lines that they compute, operations, bytes of memory moved, guards,
memory for temporaries, and how long each stage of compiling took. Nothing is run.
"""

from __future__ import annotations

import argparse

from penstock.command import source, values
from penstock.command.errors import UsageError

EXAMPLE = "penstock explain model.py:gelu --arg 'f32[1024,1024]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "function",
        metavar="FILE.py:FUNC",
        type=source.parse_source_or(_is_saved),
        help=f"{source.HELP}; or a file of Compiled.save",
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
        "--fastmath", action="store_true", help="let algebra change the last bits"
    )


def _is_saved(text: str) -> bool:
    return ".py:" not in text


def run(options: argparse.Namespace) -> int:
    """Explain."""
    if isinstance(options.function, str):
        from penstock.runtime.load import load

        if options.arg:
            raise UsageError("a saved program takes no --arg: it is compiled already")
        print(load(options.function).explain())
        return 0
    compiled = source.compiled_function(options.function, fastmath=options.fastmath)
    positional, named = values.build_call_of(compiled, options.arg)
    call = compiled.dispatcher.bind(positional, named)
    compiled.dispatcher.variant_for(call)
    print(compiled.explain(*positional, **named))
    return 0
