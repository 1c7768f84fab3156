"""NumPy: the function as it is written."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import Prepared


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Return the function."""
    return Prepared(function, arguments)
