"""Graphs as text on the command line: reading, compiling, and running passes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from penstock.driver import Compilation, CompileOptions
from penstock.frontend.trace import Trace
from penstock.ir.graph.requirements import with_requirements
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function
from penstock.ir.reals import Real
from penstock.runtime.pytree import LEAF, flat_tuple
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    IntegerLeaf,
    Leaf,
    RealLeaf,
    Signature,
)

if TYPE_CHECKING:
    from penstock.ir.graph.value import Value

__all__ = ["compilation_of", "read_graph"]


def read_graph(path: str) -> Function:
    """Read the text of a Function.

    Args:
        path: a file, or ``-`` for standard input.

    Raises:
        TextError: the text is not that of a Function.
    """
    if path == "-":
        return parse_function(sys.stdin.read(), "<stdin>")
    with open(path, encoding="utf-8", errors="replace") as file:
        return parse_function(file.read(), path)


def compilation_of(function: Function, *, fastmath: bool = False) -> Compilation:
    """A Function on its way to native code, as if it had just been traced.

    Args:
        function: its arrays are taken in C order, integers after them.
        fastmath: whether algebra may change the last bits of results.

    Raises:
        VerifyError: it needs something of a size that is known only when it runs.
    """
    function = with_requirements(function)
    asked = {
        name
        for guard in function.guards
        for side in (guard.left, guard.right)
        if isinstance(side, Real)
        for name in side.parameters()
    }
    names = [str(value.attributes["name"]) for value in function.parameters]
    leaves: list[Leaf] = [
        RealLeaf() if name in asked else _array_leaf(value)
        for name, value in zip(names, function.parameters, strict=True)
    ]
    leaves += [IntegerLeaf() for _ in function.integers]
    results = tuple(ArrayResult(r.dtype, len(r.shape)) for r in function.results)
    signature = Signature(
        (*names, *function.integers),
        flat_tuple(len(leaves)),
        tuple(leaves),
        (),
        results,
        LEAF if len(results) == 1 else flat_tuple(len(results)),
    )
    traced = Trace(function, signature, (), {})
    return Compilation(traced, CompileOptions(fastmath=fastmath))


def _array_leaf(value: Value) -> ArrayLeaf:
    sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
    fixed = sizes if any(size is not None for size in sizes) else None
    return ArrayLeaf(value.dtype, len(sizes), sizes=fixed)
