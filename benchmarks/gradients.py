"""The functions whose gradients are measured, each with arguments of some scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import penstock as ps

Array = np.ndarray[Any, Any]
Arguments = tuple[Array, ...]


@dataclass(frozen=True)
class Subject:
    """A function with one number as its result.

    Attributes:
        name: of the function.
        function: plain NumPy code.
        arguments: arguments for a scale, 1 for tests; 16 fills the cache.
        wrt: the positions of the arguments to differentiate by.
    """

    name: str
    function: Callable[..., Any]
    arguments: Callable[[int], Arguments]
    wrt: tuple[int, ...]


SUBJECTS: list[Subject] = []


def random(*shape: int, least: float | None = None, seed: int = 0) -> Array:
    """Normal float32 numbers; their magnitudes above ``least`` if it is given."""
    x = np.random.default_rng(seed + sum(shape)).standard_normal(shape)
    return (x if least is None else np.abs(x) + least).astype(np.float32)


def matrix(scale: int) -> Arguments:
    """One matrix."""
    return (random(32 * scale, 64 * scale),)


def positive(scale: int) -> Arguments:
    """One matrix of positive numbers."""
    return (random(32 * scale, 64 * scale, least=0.1),)


def two(scale: int) -> Arguments:
    """Two matrices of one shape."""
    return random(32 * scale, 64 * scale), random(32 * scale, 64 * scale, seed=1)


def two_positive(scale: int) -> Arguments:
    """Two matrices of positive numbers."""
    x, y = two(scale)
    return np.abs(x) + np.float32(0.1), np.abs(y) + np.float32(0.1)


def subject(
    arguments: Callable[[int], Arguments], *wrt: int
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to the subjects."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        SUBJECTS.append(Subject(function.__name__, function, arguments, wrt or (0,)))
        return function

    return add


@subject(matrix)
def chain(x: Array) -> Any:
    """Sine, exponential, products and sums."""
    return (np.sin(x) * np.exp(-x * x) + 0.5 * x).sum()


@subject(matrix)
def tanh(x: Array) -> Any:
    """One elementary function."""
    return np.tanh(x).sum()


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


@subject(matrix)
def gelu(x: Array) -> Any:
    """The tanh form of Hendrycks and Gimpel (2016)."""
    return _gelu(x).sum()


@subject(two, 0, 1)
def products(x: Array, y: Array) -> Any:
    """Products of products, the cheapest that a derivative can be dear for."""
    z = x * y
    return (z * z * x).sum()


@subject(positive)
def powers(x: Array) -> Any:
    """Whole powers, which are products."""
    return (x**3 + x**-2 - x**4).sum()


@subject(two_positive, 0, 1)
def power(x: Array, y: Array) -> Any:
    """A power of two arrays."""
    return (x**y).sum()


@subject(positive)
def sqrt(x: Array) -> Any:
    """Square roots."""
    return np.sqrt(x).sum()


@subject(two_positive, 0, 1)
def hypot(x: Array, y: Array) -> Any:
    """Lengths of pairs."""
    return np.hypot(x, y).sum()


@subject(two_positive, 0, 1)
def quotients(x: Array, y: Array) -> Any:
    """Quotients."""
    return (x / (1 + y) + y / (x + 2)).sum()


@subject(two, 0, 1)
def maximum(x: Array, y: Array) -> Any:
    """The larger of two."""
    return np.maximum(x, y).sum()


@subject(two)
def clip(x: Array, y: Array) -> Any:
    """Clipped, and weighed."""
    return (np.clip(x, -1, 1) * y).sum()


@subject(two)
def relu(x: Array, y: Array) -> Any:
    """Rectified, and weighed."""
    return (np.maximum(x, 0) * y).sum()


@subject(two)
def magnitude(x: Array, y: Array) -> Any:
    """Magnitudes, weighed."""
    return (np.abs(x) * y).sum()


@subject(two)
def where(x: Array, y: Array) -> Any:
    """One of two functions."""
    return np.where(y > 0, np.sin(x), x * x).sum()


@subject(two)
def softmax(x: Array, y: Array) -> Any:
    """Softmax of rows, weighed."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True) * y).sum()


@subject(
    lambda scale: (random(32 * scale, 64 * scale), *random(2, 64 * scale)), 0, 1, 2
)
def layernorm(x: Array, g: Array, b: Array) -> Any:
    """Layer normalization, by its parameters too."""
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return np.sin(centred / deviation * g + b).sum()


@subject(matrix)
def logsumexp(x: Array) -> Any:
    """The logarithm of sums of exponentials, of rows."""
    m = x.max(-1, keepdims=True)
    return (np.log(np.exp(x - m).sum(-1, keepdims=True)) + m).sum()


@subject(matrix)
def norm(x: Array) -> Any:
    """The lengths of rows."""
    return np.linalg.norm(x, axis=-1).sum()


@subject(matrix)
def largest(x: Array) -> Any:
    """The largest of each row."""
    return x.max(-1).sum()


@subject(matrix)
def variance(x: Array) -> Any:
    """The variance of each row."""
    return x.var(-1).sum()


@subject(two, 0, 1)
def cosine(x: Array, y: Array) -> Any:
    """Cosines of the angles between rows."""
    lengths = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return ((x * y).sum(-1) / lengths).sum()


@subject(matrix)
def cumsum(x: Array) -> Any:
    """Sums of the elements so far."""
    return np.sin(np.cumsum(x, -1)).sum()


@subject(lambda scale: (random(16 * scale, 64, least=0.5),))
def cumprod(x: Array) -> Any:
    """Products of the elements so far."""
    return np.cumprod(x, -1).sum()


