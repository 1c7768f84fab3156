"""Holds compiled programs against NumPy: values, dtypes, shapes, errors, aliasing."""

from __future__ import annotations

import copy
import linecache
import re
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import penstock as ps
from penstock.ir.errors import PenstockError, TraceError, UnsupportedError
from tests.random_numpy import Call, Program, namespace, returning
from tests.reading_back import read_back_stages

__all__ = ["Difference", "hold"]

# What stands for a mistake of the user in NumPy: ours must be of the same kind.
_KINDS = (
    TypeError,
    ValueError,
    IndexError,
    OverflowError,
    ZeroDivisionError,
    AttributeError,
    NameError,
    KeyError,
)
# What elements alone can tell, so that it is found while the program runs.
_OF_ELEMENTS = re.compile(
    r"index -?\d+ is out of bounds for axis \d+ with size \d+"
    r"|cannot do a non-empty take from an empty axes"
    r"|Integers to negative integer powers are not allowed"
)
_NAMES = re.compile(r"\b(?:v\d+|[abc])\b")


class Difference(AssertionError):  # noqa: N818
    """A program that does not mean what NumPy means by it.

    Attributes:
        kind: what went wrong, without what is particular to this program.
    """

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = re.sub(r"[\d.+-]+", "#", kind)


def hold(program: Program) -> Counter[str]:
    """Hold all calls of a program against NumPy.

    Returns:
        How many calls gave NumPy's results (``held``), raised as NumPy does
        (``raised``), are not supported (``unsupported`` and the codes of the errors),
        or have no defined result in NumPy (``undefined``).

    Raises:
        Difference: with a script to paste.
    """
    counts: Counter[str] = Counter()
    text = program.function() + program.bounds_function()
    # So that errors of the program show its lines.
    lines = text.splitlines(keepends=True)
    linecache.cache[program.name] = (len(text), None, lines, program.name)
    values = namespace()
    exec(compile(text, program.name, "exec"), values)
    compiled = ps.compile(values["f"])
    for number, call in enumerate(program.calls):
        try:
            exec(call.setup, values)
            counts[_hold_call(program, call, values, compiled, counts)] += 1
        except Difference as error:
            script = program.script(number)
            error.args = (f"{program.name}\n\n{script}\n{error}",)
            raise
    linecache.cache.pop(program.name, None)
    read_back_stages(compiled)
    return counts


