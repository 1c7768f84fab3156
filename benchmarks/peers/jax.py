"""jax.jit, on the same source with jax.numpy for NumPy."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Prepared, with_namespace


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Compile for the CPU, with the arguments already in JAX's arrays."""
    compiled = jax.jit(with_namespace(function, jnp))
    with jax.default_device(jax.devices("cpu")[0]):
        ours = tuple(jnp.asarray(argument) for argument in arguments)
    return Prepared(compiled, ours, jax.block_until_ready)
