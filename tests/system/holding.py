"""Holds compiled programs against NumPy."""

from __future__ import annotations

import copy
import linecache
import warnings
from collections import Counter
from typing import Any

import numpy as np

import penstock as ps
from penstock.ir.errors import PenstockError, TraceError, UnsupportedError
from tests.random_numpy import Program
from tests.system import arguments, tolerance


class Difference(AssertionError):
    def __init__(self, text, kind=""):
        super().__init__(text)
        self.kind = kind


_BUILTIN = (
    TypeError,
    ValueError,
    IndexError,
    OverflowError,
    ZeroDivisionError,
    AttributeError,
    NameError,
    KeyError,
)


def is_like(problem, failure):
    return any(isinstance(problem, one) for one in _BUILTIN if isinstance(failure, one))


def check_program(
    program: Program, counts: Counter, collect: list | None = None
) -> None:
    env: dict[str, Any] = {
        "np": np,
        "array": arguments.array,
        "ulps": tolerance.ulps,
        "sum_bound": tolerance.sum_bound,
    }
    name = f"<program {program.seed}>"
    text = program.text + "\n" + program.shadow
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), env)
    compiled = ps.compile(env["f"])
    history = []
    for before, args in program.calls:
        exec(before, env)
        if before:
            history.append(before)
        history.append(f"check(f({args}))")
        try:
            check_call(env, compiled, args, counts)
        except Difference as error:
            script = program.text + "\n" + "\n".join(history)
            raise Difference(
                f"seed {program.seed}\n{script}\n@@{error}", error.kind
            ) from None
    linecache.cache.pop(name, None)


def check_call(env, compiled, args, counts):
    f, tolerances = env["f"], env["f_tolerances"]
    values = eval(f"({args},)", env)
    theirs = copy.deepcopy(values)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*encountered in cast")
        try:
            expected, failure = f(*theirs), None
        except Warning:
            counts["undefined"] += 1
            return
        except Exception as error:
            expected, failure = None, error
        bounds = tolerances(*copy.deepcopy(values)) if failure is None else None
    try:
        got, problem = compiled(*values), None
    except Exception as error:
        got, problem = None, error
    before = eval(f"({args},)", env)
    for one, other in zip(values, before, strict=True):
        if isinstance(one, np.ndarray) and one.tobytes() != other.tobytes():
            raise Difference("an argument was written to")
    if isinstance(problem, UnsupportedError) or type(problem) is TraceError:
        counts["unsupported" if isinstance(problem, UnsupportedError) else "trace"] += 1
        counts[f"{problem.code}: {problem.message[:90]}"] += 1
        return
    if failure is not None:
        counts["raised"] += 1
        if isinstance(failure, IndexError) and "is out of bounds for axis" in str(
            failure
        ):
            # todo: dead code
            counts["index error"] += problem is not None
            counts["index error lost"] += problem is None
            return
        if problem is None:
            raise Difference(
                f"NumPy raises {failure!r}; compiled gives {got!r}",
                f"no {type(failure).__name__} {failure}",
            )
        if not is_like(problem, failure) or (
            not isinstance(problem, PenstockError) and str(problem) != str(failure)
        ):
            raise Difference(
                f"NumPy raises {failure!r}; compiled raises {type(problem).__mro__[:4]} {problem}",
                f"{type(failure).__name__} {failure} not {type(problem)}",
            )
        return
    if problem is not None:
        raise Difference(
            f"NumPy gives {expected!r}; compiled raises {type(problem).__name__} {problem}",
            f"{type(problem).__name__} {getattr(problem, 'message', problem)}",
        ) from problem
    counts["held"] += 1
    compare(got, expected, bounds, values, "result")


def compare(got, expected, bound, args, path):
    if isinstance(expected, (tuple, list)):
        if type(got) is not type(expected) or len(got) != len(expected):
            raise Difference(f"{path}: {got!r} is not {expected!r}")
        for i, (g, e, b) in enumerate(zip(got, expected, bound, strict=True)):
            compare(g, e, b, args, f"{path}[{i}]")
        return
    if isinstance(expected, dict):
        if type(got) is not dict or list(got) != list(expected):
            raise Difference(f"{path}: {got!r} is not {expected!r}")
        for key in expected:
            compare(got[key], expected[key], bound[key], args, f"{path}[{key!r}]")
        return
    if not isinstance(expected, (np.ndarray, np.generic)):
        if isinstance(expected, bool) and isinstance(got, np.bool_):
            got = bool(got)
        same = got == expected or (got != got and expected != expected)
        if type(got) is not type(expected) or not same:
            raise Difference(f"{path}: {got!r} is not {expected!r}")
        return
    if isinstance(expected, np.bool_):
        got = np.bool_(got)
    if not isinstance(got, (np.ndarray, np.generic)):
        raise Difference(f"{path}: {got!r} is not {expected!r}")
    if got.dtype != expected.dtype.newbyteorder("=") or got.shape != expected.shape:
        raise Difference(
            f"{path}: {got.dtype}{got.shape} is not {expected.dtype}{expected.shape}\n{got!r}\n{expected!r}"
        )
    if isinstance(got, np.ndarray):
        for argument in args:
            if isinstance(argument, np.ndarray) and np.may_share_memory(got, argument):
                raise Difference(f"{path} shares memory with an argument")
    right = same_elements(np.asarray(got), np.asarray(expected), bound)
    if not right.all():
        places = np.argwhere(~right)[:3]
        raise Difference(
            f"{path}: {got.dtype}{got.shape} differs at {places.tolist()}\ngot {got!r}\nexpected {expected!r}\nbound {bound!r}",
            f"value {got.dtype}",
        )


def same_elements(got, expected, bound):
    if got.dtype.kind != "f":
        return np.asarray(got == expected)
    wide, other = got.astype(np.float64), expected.astype(np.float64)
    exact = ((wide == other) & (np.signbit(wide) == np.signbit(other))) | (
        np.isnan(wide) & np.isnan(other)
    )
    if bound is None:
        return exact
    with np.errstate(all="ignore"):
        near = np.abs(wide - other) <= bound
    return exact | near | ~np.isfinite(bound)
