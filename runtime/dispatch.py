"""The dispatcher: from a call to the variant that serves it.

This one is written in Python. It is the meaning of the native one
(``penstock.runtime.native``), serves what that does not cover, and takes over where
there is none.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
from _thread import RLock
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.ir.errors import RunError
from penstock.ir.record import Record
from penstock.runtime.artifact import Artifact, ErrorEntry
from penstock.runtime.binding import Binder, Call
from penstock.runtime.config import thread_limit
from penstock.runtime.devices.cpu import Scratch
from penstock.runtime.executable import Executable
from penstock.runtime.pytree import unflatten
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    ConstantResult,
    IntegerResult,
    ParameterResult,
    RealLeaf,
    RealResult,
    Result,
    Signature,
    TruthResult,
)
from penstock.runtime.tracebacks import hide_own_frames

__all__ = [
    "DispatchOptions",
    "Dispatcher",
    "Statistics",
    "Variant",
]

# Variants beyond this many are dropped, the least recently used first.
_VARIANT_LIMIT = 16
# A captured array that another thread replaces while we compile is tried again.
_ATTEMPTS = 3


class DispatchOptions(Record):
    """How a compiled function is called.

    Args:
        threads: at most this many threads; ``None`` for as many as there are.
        variant_limit: at most this many variants are kept.
    """

    threads: int | None = None
    variant_limit: int = _VARIANT_LIMIT


class Statistics(Record):
    """What a compiled function has done so far.

    Args:
        calls: calls that a variant served.
        compiles: variants that were compiled.
        cache_hits: variants whose code was found in the cache.
        compile_seconds: time spent to trace, compile and load.
        variants: variants that exist now.
        evictions: variants that were dropped because there were too many.
    """

    calls: int
    compiles: int
    cache_hits: int
    compile_seconds: float
    variants: int
    evictions: int


class Prepared:
    """A call that a variant serves, ready to run."""

    __slots__ = ("inputs", "keep", "sizes", "slots")

    def __init__(
        self,
        inputs: list[Any],
        slots: ctypes.Array[ctypes.c_int64],
        sizes: ctypes.Array[ctypes.c_int64],
        keep: object,
    ) -> None:
        self.inputs = inputs
        self.slots = slots
        self.sizes = sizes
        self.keep = keep


class Variant:
    """One artifact of a compiled function, loaded, with what it serves.

    Args:
        signature: what it takes and gives.
        executable: its code.
        errors: what the entries of its program stand for.
        artifact: where the code came from, for ``explain`` and for saving.
        from_cache: whether it was found in the cache rather than compiled.
    """

    def __init__(
        self,
        signature: Signature,
        executable: Executable,
        errors: tuple[ErrorEntry, ...] = (),
        *,
        artifact: Artifact | None = None,
        from_cache: bool = False,
    ) -> None:
        self.signature = signature
        self.executable = executable
        self.errors = errors
        self.artifact = artifact
        self.from_cache = from_cache
        # Calls served, and when the last one was, counted in calls. The native
        # dispatcher writes here too. Adding to an array is one step for the
        # interpreter, so no count is lost.
        self.counters = np.zeros(2, np.int64)
        self._calls = self.counters[:1]
        self._slots_type = ctypes.c_int64 * signature.slot_count
        self._sizes_type = ctypes.c_int64 * signature.size_count
        self._array_leaves = [
            (index, offset)
            for index, offset in enumerate(signature.slot_offsets[:-1])
            if isinstance(signature.leaves[index], ArrayLeaf)
        ]
        self._words_type = ctypes.c_int64 * sum(
            2 * leaf.rank for leaf in signature.leaves if isinstance(leaf, ArrayLeaf)
        )

    @property
    def calls(self) -> int:
        """How many calls it has served."""
        return int(self.counters[0])

    @property
    def last_used(self) -> int:
        """When it served the last one, counted in calls of the function."""
        return int(self.counters[1])

    def count_call(self, now: int) -> None:
        """Note that it serves a call, the ``now``-th of the function."""
        np.add(self._calls, 1, self._calls)
        self.counters[1] = now

    def prepare(self, call: Call) -> Prepared | None:
        """Try the variant on a call; ``None`` if it does not serve it."""
        signature = self.signature
        if call.structure != signature.structure:
            return None
        # No zip: a leaf that differs ends it, before captured state is read.
        inputs = call.leaves
        for leaf, value in zip(signature.leaves, inputs, strict=False):
            if not leaf.accepts(value):
                return None
        if signature.captured:
            captured = signature.read_captured(inputs)
            first = signature.argument_count
            if captured is None or not all(
                leaf.accepts(value)
                for leaf, value in zip(signature.leaves[first:], captured, strict=True)
            ):
                return None
            inputs = inputs + captured
        slots, words = self._fill_slots(inputs)
        sizes = self._sizes_type()
        code = self.executable.prepare(slots, sizes)
        if code == -1:
            from penstock.runtime.refusal import overflow

            raise overflow(self, inputs)
        return None if code else Prepared(inputs, slots, sizes, words)

    def refusal(self, call: Call) -> str | None:
        """Why the variant does not serve a call, in words; ``None`` if it does."""
        from penstock.runtime.refusal import refusals

        found = refusals(self, call)
        return str(found[0]) if found else None

    def failed_guard(self, inputs: list[Any]) -> int:
        """One more than the index of a guard that does not hold; else not positive.

        Args:
            inputs: all leaves of a call, of the kinds that the variant takes.
        """
        slots, _words = self._fill_slots(inputs)
        return self.executable.prepare(slots, self._sizes_type())

    def _fill_slots(self, inputs: list[Any]) -> tuple[Any, Any]:
        signature = self.signature
        slots = self._slots_type()
        words = self._words_type()
        address = ctypes.addressof(words)
        position = 0
        for index, offset in self._array_leaves:
            array = inputs[index]
            rank = array.ndim
            words[position : position + rank] = array.shape
            words[position + rank : position + 2 * rank] = array.strides
            slots[offset] = array.ctypes.data
            slots[offset + 1] = address + 8 * position
            slots[offset + 2] = address + 8 * (position + rank)
            position += 2 * rank
        for leaf, value, offset in zip(
            signature.leaves, inputs, signature.slot_offsets, strict=False
        ):
            if leaf.slot_count == 1:
                slots[offset] = _bits(value) if type(leaf) is RealLeaf else value
        return slots, words

    def run(self, prepared: Prepared, threads: int | None) -> Any:
        """Run a call that ``prepare`` has accepted.

        Args:
            prepared: what it gave.
            threads: at most this many.

        Returns:
            The result, of the function's own structure.

        Raises:
            PenstockError: the program ended with an entry of its table of errors.
            KeyboardInterrupt: the user interrupted it.
        """
        signature, slots, sizes = self.signature, prepared.slots, prepared.sizes
        arrays = []
        position, offset = 2, signature.slot_offsets[-1]
        for result in signature.array_results:
            shape = sizes[position : position + result.rank]
            array = np.empty(shape, result.dtype.numpy)
            arrays.append(array)
            slots[offset] = array.ctypes.data
            position += result.rank
            offset += 1
        with Scratch(sizes[0]) as arena:
            code = self.executable.run(slots, arena, threads)
        if code:
            raise self.failure(code, ctypes.addressof(slots))
        made = iter(arrays)
        leaves = [self._result(r, prepared, made) for r in signature.results]
        return unflatten(signature.result_structure, leaves)

    def _result(self, result: Result, prepared: Prepared, made: Any) -> Any:
        if isinstance(result, ArrayResult):
            # As NumPy's functions do, [()] makes a scalar of an array of rank 0.
            array = next(made)
            if isinstance(result, TruthResult):
                return bool(array)
            return array if result.rank else array[()]
        if isinstance(result, ConstantResult):
            return result.value
        if isinstance(result, IntegerResult):
            return prepared.sizes[result.index]
        if isinstance(result, RealResult):
            return _real(prepared.sizes[result.index])
        assert isinstance(result, ParameterResult)
        value = prepared.inputs[result.index]
        if isinstance(value, np.ndarray):
            return value.copy() if value.ndim else value[()]
        return value

    def failure(self, code: int, address: int) -> BaseException:
        """The exception that stands for what a program returned.

        Args:
            code: what it returned, not 0.
            address: of the slots of the call, the first of which it has written.
        """
        if code == -1:
            return KeyboardInterrupt()
        if code == -2:
            return RunError(
                None,
                "a handler of a signal forked the process while the program ran, and "
                "went on in the child, where the other threads are not",
                code="forked",
            )
        assert 0 < code <= len(self.errors), f"the program returned {code}"
        from penstock.runtime.refusal import sizes_in_slots

        slots = self._slots_type.from_address(address)
        return self.errors[code - 1].error(slots[0], sizes_in_slots(self, [*slots]))


def _bits(value: float) -> int:
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits


def _real(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value


class Dispatcher:
    """Serves the calls of one compiled function.

    Threads may call it at the same time; a variant that several need is compiled
    once.

    Args:
        binder: binds arguments to the function's parameters.
        options: how it is called.
        compile_variant: makes a variant that serves a call that none of the others do.

    Attributes:
        variants: the variants there are, those found last first.
        on_change: called with no arguments when ``variants`` has changed.
    """

    def __init__(
        self,
        binder: Binder,
        options: DispatchOptions,
        compile_variant: Callable[[Call], Variant],
    ) -> None:
        self.binder = binder
        self.options = options
        self.variants: tuple[Variant, ...] = ()
        self.on_change: Callable[[], None] | None = None
        # Counts calls; the native dispatcher writes here too.
        self.clock = np.zeros(1, np.int64)
        self._compile_variant = compile_variant
        self._compiles = 0
        self._cache_hits = 0
        self._compile_seconds = 0.0
        self._evictions = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; what it raises shows none of our frames."""
        try:
            return self.call(args, kwargs)
        except Exception as error:
            hide_own_frames(error)
            raise

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function.

        Args:
            args: the positional arguments.
            kwargs: the keyword arguments.

        Returns:
            Its result.

        Raises:
            PenstockError: the arguments do not fit, the function does not compile, or
                the program fails.
        """
        call = self.bind(args, kwargs)
        for variant in self.variants:
            prepared = variant.prepare(call)
            if prepared is not None:
                break
        else:
            variant, prepared = self._make_variant(call)
        np.add(self.clock, 1, self.clock)
        variant.count_call(int(self.clock[0]))
        return variant.run(prepared, thread_limit(self.options.threads))

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Bind arguments to the parameters that the function has now.

        Args:
            args: the positional arguments.
            kwargs: the keyword arguments.

        Raises:
            StructureError: they do not fit the parameters.
        """
        if not self.binder.is_current():
            with _compiling.lock:
                # Its code was replaced: no variant serves that, and it may take others.
                self.binder = Binder.of(self.binder.source)
                self.variants = ()
                if self.on_change is not None:
                    self.on_change()
        return self.binder.bind(args, kwargs)

    def find(self, call: Call) -> Variant | None:
        """The variant that serves a call, if there is one already."""
        for variant in self.variants:
            if variant.prepare(call) is not None:
                return variant
        return None

    def variant_for(self, call: Call) -> Variant:
        """The variant that serves a call, compiled if need be."""
        return self.find(call) or self._make_variant(call)[0]

    def _make_variant(self, call: Call) -> tuple[Variant, Prepared]:
        for _ in range(_ATTEMPTS):
            with _compiling.lock:
                # Another thread may have made it while this one waited.
                for variant in self.variants:
                    prepared = variant.prepare(call)
                    if prepared is not None:
                        return variant, prepared
                start = time.perf_counter()
                variant = self._compile_variant(call)
                self._compile_seconds += time.perf_counter() - start
                self._cache_hits += variant.from_cache
                self._compiles += not variant.from_cache
                prepared = variant.prepare(call)
                if prepared is not None:
                    self.add(variant)
                    return variant, prepared
        reason = variant.refusal(call) or "it was as compiled a moment before"
        raise RunError(
            None,
            f"{self.binder.name}: what it reads changes while it is compiled: {reason}",
            code="unsteady-capture",
            hint="pass it as an argument",
        )

    def add(self, variant: Variant) -> None:
        """Add a variant, dropping the least recently used one if there are too many."""
        kept = list(self.variants)
        while len(kept) >= max(self.options.variant_limit, 1):
            oldest = min(kept, key=lambda one: one.last_used)
            kept.remove(oldest)
            self._evictions += 1
        # A new one counts as used, or the next would push it out.
        variant.counters[1] = int(self.clock[0])
        self.variants = (variant, *kept)
        if self.on_change is not None:
            self.on_change()

    def statistics(self) -> Statistics:
        """What has happened so far."""
        return Statistics(
            int(self.clock[0]),
            self._compiles,
            self._cache_hits,
            self._compile_seconds,
            len(self.variants),
            self._evictions,
        )


class _Compiling:
    """The lock under which variants are made.

    There is one for all functions. LLVM compiles one module at a time anyway, and two
    functions that compile each other from two threads cannot wait for each other.
    """

    def __init__(self) -> None:
        self.lock = RLock()

    def hold(self) -> None:
        # LLVM has locks of its own: a child of a process in which another thread is
        # compiling would wait for that thread for ever. So a fork waits for it.
        self.lock.acquire()

    def release(self) -> None:
        self.lock.release()

    def renew(self) -> None:
        self.lock = RLock()


_compiling = _Compiling()
os.register_at_fork(
    before=_compiling.hold,
    after_in_parent=_compiling.release,
    after_in_child=_compiling.renew,
)
