"""Run the text of a graph, or a program that was saved, and summarize its results.

A graph is run by the evaluator, which is its meaning, or with --compiled as native
code. Inputs that are not given are drawn at random, and sizes that nothing says are 8.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from penstock.command import source, values
from penstock.command.errors import CommandError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from penstock.command.inputs import Input
    from penstock.ir.graph.value import Function

EXAMPLE = "penstock run gelu.pir --size n=1024 --arg x.npy --compiled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "file", help="FILE.pir, - for standard input, or a file of Compiled.save"
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="VALUE",
        type=_parse_argument,
        help=f"{values.HELP}; or random",
    )
    parser.add_argument(
        "--size",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        type=_parse_size,
        help="a size, or an integer argument",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is random")
    parser.add_argument(
        "--compiled", action="store_true", help="run a graph as native code"
    )
    parser.add_argument(
        "--save", metavar="FILE", help="write the result to .npy, or results to .npz"
    )


def _parse_argument(text: str) -> values.Argument:
    name, equals, value = text.partition("=")
    if (value if equals else text).strip() == "random":
        return values.Argument(name if equals else None, "random", None)
    return values.parse_argument(text)


def _parse_size(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    try:
        return name.strip(), int(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER") from None


def run(options: argparse.Namespace) -> int:
    """Run the program."""
    import numpy as np

    random = np.random.default_rng(options.seed)
    if source.is_graph(options.file):
        results = _run_graph(options, random)
    else:
        results = _run_saved(options, random)
    for name, result in results.items():
        print(f"{name}: {summary(result)}")
    if options.save is not None:
        _save(options.save, results)
    return 0


def _run_graph(
    options: argparse.Namespace, random: np.random.Generator
) -> dict[str, Any]:
    from penstock.command.graph import read_graph
    from penstock.command.inputs import fill, given_by_name, inputs_of_graph

    function = read_graph(options.file)
    inputs, facts = inputs_of_graph(function)
    given = given_by_name(options.arg, inputs, random)
    filled = fill(inputs, facts, given, dict(options.size), random)
    _tell_of_drawn(inputs, filled, {*given, *dict(options.size)})
    evaluate = _run_natively if options.compiled else _evaluate
    results = evaluate(function, filled)
    if len(results) == 1:
        return {"result": results[0]}
    return {f"result {index}": result for index, result in enumerate(results)}


def _tell_of_drawn(
    inputs: Sequence[Input], filled: Sequence[Any], given: Container[str]
) -> None:
    """Say which inputs nobody gave, beside the results that are made of them."""
    from penstock.runtime.refusal import describe_value

    for entry, value in zip(inputs, filled, strict=True):
        if entry.name not in given:
            text = describe_value(value)
            print(f"penstock run: {entry.name} is not given: {text}", file=sys.stderr)


def _evaluate(function: Function, filled: list[Any]) -> list[Any]:
    from penstock.ir.graph.evaluate import evaluate
    from penstock.passes.transforms import transforms

    function = transforms(function)
    count = len(function.parameters)
    integers = dict(zip(function.integers, filled[count:], strict=True))
    return list(evaluate(function, filled[:count], integers))


def _run_natively(function: Function, filled: list[Any]) -> list[Any]:
    from penstock.command.graph import compilation_of
    from penstock.driver import make_variant, support
    from penstock.runtime.binding import Call
    from penstock.runtime.leaves import RealLeaf
    from penstock.runtime.pytree import flatten

    support()
    variant = make_variant(compilation_of(function))
    # What guards ask about is a number of Python there, and an array in the text.
    taken = [
        float(value) if isinstance(leaf, RealLeaf) else value
        for leaf, value in zip(variant.signature.leaves, filled, strict=True)
    ]
    call = Call(variant.signature.parameters, taken)
    prepared = variant.prepare(call)
    if prepared is None:
        raise CommandError(f"@{function.name}: {variant.refusal(call)}")
    leaves, _ = flatten(variant.run(prepared, None))
    return leaves


def _run_saved(
    options: argparse.Namespace, random: np.random.Generator
) -> dict[str, Any]:
    from penstock.command.inputs import fill, inputs_of_variant
    from penstock.runtime.binding import Call
    from penstock.runtime.load import load
    from penstock.runtime.pytree import flatten, unflatten

    if re.search(r"\.py:[\w.]+$", options.file):
        raise UsageError(
            f"{options.file} is a function: penstock bench or explain runs it, and "
            "penstock dump writes its graph, which run takes"
        )
    program = load(options.file)
    if any(argument.text == "random" for argument in options.arg):
        raise UsageError(
            "--arg random: write the array, e.g. f32[8,4], or no --arg at all"
        )
    (variant,) = program.dispatcher.variants
    if options.arg:
        positional, named = values.build_call_of(program, options.arg, random)
        result = program(*positional, **named)
    else:
        inputs, facts = inputs_of_variant(variant)
        leaves = fill(inputs, facts, {}, dict(options.size), random)
        _tell_of_drawn(inputs, leaves, set(dict(options.size)))
        arguments = unflatten(variant.signature.structure, leaves)
        call = Call(variant.signature.parameters, arguments)
        prepared = variant.prepare(call)
        if prepared is None:
            raise CommandError(f"{options.file}: {variant.refusal(call)}")
        result = variant.run(prepared, None)
    leaves, structure = flatten(result)
    paths = structure.paths()
    return {f"result{p}": x for p, x in zip(paths, leaves, strict=True)}


def summary(value: Any) -> str:
    """One result in a line.

    Example:
        >>> import numpy as np
        >>> summary(np.arange(1000.0))
        'f64[1000] least 0, mean 499.5, greatest 999'
    """
    import numpy as np

    from penstock.ir.types import text_of_array

    if not isinstance(value, (np.ndarray, np.generic)):
        return repr(value)
    array = np.asarray(value)
    head = text_of_array(array)
    if array.size <= 8:
        return f"{head} {_elements(array)}"
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64)
        parts = [
            f"least {float(np.min(wide)):.6g}",
            f"mean {float(np.mean(wide)):.6g}",
            f"greatest {float(np.max(wide)):.6g}",
        ]
    if nans := int(np.isnan(wide).sum()):
        parts = [f"{nans} nan of {array.size}"]
    return f"{head} {', '.join(parts)}"


def _elements(array: np.ndarray[Any, Any]) -> str:
    import numpy as np

    return np.array2string(array, max_line_width=1000, separator=", ", precision=6)


def _save(path: str, results: dict[str, Any]) -> None:
    import numpy as np

    if path.endswith(".npz"):
        np.savez(path, **{name.replace(" ", ""): x for name, x in results.items()})
        return
    if len(results) != 1 or not path.endswith(".npy"):
        raise UsageError(f"--save {path}: write one result to .npy, several to .npz")
    (only,) = results.values()
    np.save(path, only)
