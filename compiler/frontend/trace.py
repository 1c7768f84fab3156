"""From a Python function and the arguments of a call to a graph.

The function runs once, on traced values, over views of what it reads. What it
computes becomes Values; what it asks about sizes and numbers becomes guards.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from penstock.frontend.arguments import Arguments
from penstock.frontend.captured import Capture
from penstock.frontend.functions import place_of_return
from penstock.frontend.inputs import Inputs
from penstock.frontend.namespace import has_implementation
from penstock.frontend.plain import make_plain, plain
from penstock.frontend.results import Results, collect_results
from penstock.frontend.small_sizes import FixedSize, fix_small_sizes
from penstock.frontend.tracer import Tracer
from penstock.ir.dims import Dim, Size
from penstock.ir.errors import PenstockError, TraceError, UnsupportedError
from penstock.ir.graph.settle import settled
from penstock.ir.graph.value import Function
from penstock.ir.location import Location, is_user_code
from penstock.ir.noted_errors import noted_errors
from penstock.ir.reals import Real
from penstock.ir.record import Record
from penstock.runtime.binding import Call
from penstock.runtime.readers import ValueReader
from penstock.runtime.signature import Signature

__all__ = ["Trace", "trace"]


class Trace(Record):
    """What tracing a function gives.

    Attributes:
        function: the graph, with its guards.
        signature: how a call becomes the graph's inputs, and its results what the
            caller gets.
        host_numbers: the integers and floats that the function returns; element ``i``
            belongs behind the sizes of all array results.
        hints: the value that each symbol had in the call that was traced.
        fixed: the small sizes that are fixed for the sake of speed.
    """

    function: Function
    signature: Signature
    host_numbers: tuple[Size | Real, ...]
    hints: Mapping[str, int]
    fixed: tuple[FixedSize, ...] = ()


def trace(
    function: Callable[..., Any],
    call: Call,
    *,
    static: Collection[Any] = (),
    name: str | None = None,
    fix_sizes: bool = True,
) -> Trace:
    """Trace a function for the arguments of a call.

    Args:
        function: any callable of Python.
        call: its arguments, bound and flattened.
        static: the entries of a ``StaticEntries``.
        name: the graph's name; the function's by default.
        fix_sizes: whether small sizes are fixed where programs are faster by that.

    Returns:
        The graph, and the signature under which it serves.

    Raises:
        PenstockError: the function cannot be compiled; the error names the line.
        Exception: whatever the function itself raises.

    Example:
        >>> from penstock.runtime.binding import Binder
        >>> def double(x): return x + x
        >>> call = Binder.of(double).bind((np.ones(3, np.float32),), {})
        >>> print(trace(double, call).function.type)
        ((f32[n],), (f32[n],))
    """
    if name is None:
        name = getattr(function, "__name__", type(function).__name__)
    # Most functions do not ask whether two arrays or objects are the same one.
    traced = _trace(function, call, static, name, fix_sizes, shared=False)
    if traced is None:
        traced = _trace(function, call, static, name, fix_sizes, shared=True)
        assert traced is not None
    return traced


def _trace(
    function: Any,
    call: Call,
    static: Collection[Any],
    name: str,
    fix_sizes: bool,
    shared: bool,
) -> Trace | None:
    """Trace a function; ``None`` if it has to see which objects are the same."""
    tracer = Tracer(name)
    inputs = Inputs(tracer, static)
    with noted_errors() as noted, tracer:
        capture = Capture(tracer, inputs, shared)
        arguments = Arguments(capture, call, _definition(function))
        try:
            returned = _run(function, capture, arguments)
        except Exception as error:
            if capture.record_identities() and not shared:
                noted.clear()
                return None
            if noted and error not in noted:
                # What followed from catching it, such as an error of the user's own.
                raise noted[0] from None
            if not isinstance(error, PenstockError):
                make_plain(error)
            raise
        if capture.record_identities() and not shared:
            noted.clear()
            return None
        if noted:
            # The function caught it, and went another way than it would with NumPy.
            raise noted[0]
        capture.functions.record_names()
        results = collect_results(
            tracer, inputs, plain(returned), lambda: _place_of_return(function)
        )
        fixed: tuple[FixedSize, ...] = ()
        if fix_sizes:
            fixed = fix_small_sizes(tracer, inputs.parameters, results.values)
    inputs.static.check(call.names)
    return _finish(tracer, inputs, capture, call, results).replace(fixed=fixed)


def _finish(
    tracer: Tracer, inputs: Inputs, capture: Capture, call: Call, results: Results
) -> Trace:
    graph = Function(
        tracer.name,
        tuple(inputs.parameters),
        tuple(results.values),
        integers=tuple(inputs.integers),
        guards=tuple(tracer.facts.guards),
    )
    signature = Signature(
        call.names,
        call.structure,
        tuple(inputs.leaves),
        tuple(capture.captured),
        tuple(results.leaves),
        results.structure,
    )
    host_numbers = tuple(
        tracer.normalize(number) if isinstance(number, Dim) else number
        for number in results.host_numbers
    )
    return Trace(settled(graph, graph.facts), signature, host_numbers, tracer.hints)


def _run(function: Any, capture: Capture, arguments: Arguments) -> Any:
    """Call the function's view on the traced arguments."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if isinstance(code, CodeType) and code.co_flags & _SUSPENDING:
        raise TraceError(
            _definition(function),
            "a generator or coroutine cannot be compiled",
            code="generator",
            hint="compile the function that it calls, and yield outside",
        )
    view = (
        capture.functions.entry(function)
        if type(function) is FunctionType and not has_implementation(function)
        else capture.wrap(function, ValueReader(function, "function"))
    )
    positional, keywords = arguments.values(function)
    try:
        returned = view(*positional, **keywords)
    except RecursionError as error:
        raise TraceError(
            _recursion(error.__traceback__),
            "the function calls itself without end while it is traced",
            code="endless-recursion",
            hint="what is traced cannot end a recursion: recurse on sizes and Python "
            "numbers, and choose elements with np.where",
        ) from None
    except NameError:
        capture.check_unchanged()
        raise
    except TypeError as error:
        raise _of_memory(error) or error from error.__cause__
    capture.check_unchanged()
    return returned


