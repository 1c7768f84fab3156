"""Fit a curve to measured data with SciPy's minimizers, given exact derivatives.

How wine's colour depends on what is in it: a logistic regression with a penalty, by
gradients (L-BFGS) and by second derivatives (trust region).
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from matplotlib.figure import Figure
from sklearn.datasets import load_wine
from tqdm import tqdm

import penstock as ps
from penstock import nn


def misfit(weights: np.ndarray, x: np.ndarray, target: np.ndarray) -> Any:
    """How badly weights, the first of them alone, tell a grape; with a penalty."""
    scores = x @ weights[1:] + weights[0]
    penalty = 0.01 * (weights[1:] ** 2).sum()
    return nn.binary_cross_entropy(scores, target) + penalty


def main() -> None:
    """Tell one grape from the other two, and compare the ways to do so."""
    wine = load_wine()
    x = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
    target = (wine.target == 0).astype(np.float64)

    def loss(weights: np.ndarray) -> Any:
        return misfit(weights, x, target)

    slope = ps.value_and_grad(loss)
    curvature = ps.hessian(loss)
    start = np.zeros(1 + x.shape[1])

    ways: dict[str, Any] = {
        "differences": {"fun": ps.compile(loss), "method": "BFGS"},
        "gradient": {"fun": slope, "jac": True, "method": "L-BFGS-B"},
        "Hessian": {
            "fun": slope,
            "jac": True,
            "hess": curvature,
            "method": "trust-exact",
        },
    }
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, way in tqdm(ways.items()):
        scipy.optimize.minimize(x0=start, **way)  # compiled by now
        trail: list[float] = []
        begin = time.perf_counter()
        found = scipy.optimize.minimize(
            x0=start,
            callback=lambda at, trail=trail: trail.append(float(loss(at))),
            **way,
        )
        milliseconds = 1e3 * (time.perf_counter() - begin)
        print(
            f"{name:<12} {found.fun:.8f} after {found.nit} steps and {found.nfev} "
            f"calls, slope {np.abs(slope(found.x)[1]).max():.1e}, "
            f"{milliseconds:.1f} ms without compiling"
        )
        axes.semilogy(np.maximum(np.array(trail) - trail[-1], 1e-16), label=name)
    axes.set(xlabel="step", ylabel="above the minimum")
    axes.legend()
    path = Path(__file__).resolve().parent.parent / "build" / "minimize.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("curves in build/minimize.png")


if __name__ == "__main__":
    main()
