"""PyTorch without compiling, on the same source with torch for NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.peers import Prepared, with_namespace


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Share the arguments' memory and run on as many threads as we may use."""
    ours = tuple(torch.from_numpy(argument) for argument in arguments)
    return Prepared(with_namespace(function, torch), ours)
