"""Rules that make parameters better by their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from penstock.optim.schedules import Schedule
from penstock.tree import tree_map

__all__ = ["Optimizer", "adam", "adamw", "lion", "rmsprop", "sgd"]

Rate = float | Schedule


class Optimizer(NamedTuple):
    """A rule that makes parameters better by their gradients.

    Attributes:
        init: from parameters, nested float arrays, to the state before the first step,
            nested arrays.
        update: from parameters, their gradients and the state to the next parameters
            and the next state. Each parameter keeps its dtype.

    Example:
        >>> import penstock as ps
        >>> optimizer = ps.optim.sgd(0.5)
        >>> parameters = {"w": np.array([1.0, 2.0])}
        >>> gradients = ps.grad(lambda p: (p["w"] ** 2).sum())(parameters)
        >>> optimizer.update(parameters, gradients, optimizer.init(parameters))[0]
        {'w': array([0., 0.])}
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def _zeros(parameters: Any) -> Any:
    return tree_map(np.zeros_like, parameters)


def _at(rate: Rate, step: Any) -> Any:
    return rate(step) if callable(rate) else rate


def _times(number: Any, array: Any) -> Any:
    """A product in the array's dtype, also where the number is a float64 of NumPy."""
    return np.asarray(number, array.dtype) * array


def _averages(old: Any, new: Any, keep: float) -> Any:
    return tree_map(lambda a, b: keep * a + (1 - keep) * b, old, new)


def _squared(gradients: Any) -> Any:
    return tree_map(lambda g: g * g, gradients)


def sgd(rate: Rate, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Steps against the gradient, or against a sum of those before.

    Sutskever et al., On the importance of initialization and momentum (2013).

    Args:
        rate: how far a step goes: a number, or a schedule.
        momentum: how much of the sum remains after each step.
        nesterov: whether to look ahead by one step.
    """

    def init(parameters: Any) -> Any:
        state = {"step": np.int64(0)}
        return {**state, "sum": _zeros(parameters)} if momentum else state

    def update(parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
        step = _at(rate, state["step"])
        after = {"step": state["step"] + 1}
        if momentum:
            total = tree_map(lambda s, g: momentum * s + g, state["sum"], gradients)
            after["sum"] = total
            gradients = (
                tree_map(lambda g, s: g + momentum * s, gradients, total)
                if nesterov
                else total
            )
        better = tree_map(lambda p, g: p - _times(step, g), parameters, gradients)
        return better, after

    return Optimizer(init, update)


def adam(
    rate: Rate, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Steps by running means of gradients and of their squares: arXiv:1412.6980.

    Args:
        rate: how far a step goes: a number, or a schedule.
        beta1: how much of the mean of gradients remains after each step.
        beta2: the same of the mean of their squares.
        epsilon: added to the root of that mean.
    """
    return adamw(rate, beta1, beta2, epsilon, decay=0.0)


def adamw(
    rate: Rate,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    decay: float = 0.01,
) -> Optimizer:
    """``adam`` with decay of the parameters apart from it: arXiv:1711.05101.

    Args:
        rate: as of ``adam``.
        beta1: as of ``adam``.
        beta2: as of ``adam``.
        epsilon: as of ``adam``.
        decay: how much of each parameter goes in a step, times the rate.
    """

    def init(parameters: Any) -> Any:
        return {
            "step": np.int64(0),
            "mean": _zeros(parameters),
            "square": _zeros(parameters),
        }

    def update(parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
        count = state["step"] + 1
        mean = _averages(state["mean"], gradients, beta1)
        square = _averages(state["square"], _squared(gradients), beta2)
        step = _at(rate, state["step"])
        # What the means lack, having started at 0.
        of_mean, of_square = 1 - beta1**count, 1 - beta2**count

        def better(p: Any, m: Any, s: Any) -> Any:
            root = np.sqrt(_times(1 / of_square, s)) + epsilon
            moved = p - _times(step / of_mean, m) / root
            return moved - _times(step * decay, p) if decay else moved

        after = {"step": count, "mean": mean, "square": square}
        return tree_map(better, parameters, mean, square), after

    return Optimizer(init, update)


def rmsprop(rate: Rate, keep: float = 0.9, epsilon: float = 1e-8) -> Optimizer:
    """Steps by the gradient over the root of the running mean of its square.

    Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).

    Args:
        rate: how far a step goes: a number, or a schedule.
        keep: how much of the mean remains after each step.
        epsilon: added to its root.
    """

    def init(parameters: Any) -> Any:
        return {"step": np.int64(0), "square": _zeros(parameters)}

    def update(parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
        square = _averages(state["square"], _squared(gradients), keep)
        step = _at(rate, state["step"])

        def better(p: Any, g: Any, s: Any) -> Any:
            return p - _times(step, g) / (np.sqrt(s) + epsilon)

        after = {"step": state["step"] + 1, "square": square}
        return tree_map(better, parameters, gradients, square), after

    return Optimizer(init, update)


def lion(
    rate: Rate, beta1: float = 0.9, beta2: float = 0.99, decay: float = 0.0
) -> Optimizer:
    """Steps of one length, by the sign of a running mean: arXiv:2302.06675.

    Args:
        rate: how far a step goes: a number, or a schedule.
        beta1: how much of the mean counts beside the gradient.
        beta2: how much of it remains after each step.
        decay: how much of each parameter goes in a step, times the rate.
    """

    def init(parameters: Any) -> Any:
        return {"step": np.int64(0), "mean": _zeros(parameters)}

    def update(parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
        direction = _averages(state["mean"], gradients, beta1)
        step = _at(rate, state["step"])

        def better(p: Any, d: Any) -> Any:
            moved = p - _times(step, np.sign(d))
            return moved - _times(step * decay, p) if decay else moved

        mean = _averages(state["mean"], gradients, beta2)
        after = {"step": state["step"] + 1, "mean": mean}
        return tree_map(better, parameters, direction), after

    return Optimizer(init, update)
