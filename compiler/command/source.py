"""Functions as the command line names them: ``FILE.py:FUNC``."""

from __future__ import annotations

import argparse
import importlib.machinery
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from penstock.command.errors import CommandError, UsageError

__all__ = [
    "HELP",
    "Source",
    "compiled_function",
    "is_graph",
    "load_function",
    "parse_source",
    "parse_source_or",
]

HELP = "the function, as FILE.py:FUNC; a method as FILE.py:CLASS.METHOD"


class Source:
    """A function in a file, not loaded yet.

    Args:
        path: the file.
        name: the function in it, with dots between parts.
    """

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.name = name


def parse_source(text: str) -> Source:
    """Read ``FILE.py:FUNC``, as ``argparse`` has it done.

    Raises:
        ArgumentTypeError: it is not of that form.
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path or not all(map(str.isidentifier, name.split("."))):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form FILE.py:FUNC")
    return Source(path, name)


def is_graph(text: str) -> bool:
    """Whether this names the text of a graph: a file ``.pir``, or ``-``."""
    return text == "-" or text.endswith(".pir")


def parse_source_or(other: Callable[[str], bool]) -> Callable[[str], Source | str]:
    """A reader of ``FILE.py:FUNC`` that leaves other names as they are.

    Args:
        other: tells the names that it leaves.
    """

    def parse(text: str) -> Source | str:
        return text if other(text) else parse_source(text)

    return parse


def load_function(source: Source) -> Callable[..., Any]:
    """Run a file as a module, and take the function.

    The module finds its neighbours, as it does when Python runs the file.

    Raises:
        CommandError: there is no such file or function.
        Exception: whatever the file raises.
    """
    if not os.path.isfile(source.path):
        raise CommandError(f"there is no file {source.path}")
    folder, file = os.path.split(os.path.abspath(source.path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = os.path.splitext(file)[0]
    while name in sys.modules:
        name += "_"
    # Made here, the loader keeps the path as it was given, and messages show that.
    loader = importlib.machinery.SourceFileLoader(name, source.path)
    module = ModuleType(name)
    module.__file__ = source.path
    # Classes of the file are found again by their module's name.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (SyntaxError, ValueError) as error:
        # Python says of such a file neither which it is nor on which line.
        if "null bytes" not in str(error) or getattr(error, "filename", None):
            raise
        raise CommandError(f"{source.path}: {error}") from None
    found: Any = module
    for part in source.name.split("."):
        if not hasattr(found, part):
            raise CommandError(
                f"{source.path} has no {source.name}{_near(found, part)}"
            )
        found = getattr(found, part)
    if not callable(found):
        raise CommandError(f"{source.name} of {source.path} cannot be called")
    function: Callable[..., Any] = found
    return function


def _near(owner: object, name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, dir(owner), 1)
    return f"; did you mean {near[0]}?" if near else ""


def compiled_function(source: Source, *, fastmath: bool = False) -> Any:
    """Load a function and compile it, unless the file itself has done so.

    Args:
        source: where it is.
        fastmath: whether algebra may change the last bits of results.
    """
    from penstock import api

    function: Any = load_function(source)
    if isinstance(function, api.Compiled):
        if fastmath:
            raise UsageError(f"{source.name} is compiled in {source.path}: ask there")
        return function
    return api.compile(function, fastmath=fastmath)
