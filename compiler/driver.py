"""The whole way from a Python function to a loaded program, on one page.

    call -> trace -> graph -> fused -> plan (of loops) -> llvm -> object -> variant

Everything that knows of more than one stage is here; the stages do not know of each
other.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, TypeVar

import penstock.ir as penstock_ir
from penstock.frontend.small_sizes import FixedSize
from penstock.frontend.trace import Trace, trace
from penstock.ir.dims import Dim, symbols_of
from penstock.ir.graph.value import Function
from penstock.ir.location import Location
from penstock.ir.record import Record
from penstock.ir.types import TensorType
from penstock.runtime.artifact import (
    ABI_VERSION,
    SHARED_OBJECT,
    Artifact,
    ErrorEntry,
    sha256,
)
from penstock.runtime.binding import Call
from penstock.runtime.cache import default_cache, support_data
from penstock.runtime.dispatch import Variant
from penstock.runtime.executable import Executable
from penstock.runtime.machine import Machine, host
from penstock.runtime.signature import ArrayLeaf, IntegerLeaf, RealLeaf
from penstock.runtime.support import Support, load_support

if TYPE_CHECKING:
    from penstock.ir.dims import Size
    from penstock.ir.plan.node import Plan
    from penstock.passes.saving_report import SavingReport

__all__ = [
    "STAGES",
    "Compilation",
    "CompileOptions",
    "FixedSize",
    "cache_key",
    "compile_variant",
    "compiler_fingerprint",
    "make_variant",
    "support",
    "trace",
]

_T = TypeVar("_T")

STAGES = ("trace", "graph", "fused", "loops", "plan", "llvm", "asm", "cuda")
"""What ``Lowered.text`` can show, in order."""


class CompileOptions(Record):
    """How a function is compiled.

    Args:
        static: names of arguments whose sizes are fixed.
        fastmath: whether algebra may change the last bits.
    """

    static: tuple[Any, ...] = ()
    fastmath: bool = False


class Compilation:
    """One function on its way, each stage made when it is first asked for.

    Attributes:
        traced: what the frontend made.
        options: how it is compiled.
        machine: what it is compiled for.
        seconds: how long each stage took.
    """

    def __init__(self, traced: Trace, options: CompileOptions) -> None:
        self.traced = traced
        self.options = options
        self.machine: Machine = host()
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, make: Callable[[], _T]) -> _T:
        """The result of a stage, its time noted."""
        start = time.perf_counter()
        made = make()
        self.seconds[stage] = time.perf_counter() - start
        return made

    @cached_property
    def parameters(self) -> dict[str, ArrayLeaf | RealLeaf]:
        """The leaf of each parameter of the graph."""
        leaves = [
            leaf
            for leaf in self.traced.signature.leaves
            if isinstance(leaf, (ArrayLeaf, RealLeaf))
        ]
        names = [str(p.attributes["name"]) for p in self.traced.function.parameters]
        return dict(zip(names, leaves, strict=True))

    @cached_property
    def strided(self) -> frozenset[str]:
        """Parameters whose strides are given at run time."""
        return frozenset(
            name
            for name, leaf in self.parameters.items()
            if isinstance(leaf, ArrayLeaf) and leaf.layout == "strided"
        )

    @cached_property
    def reals(self) -> frozenset[str]:
        """Parameters that are passed by value: one word, where an array has three."""
        return frozenset(
            name for name, leaf in self.parameters.items() if isinstance(leaf, RealLeaf)
        )

    @cached_property
    def order(self) -> list[str]:
        """Parameters and integer arguments in the order of the caller's leaves."""
        arrays = iter(self.parameters)
        integers = iter(self.traced.function.integers)
        return [
            next(arrays) if isinstance(leaf, (ArrayLeaf, RealLeaf)) else next(integers)
            for leaf in self.traced.signature.leaves
            if leaf.slot_count
        ]

    @cached_property
    def graph(self) -> Function:
        """The graph after all passes."""
        from penstock.passes.pipelines import FAST, STANDARD, run_pipeline

        pipeline = FAST if self.options.fastmath else STANDARD
        return self.timed(
            "passes", lambda: run_pipeline(self.traced.function, pipeline)
        )

    @cached_property
    def fused(self) -> Function:
        """The graph in clusters."""
        from penstock.passes.fuse import fuse

        graph = self.graph
        return self.timed("fuse", lambda: fuse(graph, strided=self.strided))

    @cached_property
    def plan(self) -> Plan:
        """The host program and its Kernels."""
        fused = self.fused
        return self.timed("lower", lambda: self.lowered(fused))

    def lowered(self, fused: Function) -> Plan:
        """The Plan of a Function in clusters."""
        from penstock.lower import lower_function

        return lower_function(
            fused,
            strided=self.strided,
            reals=self.reals,
            returned=self.traced.host_numbers,
            registers=self.machine.vector_registers,
        )

    @cached_property
    def saving(self) -> SavingReport | None:
        """What a gradient keeps and computes again; no stage, but asked about."""
        from penstock.passes.saving_report import saving_report

        return saving_report(self.graph, strided=self.strided)

    @cached_property
    def arena_of_all_saved(self) -> Size:
        """Bytes between Kernels if gradients saved all that they read."""
        from penstock.passes.fuse import fuse

        return self.lowered(fuse(self.graph, strided=self.strided, save=False)).arena

    @cached_property
    def llvm(self) -> str:
        """The LLVM IR of the whole program."""
        from penstock.backends.llvm.plan import emit_plan

        plan = self.plan
        return self.timed("emit", lambda: emit_plan(plan, self.order, self.machine))

    @cached_property
    def shared_object(self) -> bytes:
        """The program as a shared object."""
        from penstock.backends.llvm.link import link_shared_object
        from penstock.backends.llvm.object import emit_objects
        from penstock.backends.llvm.plan import PREPARE, RUN, emit_modules

        plan, start = self.plan, time.perf_counter()
        writing: list[float] = []

        def modules() -> Iterator[str]:
            begun = time.perf_counter()
            for module in emit_modules(plan, self.order, self.machine):
                writing.append(time.perf_counter() - begun)
                yield module
                begun = time.perf_counter()

        objects = emit_objects(modules(), self.machine)
        self.seconds["emit"] = sum(writing)
        self.seconds["llvm"] = time.perf_counter() - start - sum(writing)
        return self.timed("link", lambda: link_shared_object(objects, [PREPARE, RUN]))

    def text(self, stage: str) -> str:
        """One stage as text.

        Args:
            stage: one of ``STAGES``.
        """
        if stage == "loops":
            return "\n\n".join(str(kernel) for kernel in self.plan.kernels) + "\n"
        if stage == "asm":
            from penstock.backends.llvm.object import assembly

            return assembly(self.llvm, self.machine)
        if stage == "cuda":
            from penstock.backends.cuda import emit_cuda

            return emit_cuda(self.plan)
        stages: dict[str, Callable[[], object]] = {
            "trace": lambda: self.traced.function,
            "graph": lambda: self.graph,
            "fused": lambda: self.fused,
            "plan": lambda: self.plan,
            "llvm": lambda: self.llvm,
        }
        return str(stages[stage]())

    @cached_property
    def errors(self) -> tuple[ErrorEntry, ...]:
        """The errors that the program may report."""
        places = places_of_sizes(self.traced.function)
        return tuple(
            ErrorEntry(error.code, error.message, error.kind, error.loc)
            for error in self.plan.errors
        ) + tuple(
            ErrorEntry(
                "size-overflow",
                f"{size} is {{value}}, which does not fit 64 bits",
                "NumberRangeError",
                places.get(size),
                "use smaller arrays and numbers",
            )
            for size in self.checked_sizes
        )

    @cached_property
    def checked_sizes(self) -> list[Dim]:
        """What may not fit 64 bits; the last of the errors say so of each."""
        from penstock.backends.llvm.plan_sizes import checked_sizes

        return checked_sizes(self.plan)


