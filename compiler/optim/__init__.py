"""Optimizers and schedules: plain functions of nested arrays.

optimizer = ps.optim.adam(1e-3)
state = optimizer.init(parameters)

@ps.compile
def step(parameters, state, x, y):
    value, gradients = ps.value_and_grad(loss)(parameters, x, y)
    return value, *optimizer.update(parameters, gradients, state)
"""

from penstock.optim.clipping import clip_by_norm, clip_by_value, global_norm
from penstock.optim.optimizers import Optimizer, adam, adamw, lion, rmsprop, sgd
from penstock.optim.schedules import (
    cosine_decay,
    exponential_decay,
    piecewise_constant,
    warmup,
)

__all__ = [
    "Optimizer", "adam", "adamw", "clip_by_norm", "clip_by_value", "cosine_decay",
    "exponential_decay", "global_norm", "lion", "piecewise_constant", "rmsprop", "sgd",
    "warmup",
]  # fmt: skip
