"""A thousand random sizes for each program and example: variants, and right answers."""

import importlib
import pkgutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import penstock as ps
from benchmarks import programs
from benchmarks.measure import Table, verdict
from examples import (
    characters,
    digits,
    each,
    heartbeat,
    heat,
    minimize,
    nearest,
    orbit,
    palette,
    photo,
    stereo,
    textures,
)
from penstock import nn

SIZES = 1000
LARGEST = 5000
BAR = 3
# Of the largest magnitude in a result; sums in another order differ by so much.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

Arguments = Callable[[int, np.random.Generator], tuple[Any, ...]]


@dataclass
class Subject:
    """A compiled function, and how to make arguments of one size for it."""

    name: str
    compiled: Any
    arguments: Arguments


def pixels(*shape: int) -> Arguments:
    """Make random uint8 of a shape whose first size varies."""
    return lambda n, rng: (rng.integers(0, 256, (n, *shape)).astype(np.uint8),)


def second(rng: np.random.Generator) -> int:
    """A size of another axis, which varies beside the first."""
    return int(rng.integers(2, 40))


def subjects() -> list[Subject]:
    """Return the compiled programs, and the compiled functions of the examples."""
    camera = stereo.Camera(994.978, 0.193, 31.1, (10.0, 0.0))
    classifier = textures.Classifier(6, 3)
    key = ps.random.key(0)
    speaker = characters.init_model(key, 9, 99, 8, 1)
    seer = digits.init_perceptron(key)
    patient = {
        "first": nn.init_dense(key, 10, 16, np.float64),
        "second": nn.init_dense(key, 16, 1, np.float64),
    }
    listener = {
        "cell": nn.init_lstm_cell(key, 1, heartbeat.SIZE),
        "change": nn.init_dense(key, heartbeat.SIZE, 1),
    }
    found = [
        Subject(
            "photo",
            ps.compile(photo.develop),
            lambda n, rng: (*pixels(20, 3)(n + 4, rng), 0.12, 0.4),
        ),
        Subject(
            "nearest",
            nearest.nearest,
            lambda n, rng: (
                rng.uniform(-80, 80, (n, 2)),
                rng.uniform(-80, 80, (second(rng), 2)),
            ),
        ),
        Subject(
            "heat", heat.step, lambda n, rng: (rng.uniform(0, 99, (n, second(rng))),)
        ),
        Subject(
            "palette",
            palette.improve,
            lambda n, rng: (
                rng.random((n, 3), np.float32),
                rng.random((second(rng), 3), np.float32),
            ),
        ),
        Subject("textures", textures.describe, pixels(8, 8)),
        Subject(
            "textures, method",
            textures.Classifier.probabilities,
            lambda n, rng: (classifier, rng.random((n, 6), np.float32)),
        ),
        Subject(
            "stereo",
            stereo.locate,
            lambda n, rng: (
                camera,
                rng.uniform(5, 50, (n, second(rng))).astype(np.float32),
            ),
        ),
        Subject(
            "characters",
            ps.compile(characters.model),
            lambda n, rng: (speaker, rng.integers(0, 9, (n % 50, second(rng))), 2),
        ),
        Subject(
            "digits",
            ps.compile(digits.perceptron),
            lambda n, rng: (seer, rng.random((n % 999, 8, 8), np.float32)),
        ),
        Subject(
            "heartbeat",
            ps.compile(heartbeat.foretell),
            lambda n, rng: (listener, rng.normal(size=n % 999).astype(np.float32)),
        ),
        Subject(
            "each",
            each.step,
            lambda n, rng: (
                patient,
                rng.normal(size=(n % 999, 10)),
                rng.normal(size=n % 999),
                1.0,
                0.1,
            ),
        ),
        Subject(
            "minimize",
            ps.compile(minimize.misfit),
            lambda n, rng: (
                rng.normal(size=1 + (figures := second(rng))),
                rng.normal(size=(n, figures)),
                rng.integers(0, 2, n).astype(np.float64),
            ),
        ),
        Subject(
            "orbit",
            ps.compile(orbit.path_of),
            lambda n, rng: (
                {"place": rng.random(2), "speed": rng.random(2), "mass": 1.0},
                n,
            ),
        ),
    ]
    for module in pkgutil.iter_modules(programs.__path__):
        program = importlib.import_module(f"benchmarks.programs.{module.name}")
        compiled = ps.compile(program.function)
        found.append(Subject(f"programs/{module.name}", compiled, program.arguments))
    return found


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call, and return the result or the exception that NumPy's rules ask for."""
    try:
        return function(*arguments)
    except (ValueError, IndexError) as error:
        return error


def same(result: Any, expected: Any) -> bool:
    """Compare results: integers to the bit, floats within the tolerance."""
    if isinstance(expected, Exception):
        return isinstance(result, type(expected))
    if isinstance(result, Exception):
        return False
    if isinstance(expected, tuple):
        return len(result) == len(expected) and all(map(same, result, expected))
    if isinstance(expected, dict):
        return result.keys() == expected.keys() and all(
            same(result[name], part) for name, part in expected.items()
        )
    result, expected = np.asarray(result), np.asarray(expected)
    if result.dtype != expected.dtype or result.shape != expected.shape:
        return False
    tolerance = TOLERANCE.get(expected.dtype.name)
    if tolerance is None:
        return bool(np.array_equal(result, expected))
    finite = np.abs(expected[np.isfinite(expected)])
    allowed = tolerance * finite.max(initial=0.0)
    return bool(np.allclose(result, expected, rtol=0, atol=allowed, equal_nan=True))


def try_sizes(subject: Subject) -> int:
    """Call at every size, and return how often the result was not NumPy's."""
    rng = np.random.default_rng(0)
    sizes = [0, 1, 2, *rng.integers(0, LARGEST + 1, SIZES - 3)]
    plain = subject.compiled.__wrapped__
    wrong = 0
    for n in sizes:
        arguments = subject.arguments(int(n), rng)
        result = outcome(subject.compiled, arguments)
        wrong += not same(result, outcome(plain, arguments))
    return wrong


def run() -> Table:
    """Try every subject, and explain the variants of those that have several."""
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for subject in subjects():
        with warnings.catch_warnings():
            # NumPy warns about the mean of nothing; the compiled function does not.
            warnings.simplefilter("ignore", RuntimeWarning)
            wrong = try_sizes(subject)
        statistics = subject.compiled.stats()
        variants = statistics.variants + statistics.evictions
        within = "NO" if wrong else verdict(variants, BAR)
        milliseconds = 1e3 * statistics.compile_seconds
        rows.append(
            (
                subject.name,
                f"{variants}",
                f"{wrong}",
                f"{milliseconds:.0f}",
                f"{BAR}",
                within,
            )
        )
        for variant in subject.compiled.explain().variants if variants > 1 else ():
            guards = ", ".join(variant.guards)
            notes.append(f"{subject.name}, variant {variant.number}: {variant.reason}")
            notes.append(f"  {variant.calls} calls where {guards}")
    return Table(
        f"sizes: {SIZES} sizes from 0 to {LARGEST}, each compared with NumPy",
        ("", "variants", "wrong", "compile ms", "bar", "within"),
        rows,
        notes,
    )
