"""What users say of derivatives themselves: rules, constants, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.api import compile  # noqa: A004
from penstock.frontend.tracer import current_tracer
from penstock.frontend.transform_custom import (
    CustomJvp,
    CustomVjp,
    recomputed,
    without_gradient,
)
from penstock.frontend.transformed import Transformed
from penstock.ir.errors import OptionError
from penstock.ir.location import user_location

__all__ = ["checkpoint", "custom_jvp", "custom_vjp", "stop_gradient"]

Function = Callable[..., Any]


def stop_gradient(tree: Any) -> Any:
    """The same arrays, which count as constants in derivatives.

    Args:
        tree: nested arrays and numbers.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.grad(lambda x: (x * ps.stop_gradient(x)).sum())(np.array([1.0, 3.0]))
        array([1., 3.])
    """
    return tree if current_tracer() is None else without_gradient(tree)


def checkpoint(function: Function) -> Any:
    """A function whose derivative computes it again rather than keep what it needs.

    It takes less memory and more time.

    Args:
        function: of nested arrays.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> layer = ps.checkpoint(lambda x: np.sin(np.sin(x)))
        >>> ps.grad(lambda x: layer(layer(x)).sum())(np.zeros(2))
        array([1., 1.])
    """

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return recomputed(f, args, kwargs)

    _check_callable("checkpoint", function)
    made = Transformed(function, apply, "checkpoint")
    return made if current_tracer() is not None else compile(made)


def custom_jvp(
    function: Function | None = None, *, nondiff_argnums: Sequence[int] = ()
) -> Any:
    """A function with a rule for its derivative along tangents; serves both modes.

    The result has a method ``defjvp``, which takes the rule and returns it:
    ``rule(primals, tangents)`` returns the result and its tangent, which is linear in
    the tangents. Both arguments are tuples, nested as the function's arguments.

    Args:
        function: of nested arrays; without it, a decorator is returned.
        nondiff_argnums: positions of arguments without derivative, of any type; the
            rule takes them first.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> @ps.custom_jvp
        ... def log1pexp(x):
        ...     return np.log1p(np.exp(x))
        >>> @log1pexp.defjvp
        ... def rule(primals, tangents):
        ...     (x,), (dx,) = primals, tangents
        ...     return log1pexp(x), dx / (1 + np.exp(-x))
        >>> ps.grad(log1pexp)(1000.0)
        np.float64(1.0)
    """
    return _custom(CustomJvp, (None,), "defjvp", function, nondiff_argnums)


def custom_vjp(
    function: Function | None = None, *, nondiff_argnums: Sequence[int] = ()
) -> Any:
    """A function with a rule for its derivative along cotangents: reverse mode only.

    The result has a method ``defvjp(forward, backward)``. ``forward`` takes what the
    function takes, and returns the result and residuals, nested arrays;
    ``backward(residuals, cotangent)`` returns a tuple with the cotangent of each
    argument, ``None`` for zero.

    Args:
        function: of nested arrays; without it, a decorator is returned.
        nondiff_argnums: positions of arguments without derivative, of any type;
            ``backward`` takes them first.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> @ps.custom_vjp
        ... def clipped(x):
        ...     return x * 1
        >>> clipped.defvjp(lambda x: (x * 1, None), lambda _, g: (np.clip(g, -1, 1),))
        >>> ps.grad(lambda x: (5 * clipped(x)).sum())(np.zeros(2))
        array([1., 1.])
    """
    return _custom(CustomVjp, (None, None), "defvjp", function, nondiff_argnums)


def _check_callable(name: str, function: Any) -> None:
    if not callable(function):
        raise OptionError(
            user_location(),
            f"{name}: {function!r} cannot be called",
            code="not-a-function",
            hint=f"pass the function itself: ps.{name}(f)",
        )


def _custom(
    kind: type[Any],
    rules: tuple[None, ...],
    method: str,
    function: Function | None,
    nondiff: Sequence[int],
) -> Any:
    if function is None:
        return lambda f: _custom(kind, rules, method, f, nondiff)
    _check_callable(f"custom_{method.removeprefix('def')}", function)
    made = kind((function, *rules), tuple(nondiff))
    if current_tracer() is not None:
        return made
    compiled = compile(made)
    vars(compiled)[method] = getattr(made, method)
    return compiled
