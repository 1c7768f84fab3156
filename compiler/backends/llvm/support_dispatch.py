"""The native dispatcher: one function that serves the calls of every Compiled.

It reads what a call must look like from a table (``penstock.runtime.layout``), so a new
function needs no code of its own. Whatever the table does not cover goes to the Python
dispatcher, which is also its meaning.

It runs under the interpreter's lock except within a program. All that the table points
to is held by one object, which the call holds: the table may be replaced meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.support_arguments import (
    add_accept_scalar,
    add_attempt,
    add_equal_key,
    add_read,
    add_read_place,
)
from penstock.backends.llvm.support_binding import add_resolve
from penstock.backends.llvm.support_containers import add_build, add_take_apart
from penstock.backends.llvm.support_results import (
    add_fail,
    add_finish,
    add_limited_parallel,
    add_pass_on,
    add_serve,
)
from penstock.backends.llvm.support_words import (
    API_NAMES,
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
    stack_words,
    store_element,
    store_word,
)
from penstock.runtime.layout import (
    Callable,
    Table,
    Variant,
)

__all__ = ["add_dispatcher", "check_signals"]


def add_dispatcher(hot: Module, cold: Module) -> None:
    """Add the dispatcher's functions to two modules.

    They are ``penstock_vectorcall`` and the type's ``penstock_traverse``,
    ``penstock_clear``, ``penstock_dealloc`` and ``penstock_bind``; ``penstock_call``,
    by which the Python dispatcher runs programs; and the variable ``penstock_api``, a
    table of addresses to be filled before any of them is called.

    Args:
        hot: gets what every call runs, all of it but for short functions.
        cold: gets the rest; it has the pool already.
    """
    table = f"[{len(API_NAMES)} x ptr]"
    hot.outside_variable("penstock_api", table, 64)
    hot.variable("arena_kept", "ptr null", 64, internal=True)
    hot.variable("arena_kept_size", "i64 0", 8, internal=True)
    add_read(hot)
    add_take_apart(hot)
    add_attempt(hot)
    add_serve(hot)
    _add_vectorcall(hot)
    cold.variable("penstock_api", f"{table} zeroinitializer", 64, internal=False)
    _add_release(cold)
    _add_call(cold)
    add_resolve(cold)
    add_read_place(cold)
    add_accept_scalar(cold)
    add_equal_key(cold)
    add_pass_on(cold)
    add_limited_parallel(cold)
    add_fail(cold)
    add_finish(cold)
    add_build(cold)
    _add_type_functions(cold)


def check_signals(f: Emitter) -> Operand:
    """Emit the interpreter's handling of signals: whether it raised an exception."""
    held = call_python(f, "PyGILState_Ensure", [], "i32")
    raised = call_python(f, "PyErr_CheckSignals", [], "i32")
    call_python(f, "PyGILState_Release", [held])
    return f.ne(raised, 0)


def _add_release(module: Module) -> None:
    """``release(objects, count)``: let go of the objects that are there."""
    f = module.function(
        "release", [Parameter("objects", "ptr"), Parameter("count", "i64")]
    )
    objects, count = f.parameters
    with f.for_loop(integer(f, 0), count) as loop:
        held = load_element(f, objects, loop.index)
        call_python(f, "Py_DecRef", [held])
    f.ret()


def _add_call(module: Module) -> None:
    """``penstock_call(run, slots, arena, parallel)``: run a program, unlocked."""
    f = module.function(
        "penstock_call",
        pointers("run", "slots", "arena", "parallel"),
        result="i64",
    )
    run, slots, arena, parallel = f.parameters
    thread = call_python(f, "PyEval_SaveThread", [], "ptr")
    call_own(f, "pool_begin", [])
    code = f.call(run, [slots, arena, parallel], "i64")
    call_python(f, "PyEval_RestoreThread", [thread])
    # An interrupted program says so, but none may hide an interrupt.
    raised = f.ne(call_python(f, "PyErr_Occurred", [], "ptr"), 0)
    f.ret(f.select(raised, integer(f, -1), code))