@subject(lambda scale: (random(16 * scale, 64, least=0.5),))
def prod(x: Array) -> Any:
    """Products of rows."""
    return x.prod(-1).sum()


@subject(lambda scale: (random(4 * scale, 64 * scale),))
def sort(x: Array) -> Any:
    """Sorted rows, weighed by rank."""
    return (np.sort(x, -1) * np.arange(x.shape[1], dtype=np.float32)).sum()


def _rows(scale: int) -> Arguments:
    index = np.random.default_rng(0).integers(0, 60 * scale, 256 * scale)
    return random(60 * scale, 64), index


@subject(_rows)
def gather(x: Array, index: Array) -> Any:
    """Rows by index."""
    return np.sin(x[index]).sum()


@subject(lambda scale: (random(2000 * scale), random(16)), 1)
def broadcast(x: Array, w: Array) -> Any:
    """An outer product that is not kept."""
    return np.exp(0.01 * x[:, None] * w).sum()


@subject(lambda scale: (random(8 * scale, 16 * scale), random(16 * scale, 8)), 0, 1)
def matmul(x: Array, w: Array) -> Any:
    """A matrix product and its sine."""
    return np.sin(x @ w).sum()


@subject(lambda scale: (random(8, 4 * scale, 4 * scale), random(8, 4 * scale, 4)), 0, 1)
def einsum(x: Array, w: Array) -> Any:
    """A batch of matrix products."""
    return np.tanh(np.einsum("bij,bjk->bik", x, w)).sum()


def _layers(scale: int) -> Arguments:
    n, m = 4 * scale, 16 * scale
    weights = [random(m, m, seed=i) / np.float32(m**0.5) for i in range(2)]
    return (random(n, m), weights[0], random(m), weights[1], random(m), random(m, 10))


@subject(_layers, 1, 2, 3, 4, 5)
def perceptron(x: Array, w1: Array, b1: Array, w2: Array, b2: Array, w3: Array) -> Any:
    """Two hidden layers and the loss of a classifier."""
    h = np.maximum(np.tanh(x @ w1 + b1) @ w2 + b2, 0) @ w3
    m = h.max(-1, keepdims=True)
    return (np.log(np.exp(h - m).sum(-1, keepdims=True)) + m - h).mean()


@subject(lambda scale: _layers(scale)[:2] + _layers(scale)[3:4], 1, 2)
def gelu_layers(x: Array, w1: Array, w2: Array) -> Any:
    """Two layers of gelu."""
    return (_gelu(_gelu(x @ w1) @ w2) ** 2).mean()


def _images(scale: int) -> Arguments:
    return random(2, 1, 7 * scale, 7 * scale), random(4, 1, 3, 3), random(4, 4, 3, 3)


@subject(_images, 1, 2)
def convolutions(x: Array, k1: Array, k2: Array) -> Any:
    """Two convolutions written as sums over their windows."""

    def convolve(x: Array, k: Array) -> Array:
        n, m = x.shape[2] - 2, x.shape[3] - 2
        total = np.zeros((x.shape[0], k.shape[0], n, m), np.float32)
        for i in range(3):
            for j in range(3):
                part = x[:, :, i : i + n, j : j + m]
                total = total + np.einsum("bchw,oc->bohw", part, k[:, :, i, j])
        return total

    return np.maximum(convolve(np.maximum(convolve(x, k1), 0), k2), 0).mean()


def _sequence(scale: int) -> Arguments:
    return random(8 * scale, 16), random(16, 48) / 4, random(16, 16) / 4


@subject(_sequence, 0, 1, 2)
def attention(x: Array, w: Array, out: Array) -> Any:
    """A block of attention with a normalized residual."""
    qkv, n = x @ w, x.shape[0]
    q, k, v = (
        qkv[:, 16 * i : 16 * i + 16].reshape(n, 4, 4).transpose(1, 0, 2)
        for i in range(3)
    )
    scores = q @ k.transpose(0, 2, 1) / 2
    e = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (e / e.sum(-1, keepdims=True)) @ v
    y = mixed.transpose(1, 0, 2).reshape(n, 16) @ out + x
    centred = y - y.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return (y * y * y).sum()


@subject(lambda scale: (random(16, 16) / 4, random(20 * scale, 16)), 0, 1)
def recurrent(w: Array, xs: Array) -> Any:
    """A recurrent network, by scan."""

    def step(h: Array, x: Array) -> tuple[Array, Array]:
        h = np.tanh(w @ h + x)
        return h, h.sum()

    _, sums = ps.scan(step, np.zeros(16, np.float32), xs)
    return sums.sum()


@subject(lambda scale: (random(64 * scale),))
def pendulum(x: Array) -> Any:
    """Steps of an integrator, by fori_loop."""

    def step(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        angle, speed = state
        speed = speed - 0.01 * np.sin(angle) - 0.001 * speed
        return angle + 0.01 * speed, speed

    angle, speed = ps.fori_loop(0, 50, step, (x, x * 0))
    return (angle * angle + speed * speed).sum()


@subject(
    lambda scale: (random(16, 16) / 4, random(20 * scale, 16), random(16)), 0, 1, 2
)
def recurrent_by_index(w: Array, xs: Array, h: Array) -> Any:
    """The same network, by fori_loop, which reads a row in each turn."""
    return ps.fori_loop(0, xs.shape[0], lambda i, h: np.tanh(w @ h + xs[i]), h).sum()


@subject(lambda scale: (random(256 * scale),))
def smooth(x: Array) -> Any:
    """A recursive filter that writes one element in each turn."""

    def turn(i: int, y: Array) -> Array:
        y[i] = 0.5 * (y[i - 1] + y[i])
        return y

    return ps.fori_loop(1, x.shape[0], turn, x.copy()).sum()
