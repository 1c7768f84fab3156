"""NumPy as the traced program sees it: the same names, taking traced values."""

from __future__ import annotations

import math
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np

from penstock.frontend.handles import fresh
from penstock.frontend.lift import is_traced
from penstock.frontend.math_functions import MathFunction
from penstock.frontend.promotion import supported_dtype
from penstock.frontend.refusals import bad_type, refusal_of
from penstock.frontend.selection import Selection
from penstock.frontend.tracer import current_tracer
from penstock.ir.errors import PenstockError, TraceError, UnsupportedError
from penstock.ir.location import user_location
from penstock.runtime.binding import signature_of

__all__ = [
    "Forbidden",
    "NumpyFunction",
    "NumpyNamespace",
    "NumpyUfunc",
    "call_function",
    "numpy_view",
]

_PACKAGES = ("numpy", "scipy")
_FILE_FUNCTIONS = frozenset(
    (
        "fromfile", "fromregex", "genfromtxt", "load", "loadtxt", "save", "savetxt",
        "savez", "savez_compressed",
    )
)  # fmt: skip
# What they tell or set is kept where no key looks.
_STATE_FUNCTIONS = frozenset(
    (
        "get_printoptions", "getbufsize", "geterr", "geterrcall", "set_printoptions",
        "setbufsize", "seterr", "seterrcall",
    )
)  # fmt: skip


def _belongs(name: Any) -> bool:
    return isinstance(name, str) and name.partition(".")[0] in _PACKAGES


_OF_UNKNOWN_SIZE = (np.nonzero, np.argwhere, np.flatnonzero)


def call_function(function: Any, args: Any, kwargs: Any) -> Any:
    """Call a NumPy function on arguments of which some are traced.

    Raises:
        UnsupportedError: Penstock does not have the function, or an argument of it.
    """
    from penstock.frontend.numpy_functions.table import implementation_of

    args, kwargs = _without_no_value(function, args, kwargs)
    for argument in args:
        if type(argument) is Selection:
            return argument.__array_function__(function, (), args, kwargs)
    implementation = implementation_of(function)
    if implementation is None and function in _OF_UNKNOWN_SIZE:
        from penstock.frontend.numpy_functions.selecting import unknown_count

        raise unknown_count(function.__name__)
    if implementation is None:
        raise UnsupportedError(
            user_location(),
            f"{_full_name(function)} is not supported",
            code="unsupported-function",
        )
    return call_checked(implementation, _full_name(function), args, kwargs)


def has_implementation(function: Any) -> bool:
    """Whether this is a NumPy function that Penstock has, and need not look into."""
    if not _belongs(getattr(function, "__module__", None)):
        return False
    from penstock.frontend.numpy_functions.table import implementation_of

    return implementation_of(function) is not None


