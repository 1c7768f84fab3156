"""Branches and loops on traced values: ``ps.cond``, ``ps.scan`` and their kin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from penstock.at_once import at_once
from penstock.frontend.control import (
    branch,
    given_to,
    repeat_over,
    repeat_times,
    repeat_while,
    segment_length,
)
from penstock.frontend.control_numbers import index_of_branch
from penstock.ir.errors import OptionError, StructureError
from penstock.ir.location import user_location
from penstock.ir.wording import with_article
from penstock.runtime.binding import signature_of

__all__ = ["cond", "fori_loop", "scan", "switch", "while_loop"]

Function = Callable[..., Any]


# How each is called, for messages.
_CALLS = {
    "cond": "ps.cond(condition, lambda: a, lambda: b)",
    "switch": "ps.switch(i, [lambda: a, lambda: b])",
    "while_loop": "ps.while_loop(lambda x: condition, lambda x: next, initial)",
    "fori_loop": "ps.fori_loop(lower, upper, lambda i, x: next, initial)",
    "scan": "ps.scan(lambda x, element: (next, stacked), initial, xs)",
}


def _require_functions(name: str, functions: Iterable[Any], count: int | None) -> None:
    """Raise unless all are functions of so many arguments, if that is known."""
    for function in functions:
        if not callable(function):
            raise OptionError(
                user_location(),
                f"{name}: {function!r} cannot be called",
                code="not-a-function",
                hint=f"pass functions: {_CALLS[name]}",
            )
        if count is None or (signature := signature_of(function)) is None:
            continue
        try:
            signature.bind(*(None,) * count)
        except TypeError as error:
            given = "1 argument" if count == 1 else f"{count} arguments"
            raise StructureError(
                user_location(),
                f"{name} calls its function with {given}, but it takes {signature}",
                code="bad-call",
                hint=f"as in {_CALLS[name]}",
            ) from error


def cond(
    condition: Any, true_function: Function, false_function: Function, *operands: Any
) -> Any:
    """One of two functions, by a condition that is known when the program runs.

    Args:
        condition: one bool, or a number that is not 0. One of Python's own bools is
            known when the function is traced; then only its function is called.
        true_function: called with the operands where the condition holds.
        false_function: called with them where it does not.
        *operands: nested arrays. What a function writes to them is not seen outside.

    Returns:
        What the function returns; both return the same nesting, dtypes and shapes.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> @ps.compile
        ... def f(x):
        ...     return ps.cond(x.sum() > 0, np.sqrt, np.negative, x)
        >>> f(np.array([4.0])), f(np.array([-4.0]))
        (array([2.]), array([4.]))
    """

    def apply(functions: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        answer, *rest = args
        if isinstance(answer, bool):
            return functions[not answer](*given_to(rest))
        return branch(answer, functions, rest)

    both = (true_function, false_function)
    # One that is not chosen while tracing may be anything.
    count = None if isinstance(condition, bool) else len(operands)
    _require_functions("cond", both, count)
    return at_once(both, apply, "cond")(condition, *operands)


def switch(index: Any, functions: Sequence[Function], *operands: Any) -> Any:
    """One of several functions, by an integer that is known when the program runs.

    Args:
        index: an integer; one below 0 chooses the first function, one beyond the last
            the last.
        functions: at least one, called with the operands.
        *operands: nested arrays. What a function writes to them is not seen outside.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> f = ps.compile(lambda i, x: ps.switch(i, [np.sin, np.cos, np.tanh], x))
        >>> f(np.int64(1), np.zeros(2))
        array([1., 1.])
    """
    if not isinstance(functions, Iterable):
        raise OptionError(
            user_location(),
            f"switch: {with_article(type(functions).__name__)} is no list of functions",
            code="not-a-function",
            hint=f"pass all of them in one: {_CALLS['switch']}",
        )
    chosen = tuple(functions)
    count = None if isinstance(index, int) else len(operands)
    _require_functions("switch", chosen, count)
    if not chosen:
        raise OptionError(
            user_location(),
            "switch: there is no function",
            code="no-branch",
            hint="give at least one",
        )

    def apply(functions: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number, *rest = args
        number = index_of_branch(number)

        def among(first: int, last: int) -> Any:
            if first == last:
                return functions[first](*given_to(rest))
            middle = (first + last) // 2

            def low() -> Any:
                return among(first, middle)

            def high() -> Any:
                return among(middle + 1, last)

            answer = number <= middle
            if isinstance(answer, bool):
                return low() if answer else high()
            return branch(answer, (low, high), ())

        return among(0, len(functions) - 1)

    return at_once(chosen, apply, "switch")(index, *operands)


def while_loop(
    condition: Function, body: Function, initial: Any, *, checkpoint: int | bool = False
) -> Any:
    """What a function makes of a value, repeated while a condition holds.

    Args:
        condition: from the value to one bool.
        body: from the value to the next one, of the same nesting and shapes.
        initial: nested arrays and numbers.
        checkpoint: how reverse mode saves memory: after how many turns it keeps the
            state, computing again those between; ``True`` for the square root of their
            number. By default it keeps what it needs of every turn.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.while_loop(lambda x: x < 100, lambda x: x * 3, np.int64(2))
        np.int64(162)
        >>> def root(a):
        ...     off = lambda x: abs(x * x - a) > 1e-12
        ...     return ps.while_loop(off, lambda x: (x + a / x) / 2, 1.0)
        >>> np.round(ps.value_and_grad(root)(4.0), 6)
        array([2.  , 0.25])
    """
    _require_functions("while_loop", (condition, body), 1)
    segments = segment_length(checkpoint, "while_loop")

    def apply(functions: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        test, turn = functions
        return repeat_while(test, turn, args[0], segments)

    return at_once((condition, body), apply, "while_loop")(initial)


def fori_loop(
    lower: Any,
    upper: Any,
    body: Function,
    initial: Any,
    *,
    checkpoint: int | bool = False,
) -> Any:
    """What ``body(i, value)`` makes of a value, for i from lower up to upper.

    Args:
        lower: the first i.
        upper: i stays below it; both may be known only when the program runs.
        body: from i, an ``int64``, and the value to the next value.
        initial: nested arrays and numbers.
        checkpoint: how reverse mode saves memory: after how many turns it keeps the
            state, computing again those between; ``True`` for the square root of their
            number. By default it keeps what it needs of every turn.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.fori_loop(0, 5, lambda i, x: x + i, 0)
        np.int64(10)
    """
    _require_functions("fori_loop", (body,), 2)
    segments = segment_length(checkpoint, "fori_loop")

    def apply(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        first, stop, start = args
        return repeat_times(first, stop, function, start, segments)

    return at_once(body, apply, "fori_loop")(lower, upper, initial)


def scan(
    body: Function,
    initial: Any,
    xs: Any = None,
    length: Any = None,
    reverse: bool = False,
    *,
    checkpoint: int | bool = False,
) -> tuple[Any, Any]:
    """A value carried along arrays, and a stack of what each turn gives beside it.

    Args:
        body: from the value and the element of each array to the pair of the next
            value and what is stacked, ``None`` for nothing.
        initial: nested arrays and numbers.
        xs: nested arrays, whose first axes are of one size.
        length: how many turns, where there are no arrays: a Python integer.
        reverse: whether to start with the last element.
        checkpoint: how reverse mode saves memory: after how many turns it keeps the
            state, computing again those between; ``True`` for the square root of their
            number. By default it keeps what it needs of every turn.

    Returns:
        The value in the end, and the stacks, each with a first axis for the turns.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> ps.scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 4.0]))
        (np.float64(7.0), array([0., 1., 3.]))
    """
    _require_functions("scan", (body,), 2)
    segments = segment_length(checkpoint, "scan")
    # A scalar of NumPy, passed on as an argument, would be an array.
    if issubclass(type(length), np.integer):
        length = int(length)

    def apply(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        start, arrays, count = args
        return repeat_over(function, start, arrays, count, reverse, segments)

    return at_once(body, apply, "scan")(initial, xs, length)  # type: ignore[no-any-return]
