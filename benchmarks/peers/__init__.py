"""The systems that we measure ourselves against, one file each.

A peer's module has ``prepare(function, arguments)``, which compiles a plain NumPy
function; importing it fails where the peer is not installed.
"""

import importlib
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

NAMES = (
    "penstock",
    "numpy",
    "numba",
    "numexpr",
    "jax",
    "torch",
    "torch_compile",
    "onnxruntime",
)


class NotInstalledError(Exception):
    """The peer is not there to compare with."""


def identity(value: Any) -> Any:
    """Return the value."""
    return value


@dataclass
class Prepared:
    """A function made ready by a peer, with its arguments in the peer's arrays."""

    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    # Waits until the result is there, where a call returns before.
    wait: Callable[[Any], Any] = identity

    def run(self) -> Any:
        """Call once and wait for the result."""
        return self.wait(self.call(*self.arguments))


class Peer(Protocol):
    """What the module of a peer offers."""

    def prepare(
        self, function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
    ) -> Prepared:
        """Make the function ready for these arguments."""


def load(name: str) -> Peer:
    """Import a peer, or raise NotInstalledError with what is missing."""
    try:
        module: Any = importlib.import_module(f"benchmarks.peers.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("benchmarks"):
            raise
        raise NotInstalledError(f"{error.name} is not installed") from None
    return module


def with_namespace(function: Callable[..., Any], namespace: Any) -> Callable[..., Any]:
    """Return a plain function of NumPy as a function of another namespace."""
    if not isinstance(function, types.FunctionType):
        raise TypeError(f"a plain function is needed, not {function!r}")
    names = function.__globals__ | {"np": namespace}
    return types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__
    )
