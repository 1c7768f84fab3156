"""A step of training: from nothing to its first result, and from then on."""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import partial
from statistics import median
from types import FunctionType
from typing import Any

import numpy as np

from benchmarks.measure import Table, fresh_process, interleaved, seconds_per_call
from benchmarks.networks import STEPS, step_of
from benchmarks.peers import with_namespace

ROUNDS = 5
CALLS = 15

PROCESS = """
import json
from benchmarks.workloads import training
print(json.dumps(training.{system}({name!r})))
"""


def _timed(make: Callable[[], Callable[[], Any]], name: str, value: Any) -> Any:
    """Seconds of making a step ready and running it, and of each run after."""
    from time import perf_counter

    start = perf_counter()
    run = make()
    found = run()
    first = perf_counter() - start
    np.testing.assert_allclose(float(found[0]), value, rtol=1e-4)
    return [first, median(seconds_per_call(run, (), 1) for _ in range(CALLS))]


def _expected(name: str) -> Any:
    loss, make = STEPS[name]
    return float(loss(*make()))


def penstock(name: str) -> Any:
    """Measure ourselves, in this process."""
    import penstock as ps

    # What each system does once in a process is not counted: starting up.
    ps.compile(lambda x: x + 1)(np.ones(3))
    loss, arguments = STEPS[name][0], STEPS[name][1]()
    step = ps.compile(step_of(loss, ps.value_and_grad))
    return _timed(lambda: lambda: step(*arguments), name, _expected(name))


def jax(name: str) -> Any:
    """Measure JAX, in this process."""
    import jax
    import jax.numpy as jnp

    jax.jit(lambda x: x + 1)(np.ones(3))
    loss, arguments = STEPS[name][0], STEPS[name][1]()
    ours = jax.tree.map(jnp.asarray, arguments)

    def make() -> Callable[[], Any]:
        step = jax.jit(step_of(_with_helpers(loss, jnp), jax.value_and_grad))
        return lambda: jax.block_until_ready(step(*ours))

    return _timed(make, name, _expected(name))


def _with_helpers(loss: Callable[..., Any], namespace: Any) -> Callable[..., Any]:
    """A loss over another namespace, and the functions of its module that it calls."""
    made = with_namespace(loss, namespace)
    for name, value in list(made.__globals__.items()):
        if isinstance(value, FunctionType) and value.__module__ == loss.__module__:
            made.__globals__[name] = with_namespace(value, namespace)
    return made


def run() -> Table:
    """Measure both systems in processes of their own, one after the other."""
    systems = ["penstock"]
    notes = ["from tracing to the first result, in a process that has compiled before"]
    if importlib.util.find_spec("jax"):
        systems.append("jax")
    else:
        notes.append("jax: jax is not installed")
    rows: list[tuple[str, ...]] = []
    for name in STEPS:
        steps: dict[str, list[float]] = {system: [] for system in systems}

        def sample(system: str, name: str = name, steps: Any = steps) -> float:
            with tempfile.TemporaryDirectory() as empty:
                code = PROCESS.format(system=system, name=name)
                first, later = fresh_process(code, PENSTOCK_CACHE=empty)
            steps[system].append(later)
            return float(first)

        firsts = interleaved({s: partial(sample, s) for s in systems}, ROUNDS)
        for system in systems:
            later = median(steps[system])
            rows.append(
                (
                    f"{name}, {system}",
                    f"{1e3 * firsts[system]:.0f}",
                    f"{firsts[system] / firsts['penstock']:.2f}",
                    f"{1e3 * later:.1f}",
                    f"{later / median(steps['penstock']):.2f}",
                )
            )
    return Table(
        f"training: a step of training, medians of {ROUNDS} processes",
        ("", "first ms", "of penstock", "then ms", "of penstock"),
        rows,
        notes,
    )
