"""What one call costs: x + 1 on ten float32 elements, against NumPy's own call.

And what it costs Penstock where arguments or results are other than one array.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import penstock as ps
from benchmarks.functions import add_one
from benchmarks.measure import (
    Table,
    fresh_process,
    interleaved,
    seconds_per_call,
    verdict,
)
from benchmarks.peers import NAMES, NotInstalledError, Prepared, load

BAR = 0.6
# For calls that are not the plain one, which return up to four arrays.
FORM_BAR = 1.0
ROUNDS = 31
BATCH = 2000


class Form(NamedTuple):
    """A way to call: the function, its arguments, and what is around the calls."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    around: Callable[[], AbstractContextManager[None]] = nullcontext


def step(parameters: dict[str, Any], gradients: dict[str, Any]) -> dict[str, Any]:
    """Take a step of gradient descent: four arrays in, four out."""
    return {name: parameters[name] - gradients[name] for name in parameters}


def forms(x: np.ndarray) -> dict[str, Form]:
    """Give the ways to call by name, for one array."""
    four = dict.fromkeys(("w", "b", "u", "c"), x)
    return {
        "((x, x), {'a': x})": Form(
            lambda p, q: p[0] + p[1] + q["a"], ((x, x), {"a": x})
        ),
        "dict of four": Form(lambda p: p["w"] + p["b"] + p["u"] + p["c"], (four,)),
        "NumPy scalar": Form(lambda a, s: a * s, (x, np.float32(2))),
        "config(threads=1)": Form(add_one, (x,), partial(ps.config, threads=1)),
        "returns (a, b)": Form(lambda a: (a + 1, a + 2), (x,)),
        "returns {'a': a}": Form(lambda a: {"a": a + 1}, (x,)),
        "returns its argument": Form(lambda a: {"a": a}, (x,)),
        "dict to dict": Form(step, (four, four)),
    }


def _sample(form: Form, compiled: Callable[..., Any]) -> float:
    with form.around():
        return seconds_per_call(compiled, form.arguments, BATCH)


def measure_forms_here() -> None:
    """Print the medians of np.add and of all ways to call, as JSON."""
    x = np.linspace(0, 1, 10, dtype=np.float32)
    samples = {"np.add": partial(seconds_per_call, np.add, (x, 1), BATCH)}
    for name, form in forms(x).items():
        compiled = ps.compile(form.function)
        expected, actual = (f(*form.arguments) for f in (form.function, compiled))
        np.testing.assert_equal(actual, expected)
        samples[name] = partial(_sample, form, compiled)
    print(json.dumps(interleaved(samples, ROUNDS)))


def measure_here(name: str) -> None:
    """Print the medians of np.add and of one system, or why there is none, as JSON."""
    x = np.linspace(0, 1, 10, dtype=np.float32)
    try:
        prepared = load(name).prepare(add_one, (x,))
    except NotInstalledError as error:
        print(json.dumps({"missing": str(error)}))
        return
    np.testing.assert_array_equal(np.asarray(prepared.run()), x + 1)
    both = {"np.add": Prepared(np.add, (x, 1)), name: prepared}
    medians = interleaved(
        {
            key: partial(seconds_per_call, one.call, one.arguments, BATCH)
            for key, one in both.items()
        },
        ROUNDS,
    )
    print(json.dumps(medians))


def run() -> Table:
    """Time each system beside np.add in a process of its own.

    So no system is slowed by the threads that another has left spinning.
    """
    rows: list[tuple[str, ...]] = []
    notes = []
    for name in NAMES:
        medians = fresh_process(
            f"from benchmarks.workloads import calls; calls.measure_here({name!r})"
        )
        if "missing" in medians:
            notes.append(f"{name}: {medians['missing']}")
            continue
        ratio = medians[name] / medians["np.add"]
        judged = (f"{BAR:.1f}", verdict(ratio, BAR)) if name == "penstock" else ("", "")
        times = (f"{1e9 * medians[key]:.0f}" for key in (name, "np.add"))
        rows.append((name, *times, f"{ratio:.2f}", *judged))
        if name == "penstock":
            rows += _form_rows()
    return Table(
        f"calls: x + 1 on 10 float32, medians of {ROUNDS} interleaved batches",
        ("", "ns", "np.add ns", "ratio", "bar", "within"),
        rows,
        notes,
    )


def _form_rows() -> list[tuple[str, ...]]:
    medians = fresh_process(
        "from benchmarks.workloads import calls; calls.measure_forms_here()"
    )
    add = medians.pop("np.add")
    return [
        (
            f"  {name}",
            f"{1e9 * median:.0f}",
            f"{1e9 * add:.0f}",
            f"{median / add:.2f}",
            f"{FORM_BAR:.1f}",
            verdict(median / add, FORM_BAR),
        )
        for name, median in medians.items()
    ]