def _hold_call(
    program: Program,
    call: Call,
    values: dict[str, Any],
    compiled: Callable[..., Any],
    counts: Counter[str],
) -> str:
    """Hold one call; what came of it."""
    arguments = eval(f"({call.arguments},)", values)
    theirs = copy.deepcopy(arguments)
    failure: Exception | None = None
    problem: Exception | None = None
    expected = bounds = got = None
    with np.errstate(all="ignore", invalid="warn"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A number that an integer dtype cannot hold is converted to anything.
        warnings.filterwarnings("error", message="invalid value encountered in cast")
        try:
            expected = values["f"](*theirs)
            bounds = values["f_bounds"](*copy.deepcopy(arguments))
        except Warning:
            return "undefined"
        except Exception as error:  # noqa: BLE001
            failure = error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            got = compiled(*arguments)
        except Exception as error:  # noqa: BLE001
            problem = error
    _hold_arguments(arguments, eval(f"({call.arguments},)", values))
    if isinstance(problem, UnsupportedError) or type(problem) is TraceError:
        counts[f"{problem.code}: {problem.message}"] += 1
        return "unsupported"
    if failure is not None:
        _hold_failure(program, call, failure, problem, got)
        return "raised"
    if problem is not None:
        message = getattr(problem, "message", problem)
        raise Difference(
            f"NumPy gives {expected!r}\ncompiled raises {_told(problem)}",
            f"raises {type(problem).__name__} {message}",
        ) from problem
    _hold_result(got, expected, bounds, "the result")
    for one in _arrays(got):
        if any(np.may_share_memory(one, other) for other in _arrays(arguments)):
            raise Difference("a result shares memory with an argument", "aliasing")
    return "held"


def _told(problem: Exception) -> str:
    """An error, with where it was raised unless it says so itself."""
    if isinstance(problem, PenstockError):
        return f"{type(problem).__name__} {problem}"
    return "".join(traceback.format_exception(problem)[-3:])


def _arrays(tree: Any) -> list[np.ndarray[Any, Any]]:
    if isinstance(tree, np.ndarray):
        return [tree] if tree.size else []
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [one for part in tree for one in _arrays(part)]
    return []


def _hold_arguments(after: Any, before: Any) -> None:
    for one, other in zip(_arrays(after), _arrays(before), strict=True):
        if one.tobytes() != other.tobytes():
            raise Difference("an argument was written to", "argument")


def _hold_failure(
    program: Program,
    call: Call,
    failure: Exception,
    problem: Exception | None,
    got: Any,
) -> None:
    """Hold what was raised against what NumPy raised."""
    is_of_elements = isinstance(
        failure, (IndexError, ValueError)
    ) and _OF_ELEMENTS.match(str(failure))
    if problem is None:
        if is_of_elements and _hold_dead_check(program, call, failure):
            return
        raise Difference(
            f"NumPy raises {failure!r}\ncompiled gives {got!r}",
            f"does not raise {failure!r}",
        )
    # What is wrong elsewhere is found before the program runs.
    if is_of_elements and isinstance(problem, (PenstockError, *_KINDS)):
        return
    expected = [kind for kind in _KINDS if isinstance(failure, kind)]
    is_alike = any(isinstance(problem, kind) for kind in expected)
    # Errors without the user's line are those that Python itself raises there.
    is_ours = isinstance(problem, (PenstockError, ZeroDivisionError))
    if not is_alike or not (is_ours or str(problem) == str(failure)):
        raise Difference(
            f"NumPy raises {failure!r}\ncompiled raises {_told(problem)}",
            f"{type(failure).__name__} {failure} is {type(problem).__name__}",
        )


def _hold_dead_check(program: Program, call: Call, failure: Exception) -> bool:
    """Whether wrong elements are noticed where what they make is a result.

    What no result needs is not computed, so its elements are not looked at.
    """
    frames = traceback.extract_tb(failure.__traceback__)
    line = next(f.lineno for f in frames if f.filename == program.name)
    end = 1
    assert line is not None
    for number, statement in enumerate(program.body):  # noqa: B007
        if statement.is_bound:
            continue
        end += statement.text.count("\n") + 1
        if end >= line:
            break
    else:
        return False
    names = sorted(set(_NAMES.findall(statement.text)))
    shorter = replace(program, body=program.body[: number + 1], calls=(call,))
    if shorter.body == program.body and set(names) <= set(
        _NAMES.findall(program.result)
    ):
        return False
    counts = hold(returning(shorter, names))
    return bool(counts["raised"] or counts["unsupported"])


def _hold_result(got: Any, expected: Any, bound: Any, path: str) -> None:
    """Hold results against each other, with how far they may be apart."""
    if isinstance(expected, (tuple, list, dict)):
        if type(got) is not type(expected) or len(got) != len(expected):
            raise Difference(f"{path}: {got!r} is not {expected!r}", "structure")
        keys: Sequence[Any] = range(len(expected))
        if isinstance(expected, dict):
            keys = list(expected)
            if keys != list(got):
                raise Difference(f"{path}: {got!r} is not {expected!r}", "structure")
        for key in keys:
            _hold_result(got[key], expected[key], bound[key], f"{path}[{key!r}]")
    elif isinstance(expected, (np.ndarray, np.generic)):
        _hold_array(got, expected, bound, path)
    else:
        # NumPy's own functions give True here and np.True_ there.
        if isinstance(got, np.bool) and isinstance(expected, bool):
            got = bool(got)
        same = got == expected or (got != got and expected != expected)
        if type(got) is not type(expected) or not same:
            raise Difference(f"{path}: {got!r} is not {expected!r}", "number")


def _hold_array(got: Any, expected: Any, bound: Any, path: str) -> None:
    if isinstance(expected, np.bool) and isinstance(got, bool):
        got = np.bool(got)
    if not isinstance(got, (np.ndarray, np.generic)):
        raise Difference(f"{path}: {got!r} is not {expected!r}", "type")
    # Results are in the machine's byte order.
    wanted = expected.dtype.newbyteorder("=")
    if got.dtype != wanted or got.shape != expected.shape:
        raise Difference(
            f"{path}: {got.dtype}{got.shape} is not {wanted}{expected.shape}\n"
            f"{got!r}\n{expected!r}",
            f"dtype or shape {got.dtype} {wanted}",
        )
    right = _right_elements(np.asarray(got), np.asarray(expected), bound)
    if not right.all():
        places = [tuple(map(int, place)) for place in np.argwhere(~right)[:3]]
        raise Difference(
            f"{path}: {got.dtype}{got.shape} differs at {places}\n"
            f"compiled {got!r}\nNumPy    {expected!r}"
            + (f"\nmay be off by {bound!r}" if bound is not None else ""),
            f"value {got.dtype} {'exact' if bound is None else 'rounded'}",
        )


def _right_elements(got: Any, expected: Any, bound: Any) -> Any:
    if got.dtype.kind != "f":
        return got == expected
    wide, other = got.astype(np.float64), expected.astype(np.float64)
    same = (wide == other) & (np.signbit(wide) == np.signbit(other))
    same |= np.isnan(wide) & np.isnan(other)
    if bound is None:
        return same
    with np.errstate(all="ignore"):
        near = np.abs(wide - other) <= bound
    # An operand that is not finite has no bound.
    return same | near | ~np.isfinite(bound)
