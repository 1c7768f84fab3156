"""Read handwritten digits: a multilayer perceptron and a convolutional network.

With --quick, only enough of it to see that it works.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from tqdm import tqdm

import penstock as ps
from penstock import nn, optim

BATCH = 50

Parameters = dict[str, Any]
Model = Callable[[Parameters, np.ndarray], np.ndarray]


def init_perceptron(key: np.ndarray) -> Parameters:
    """Parameters of two hidden layers."""
    first, second, third = ps.random.split(key, 3)
    return {
        "first": nn.init_dense(first, 64, 256),
        "second": nn.init_dense(second, 256, 256),
        "third": nn.init_dense(third, 256, 10),
    }


def perceptron(parameters: Parameters, images: np.ndarray) -> np.ndarray:
    """Score each class: float32 [n, 8, 8] -> float32 [n, 10]."""
    x = images.reshape(-1, 64)
    x = nn.relu(nn.dense(parameters["first"], x))
    x = nn.relu(nn.dense(parameters["second"], x))
    return nn.dense(parameters["third"], x)


def init_network(key: np.ndarray) -> Parameters:
    """Parameters of two convolutions and two dense layers."""
    first, second, third, fourth = ps.random.split(key, 4)
    return {
        "first": nn.init_conv(first, 1, 16, (3, 3)),
        "second": nn.init_conv(second, 16, 32, (3, 3)),
        "third": nn.init_dense(third, 32 * 4 * 4, 64),
        "fourth": nn.init_dense(fourth, 64, 10),
    }


def network(parameters: Parameters, images: np.ndarray) -> np.ndarray:
    """Score each class: float32 [n, 8, 8] -> float32 [n, 10]."""
    x = nn.relu(nn.conv(parameters["first"], images[:, None]))
    x = nn.max_pool(x, (2, 2))
    x = nn.relu(nn.conv(parameters["second"], x))
    x = nn.relu(nn.dense(parameters["third"], x.reshape(x.shape[0], -1)))
    return nn.dense(parameters["fourth"], x)


def shifted(key: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Move each image by at most one pixel along each axis."""
    n, height, width = images.shape
    moves = ps.random.integers(key, (2, n), 0, 3)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows = np.arange(height)[:, None] + moves[0][:, None, None]
    columns = np.arange(width) + moves[1][:, None, None]
    return padded[np.arange(n)[:, None, None], rows, columns]


def train(
    model: Model, parameters: Parameters, data: Any, epochs: int, name: str
) -> tuple[Parameters, list[float], list[float]]:
    """Train a model.

    Returns:
        The parameters; after each epoch the mean loss, and the share of images not
        trained on that are read right.
    """
    images, labels, unseen, truth = data
    steps = epochs * (len(images) // BATCH)
    optimizer = optim.adamw(optim.cosine_decay(3e-3, steps), decay=0.05)
    state = optimizer.init(parameters)

    def loss(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Any:
        return nn.cross_entropy(model(parameters, x), y)

    @ps.compile
    def step(
        parameters: Parameters,
        state: Any,
        key: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
    ) -> tuple[Any, Parameters, Any]:
        value, gradients = ps.value_and_grad(loss)(parameters, shifted(key, x), y)
        return value, *optimizer.update(parameters, gradients, state)

    @ps.compile
    def share_right(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> Any:
        return (model(parameters, x).argmax(axis=1) == y).mean()

    losses, shares = [], []
    key = ps.random.key(7)
    for _ in tqdm(range(epochs), desc=name):
        key, own = ps.random.split(key)
        order = ps.random.permutation(own, len(images))
        total = []
        for start in range(0, len(images) - BATCH + 1, BATCH):
            key, own = ps.random.split(key)
            batch = order[start : start + BATCH]
            value, parameters, state = step(
                parameters, state, own, images[batch], labels[batch]
            )
            total.append(value)
        losses.append(float(np.mean(total)))
        shares.append(float(share_right(parameters, unseen, truth)))
    return parameters, losses, shares


def main() -> None:
    """Train both on two thirds of the images, and test them on the last third."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick

    digits = load_digits()
    order = ps.random.permutation(ps.random.key(1), len(digits.images))
    images = (digits.images[order] / 16).astype(np.float32)
    labels = digits.target[order]
    border = len(images) * 2 // 3
    data = (images[:border], labels[:border], images[border:], labels[border:])

    models: list[tuple[str, Any, Model, int]] = [
        ("perceptron", init_perceptron, perceptron, 1 if quick else 150),
        ("network", init_network, network, 1 if quick else 60),
    ]
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    print(f"{border} images to train on, {len(images) - border} to test on")
    for name, init, model, epochs in models:
        start = time.perf_counter()
        key = ps.random.key(3)
        _, losses, shares = train(model, init(key), data, epochs, name)
        seconds = time.perf_counter() - start
        print(f"{name:<11} {shares[-1]:.1%} read right, in {seconds:.1f} s")
        left.semilogy(losses, label=name)
        right.plot(shares, label=name)
    left.set(title="loss", xlabel="epoch")
    right.set(title="share read right", xlabel="epoch", ylim=(0.9, 1))
    right.legend()
    path = Path(__file__).resolve().parent.parent / "build" / "digits.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("curves in build/digits.png")


if __name__ == "__main__":
    main()
