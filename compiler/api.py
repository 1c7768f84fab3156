"""What users call: ``ps.compile`` and what it returns."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from collections.abc import Callable, Collection
from types import MethodType
from typing import TYPE_CHECKING, Any, overload
from weakref import WeakKeyDictionary

import numpy as np

from penstock.driver import (
    STAGES,
    Compilation,
    CompileOptions,
    compile_variant,
    compiler_fingerprint,
    support,
    trace,
)
from penstock.frontend.nested_compile import compiled_in_place
from penstock.frontend.tracer import current_tracer
from penstock.ir.errors import OptionError
from penstock.ir.location import hide_directory, user_location
from penstock.making import Making, reason_for, warn_of_dropping
from penstock.runtime.binding import Binder, Call
from penstock.runtime.config import config
from penstock.runtime.dispatch import Dispatcher, DispatchOptions, Statistics, Variant
from penstock.runtime.native import new_callable

if TYPE_CHECKING:
    from penstock.explain import Explanation

__all__ = ["BoundCompiled", "Compiled", "Lowered", "compile"]

hide_directory(os.path.dirname(__file__))

# What every trace needs is made ready now, so that the first call does not wait.
for _module in (
    "penstock.frontend.builtin_names",
    "penstock.frontend.functions",
    "penstock.frontend.operators",
    "penstock.frontend.ufuncs",
    "penstock.ir.graph.text_print",
    "penstock.ir.ops",
):
    importlib.import_module(_module)
compiler_fingerprint()


class Lowered:
    """A function on its way to native code for one call's arguments.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> f = ps.compile(lambda x: x * 2)
        >>> print(f.lower(np.ones(3, np.float32)).text("graph"))
        func @lambda(%x: f32[n]) -> f32[n] {
          %0 = const 2.0 : f32[]         # ...
          %1 = mul %x, %0 : f32[n]       # ...
          return %1
        }
    """

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation

    def text(self, stage: str) -> str:
        """One stage of compilation as text.

        Args:
            stage: ``"trace"``, ``"graph"``, ``"fused"``, ``"loops"``, ``"plan"``,
                ``"llvm"``, ``"asm"`` or ``"cuda"``.

        Raises:
            OptionError: there is no such stage.
            UnsupportedError: the stage does not cover this program.
        """
        if stage not in STAGES:
            raise OptionError(
                None,
                f"there is no stage {stage!r}",
                code="unknown-stage",
                hint=f"the stages are {', '.join(STAGES)}",
            )
        return self.compilation.text(stage)


class Compiled:
    """A compiled function: call it as the function itself.

    ``ps.compile`` makes it. Each call is served by a variant: native code for the
    dtypes, ranks and layouts of the arguments, for all sizes that its guards allow. A
    call that no variant serves compiles one.
    """

    __slots__ = ()

    # Set by `compile` in the object's own dictionary.
    __wrapped__: Callable[..., Any]
    dispatcher: Dispatcher
    _state: _State

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """The function on its way to native code for these arguments.

        Args:
            *args: as in a call.
            **kwargs: as in a call.

        Raises:
            PenstockError: the function cannot be compiled for them.
        """
        call = self.dispatcher.bind(args, kwargs)
        return Lowered(self._state.lower(call))

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What has been compiled, why, and what it computes where.

        Args:
            *args: as in a call, to ask about the variant that serves it, which is
                compiled if need be; without any, about all variants so far.
            **kwargs: as in a call.

        Returns:
            An Explanation, which prints as text and has the same in attributes.

        Raises:
            PenstockError: the function cannot be compiled for these arguments.

        Example:
            >>> import numpy as np
            >>> import penstock as ps
            >>> f = ps.compile(lambda x: x * 2)
            >>> (variant,) = f.explain(np.ones(1000)).variants
            >>> variant.reason, variant.takes, variant.kernels[0].flops
            ('first call', ('x: f64[n]',), 1000)
        """
        asked = bool(args or kwargs)
        return self._state.explain(
            self.dispatcher.bind(args, kwargs) if asked else None
        )

    def stats(self) -> Statistics:
        """Counts of calls, compiles, cache hits and variants, and compile seconds."""
        return self.dispatcher.statistics()

    def save(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write the program for these arguments to a file that ``ps.load`` reads.

        Another process runs it without the source and without compiling, for all
        sizes that the variant serves. Arrays that the function captures are stored as
        they are now.

        Args:
            path: the file.
            *args: as in a call.
            **kwargs: as in a call.

        Raises:
            ArtifactError: something that the program needs cannot be written.
        """
        from penstock.runtime.load import pack, save

        call = self.dispatcher.bind(args, kwargs)
        variant = self.dispatcher.variant_for(call)
        save(path, pack(self.dispatcher.binder, variant, call))

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        function: Any = self
        return self if instance is None else BoundCompiled(function, instance)

    def __repr__(self) -> str:
        return f"<penstock.compile {self.__wrapped__!r}>"

    # As functions are: copied by being shared, pickled by name.

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __reduce__(self) -> str:
        name = getattr(self.__wrapped__, "__qualname__", None)
        if not isinstance(name, str):
            from pickle import PicklingError

            shown = getattr(self.__wrapped__, "__name__", type(self.__wrapped__))
            raise PicklingError(
                f"cannot pickle {shown}, which has no name in a module: pickle the "
                "function that it was made of, and make it again"
            )
        return name


class BoundCompiled(functools.partial[Any]):
    """A compiled method of one object: ``model.layer``.

    Calls such as ``model.layer(x)`` run without it.
    """

    __slots__ = ()

    @property
    def __self__(self) -> Any:
        return self.args[0]

    @property
    def __func__(self) -> Any:
        return self.func

    @property
    def __wrapped__(self) -> Any:
        return MethodType(self.__func__.__wrapped__, self.__self__)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """As ``Compiled.lower``."""
        lowered: Lowered = self.__func__.lower(self.__self__, *args, **kwargs)
        return lowered

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """As ``Compiled.explain``."""
        asked = (self.__self__, *args) if args or kwargs else ()
        explanation: Explanation = self.__func__.explain(*asked, **kwargs)
        return explanation

    def stats(self) -> Statistics:
        """As ``Compiled.stats``: of all objects together."""
        statistics: Statistics = self.__func__.stats()
        return statistics

    def save(self, path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """As ``Compiled.save``: what is read of the object is stored as it is now."""
        state = self.__func__._state  # noqa: SLF001
        threads = state.dispatcher.options.threads
        _compiled(self, state.options, threads).save(path, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # As bound methods are: what else they have is their function's.
        return getattr(self.func, name)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoundCompiled)
            and self.__self__ is other.__self__
            and self.func is other.func
        )

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.func))

    def __repr__(self) -> str:
        return f"<bound {self.func!r} of {self.__self__!r}>"


class _State:
    """What a Compiled keeps besides its variants."""

    # Set by `compile`: each needs the other.
    dispatcher: Dispatcher

    def __init__(
        self, function: Callable[..., Any], options: CompileOptions, name: str
    ) -> None:
        self.function = function
        self.options = options
        self.name = name
        self.makings: WeakKeyDictionary[Variant, Making] = WeakKeyDictionary()
        self.count = 0
        self._has_warned = False

    def compile_variant(self, call: Call) -> Variant:
        reason = reason_for(call, self.dispatcher.variants, self.makings)
        limit = self.dispatcher.options.variant_limit
        if len(self.dispatcher.variants) >= limit and not self._has_warned:
            self._has_warned = True
            warn_of_dropping(self.name, limit, reason)
        others = [making.compilation.traced for making in self.makings.values()]
        variant, compilation = compile_variant(
            self.function, call, self.options, self.name, others
        )
        self.count += 1
        seconds = dict(compilation.seconds)
        self.makings[variant] = Making(self.count, reason, compilation, seconds)
        if (folder := config.dump) is not None:
            from penstock.dump import dump

            dump(folder, variant, self.makings[variant])
        return variant

    def explain(self, call: Call | None) -> Explanation:
        from penstock.explain import Explanation, VariantReport

        dispatcher = self.dispatcher
        asked = dispatcher.variants if call is None else [dispatcher.variant_for(call)]
        reports = [VariantReport.of(one, self.makings[one], call) for one in asked]
        reports.sort(key=lambda report: report.number)
        return Explanation(self.name, dispatcher.statistics(), tuple(reports))

    def lower(self, call: Call) -> Compilation:
        traced = trace(self.function, call, static=self.options.static, name=self.name)
        return Compilation(traced, self.options)


@overload
def compile(  # noqa: A001
    fn: Callable[..., Any],
    *,
    device: str | None = None,
    static: Collection[Any] = (),
    donate: Collection[Any] = (),
    fastmath: bool = False,
    threads: int | None = None,
    debug: str | None = None,
) -> Any: ...


@overload
def compile(  # noqa: A001
    fn: None = None,
    *,
    device: str | None = None,
    static: Collection[Any] = (),
    donate: Collection[Any] = (),
    fastmath: bool = False,
    threads: int | None = None,
    debug: str | None = None,
) -> Callable[[Callable[..., Any]], Any]: ...


def compile(  # noqa: A001
    fn: Callable[..., Any] | None = None,
    *,
    device: str | None = None,
    static: Collection[Any] = (),
    donate: Collection[Any] = (),
    fastmath: bool = False,
    threads: int | None = None,
    debug: str | None = None,
) -> Any:
    """Compile a function of NumPy code to native code.

    Args:
        fn: the function. It is traced when it is first called with arguments of new
            dtypes, ranks or layouts, or of sizes that no variant serves. Of a compiled
            one, the function that it was made of, with these options. In traced code
            it is traced where it is called, as part of the function around it.
        device: where it runs: so far ``"cpu"`` alone, which ``"auto"`` and ``None`` are
            too.
        static: names of arguments whose numbers and sizes are fixed, and ``(name,
            axis)`` for one size: each gets a variant of its own. Elements of arrays
            never are.
        donate: not available yet.
        fastmath: whether algebra may change the last bits of results.
        threads: at most this many; as many as the process may use by default.
        debug: not available yet.

    Returns:
        A Compiled, which is called as ``fn`` is; without ``fn``, a decorator.

    Raises:
        OptionError: an option has no such value.

    Example:
        >>> import numpy as np
        >>> import penstock as ps
        >>> @ps.compile
        ... def f(x, y):
        ...     return np.sqrt(x * x + y * y)
        >>> f(np.array([3.0, 5.0]), np.array([4.0, 12.0]))
        array([ 5., 13.])
    """
    _check_options(device, donate, threads, debug)
    if not isinstance(fastmath, (bool, np.bool_)):
        raise OptionError(
            None,
            f"fastmath is {fastmath!r}, but must be True or False",
            code="option",
            hint="fastmath=True may change last bits for speed, False changes none",
        )
    options = CompileOptions(_static_entries(static), bool(fastmath))
    if fn is None:
        return lambda function: _compiled(function, options, threads)
    return _compiled(fn, options, threads)


def _static_entries(static: Collection[Any]) -> tuple[Any, ...]:
    """What ``static`` names, each an argument or an axis of one."""
    entries = (static,) if isinstance(static, str) else static
    if isinstance(entries, Collection):
        found = tuple(entries)
        if all(map(_is_static_entry, found)):
            return found
    raise OptionError(
        None,
        f"static is {static!r}, but must hold names of arguments",
        code="static-name",
        hint="name an argument, 'x', or one of its axes, ('x', 0)",
    )


def _is_static_entry(entry: object) -> bool:
    if isinstance(entry, str):
        return True
    if not isinstance(entry, tuple) or len(entry) != 2:
        return False
    name, axis = entry
    return isinstance(name, str) and isinstance(axis, int)


def _check_options(
    device: str | None, donate: Collection[Any], threads: int | None, debug: str | None
) -> None:
    if device not in (None, "cpu", "auto"):
        raise OptionError(
            None,
            f"device {device!r} is not available",
            code="unknown-device",
            hint="programs run on the CPU so far: leave it out",
        )
    if donate or debug:
        raise OptionError(
            None,
            f"{'donate' if donate else 'debug'} is not available yet",
            code="unknown-option",
        )
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise OptionError(
            None, f"threads is {threads!r}, but must be at least 1", code="bad-threads"
        )


def _callable_hint(given: object) -> str:
    if isinstance(given, classmethod):
        return "swap the decorators: @classmethod above @ps.compile"
    return "pass a function: ps.compile(lambda x: ...)"


def _compiled(
    function: Callable[..., Any], options: CompileOptions, threads: int | None
) -> Any:
    if not callable(function):
        raise OptionError(
            user_location(),
            f"{function!r} cannot be called",
            code="not-a-function",
            hint=_callable_hint(function),
        )
    if isinstance(function, (Compiled, BoundCompiled)):
        function = function.__wrapped__
    if current_tracer() is not None:
        return compiled_in_place(function, options.static)
    binder = Binder.of(function)
    name = getattr(function, "__name__", type(function).__name__)
    state = _State(function, options, "lambda" if name == "<lambda>" else name)
    dispatcher = Dispatcher(binder, DispatchOptions(threads), state.compile_variant)
    state.dispatcher = dispatcher
    made = new_callable(Compiled, dispatcher, support())
    vars(made).update(
        {
            attribute: getattr(function, attribute)
            for attribute in functools.WRAPPER_ASSIGNMENTS
            if hasattr(function, attribute)
        }
    )
    vars(made).update(__wrapped__=function, _state=state)
    # `inspect.signature` finds that of a Python function behind `__wrapped__`; that of
    # what is called otherwise only here.
    vars(made)["__signature__"] = inspect.signature(function)
    return made