def _add_vectorcall(module: Module) -> None:
    """``penstock_vectorcall(self, args, flags, names)``: serve a call."""
    f = module.function(
        "penstock_vectorcall",
        [
            *pointers("self", "args"),
            Parameter("flags", "i64"),
            *pointers("names"),
        ],
        result="ptr",
    )
    self, args, flags, names = f.parameters
    slow = f.label("slow")
    table = load_word(f, self, Callable.TABLE)
    require(f, f.ne(table, 0), slow)
    # The highest bit says that args[-1] may be overwritten.
    count = f.bit_and(flags, (1 << 63) - 1)
    parameter_count = load_word(f, table, Table.PARAMETER_COUNT, "i64")

    def resolve() -> Sequence[Operand]:
        given = stack_words(f, f.add(parameter_count, 1))
        defaults = call_own(f, "resolve", [table, args, count, names, given], "ptr")
        require(f, f.ne(defaults, 0), slow)
        return [given, f.select(f.eq(defaults, args), null_pointer(f), defaults)]

    plain = f.bit_and(f.eq(names, 0), f.eq(count, parameter_count))
    given, defaults = f.choose(
        plain, lambda: [args, null_pointer(f)], resolve, likely=True
    )
    owner = load_word(f, self, Callable.OWNER)
    call_python(f, "Py_IncRef", [owner])
    slots = stack_words(f, load_word(f, table, Table.SLOT_COUNT, "i64"))
    sizes = stack_words(f, load_word(f, table, Table.SIZE_COUNT, "i64"))
    objects = stack_words(f, load_word(f, table, Table.OBJECT_COUNT, "i64"))
    variants = f.offset(table, Table.VARIANTS)
    served, unserved = f.label("served"), f.label("unserved")
    found = f.allocate(24, 8)
    variant_count = load_word(f, table, Table.VARIANT_COUNT, "i64")
    with f.for_loop(integer(f, 0), variant_count) as loop:
        variant = load_element(f, variants, loop.index)
        store_word(f, variant, found, 0)
        store_word(f, loop.index, found, 8)
        arguments = [table, variant, given, slots, sizes, objects]
        answer = call_own(f, "attempt", arguments, "i32")
        store_word(f, f.convert(answer, "i64"), found, 16)
        require(f, f.eq(answer, 0), served)
    f.branch(unserved)
    f.begin(served)
    with f.when(f.eq(load_word(f, found, 16, "i64"), 2), likely=False):
        _let_go(f, defaults, owner)
        leave(f, null_pointer(f))
    _serve(f, found, defaults, owner, (table, variants, given, slots, sizes, objects))
    f.begin(unserved)
    _let_go(f, defaults, owner)
    f.branch(slow)
    f.begin(slow)
    dispatcher = load_word(f, self, Callable.SLOW)
    # Null only in an object that the garbage collector has taken apart.
    dispatcher = f.select(f.eq(dispatcher, 0), api_entry(f, "None"), dispatcher)
    f.ret(
        call_python(f, "PyObject_Vectorcall", [dispatcher, args, flags, names], "ptr")
    )


def _serve(
    f: Emitter, found: Operand, defaults: Operand, owner: Operand,
    memory: tuple[Operand, ...],
) -> None:  # fmt: skip
    """Serve a call by the variant that was found, and return."""
    table, variants, given, slots, sizes, objects = memory
    variant = load_word(f, found, 0)
    index = load_word(f, found, 8, "i64")
    with f.when(f.ne(index, 0), likely=False):
        # Variants in use move to the front, a step each time. Reading what was
        # captured may have called this function, and moved them already.
        unmoved = f.eq(load_element(f, variants, index), variant)
        with f.when(unmoved):
            before = f.sub(index, 1)
            store_element(f, load_element(f, variants, before), variants, index)
            store_element(f, variant, variants, before)
    clock = load_word(f, table, Table.CLOCK)
    now = f.add(load_word(f, clock, 0, "i64"), 1)
    store_word(f, now, clock, 0)
    counters = load_word(f, variant, Variant.COUNTERS)
    store_word(f, f.add(load_word(f, counters, 0, "i64"), 1), counters, 0)
    store_word(f, now, counters, 8)
    arguments = [table, variant, given, slots, sizes, objects]
    result = call_own(f, "serve", arguments, "ptr")
    held = load_word(f, variant, Variant.HELD_COUNT, "i64")
    with f.when(f.ne(held, 0)):
        call_own(f, "release", [objects, held])
    _let_go(f, defaults, owner)
    f.ret(result)


def _let_go(f: Emitter, defaults: Operand, owner: Operand) -> None:
    with f.when(f.ne(defaults, 0), likely=False):
        call_python(f, "Py_DecRef", [defaults])
    call_python(f, "Py_DecRef", [owner])


_HELD = (Callable.SLOW, Callable.DICT, Callable.OWNER)


def _add_type_functions(module: Module) -> None:
    """The functions of the type: garbage collection, and binding as a method."""
    f = module.function(
        "penstock_traverse", pointers("self", "visit", "data"), result="i32"
    )
    self, visit, data = f.parameters
    for offset in (Callable.TYPE, *_HELD):
        held = load_word(f, self, offset)
        with f.when(f.ne(held, 0)):
            code = f.call(visit, [held, data], "i32")
            with f.when(f.ne(code, 0)):
                leave(f, code)
    f.ret(f.constant(0, "i32"))

    f = module.function("penstock_clear", pointers("self"), result="i32")
    (self,) = f.parameters
    store_word(f, null_pointer(f), self, Callable.TABLE)
    for offset in _HELD:
        held = load_word(f, self, offset)
        store_word(f, null_pointer(f), self, offset)
        call_python(f, "Py_DecRef", [held])
    f.ret(f.constant(0, "i32"))

    f = module.function("penstock_dealloc", pointers("self"))
    (self,) = f.parameters
    call_python(f, "PyObject_GC_UnTrack", [self])
    with f.when(f.ne(load_word(f, self, Callable.WEAKREFS), 0)):
        call_python(f, "PyObject_ClearWeakRefs", [self])
    call_own(f, "penstock_clear", [self], "i32")
    owner = load_word(f, self, Callable.TYPE)
    call_python(f, "PyObject_GC_Del", [self])
    call_python(f, "Py_DecRef", [owner])
    f.ret()

    f = module.function(
        "penstock_bind", pointers("self", "instance", "owner"), result="ptr"
    )
    self, instance, _ = f.parameters
    unbound = f.bit_or(f.eq(instance, 0), f.eq(instance, api_entry(f, "None")))
    with f.when(unbound):
        call_python(f, "Py_IncRef", [self])
        leave(f, self)
    f.ret(call_python(f, "PyMethod_New", [self, instance], "ptr"))
