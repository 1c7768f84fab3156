"""Derivatives and batches of functions: ``ps.grad``, ``ps.vmap`` and their kin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from penstock.api import compile  # noqa: A004
from penstock.at_once import at_once, kept
from penstock.frontend.lift import as_array
from penstock.frontend.tracer import current_tracer, require_tracer
from penstock.frontend.transform import Linearized
from penstock.frontend.transform_batch import batch
from penstock.frontend.transform_leaves import is_array
from penstock.frontend.transformed import OMITTED, Transformed
from penstock.ir.errors import OptionError, StructureError
from penstock.ir.location import user_location
from penstock.ir.wording import with_article
from penstock.runtime.binding import signature_of
from penstock.runtime.pytree import flatten, unflatten

__all__ = [
    "grad",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vjp",
    "vmap",
]

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The gradient of a function with one number as its result.

    Args:
        function: of nested arrays; it returns a floating number.
        argnums: the positions of the arguments to differentiate by.
        has_aux: whether it returns a pair ``(number, aux)``; then the gradient comes
            as ``(gradient, aux)``.

    Returns:
        A compiled function of the same arguments; its result is nested as the
        argument is, or a tuple of such for several ``argnums``.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.grad(lambda x: (x ** 3).sum())(np.array([1.0, 2.0]))
        array([ 3., 12.])
    """
    argnums = _positions(argnums)

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        _, gradient, aux = _value_and_gradient(f, args, kwargs, argnums, has_aux)
        return (gradient, aux) if has_aux else gradient

    return _transformed(function, apply, "grad", (argnums, has_aux))


def value_and_grad(
    function: Function, argnums: Argnums = 0, has_aux: bool = False
) -> Any:
    """A function's number and its gradient: see ``grad``.

    Returns:
        A compiled function that returns ``(value, gradient)``, or
        ``((value, aux), gradient)``.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
        (np.float64(5.0), array([2., 4.]))
    """
    argnums = _positions(argnums)

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, gradient, aux = _value_and_gradient(f, args, kwargs, argnums, has_aux)
        return ((value, aux) if has_aux else value), gradient

    return _transformed(function, apply, "value_and_grad", (argnums, has_aux))


def _positions(argnums: Any) -> int | tuple[int, ...]:
    """Positions of arguments, as integers of Python.

    Raises:
        OptionError: they are not positions.
    """
    several = isinstance(argnums, (tuple, list))
    numbers = tuple(argnums) if several else (argnums,)
    kinds = (int, np.integer)
    if not numbers or not all(
        isinstance(number, kinds) and type(number) is not bool for number in numbers
    ):
        raise OptionError(
            user_location(),
            f"argnums is {argnums!r}, but must be a position or a tuple of them",
            code="bad-argnums",
            hint="positions count from 0: argnums=(0, 2)",
        )
    positions = tuple(map(int, numbers))
    return positions if several else positions[0]


def _value_and_gradient(
    function: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    has_aux: bool,
) -> tuple[Any, Any, Any]:
    linear, single = _linearized(function, args, kwargs, argnums, has_aux)
    found = linear.gradient()
    return linear.result, found[0] if single else found, linear.aux


def _linearized(
    function: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Argnums,
    has_aux: bool = False,
) -> tuple[Linearized, bool]:
    """A function in some of its arguments, and whether it is just one."""
    single = isinstance(argnums, int)
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not -len(args) <= number < len(args):
            count = f"{len(args)} argument{'s' * (len(args) != 1)}"
            raise OptionError(
                user_location(),
                f"argnums {number} does not fit {count} by position",
                code="bad-argnums",
                hint="pass what is differentiated by position",
            )
    chosen = [number % len(args) for number in numbers]
    if len(set(chosen)) != len(chosen):
        raise OptionError(
            user_location(),
            f"argnums {tuple(numbers)} names an argument twice",
            code="bad-argnums",
            hint="name each argument once",
        )

    def of_chosen(*values: Any) -> Any:
        whole = list(args)
        for number, value in zip(chosen, values, strict=True):
            whole[number] = value
        return function(*whole, **kwargs)

    return Linearized(of_chosen, tuple(args[n] for n in chosen), has_aux), single


