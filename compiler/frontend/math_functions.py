"""Python's ``math`` module as the traced program sees it.

Functions of the caller's numbers and of sizes stay numbers of the traced program, so
that ``x / math.sqrt(x.shape[-1])`` serves every size. Domains are asked about, because
Python raises an error outside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.host_numbers import HostNumber
from penstock.frontend.host_reals import HostReal, host_real
from penstock.ir.errors import TraceError
from penstock.ir.location import user_location
from penstock.ir.noted_errors import forget

__all__ = ["MathFunction"]

# e^x is finite up to here: the logarithm of the greatest double.
_GREATEST_EXPONENT = 709.0

# The graph op of a function, and where Python raises no error.
_OPS: dict[str, tuple[str, Callable[[HostReal], bool]]] = {
    "sqrt": ("sqrt", lambda x: x >= 0.0),
    "exp": ("exp", lambda x: x <= _GREATEST_EXPONENT),
    "expm1": ("expm1", lambda x: x <= _GREATEST_EXPONENT),
    "log": ("log", lambda x: x > 0.0),
    "log1p": ("log1p", lambda x: x > -1.0),
    "sin": ("sin", lambda x: abs(x) < math.inf),
    "cos": ("cos", lambda x: abs(x) < math.inf),
    "tanh": ("tanh", lambda x: x == x),
    "fabs": ("abs", lambda x: x == x),
}


class MathFunction:
    """A function of the ``math`` module.

    Args:
        function: the function itself.
    """

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function, name = self.__wrapped__, self.__name__
        if len(args) == 1 and name in _OPS and issubclass(type(args[0]), HostNumber):
            op, is_inside = _OPS[name]
            number = host_real(args[0].tracer, args[0])
            if is_inside(number):
                return number.derive(op, function(number.hint))
        try:
            return function(*args, **kwargs)
        except TraceError as error:
            if error.code != "element" or not hasattr(np, name):
                raise
            forget(error)
            raise TraceError(
                user_location(), error.message, code=error.code, hint=f"use np.{name}"
            ) from None

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return type(other) is MathFunction and self.__wrapped__ is other.__wrapped__

    def __hash__(self) -> int:
        return hash(self.__wrapped__)
