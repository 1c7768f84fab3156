"""A scan of 100,000 tiny steps against numba's loops by hand; gradients beside JAX."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from types import FunctionType
from typing import Any

import numpy as np

import penstock as ps
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    seconds_per_call,
    verdict,
)
from benchmarks.recurrences import RECURRENCES, STEPS, Recurrence

BAR = 1.5
ROUNDS = 15
# What is chaotic differs after more steps by more than rounding.
CHECKED = 1000

Samples = dict[str, Callable[[], Any]]


def total(function: Callable[..., Any]) -> Callable[..., Any]:
    """The sum of what a scan stacks: something to differentiate."""
    return lambda *arguments: function(*arguments)[1].sum()


def leaves(tree: Any) -> Iterator[Any]:
    """The arrays of nested tuples."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from leaves(part)
    else:
        yield np.asarray(tree)


def ours(one: Recurrence, arguments: tuple[Any, ...]) -> Samples:
    """Our loop and its gradient."""
    loop = ps.compile(one.function)
    slope = ps.compile(ps.grad(total(one.function), one.wrt))
    return {
        "penstock": partial(loop, *arguments),
        "penstock, gradient": partial(slope, *arguments),
    }


def by_numba(one: Recurrence, arguments: tuple[Any, ...]) -> Samples:
    """The loop by hand."""
    import numba

    return {"numba": partial(numba.njit(one.by_hand), *arguments)}


def by_jax(one: Recurrence, arguments: tuple[Any, ...]) -> Samples:
    """JAX's scan of the same step, and its gradient."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    plain = one.function
    assert isinstance(plain, FunctionType)
    names = plain.__globals__ | {"np": jnp, "scan": jax.lax.scan}
    function = FunctionType(plain.__code__, names, plain.__name__)
    own = tuple(jnp.asarray(argument) for argument in arguments)
    loop = jax.jit(function)
    slope = jax.jit(jax.grad(total(function), one.wrt))
    return {
        "jax": lambda: jax.block_until_ready(loop(*own)),
        "jax, gradient": lambda: jax.block_until_ready(slope(*own)),
    }


def measure_here() -> None:
    """Print medians by recurrence and system, times of first calls, what is missing."""
    # One core is one thread, whatever a system reads its number of threads from.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for one in RECURRENCES:
        few: Samples = {}
        samples: Samples = {}
        for prepare in (ours, by_numba, by_jax):
            try:
                few |= prepare(one, one.arguments(CHECKED))
                samples |= prepare(one, one.arguments(STEPS))
            except ModuleNotFoundError as error:
                missing[str(error.name)] = f"{error.name} is not installed"
        first: dict[str, float] = {}
        results: dict[str, list[Any]] = {}
        for name, call in few.items():
            start = perf_counter()
            result = call()
            first[name] = perf_counter() - start
            results[name] = list(leaves(result))
        for name, result in results.items():
            expected = results["penstock" + name[len(name.split(",")[0]) :]]
            for have, want in zip(result, expected, strict=True):
                np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-9)
        for call in samples.values():
            call()
        timed = {
            name: partial(seconds_per_call, call, (), 1)
            for name, call in samples.items()
        }
        found[one.name] = [interleaved(timed, ROUNDS), first]
    print(json.dumps([found, missing]))


def run() -> Table:
    """Measure in a process of one thread."""
    found, missing = fresh_process(
        "from benchmarks.workloads import loops; loops.measure_here()",
        OMP_NUM_THREADS="1",
        PENSTOCK_CACHE="off",
    )
    rows: list[tuple[str, ...]] = []
    for title, (medians, first) in found.items():
        for name, seconds in medians.items():
            peer = {"penstock": "numba", "penstock, gradient": "jax, gradient"}
            other = medians.get(peer.get(name, ""))
            ratio = "" if other is None else f"{seconds / other:.2f}"
            bar = ("", "")
            if name == "penstock" and other is not None:
                bar = (f"{BAR:.1f}", verdict(seconds / other, BAR))
            rows.append(
                (
                    f"{title}: {name}",
                    f"{1e9 * seconds / STEPS:.2f}",
                    ratio,
                    *bar,
                    f"{1e3 * first[name]:.0f}",
                )
            )
    return Table(
        f"loops: {STEPS} steps, float64, one thread, interleaved, medians of {ROUNDS}",
        ("", "ns/step", "of peer", "bar", "within", "first call ms"),
        rows,
        [
            "loops beside numba's by hand, gradients beside jax's",
            *(f"{name}: {reason}" for name, reason in missing.items()),
        ],
    )