def compile_variant(
    function: Callable[..., Any],
    call: Call,
    options: CompileOptions,
    name: str,
    others: Iterable[Trace] = (),
) -> tuple[Variant, Compilation]:
    """Compile a function for a call, or find in the cache what was compiled for it.

    Args:
        function: the user's function.
        call: its arguments.
        options: how to compile.
        name: the function's name.
        others: what its variants were made from.

    Raises:
        PenstockError: the function cannot be compiled, at the user's line.
    """
    start = time.perf_counter()
    traced = trace(function, call, static=options.static, name=name)
    if traced.fixed and any(
        other.fixed and other.signature.leaves == traced.signature.leaves
        for other in others
    ):
        # One variant with small sizes fixed; the next serves all sizes.
        traced = trace(
            function, call, static=options.static, name=name, fix_sizes=False
        )
    compilation = Compilation(traced, options)
    compilation.seconds["trace"] = time.perf_counter() - start
    return make_variant(compilation), compilation


def make_variant(compilation: Compilation) -> Variant:
    """Compile what was traced, or find it in the cache, and load it."""
    traced = compilation.traced
    name = traced.function.name
    cache = default_cache()
    key = cache_key(compilation)
    artifact = compilation.timed("cache", lambda: cache.load(key))
    from_cache = artifact is not None
    if artifact is None:
        artifact = make_artifact(compilation)
        cache.store(key, artifact)
    start = time.perf_counter()
    executable = Executable(artifact.parts[SHARED_OBJECT], name)
    compilation.seconds["load"] = time.perf_counter() - start
    return Variant(
        traced.signature,
        executable,
        located(artifact, traced.function),
        artifact=artifact,
        from_cache=from_cache,
    )