def _of_memory(error: TypeError) -> UnsupportedError | None:
    """The error for what asks an array for its memory, where Python's says nothing."""
    text = str(error)
    method = re.match(r"descriptor '(\w+)' for 'numpy.ndarray' objects", text)
    if method is not None:
        what, hint = f"np.ndarray.{method[1]}", f"call it as x.{method[1]}(...)"
    elif "bytes-like object is required" in text and "'numpy.ndarray'" in text:
        what, hint = "the memory of a traced array", "pass the array itself on"
    else:
        return None
    traceback, place = error.__traceback__, None
    while traceback is not None:
        if is_user_code(traceback.tb_frame.f_code):
            place = Location.of_frame(traceback.tb_frame)
        traceback = traceback.tb_next
    return UnsupportedError(
        place,
        f"{what} is not supported in a compiled function",
        code="unsupported-function",
        hint=hint,
    )


_SUSPENDING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _definition(function: Any) -> Location | None:
    """Where a function is defined."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if not isinstance(code, CodeType):
        return None
    return Location.of_definition(code)


def _place_of_return(function: Any) -> Location | None:
    """The one ``return`` statement of a function; if there are more, its definition."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    found = place_of_return(code) if isinstance(code, CodeType) else None
    return found or _definition(function)


def _recursion(traceback: TracebackType | None) -> Location | None:
    """The call by which the user's code calls itself again and again."""
    frames: dict[CodeType, list[FrameType]] = {}
    while traceback is not None:
        frame = traceback.tb_frame
        if is_user_code(frame.f_code):
            frames.setdefault(frame.f_code, []).append(frame)
        traceback = traceback.tb_next
    # The last frame may be at anything, those before it are at the call.
    most = max(frames.values(), key=len, default=[])
    return Location.of_frame(most[-2]) if len(most) > 1 else None
