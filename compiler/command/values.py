"""Arguments of functions as the command line spells them.

f32[1024,1024]      an array; f32[8,4].T is one whose elements lie column by column
3, 0.5, 'fast'      a number or a string, as in Python
{'w': f32[4,4]}     a dict, list or tuple of such
data.npy            the array of a file
scale=0.5           the same for the argument of that name
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from penstock.command.errors import CommandError
from penstock.ir.errors import StructureError

if TYPE_CHECKING:
    import numpy as np

    from penstock.runtime.binding import Parameter

__all__ = [
    "HELP",
    "Argument",
    "array_of",
    "build_call",
    "build_call_of",
    "parse_argument",
]

HELP = (
    "an argument of the function, in order: an array such as 'f32[1024,1024]', a "
    "number, a string, a tuple, list or dict of such, or a file such as data.npy; "
    "'NAME=...' gives it by name"
)


class Argument:
    """One argument, not made yet.

    Args:
        name: the parameter's name, or ``None`` for the next one.
        text: its value as it was spelled.
        tree: its value as Python's syntax tree; ``None`` for the name of a file.
    """

    def __init__(self, name: str | None, text: str, tree: ast.expr | None) -> None:
        self.name = name
        self.text = text
        self.tree = tree

    def build(self, random: np.random.Generator | None = None) -> Any:
        """The value.

        Args:
            random: draws the elements of arrays; without it they are zeros.

        Raises:
            CommandError: a file cannot be read, or an array is too large.
        """
        if self.tree is None:
            return _read_file(self.text)
        return _build(self.tree, random)


def parse_argument(text: str) -> Argument:
    """Read one argument, as ``argparse`` has it done.

    Raises:
        ArgumentTypeError: it cannot be read.
    """
    name = None
    value = text
    if match := re.fullmatch(r"\s*([^\W\d]\w*)\s*=(?!=)(.*)", text, re.DOTALL):
        name, value = match.groups()
    value = value.strip()
    if value.endswith(".npy"):
        return Argument(name, value, None)
    # Python's grammar wants something between brackets.
    source = re.sub(r"(?<=\w)\s*\[\s*\]", "[()]", value)
    try:
        tree = ast.parse(source, mode="eval").body
        _check(tree, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise argparse.ArgumentTypeError(f"cannot read {text[:60]!r}") from None
    return Argument(name, value, tree)


def _check(tree: ast.expr, text: str) -> None:
    """Raise an ArgumentTypeError for anything but the forms that are documented."""
    if isinstance(tree, ast.Constant):
        return
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        if isinstance(tree.operand, ast.Constant) and isinstance(
            tree.operand.value, (int, float)
        ):
            return
    if isinstance(tree, (ast.Tuple, ast.List)):
        for element in tree.elts:
            _check(element, text)
        return
    if isinstance(tree, ast.Dict):
        for part in (*tree.keys, *tree.values):
            if part is None:
                break
            _check(part, text)
        else:
            return
    if isinstance(tree, ast.Attribute) and tree.attr == "T":
        tree = tree.value
    if isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name):
        _check_array(tree.value.id, tree.slice, text)
        return
    from penstock.ir.types import DTYPES

    near = f"{text}[] or {text}[8]" if text in DTYPES else "f32[1024], i64[], 3"
    raise argparse.ArgumentTypeError(f"cannot read {text!r}: write e.g. {near}")


def _check_array(dtype: str, sizes: ast.expr, text: str) -> None:
    from penstock.ir.types import DTYPES

    if dtype not in DTYPES:
        # Programs compute with no complex ones, of which more is said where one is met.
        known = ", ".join(name for name, one in DTYPES.items() if one.kind != "c")
        raise argparse.ArgumentTypeError(
            f"{dtype!r} in {text!r} is no dtype: there are {known}"
        )
    for size in _sizes(sizes):
        if type(size) is not int or size < 0:
            raise argparse.ArgumentTypeError(
                f"a size of {text!r} is no whole number; write e.g. {dtype}[8,4]"
            )


def _sizes(tree: ast.expr) -> list[Any]:
    elements = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return [e.value if isinstance(e, ast.Constant) else None for e in elements]


def _build(tree: ast.expr, random: np.random.Generator | None) -> Any:
    if isinstance(tree, ast.Attribute):
        assert isinstance(tree.value, ast.Subscript)
        return _array(tree.value, random, reverse=True).T
    if isinstance(tree, ast.Subscript):
        return _array(tree, random)
    if isinstance(tree, ast.List):
        return [_build(element, random) for element in tree.elts]
    if isinstance(tree, ast.Tuple):
        return tuple(_build(element, random) for element in tree.elts)
    if isinstance(tree, ast.Dict):
        keys = [_build(key, random) for key in tree.keys if key is not None]
        return dict(
            zip(keys, (_build(value, random) for value in tree.values), strict=True)
        )
    return ast.literal_eval(tree)


def _array(
    tree: ast.Subscript, random: np.random.Generator | None, *, reverse: bool = False
) -> Any:
    assert isinstance(tree.value, ast.Name)
    sizes = _sizes(tree.slice)
    return array_of(tree.value.id, sizes[::-1] if reverse else sizes, random)


def array_of(name: str, sizes: list[int], random: np.random.Generator | None) -> Any:
    """An array of a dtype: zeros, or drawn from a generator.

    Floats are drawn from the normal distribution, integers from 0 to 7.

    Args:
        name: the dtype: ``f32``.
        sizes: the sizes of its axes.
        random: the generator, or ``None`` for zeros.

    Raises:
        CommandError: there is not the memory for it, or not the package for the dtype.
    """
    import numpy as np

    from penstock.ir.types import DTYPES

    try:
        dtype = DTYPES[name].numpy
        if random is None:
            return np.zeros(sizes, dtype)
        if DTYPES[name].kind in "fc":
            return random.standard_normal(sizes).astype(dtype)
        return random.integers(0, 2 if name == "bool" else 8, sizes).astype(dtype)
    except (MemoryError, ValueError) as error:
        listed = ",".join(map(str, sizes))
        raise CommandError(f"{name}[{listed}] cannot be made: {error}") from None
    except ImportError:
        raise CommandError(
            f"arrays of {name} need ml_dtypes: pip install ml_dtypes"
        ) from None


def _read_file(path: str) -> Any:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CommandError(f"{path}: {error}") from None


def build_call(
    arguments: list[Argument], random: np.random.Generator | None = None
) -> tuple[list[Any], dict[str, Any]]:
    """The positional and the keyword arguments of a call.

    Args:
        arguments: as they were given.
        random: draws the elements of arrays; without it they are zeros.
    """
    positional = [one.build(random) for one in arguments if one.name is None]
    named = {one.name: one.build(random) for one in arguments if one.name is not None}
    return positional, named


def build_call_of(
    compiled: Any, arguments: list[Argument], random: np.random.Generator | None = None
) -> tuple[list[Any], dict[str, Any]]:
    """The same, of a compiled function that takes them.

    Raises:
        CommandError: they are too few, too many, or of other names.
    """
    positional, named = build_call(arguments, random)
    dispatcher = compiled.dispatcher
    try:
        dispatcher.bind(positional, named)
    except StructureError as error:
        if error.code != "bad-call":
            raise
        example = ""
        if "missing" in error.message:
            wanted = _examples(dispatcher.binder.parameters)
            example = f", e.g. {' '.join(wanted)}"
        text = f"{error.message} [{error.code}]\n  help: {error.hint}{example}"
        raise CommandError(text) from None
    return positional, named


def _examples(parameters: Iterable[Parameter]) -> Iterator[str]:
    """What gives each argument that must be given."""
    for parameter in parameters:
        if parameter.has_default or parameter.kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ):
            continue
        name = (
            ""
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY
            else parameter.name
        )
        yield f"--arg '{name}{'=' * bool(name)}f64[8]'"