def make_artifact(compilation: Compilation) -> Artifact:
    """The artifact of a traced function: all stages, none of it from the cache."""
    code = compilation.shared_object
    function = compilation.traced.function
    return Artifact(
        function.name,
        compilation.machine,
        compilation.errors,
        tuple(map(str, function.guards)),
        facts={
            "kernels": len(compilation.plan.kernels),
            "error_origins": [
                origin_of(error.loc, function) for error in compilation.errors
            ],
            "symbols": symbol_places(compilation.traced),
            "checked": [str(size) for size in compilation.checked_sizes],
        },
        parts={SHARED_OBJECT: code},
    )


def symbol_places(traced: Trace) -> dict[str, list[int]]:
    """Where the sizes and host numbers that guards ask about are found in a call.

    Returns:
        For each name the number of the leaf among those that take slots, and the axis
        of which it is the size.
    """
    places: dict[str, list[int]] = {}
    parameters = iter(traced.function.parameters)
    integers = iter(traced.function.integers)
    leaves = [leaf for leaf in traced.signature.leaves if leaf.slot_count]
    for number, leaf in enumerate(leaves):
        if isinstance(leaf, IntegerLeaf):
            places[next(integers)] = [number, 0]
            continue
        parameter = next(parameters)
        if isinstance(leaf, RealLeaf):
            places[str(parameter.attributes["name"])] = [number, 0]
        for axis, size in enumerate(parameter.shape):
            places |= {name: [number, axis] for name in symbols_of(size)}
    return places


def places_of_sizes(function: Function) -> dict[Dim, Location | None]:
    """For each size the place of the first Value made with it, in whatever form."""
    places: dict[Dim, Location | None] = {}
    for value in function.values:
        parts: list[Any] = [*value.shape] if isinstance(value.type, TensorType) else []
        for attribute in value.attributes.values():
            parts += attribute if isinstance(attribute, tuple) else (attribute,)
        while parts:
            size = parts.pop()
            if isinstance(size, Dim) and size not in places:
                places[size] = value.loc
                for monomial, _ in size.terms:
                    parts += [part for atom in monomial for part in atom.arguments]
    return places


def origin_of(loc: Location | None, function: Function) -> int:
    """The number of the traced Value at a place in the source; -1 if there is none."""
    for number, value in enumerate(function.values):
        if loc is not None and loc.with_role("") in value.locations:
            return number
    return -1


def located(artifact: Artifact, function: Function) -> tuple[ErrorEntry, ...]:
    """An artifact's errors with the lines of the function at hand.

    The same graph may have been compiled for a function elsewhere.
    """
    origins = artifact.facts.get("error_origins", ())
    values = function.values
    return tuple(
        error.replace(loc=values[origin].loc) if origin >= 0 else error
        for error, origin in zip(artifact.errors, origins, strict=True)
    )


def cache_key(compilation: Compilation) -> str:
    """What an artifact depends on, as 64 hexadecimal digits.

    The graph is taken as traced, before any pass: a program that is in the cache is
    found without running one.
    """
    traced = compilation.traced
    text = "\n".join(
        (
            compiler_fingerprint(),
            str(compilation.machine),
            repr(compilation.options.fastmath),
            ",".join(compilation.order),
            ",".join(sorted(compilation.strided)),
            ",".join(sorted(compilation.reals)),
            repr(traced.host_numbers),
            traced.function.name,
            ",".join(str(p.attributes["name"]) for p in traced.function.parameters),
            traced.function.key,
        )
    )
    return sha256(text.encode()).hex()


@functools.cache
def compiler_fingerprint() -> str:
    """The version of everything that has a say in the code that is made.

    In a checkout the version alone does not tell one state of the compiler from the
    next, so the sizes and times of its files do.
    """
    import penstock

    parts = [penstock.__version__, str(ABI_VERSION)]
    own, ir = os.path.dirname(__file__), os.path.dirname(penstock_ir.__file__)
    parts += _states_of_files(own)
    # Where the package is installed, the one folder lies in the other.
    if not ir.startswith(own + os.sep):
        parts += _states_of_files(ir)
    llvmlite = PathFinder.find_spec("llvmlite")
    if llvmlite is not None and llvmlite.origin is not None:
        parts.append(f"{os.path.getsize(llvmlite.origin)}")
        parts.append(f"{os.stat(llvmlite.origin).st_mtime_ns}")
    return sha256("\n".join(parts).encode()).hex()


def _states_of_files(folder: str) -> Iterator[str]:
    """Name, size and time of each source file in a folder and those within it."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.name} {status.st_size} {status.st_mtime_ns}"
            elif not entry.name.startswith("__") and entry.is_dir():
                yield from _states_of_files(entry.path)


def support() -> Support | None:
    """The thread pool and native dispatcher of this process."""

    def build() -> bytes:
        from penstock.backends.llvm.support import build_support

        return build_support()

    return load_support(
        lambda: support_data(default_cache(), build, compiler_fingerprint())
    )
