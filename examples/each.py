"""The gradient of each example of a batch: vmap(grad(...)).

Which patients pull a fitted model hardest, and a fit that limits how hard one may pull
(Abadi et al., Deep Learning with Differential Privacy, arXiv:1607.00133, without the
noise). With --quick, in a few steps.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from tqdm import tqdm

import penstock as ps
from penstock import nn

Parameters = dict[str, Any]


def loss(parameters: Parameters, x: np.ndarray, y: Any) -> Any:
    """The error for one patient: ten figures and how the disease went on."""
    hidden = np.tanh(nn.dense(parameters["first"], x))
    return (nn.dense(parameters["second"], hidden)[0] - y) ** 2


@ps.compile
def pulls(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Any:
    """Return the gradients of all patients, and the norm of each."""
    gradients = ps.vmap(ps.grad(loss), in_axes=(None, 0, 0))(parameters, x, y)
    squares = [
        (leaf.reshape(x.shape[0], -1) ** 2).sum(axis=1)
        for leaf in ps.tree_leaves(gradients)
    ]
    return gradients, np.sqrt(sum(squares))


@ps.compile
def step(
    parameters: Parameters, x: np.ndarray, y: np.ndarray, limit: float, rate: float
) -> Any:
    """Go against the mean of gradients, each cut to a norm of at most ``limit``."""
    gradients, norms = pulls(parameters, x, y)
    scale = limit / np.maximum(norms, limit)

    def better(p: np.ndarray, g: np.ndarray) -> Any:
        weights = scale.reshape(-1, *[1] * (g.ndim - 1))
        return p - rate * (g * weights).mean(axis=0)

    return ps.tree_map(better, parameters, gradients)


def main() -> None:
    """Fit with and without a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    steps = 20 if parser.parse_args().quick else 1000

    x, y = load_diabetes(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = (y - y.mean()) / y.std()
    # One clerk's slip: a figure with its point in the wrong place.
    y[17] = 60.0

    first, second = ps.random.split(ps.random.key(0))
    start = {
        "first": nn.init_dense(first, 10, 16, np.float64),
        "second": nn.init_dense(second, 16, 1, np.float64),
    }
    every = np.delete(np.arange(len(y)), 17)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, limit in (("no limit", 1e9), ("limit 1", 1.0)):
        parameters = start
        for _ in tqdm(range(steps), desc=name):
            parameters = step(parameters, x, y, limit, 0.1)
        _, norms = pulls(parameters, x, y)
        errors = ps.vmap(loss, in_axes=(None, 0, 0))(parameters, x, y)
        print(
            f"{name:<9} mean error of the others {errors[every].mean():.3f}; "
            f"patient {int(norms.argmax())} pulls hardest"
        )
        axes.semilogy(np.sort(norms)[::-1], label=name)
    axes.set(xlabel="patients, by how hard they pull", ylabel="norm of the gradient")
    axes.legend()
    path = Path(__file__).resolve().parent.parent / "build" / "each.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("plot in build/each.png")


if __name__ == "__main__":
    main()
