"""Recurrent cells: one step each, in the form that ``ps.scan`` takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import random
from penstock.nn.activations import sigmoid
from penstock.nn.initializers import glorot_uniform

__all__ = ["gru_cell", "init_gru_cell", "init_lstm_cell", "lstm_cell"]

Parameters = dict[str, Any]


def _init(key: Any, inputs: int, size: int, gates: int, dtype: Any) -> Parameters:
    first, second = random.split(key)
    return {
        "inputs": glorot_uniform(first, (inputs, gates * size), dtype),
        "state": glorot_uniform(second, (size, gates * size), dtype),
        "bias": np.zeros(gates * size, dtype),
    }


def init_lstm_cell(
    key: Any, inputs: int, size: int, dtype: Any = np.float32
) -> Parameters:
    """Parameters of ``lstm_cell``; the bias of the gate that forgets starts at 1."""
    parameters = _init(key, inputs, size, 4, dtype)
    parameters["bias"][size : 2 * size] = 1
    return parameters


def lstm_cell(
    parameters: Parameters, state: tuple[Any, Any], x: Any
) -> tuple[tuple[Any, Any], Any]:
    """One step of long short-term memory: Gers et al., Learning to Forget (2000).

    Args:
        parameters: as ``init_lstm_cell`` makes them.
        state: the output and the memory of the step before, float [..., size] each.
        x: float [..., inputs].

    Returns:
        The next state, and the output, which is its first part.

    Example:
        >>> import penstock as ps
        >>> parameters = ps.nn.init_lstm_cell(ps.random.key(0), 3, 8)
        >>> start = (np.zeros(8, np.float32), np.zeros(8, np.float32))
        >>> cell = lambda state, x: ps.nn.lstm_cell(parameters, state, x)
        >>> state, outputs = ps.scan(cell, start, np.ones((20, 3), np.float32))
        >>> outputs.shape
        (20, 8)
    """
    output, memory = state
    sums = x @ parameters["inputs"] + output @ parameters["state"] + parameters["bias"]
    size = output.shape[-1]
    enter, forget, new, leave = (sums[..., i * size : (i + 1) * size] for i in range(4))
    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
    output = sigmoid(leave) * np.tanh(memory)
    return (output, memory), output


def init_gru_cell(
    key: Any, inputs: int, size: int, dtype: Any = np.float32
) -> Parameters:
    """Parameters of ``gru_cell``."""
    return _init(key, inputs, size, 3, dtype)


def gru_cell(parameters: Parameters, state: Any, x: Any) -> tuple[Any, Any]:
    """One step of a gated recurrent unit: Cho et al., arXiv:1406.1078.

    Args:
        parameters: as ``init_gru_cell`` makes them.
        state: the output of the step before, float [..., size].
        x: float [..., inputs].

    Returns:
        The next state, and the output, which is the same.
    """
    size = state.shape[-1]
    of_x = x @ parameters["inputs"] + parameters["bias"]
    of_state = state @ parameters["state"][:, : 2 * size]
    reset = sigmoid(of_x[..., :size] + of_state[..., :size])
    update = sigmoid(of_x[..., size : 2 * size] + of_state[..., size:])
    remembered = (reset * state) @ parameters["state"][:, 2 * size :]
    new = np.tanh(of_x[..., 2 * size :] + remembered)
    state = update * state + (1 - update) * new
    return state, state
