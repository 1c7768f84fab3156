"""A transformer that writes like the manual of Python, character by character.

With --quick, a small one, trained for a moment.
"""

import argparse
import time
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import penstock as ps
from penstock import nn, optim

Parameters = dict[str, Any]


def init_block(key: np.ndarray, size: int) -> Parameters:
    """Parameters of one layer."""
    first, second, third = ps.random.split(key, 3)
    return {
        "attention_norm": nn.init_layer_norm(size),
        "attention": nn.init_multi_head_attention(first, size),
        "dense_norm": nn.init_layer_norm(size),
        "widen": nn.init_dense(second, size, 4 * size),
        "narrow": nn.init_dense(third, 4 * size, size),
    }


def init_model(
    key: np.ndarray, characters: int, context: int, size: int, layers: int
) -> Parameters:
    """Parameters of the whole model."""
    own, places, out, *others = ps.random.split(key, 3 + layers)
    return {
        "characters": nn.init_embedding(own, characters, size),
        "places": nn.init_embedding(places, context, size),
        "blocks": [init_block(other, size) for other in others],
        "norm": nn.init_layer_norm(size),
        "scores": nn.init_dense(out, size, characters),
    }


def block(parameters: Parameters, x: np.ndarray, heads: int) -> np.ndarray:
    """One layer, with normalization before its parts: arXiv:2002.04745."""
    normal = nn.layer_norm(parameters["attention_norm"], x)
    x = x + nn.multi_head_attention(parameters["attention"], normal, heads, causal=True)
    normal = nn.layer_norm(parameters["dense_norm"], x)
    wide = nn.gelu(nn.dense(parameters["widen"], normal))
    return x + nn.dense(parameters["narrow"], wide)


def model(parameters: Parameters, text: np.ndarray, heads: int) -> np.ndarray:
    """Score what comes after each character: ints [n, m] -> float32 [n, m, all]."""
    x = nn.embedding(parameters["characters"], text)
    x = x + parameters["places"]["table"][: text.shape[1]]
    for layer in parameters["blocks"]:
        x = block(layer, x, heads)
    return nn.dense(parameters["scores"], nn.layer_norm(parameters["norm"], x))


def write(
    parameters: Parameters, heads: int, start: np.ndarray, count: int, key: np.ndarray
) -> np.ndarray:
    """Go on with a text, each character drawn by its probability."""

    @ps.compile
    def following(parameters: Parameters, text: np.ndarray, key: np.ndarray) -> Any:
        scores = model(parameters, text[None], heads)[0, -1]
        return ps.random.categorical(key, scores / 0.8)

    context = len(parameters["places"]["table"])
    text = start
    for own in ps.random.split(key, count):
        new = following(parameters, text[-context:], own)
        text = np.append(text, new)
    return text[len(start) :]


def main() -> None:
    """Train the model, plot its loss, and let it write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    context, size, layers, heads, batch, steps = (
        (16, 16, 2, 2, 4, 20) if quick else (64, 128, 4, 4, 16, 1000)
    )

    book = "".join(topics.values())
    alphabet = np.array(sorted(set(book)))
    text = np.searchsorted(alphabet, np.array(list(book)))
    # The last tenth is not trained on.
    border = len(text) * 9 // 10
    parameters = init_model(ps.random.key(0), len(alphabet), context, size, layers)
    rate = optim.warmup(steps // 20, optim.cosine_decay(2e-3, steps))
    optimizer = optim.adamw(rate, decay=0.1)
    state = optimizer.init(parameters)

    def loss(parameters: Parameters, rows: np.ndarray) -> Any:
        return nn.cross_entropy(model(parameters, rows[:, :-1], heads), rows[:, 1:])

    @ps.compile
    def step(
        parameters: Parameters, state: Any, rows: np.ndarray
    ) -> tuple[Any, Parameters, Any]:
        value, gradients = ps.value_and_grad(loss)(parameters, rows)
        gradients = optim.clip_by_norm(gradients, 1.0)
        return value, *optimizer.update(parameters, gradients, state)

    def rows_of(key: np.ndarray, first: int, last: int) -> np.ndarray:
        starts = ps.random.integers(key, (batch,), first, last - context)
        return text[starts[:, None] + np.arange(context + 1)]

    count = sum(leaf.size for leaf in ps.tree_leaves(parameters))
    print(f"{len(text)} characters, {len(alphabet)} different; {count} parameters")
    losses = []
    start = time.perf_counter()
    progress = tqdm(ps.random.split(ps.random.key(1), steps))
    for key in progress:
        value, parameters, state = step(parameters, state, rows_of(key, 0, border))
        losses.append(float(value))
        progress.set_postfix(loss=f"{value:.3f}")
    seconds = time.perf_counter() - start

    judge = ps.compile(loss)
    keys = ps.random.split(ps.random.key(2), 4 if quick else 50)
    unseen = np.mean([judge(parameters, rows_of(k, border, len(text))) for k in keys])
    print(f"{steps} steps in {seconds:.1f} s")
    print(f"loss {losses[0]:.3f} at first, {np.mean(losses[-20:]):.3f} in the end,")
    print(f"     {unseen:.3f} on text not trained on")

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(losses)
    axes.set(xlabel="step", ylabel="loss")
    path = Path(__file__).resolve().parent.parent / "build" / "characters.png"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    print("curve in build/characters.png; what it writes:\n")
    written = write(
        parameters, heads, text[:context], 40 if quick else 400, ps.random.key(4)
    )
    print("".join(alphabet[written]))


if __name__ == "__main__":
    main()