def _without_no_value(
    function: Any, args: Any, kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    """Arguments without defaults that say that nothing was given.

    They are passed where a function of NumPy itself is compiled.
    """
    nothing = np._NoValue  # noqa: SLF001
    count = next((i for i, one in enumerate(args) if one is nothing), len(args))
    if count < len(args):
        signature = signature_of(function)
        assert signature is not None
        rest = list(signature.parameters)[count:]
        kwargs = {**kwargs, **dict(zip(rest, args[count:], strict=False))}
    given = {name: one for name, one in kwargs.items() if one is not nothing}
    return args[:count], given


def call_checked(implementation: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Call an implementation, naming arguments that it does not have.

    Raises:
        PenstockError: the arguments do not fit its parameters, or it refuses one.
    """
    try:
        return implementation(*args, **kwargs)
    except PenstockError:
        raise
    except Exception as error:
        frame = error.__traceback__
        if type(error) is not TypeError or frame is None or frame.tb_next:
            refusal = refusal_of(error, name)
            if refusal is None:
                raise
            raise refusal from error
        # Python itself refused the call: an argument is missing or unknown.
        _, _, reason = str(error).partition("() ")
        reason, _, _ = reason.partition(". Did you mean")
        raise UnsupportedError(
            user_location(),
            f"{name}: {reason or error}",
            code="unsupported-argument",
            hint="pass it too"
            if reason.startswith("missing")
            else _near_argument(implementation, kwargs),
        ) from None


def _near_argument(implementation: Any, kwargs: Any) -> str | None:
    """Which arguments the unknown ones may be misspelt for."""
    import difflib

    code = getattr(implementation, "__code__", None)
    if code is None:
        return None
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for unknown in kwargs:
        if unknown not in known and (near := difflib.get_close_matches(unknown, known)):
            return f"did you mean {near[0]}=?"
    return None


def _full_name(function: Any) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    # Private modules are where it is defined, not where users have it from.
    public, _, _ = module.partition("._")
    return f"{public}.{getattr(function, '__name__', function)}"


def _any_traced(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return any(map(is_traced, args)) or any(map(is_traced, kwargs.values()))


def _adopt_from(function: Any, name: str, args: Any, kwargs: Any) -> Any:
    """What NumPy computes from constants, its errors with the user's line."""
    try:
        return _adopt(function(*args, **kwargs))
    except PenstockError:
        raise
    except Exception as error:
        refusal = None if current_tracer() is None else refusal_of(error, name)
        if refusal is None:
            raise
        raise refusal from error


def _adopt(result: Any) -> Any:
    """What NumPy computed from constants, as constants of the trace."""
    tracer = current_tracer()
    if tracer is None:
        return result
    if type(result) is np.ndarray:
        if result.dtype.kind not in "biuf":
            return result
        return fresh(tracer, tracer.constant(result, supported_dtype(result.dtype)))
    if type(result) in (tuple, list):
        return type(result)(_adopt(part) for part in result)
    return result


class NumpyFunction:
    """A function of NumPy or SciPy.

    Args:
        function: the function itself.
    """

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", "function")
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from penstock.frontend.numpy_functions.table import ALWAYS

        function = self.__wrapped__
        # Another thread that the traced program started is not traced.
        in_trace = current_tracer() is not None
        if _any_traced(args, kwargs) or (in_trace and function in ALWAYS):
            return call_function(function, args, kwargs)
        return _adopt_from(function, _full_name(function), args, kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return unwrapped(self) is unwrapped(other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)


class NumpyUfunc:
    """A ufunc.

    Args:
        ufunc: the ufunc itself.
    """

    def __init__(self, ufunc: np.ufunc) -> None:
        self.__wrapped__ = ufunc
        self.__name__ = ufunc.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._method("__call__", args, kwargs)

    def _method(self, name: str, args: Any, kwargs: Any) -> Any:
        from penstock.frontend.ufuncs import call_method

        ufunc = self.__wrapped__
        if not _any_traced(args, kwargs):
            method = getattr(ufunc, name)
            return _adopt_from(method, f"numpy.{ufunc.__name__}", args, kwargs)
        if name == "__call__" and not 0 <= len(args) - ufunc.nin <= ufunc.nout:
            least, most = ufunc.nin, ufunc.nin + ufunc.nout
            raise bad_type(
                f"numpy.{ufunc.__name__} takes {least} to {most} arguments by "
                f"position, but is given {len(args)}",
                hint="pass its operands, then arrays for its results if need be",
            )
        if name == "__call__" and len(args) > ufunc.nin:
            outs = args[ufunc.nin :]
            kwargs = {**kwargs, "out": outs if len(outs) > 1 else outs[0]}
            args = args[: ufunc.nin]
        return call_method(ufunc, name, args, dict(kwargs))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.__wrapped__, name)
        if name not in ("reduce", "accumulate", "reduceat", "outer", "at"):
            return attribute
        return lambda *args, **kwargs: self._method(name, args, kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return unwrapped(self) is unwrapped(other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)


class NumpyGrid:
    """What is indexed to make arrays: ``np.mgrid[:3, :4]``.

    Args:
        name: its name.
        grid: the object itself.
    """

    def __init__(self, name: str, grid: Any) -> None:
        self.__wrapped__ = grid
        self.__name__ = name

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        ends = [
            (part.start, part.stop, part.step) if isinstance(part, slice) else part
            for part in parts
        ]
        if not is_traced(tuple(ends)):
            return _adopt(self.__wrapped__[key])
        raise UnsupportedError(
            user_location(),
            f"numpy.{self.__name__} of traced arrays or sizes is not supported",
            code="unsupported-function",
            hint=_GRID_HINTS[self.__name__],
        )

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


_GRID_HINTS = {
    "mgrid": "use np.indices, or np.meshgrid of np.arange with indexing='ij'",
    "ogrid": "use np.arange(n)[:, None] and np.arange(m)",
    "r_": "use np.concatenate",
    "c_": "use np.column_stack",
}
_GRIDS = {id(getattr(np, name)): name for name in _GRID_HINTS}


class NumpyNamespace:
    """A module of NumPy or SciPy.

    Args:
        module: the module itself.
    """

    def __init__(self, module: ModuleType) -> None:
        self.__wrapped__ = module
        self.__name__ = module.__name__

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return ModuleType

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__wrapped__, name)
        view = numpy_view(value)
        return value if view is None else view

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("__wrapped__", "__name__"):
            object.__setattr__(self, name, value)
            return
        raise TraceError(
            user_location(),
            f"cannot set {self.__name__}.{name} in a compiled function",
            code="write-to-state",
            hint="return the new value from the function instead",
        )

    def __dir__(self) -> list[str]:
        return dir(self.__wrapped__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


_OUTSIDE = "call it outside the compiled function and pass the result in"
_NUMBERS = "use ps.random, with a key that is passed in: ps.random.key(seed)"


class Forbidden:
    """What gives other results each time: clocks, files and hidden random state.

    Args:
        name: its name.
        value: the object itself.
        is_random: whether it gives random numbers, for which there is ``ps.random``.
    """

    def __init__(self, name: str, value: Any, *, is_random: bool = False) -> None:
        self._name = name
        self._value = value
        self._is_random = is_random

    @property
    def outside_type(self) -> type[Any]:
        """What it is outside of the trace."""
        return type(self._value)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._value, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            return value
        return Forbidden(f"{self._name}.{name}", value, is_random=self._is_random)

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise the TraceError for using it."""
        is_iterator = hasattr(type(self._value), "__next__")
        read = (
            "advance" if is_iterator else "run" if callable(self._value) else "be read"
        )
        raise TraceError(
            user_location(),
            f"{self._name} would {read} once, while tracing, and its result be the "
            "same in every call",
            code="impure-call",
            hint=_NUMBERS if self._is_random else _OUTSIDE,
        )

    __call__ = __getitem__ = __setitem__ = __delitem__ = __contains__ = refuse
    __iter__ = __next__ = __len__ = __enter__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = refuse
    __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = refuse
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = refuse
    __neg__ = __pos__ = __abs__ = __invert__ = refuse
    __lt__ = __le__ = __gt__ = __ge__ = refuse
    __int__ = __float__ = __index__ = __array__ = refuse

    def __exit__(self, *exception: object) -> None:
        """Never: ``__enter__`` raises."""

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self._value)


def unwrapped(value: Any) -> Any:
    """What a view stands for."""
    if isinstance(value, (NumpyFunction, NumpyUfunc)):
        return value.__wrapped__
    return value


_views: dict[int, tuple[Any, Any]] = {}


def numpy_view(value: Any) -> Any:
    """What a traced program sees of a NumPy or SciPy object; ``None`` for others."""
    known = _views.get(id(value))
    if known is not None and known[0] is value:
        return known[1]
    # Not imported for this: where it is not, there is no generator.
    random = sys.modules.get("numpy.random")
    if random is not None and isinstance(value, (random.Generator, random.RandomState)):
        return Forbidden(type(value).__name__, value, is_random=True)
    view = _make_view(value)
    if view is not None:
        # The object is kept with its view, so that its identity stays its own.
        _views[id(value)] = (value, view)
    return view


def _make_view(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, np.ufunc):
        return NumpyUfunc(value)
    if issubclass(kind, ModuleType):
        name = value.__name__
        if name == "numpy.random" or name.startswith("numpy.random."):
            return Forbidden("np.random", value, is_random=True)
        return NumpyNamespace(value) if _belongs(name) or value is math else None
    if value is np.nditer:
        return NumpyFunction(value)
    if issubclass(kind, type):
        return None
    if id(value) in _GRIDS:
        return NumpyGrid(_GRIDS[id(value)], value)
    module = getattr(value, "__module__", None)
    # Not imported for this: where it is not, there is no generator.
    random = sys.modules.get("numpy.random")
    if random is not None and isinstance(value, (random.Generator, random.RandomState)):
        return Forbidden(kind.__name__, value, is_random=True)
    if module == "math" and kind is BuiltinFunctionType:
        return MathFunction(value)
    if not _belongs(module):
        return None
    impure = _FILE_FUNCTIONS | _STATE_FUNCTIONS
    if module in _PACKAGES and getattr(value, "__name__", None) in impure:
        return Forbidden(f"np.{value.__name__}", value)
    if isinstance(value, (FunctionType, BuiltinFunctionType)) or (
        kind.__name__ == "_ArrayFunctionDispatcher"
    ):
        return NumpyFunction(value)
    return None


# Python names these in its own errors, such as those of operators.
for _kind, _name in (
    (NumpyFunction, "function"),
    (NumpyUfunc, "numpy.ufunc"),
    (NumpyNamespace, "module"),
):
    _kind.__name__ = _kind.__qualname__ = _name
