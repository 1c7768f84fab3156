"""Ourselves."""

from collections.abc import Callable
from typing import Any

import numpy as np

import penstock as ps
from benchmarks.peers import Prepared


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Compile with the settings that everyone gets."""
    return Prepared(ps.compile(function), arguments)
