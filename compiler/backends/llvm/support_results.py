"""From the slots of a program to the result of a call, in generated code.

serve ............ allocates the arrays of the result, runs the program
pass_on .......... makes a leaf of the result of one that the call was given
limited_parallel . is by what loops run within a block that limits threads
finish ........... makes the result of what the program left
fail ............. raises what its status stands for
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.support_pool import MOST_LIMITS
from penstock.backends.llvm.support_words import (
    api_entry,
    call_own,
    call_python,
    integer,
    leave,
    load_element,
    load_word,
    null_pointer,
    pointers,
    require,
    store_element,
    store_word,
    word_address,
)
from penstock.runtime.layout import (
    Array,
    Build,
    Callable,
    Result,
    ResultKind,
    Table,
    Variant,
)

__all__ = [
    "add_fail",
    "add_finish",
    "add_limited_parallel",
    "add_pass_on",
    "add_serve",
]

_STACK_ARENA = 2048
_KEPT_ARENA = 256 << 20
_ARENA_ALIGN = 64
_C_ORDER = 0  # NPY_CORDER of numpy/ndarraytypes.h


def add_serve(module: Module) -> None:
    """``serve(table, variant, given, slots, sizes, objects)``: run, and the result.

    The leaves of the result are made after what ``objects`` holds.
    """
    f = module.function(
        "serve",
        pointers("table", "variant", "given", "slots", "sizes", "objects"),
        result="ptr", internal=True,
    )  # fmt: skip
    table, variant, _, slots, sizes, objects = f.parameters
    nothing = f.label("nothing")
    count = load_word(f, variant, Variant.RESULT_COUNT, "i64")
    held = load_word(f, variant, Variant.HELD_COUNT, "i64")
    made = word_address(f, objects, held)
    _allocate_results(f, count, made, nothing)
    blocks = load_word(f, load_word(f, table, Table.BLOCKS), 0, "i64")
    (parallel,) = f.choose(
        f.eq(blocks, 0),
        lambda: [load_word(f, variant, Variant.PARALLEL)],
        lambda: [call_own(f, "limited_parallel", [table], "ptr")],
        likely=True,
    )
    require(f, f.ne(parallel, 0), nothing)
    arena, size = _take_arena(f, nothing)
    run = load_word(f, variant, Variant.RUN)
    threshold = load_word(f, table, Table.UNLOCKED_NANOSECONDS, "i64")
    arguments = [slots, arena, parallel]
    (code,) = f.choose(
        f.gt(load_word(f, sizes, 8, "i64"), threshold),
        lambda: [call_own(f, "penstock_call", [run, *arguments], "i64")],
        lambda: [f.call(run, arguments, "i64")],
    )
    _give_arena(f, arena, size)
    with f.when(f.ne(code, 0), likely=False):
        call_own(f, "release", [made, count])
        leave(f, call_own(f, "fail", [variant, code, slots], "ptr"))
    f.ret(call_own(f, "finish", [variant, sizes, made], "ptr"))
    f.begin(nothing)
    call_own(f, "release", [made, count])
    f.ret(null_pointer(f))


def _allocate_results(f: Emitter, count: Operand, made: Operand, nothing: str) -> None:
    """Make the arrays of the result, and give their addresses to the program."""
    _, variant, given, slots, sizes, objects = f.parameters
    results = load_word(f, variant, Variant.RESULTS)
    with f.for_loop(integer(f, 0), count) as loop:
        store_element(f, null_pointer(f), made, loop.index)
    # The slots of results are the last ones; their place is in the table.
    number = load_word(f, variant, Variant.RESULT_SLOT, "i64")
    first = word_address(f, slots, number)
    with f.for_loop(integer(f, 0), count, carried=[first]) as loop:
        result = f.offset(results, f.mul(loop.index, Result.SIZE))
        here = loop.carried[0]

        def allocate() -> Sequence[Operand]:
            dtype = load_word(f, result, Result.OBJECT)
            call_python(f, "Py_IncRef", [dtype])
            index = load_word(f, result, Result.INDEX, "i64")
            rank = f.convert(load_word(f, result, Result.RANK, "i64"), "i32")
            null, zero = null_pointer(f), f.constant(0, "i32")
            shape = word_address(f, sizes, index)
            array = call_python(
                f, "PyArray_NewFromDescr",
                [api_entry(f, "ndarray"), dtype, rank, shape, null, null, zero, null],
                "ptr",
            )  # fmt: skip
            require(f, f.ne(array, 0), nothing)
            store_element(f, array, made, loop.index)
            store_word(f, load_word(f, array, Array.DATA), here, 0)
            return [f.offset(here, 8)]

        def other() -> Sequence[Operand]:
            with f.when(f.ge(kind, ResultKind.ARGUMENT)):
                arguments = [variant, result, given, objects]
                passed = call_own(f, "pass_on", arguments, "ptr")
                require(f, f.ne(passed, 0), nothing)
                store_element(f, passed, made, loop.index)
            return [here]

        kind = load_word(f, result, Result.KIND, "i64")
        is_array = f.le(kind, ResultKind.TRUTH)
        (after,) = f.choose(is_array, allocate, other, likely=True)
        loop.carry(after)


def _take_arena(f: Emitter, nothing: str) -> tuple[Operand, Operand]:
    """Scratch memory: its address and size, which is 0 for memory on the stack."""
    sizes = f.parameters[4]
    wanted = load_word(f, sizes, 0, "i64")
    kept = Operand("@arena_kept", "ptr")
    kept_size = Operand("@arena_kept_size", "ptr")
    zero = integer(f, 0)

    def small() -> Sequence[Operand]:
        return [f.allocate(_STACK_ARENA, _ARENA_ALIGN), zero]

    def large() -> Sequence[Operand]:
        # One is kept for the next call. The interpreter's lock guards it.
        size = f.load(kept_size, "i64", align=8)
        return f.choose(f.ge(size, wanted), lambda: take(size), make)

    def take(size: Operand) -> Sequence[Operand]:
        memory = f.load(kept, "ptr", align=8)
        f.store(null_pointer(f), kept, align=8)
        f.store(zero, kept_size, align=8)
        return [memory, size]

    def make() -> Sequence[Operand]:
        rounded = f.bit_and(f.add(wanted, _ARENA_ALIGN - 1), -_ARENA_ALIGN)
        memory = f.call("aligned_alloc", [integer(f, _ARENA_ALIGN), rounded], "ptr")
        with f.when(f.eq(memory, 0), likely=False):
            call_python(f, "PyErr_NoMemory", [], "ptr")
            f.branch(nothing)
            f.begin(f.label("unreached"))
        return [memory, rounded]

    memory, size = f.choose(f.le(wanted, _STACK_ARENA), small, large, likely=True)
    return memory, size


def _give_arena(f: Emitter, memory: Operand, size: Operand) -> None:
    kept = Operand("@arena_kept", "ptr")
    kept_size = Operand("@arena_kept_size", "ptr")
    with f.when(f.ne(size, 0), likely=False):
        # The larger one is kept, so that functions in turn do not undo each other.
        larger = f.gt(size, f.load(kept_size, "i64", align=8))
        keep = f.bit_and(larger, f.le(size, _KEPT_ARENA))
        before = f.load(kept, "ptr", align=8)
        with f.when(keep):
            f.store(memory, kept, align=8)
            f.store(size, kept_size, align=8)
        f.call("free", [f.select(keep, before, memory)])


def add_pass_on(module: Module) -> None:
    """``pass_on(variant, result, given, objects)``: a leaf that the call was given.

    Newly held, or null; an array is copied.
    """
    f = module.function(
        "pass_on", pointers("variant", "result", "given", "objects"), result="ptr"
    )
    variant, result, given, objects = f.parameters
    is_apart = f.ne(load_word(f, variant, Variant.PART_COUNT, "i64"), 0)
    kind = load_word(f, result, Result.KIND, "i64")
    in_objects = f.bit_or(is_apart, f.eq(kind, ResultKind.CAPTURED))
    index = load_word(f, result, Result.INDEX, "i64")
    value = load_element(f, f.select(in_objects, objects, given), index)
    owner = load_word(f, value, Callable.TYPE)
    with f.when(f.eq(owner, api_entry(f, "ndarray"))):
        order = f.constant(_C_ORDER, "i32")
        leave(f, call_python(f, "PyArray_NewCopy", [value, order], "ptr"))
    call_python(f, "Py_IncRef", [value])
    f.ret(value)


def add_limited_parallel(module: Module) -> None:
    """``limited_parallel(table)``: what runs loops within a block that limits threads.

    As ``penstock.runtime.config.thread_limit`` says. The block may be another thread's.
    Gives null, with an exception raised, where the context cannot be read.
    """
    f = module.function("limited_parallel", pointers("table"), result="ptr")
    (table,) = f.parameters
    zero, failed = integer(f, 0), f.label("failed")
    place = f.allocate(8, 8)
    variable = api_entry(f, "scope_variable")
    got = call_python(f, "PyContextVar_Get", [variable, null_pointer(f), place], "i32")
    require(f, f.eq(got, 0), failed)
    scope = f.load(place, "ptr", align=8)

    def limit() -> Sequence[Operand]:
        name = api_entry(f, "scope_threads")
        number = call_python(f, "PyObject_GetAttr", [scope, name], "ptr")
        call_python(f, "Py_DecRef", [scope])
        require(f, f.ne(number, 0), failed)
        overflow = f.allocate(8, 8)
        arguments = [number, overflow]
        read = call_python(f, "PyLong_AsLongLongAndOverflow", arguments, "i64")
        call_python(f, "Py_DecRef", [number])
        return [read]

    def unlimited() -> Sequence[Operand]:
        call_python(f, "Py_DecRef", [scope])
        return [zero]

    (wanted,) = f.choose(f.eq(scope, api_entry(f, "None")), unlimited, limit)
    own = load_word(f, table, Table.THREADS, "i64")
    smaller = f.select(f.lt(own, wanted), own, wanted)
    one_is_unset = f.bit_or(f.eq(own, 0), f.eq(wanted, 0))
    count = f.select(one_is_unset, f.add(own, wanted), smaller)
    count = f.select(f.gt(count, MOST_LIMITS), integer(f, MOST_LIMITS), count)
    threads = Operand("@penstock_threads", "ptr")
    few = f.convert(count, "i32")
    with f.when(f.gt(few, f.load_atomic(threads, "i32", "monotonic"))):
        f.store_atomic(few, threads, "monotonic")
    entries = Operand("@penstock_parallel_entries", "ptr")
    f.ret(load_element(f, entries, count))
    f.begin(failed)
    f.ret(null_pointer(f))


def add_fail(module: Module) -> None:
    """``fail(variant, code, slots)``: raise the exception of a status; null."""
    f = module.function(
        "fail",
        [
            Parameter("variant", "ptr"),
            Parameter("code", "i64"),
            Parameter("slots", "ptr"),
        ],
        result="ptr",
    )
    variant, code, slots = f.parameters
    raised = f.ne(call_python(f, "PyErr_Occurred", [], "ptr"), 0)
    with f.when(f.bit_and(f.eq(code, -1), raised)):
        leave(f, null_pointer(f))
    arguments = f.allocate(16, 8)
    number = call_python(f, "PyLong_FromLongLong", [code], "ptr")
    store_word(f, number, arguments, 0)
    address = call_python(f, "PyLong_FromVoidPtr", [slots], "ptr")
    store_word(f, address, arguments, 8)
    two = integer(f, 2)
    raiser = load_word(f, variant, Variant.FAIL)
    call = [raiser, arguments, two, null_pointer(f)]
    call_python(f, "PyObject_Vectorcall", call, "ptr")
    call_own(f, "release", [arguments, two])
    f.ret(null_pointer(f))


def add_finish(module: Module) -> None:
    """``finish(variant, sizes, made)``: put the result together from its leaves."""
    f = module.function("finish", pointers("variant", "sizes", "made"), result="ptr")
    variant, _, made = f.parameters
    count = load_word(f, variant, Variant.RESULT_COUNT, "i64")
    results = load_word(f, variant, Variant.RESULTS)
    failed, unbuilt = f.label("failed"), f.label("unbuilt")
    with f.for_loop(integer(f, 0), count) as loop:
        result = f.offset(results, f.mul(loop.index, Result.SIZE))
        place = word_address(f, made, loop.index)
        value = _finish_leaf(f, result, place)
        f.store(value, place, align=8)
        require(f, f.ne(value, 0), failed)
    builds = load_word(f, variant, Variant.BUILDS)
    build_count = load_word(f, variant, Variant.BUILD_COUNT, "i64")
    total = f.add(count, build_count)
    with f.for_loop(integer(f, 0), build_count) as loop:
        store_element(f, null_pointer(f), made, f.add(count, loop.index))
    with f.for_loop(integer(f, 0), build_count) as loop:
        build = f.offset(builds, f.mul(loop.index, Build.SIZE))
        value = call_own(f, "build", [build, made], "ptr")
        store_element(f, value, made, f.add(count, loop.index))
        require(f, f.ne(value, 0), unbuilt)
    f.ret(load_element(f, made, f.sub(total, 1)))
    f.begin(unbuilt)
    call_own(f, "release", [made, total])
    f.ret(null_pointer(f))
    f.begin(failed)
    call_own(f, "release", [made, count])
    f.ret(null_pointer(f))


def _finish_leaf(f: Emitter, result: Operand, place: Operand) -> Operand:
    """The object of one leaf of the result, newly held, or null."""
    sizes = f.parameters[1]
    kind = load_word(f, result, Result.KIND, "i64")

    def array() -> Sequence[Operand]:
        made = f.load(place, "ptr", align=8)
        rank = load_word(f, result, Result.RANK, "i64")
        # As NumPy's functions do: a scalar for an array of rank 0.
        return f.choose(
            f.eq(rank, 0),
            lambda: [call_python(f, "PyArray_Return", [made], "ptr")],
            lambda: [made],
        )

    def number() -> Sequence[Operand]:
        address = word_address(f, sizes, load_word(f, result, Result.INDEX, "i64"))

        def whole() -> Sequence[Operand]:
            value = f.load(address, "i64", align=8)
            return [call_python(f, "PyLong_FromLongLong", [value], "ptr")]

        def real() -> Sequence[Operand]:
            value = f.load(address, "f64", align=8)
            return [call_python(f, "PyFloat_FromDouble", [value], "ptr")]

        return f.choose(f.eq(kind, ResultKind.INTEGER), whole, real)

    def constant() -> Sequence[Operand]:
        value = load_word(f, result, Result.OBJECT)
        call_python(f, "Py_IncRef", [value])
        return [value]

    def truth() -> Sequence[Operand]:
        array = f.load(place, "ptr", align=8)
        byte = f.load(load_word(f, array, Array.DATA), "i8")
        number = f.convert(byte, "i64", signed=False)
        call_python(f, "Py_DecRef", [array])
        return [call_python(f, "PyBool_FromLong", [number], "ptr")]

    def passed() -> Sequence[Operand]:
        return [
            call_python(f, "PyArray_Return", [f.load(place, "ptr", align=8)], "ptr")
        ]

    def other() -> Sequence[Operand]:
        return f.choose(
            f.ge(kind, ResultKind.CONSTANT),
            lambda: f.choose(f.eq(kind, ResultKind.CONSTANT), constant, passed),
            lambda: f.choose(f.eq(kind, ResultKind.TRUTH), truth, number),
        )

    return f.choose(f.eq(kind, ResultKind.ARRAY), array, other, likely=True)[0]
