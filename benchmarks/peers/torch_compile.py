"""torch.compile: Inductor's C++ for the CPU, which needs a C++ compiler."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.peers import Prepared, with_namespace


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Compile with the settings that everyone gets."""
    ours = tuple(torch.from_numpy(argument) for argument in arguments)
    return Prepared(torch.compile(with_namespace(function, torch)), ours)
