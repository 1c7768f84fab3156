"""The command line: ``python -m penstock``, or ``penstock``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from penstock import __version__

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "dump": "print a stage of compiling a function",
    "opt": "run passes on the text of a graph",
    "run": "run the text of a graph, or a saved program",
    "explain": "what compiling a function gives: kernels, guards, costs, times",
    "bench": "time a function against itself in NumPy",
    "cache": "show or clear the folder of compiled code",
    "doctor": "what works here, and how to mend what does not",
}
"""Every subcommand, with a line on what it does."""


class _Parser(argparse.ArgumentParser):
    """Reports what is wrong with the command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those of the command line; by default the process's own.

    Returns:
        The exit status: 0, 1 where something failed, or 2 where the command line
        means nothing.

    Raises:
        SystemExit: with status 2 for what no command takes, and with 0 after
            ``--help``.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if not word.startswith("-")), "")
    options = _parser(chosen).parse_args(given)
    if sys.stdout is None:
        print(f"penstock {chosen}: error: standard output is closed", file=sys.stderr)
        return 1
    try:
        from penstock.ir.location import end_at

        # What is around this is no line of the user's.
        end_at(main.__code__)
        status: int = options.run(options)
        # What is buffered still goes to a reader that may have left.
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _forget_output()
        return 1
    except Exception as error:
        from penstock.command.errors import describe_error

        text = describe_error(error)
        if isinstance(error, OSError) and error.filename is None:
            _forget_output()
        if text is None:
            raise
        print(f"penstock {chosen}: {text}", file=sys.stderr)
        failed: int = getattr(error, "status", 1)
        return failed
    return status


def _forget_output() -> None:
    """Keep Python from complaining once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="penstock",
        description="A graph compiler for plain NumPy functions.",
        epilog="penstock COMMAND --help says more, with an example.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=summary)
            continue
        module = importlib.import_module(f"penstock.command.{name}")
        command = commands.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
