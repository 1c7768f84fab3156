"""Find the mass of a star and the start of a planet from where the planet was seen.

The orbit is integrated by a loop of unknown length, and fitted by gradients through it.
With --quick, in a few steps.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import penstock as ps
from penstock import optim

STEP = 0.01

Parameters = dict[str, Any]


def acceleration(place: np.ndarray, mass: Any) -> Any:
    """Pull of a star at the origin, in its units."""
    return -mass * place / np.sum(place * place) ** 1.5


def orbit(parameters: Parameters, end: Any, seen: np.ndarray) -> Any:
    """The sum of squared distances from where the planet was seen, step by step.

    Leapfrog: Hairer et al., Geometric Numerical Integration, I.1.4.

    Args:
        parameters: the ``mass`` of the star; ``place`` and ``speed`` at the start.
        end: the time to stop at, known when the program runs.
        seen: float [steps, 2]; nan where nobody looked.
    """

    def moving(state: Any) -> Any:
        return state[0] < end - STEP / 2

    def turn(state: Any) -> Any:
        now, count, place, speed, error = state
        half = speed + 0.5 * STEP * acceleration(place, parameters["mass"])
        place = place + STEP * half
        speed = half + 0.5 * STEP * acceleration(place, parameters["mass"])
        away = place - seen[count]
        away = np.where(np.isnan(away), 0.0, away)
        return now + STEP, count + 1, place, speed, error + np.sum(away * away)

    start = (0.0, 0, parameters["place"], parameters["speed"], 0.0)
    return ps.while_loop(moving, turn, start)[-1]


def path_of(parameters: Parameters, steps: int) -> np.ndarray:
    """All places of the planet, float [steps, 2]."""

    def turn(state: Any, _: None) -> Any:
        place, speed = state
        half = speed + 0.5 * STEP * acceleration(place, parameters["mass"])
        place = place + STEP * half
        speed = half + 0.5 * STEP * acceleration(place, parameters["mass"])
        return (place, speed), place

    start = (parameters["place"], parameters["speed"])
    places: np.ndarray = ps.scan(turn, start, length=steps)[1]
    return places


def main() -> None:
    """Fit an orbit of 1000 steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 5 if parser.parse_args().quick else 400
    steps = 1000

    truth = {
        "mass": np.float64(1.0),
        "place": np.array([1.0, 0.0]),
        "speed": np.array([0.1, 1.15]),
    }
    rng = np.random.default_rng(0)
    seen = path_of(truth, steps) + rng.normal(0, 0.01, (steps, 2))
    seen[np.arange(steps) % 25 != 0] = np.nan

    parameters = {
        "mass": np.float64(0.9),
        "place": np.array([1.1, 0.1]),
        "speed": np.array([0.0, 1.1]),
    }
    guess = path_of(parameters, steps)
    optimizer = optim.adam(optim.cosine_decay(0.02, rounds))
    state = optimizer.init(parameters)

    @ps.compile
    def improve(parameters: Parameters, state: Any, seen: np.ndarray) -> Any:
        error, gradients = ps.value_and_grad(orbit)(parameters, steps * STEP, seen)
        return error, *optimizer.update(parameters, gradients, state)

    errors = []
    for _ in tqdm(range(rounds)):
        error, parameters, state = improve(parameters, state, seen)
        errors.append(float(error))
    print(f"sum of squared distances {errors[0]:.4g} at first, {errors[-1]:.4g} now")
    for name, value in parameters.items():
        print(f"{name:<6} {np.asarray(value).round(4)}, in truth {truth[name]}")

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*guess.T, ":", label="first guess")
    left.plot(*path_of(parameters, steps).T, label="fitted")
    left.plot(*seen.T, ".", label="seen")
    left.plot(0, 0, "k*")
    left.set(aspect="equal")
    left.legend()
    right.semilogy(errors)
    right.set(xlabel="round", ylabel="sum of squared distances")
    path = Path(__file__).resolve().parent.parent / "build" / "orbit.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("plot in build/orbit.png")


if __name__ == "__main__":
    main()