def jacfwd(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The Jacobian of a function, column by column in forward mode.

    Cheap where the argument has fewer elements than the result.

    Args:
        function: of nested arrays, which returns nested arrays.
        argnums: the positions of the arguments to differentiate by.
        has_aux: whether it returns a pair ``(result, aux)``; then the Jacobian comes
            as ``(jacobian, aux)``.

    Returns:
        A compiled function; each leaf of the result becomes what the argument is,
        each of its leaves of shape ``result.shape + argument.shape`` and of the
        argument's dtype.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.jacfwd(lambda x: x * x[::-1])(np.array([1.0, 2.0]))
        array([[2., 1.],
               [2., 1.]])
    """
    return _jacobian(function, argnums, has_aux, True)


def jacrev(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The Jacobian of a function, row by row in reverse mode: see ``jacfwd``.

    Cheap where the result has fewer elements than the argument.
    """
    return _jacobian(function, argnums, has_aux, False)


def _jacobian(
    function: Function, argnums: Argnums, has_aux: bool, forward: bool
) -> Any:
    numbers = _positions(argnums)

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        linear, single = _linearized(f, args, kwargs, numbers, has_aux)
        jacobian = linear.jacobian(forward=forward, single=single)
        return (jacobian, linear.aux) if has_aux else jacobian

    name = "jacfwd" if forward else "jacrev"
    return _transformed(function, apply, name, (numbers, has_aux))


def hessian(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The second derivatives of a function: ``jacfwd`` of ``jacrev``.

    Args:
        function: of nested arrays, which returns nested arrays.
        argnums: the positions of the arguments to differentiate by.
        has_aux: whether it returns a pair ``(result, aux)``; then the derivatives come
            as ``(hessian, aux)``.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.hessian(lambda x: (x ** 3).sum())(np.array([1.0, 2.0]))
        array([[ 6.,  0.],
               [ 0., 12.]])
    """
    numbers = _positions(argnums)

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def rows(*values: Any, **others: Any) -> Any:
            linear, single = _linearized(f, values, others, numbers, has_aux)
            jacobian = linear.jacobian(forward=False, single=single)
            return (jacobian, linear.aux) if has_aux else jacobian

        linear, single = _linearized(rows, args, kwargs, numbers, has_aux)
        found = linear.jacobian(forward=True, single=single)
        return (found, linear.aux) if has_aux else found

    return _transformed(function, apply, "hessian", (numbers, has_aux))


def vmap(function: Function, in_axes: Any = 0, out_axes: Any = 0) -> Any:
    """A function of each element along an axis of its arguments.

    Args:
        function: of nested arrays.
        in_axes: the axis of each argument along which the elements lie, ``None`` for
            one that is the same for all: one for all arguments, or a tuple; where an
            argument is nested, its axes may be nested likewise. Arrays that are passed
            by keyword have theirs first.
        out_axes: where the results are stacked.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
        array([3., 4.])
    """
    positions, defaulted = _positional(function)

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        count = next((i for i, x in enumerate(args) if x is OMITTED), len(args))
        axes = in_axes
        if isinstance(axes, (tuple, list)):
            later = range(len(axes), count)
            if defaulted.issuperset(later):
                # What may be left to its default is the same for all.
                axes = (*axes, *([None] * len(later)))
            if defaulted.issuperset(range(count, len(axes))):
                axes = axes[:count]
        named = dict(zip(list(positions)[count:], args[count:], strict=False))
        named = {k: x for k, x in {**named, **kwargs}.items() if x is not OMITTED}
        if not named:
            return batch(f, args[:count], axes, out_axes)

        def with_keywords(positional: tuple[Any, ...], keywords: Any) -> Any:
            return f(*positional, **keywords)

        own = {k: _axis_of(positions.get(k), x, in_axes) for k, x in named.items()}
        return batch(with_keywords, (args[:count], named), (axes, own), out_axes)

    key = (in_axes, out_axes) if _are_fixed((in_axes, out_axes)) else None
    return _transformed(function, apply, "vmap", key, omits=True)


def _positional(function: Function) -> tuple[dict[str, int], set[int]]:
    """The positions of parameters by name, and those that have defaults."""
    signature = signature_of(function) or inspect.Signature()
    parameters = list(signature.parameters.values())
    kinds = (
        inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )  # fmt: skip
    parameters = [p for p in parameters if p.kind in kinds]
    return (
        {p.name: i for i, p in enumerate(parameters)},
        {i for i, p in enumerate(parameters) if p.default is not p.empty},
    )


def _axis_of(position: int | None, argument: Any, in_axes: Any) -> Any:
    """The axes of an argument that is passed by keyword."""
    if position is not None:
        if not isinstance(in_axes, (tuple, list)):
            return in_axes
        return in_axes[position] if position < len(in_axes) else None
    leaves, structure = flatten(argument)
    return unflatten(structure, [0 if is_array(leaf) else None for leaf in leaves])


def _are_fixed(axes: Any) -> bool:
    """Whether axes cannot change after they were passed."""
    if type(axes) is tuple:
        return all(map(_are_fixed, axes))
    return axes is None or isinstance(axes, int)


def jvp(
    function: Function, primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """A function's result and its derivative along tangents.

    Args:
        function: of nested arrays.
        primals: a tuple of its arguments.
        tangents: for each a tangent, nested as the argument is.
        has_aux: whether it returns a pair ``(result, aux)``.

    Returns:
        ``(result, tangent)``, or ``(result, tangent, aux)``.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.jvp(np.sin, (np.zeros(2),), (np.ones(2),))
        (array([0., 0.]), array([1., 1.]))
    """

    def apply(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        points, directions = args
        for what, given in (("primals", points), ("tangents", directions)):
            if not isinstance(given, (tuple, list)):
                raise StructureError(
                    user_location(),
                    f"the {what} of jvp are {_kind(given)}, not a tuple of arguments",
                    code="direction-structure",
                    hint="pass tuples, of one too: ps.jvp(f, (x,), (t,))",
                )
        linear = Linearized(f, tuple(points), has_aux)
        # In this order: the op of the tangent gives the result too.
        tangent = linear.tangent(tuple(directions))
        found = (linear.result, tangent)
        return (*found, linear.aux) if has_aux else found

    run = at_once(function, apply, "jvp", has_aux)
    return run(primals, tangents)  # type: ignore[no-any-return]


def _kind(value: Any) -> str:
    if is_array(value):
        return str(as_array(require_tracer("jvp"), value).tensor)
    return with_article(type(value).__name__)


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """A function's result, and a function from cotangents to those of its arguments.

    Args:
        function: of nested arrays.
        *primals: its arguments.
        has_aux: whether it returns a pair ``(result, aux)``.

    Returns:
        ``(result, pullback)``, or ``(result, pullback, aux)``. ``pullback`` takes a
        cotangent nested as the result is, and returns a tuple of the arguments'.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> y, pullback = ps.vjp(lambda x: x * x, np.array([1.0, 2.0]))
        >>> pullback(np.ones(2))
        (array([2., 4.]),)
    """
    if current_tracer() is not None:
        linear = Linearized(function, primals, has_aux)
        found = (linear.result, linear.cotangent)
        return (*found, linear.aux) if has_aux else found

    def value(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # As the derivative has it, to which a number of Python is a float64.
        linear = Linearized(f, args[0], has_aux)
        return (linear.result, linear.aux) if has_aux else linear.result

    def pull(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return Linearized(f, args[0], has_aux).cotangent(args[1])

    run = at_once(function, pull, "vjp", has_aux)

    def pullback(cotangents: Any) -> Any:
        return run(primals, cotangents)

    result = at_once(function, value, "vjp_value", has_aux)(primals)
    return (result[0], pullback, result[1]) if has_aux else (result, pullback)


def linearize(function: Function, *primals: Any) -> tuple[Any, Function]:
    """A function's result, and its derivative there as a function of tangents.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> y, derivative = ps.linearize(lambda x: x * x, np.array([1.0, 2.0]))
        >>> derivative(np.array([1.0, 10.0]))
        array([ 2., 40.])
    """
    if current_tracer() is not None:
        linear = Linearized(function, primals)
        return linear.result, lambda *tangents: linear.tangent(tangents)

    def value(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return Linearized(f, args[0]).result

    def push(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return Linearized(f, args[0]).tangent(args[1])

    run = at_once(function, push, "linearize", ())
    result = at_once(function, value, "linearize_value", ())(primals)
    return result, lambda *tangents: run(primals, tangents)


def _transformed(
    function: Function, apply: Any, name: str, key: Any, omits: bool = False
) -> Any:
    """A transform of a function: in a trace, or compiled, once for equal keys."""
    if not callable(function):
        raise OptionError(
            user_location(),
            f"{name}: {function!r} cannot be called",
            code="not-a-function",
            hint=f"pass the function itself: ps.{name}(f)(x)",
        )
    if current_tracer() is not None:
        return Transformed(function, apply, name, omits)

    def make() -> Any:
        return compile(Transformed(function, apply, name, omits))

    return make() if key is None else kept(function, (name, key), make)
