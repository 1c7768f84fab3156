"""Foretell an electrocardiogram with an LSTM, run along it by scan.

With --quick, trained for a moment.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pywt.data
from matplotlib.figure import Figure
from tqdm import tqdm

import penstock as ps
from penstock import nn, optim

SIZE = 24
PIECE = 128

Parameters = dict[str, Any]


def foretell(parameters: Parameters, series: np.ndarray) -> Any:
    """What comes after each number of a series: float32 [n] -> float32 [n]."""

    def cell(state: Any, x: np.ndarray) -> Any:
        return nn.lstm_cell(parameters["cell"], state, x)

    start = (np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32))
    _, outputs = ps.scan(cell, start, series[:, None])
    # The next is the present one and a change.
    return series + nn.dense(parameters["change"], outputs)[:, 0]


def loss(parameters: Parameters, pieces: np.ndarray) -> Any:
    """The mean squared error over pieces of the series, float32 [pieces, n]."""
    found = ps.vmap(foretell, in_axes=(None, 0))(parameters, pieces[:, :-1])
    # The first beats only make the cell's memory.
    return nn.mean_squared_error(found[:, 16:], pieces[:, 17:])


def main() -> None:
    """Train on the first three quarters, and test on the last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    steps = 5 if parser.parse_args().quick else 600

    series = pywt.data.ecg().astype(np.float32)
    series = (series - series.mean()) / series.std()
    border = len(series) * 3 // 4
    training, testing = series[:border], series[border - 16 :]

    first, second = ps.random.split(ps.random.key(0))
    parameters = {
        "cell": nn.init_lstm_cell(first, 1, SIZE),
        "change": nn.init_dense(second, SIZE, 1),
    }
    optimizer = optim.adam(optim.cosine_decay(5e-3, steps))
    state = optimizer.init(parameters)

    @ps.compile
    def step(parameters: Parameters, state: Any, pieces: np.ndarray) -> Any:
        value, gradients = ps.value_and_grad(loss)(parameters, pieces)
        gradients = optim.clip_by_norm(gradients, 1.0)
        return value, *optimizer.update(parameters, gradients, state)

    losses = []
    for key in tqdm(ps.random.split(ps.random.key(1), steps)):
        starts = ps.random.integers(key, (16,), 0, border - PIECE)
        pieces = training[starts[:, None] + np.arange(PIECE)]
        value, parameters, state = step(parameters, state, pieces)
        losses.append(float(value))

    found = ps.compile(foretell)(parameters, testing[:-1])[16:]
    truth, before = testing[17:], testing[16:-1]
    print(f"loss {losses[0]:.4f} at first, {losses[-1]:.4f} in the end")
    print(f"error on the last quarter      {((found - truth) ** 2).mean():.4f}")
    print(f"of saying that nothing changes {((before - truth) ** 2).mean():.4f}")

    figure = Figure(figsize=(9, 4), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    top.plot(truth, label="measured")
    top.plot(found, label="foretold, one step ahead")
    top.legend()
    bottom.semilogy(losses)
    bottom.set(xlabel="step", ylabel="loss")
    path = Path(__file__).resolve().parent.parent / "build" / "heartbeat.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("plot in build/heartbeat.png")


if __name__ == "__main__":
    main()
