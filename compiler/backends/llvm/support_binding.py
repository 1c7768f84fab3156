"""Keywords and defaults of a call that is not purely positional, in generated code."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.support_arguments import overlook_exception
from penstock.backends.llvm.support_words import (
    call_python,
    integer,
    load_element,
    load_word,
    null_pointer,
    null_word,
    pointers,
    require,
    store_element,
    word_address,
)
from penstock.runtime.layout import LENGTH, TUPLE_ITEMS, Table

__all__ = ["add_resolve"]


def add_resolve(module: Module) -> None:
    """``resolve(table, args, count, names, given)``: bind keywords and defaults.

    Fills ``given`` with an object for each parameter and gives a tuple, newly held,
    that holds the defaults among them; ``args`` itself if nothing has to; null if the
    call does not fit.
    """
    f = module.function(
        "resolve",
        [
            *pointers("table", "args"),
            Parameter("count", "i64"),
            *pointers("names", "given"),
        ],
        result="ptr",
    )
    table, args, count, names, given = f.parameters
    fail = f.label("fail")
    parameter_count = load_word(f, table, Table.PARAMETER_COUNT, "i64")
    positional = load_word(f, table, Table.POSITIONAL_COUNT, "i64")
    require(f, f.le(count, positional), fail)
    with f.for_loop(integer(f, 0), parameter_count) as loop:
        is_given = f.lt(loop.index, count)
        source = f.select(is_given, word_address(f, args, loop.index), null_word(f))
        store_element(f, f.load(source, "ptr", align=8), given, loop.index)
    with f.when(f.ne(names, 0)):
        _bind_keywords(f, parameter_count, fail)
    held = _bind_defaults(f, parameter_count, positional, fail)
    f.ret(f.select(f.eq(held, 0), args, held))
    f.begin(fail)
    f.ret(null_pointer(f))


def _bind_keywords(f: Emitter, parameter_count: Operand, fail: str) -> None:
    table, args, count, names, given = f.parameters
    known = load_word(f, table, Table.NAMES)
    zero = integer(f, 0)
    keyword_count = load_word(f, names, LENGTH, "i64")
    items = f.offset(names, TUPLE_ITEMS)
    with f.for_loop(zero, keyword_count) as keywords:
        name = load_element(f, items, keywords.index)
        value = load_element(f, args, f.add(count, keywords.index))
        # Names in source are interned; others are left to the Python dispatcher.
        with f.for_loop(zero, parameter_count, carried=[integer(f, -1)]) as search:
            candidate = load_element(f, known, search.index)
            search.carry(
                f.select(f.eq(candidate, name), search.index, search.carried[0])
            )
        place = search.results[0]
        require(f, f.ge(place, 0), fail)
        target = word_address(f, given, place)
        require(f, f.eq(f.load(target, "ptr", align=8), 0), fail)
        f.store(value, target, align=8)


def _bind_defaults(
    f: Emitter, parameter_count: Operand, positional: Operand, fail: str
) -> Operand:
    """Fill what is missing; what holds the defaults, newly held, or null.

    Defaults that cannot be rebound are held by the owner of the table.
    """
    table, _, _, _, given = f.parameters
    fixed = load_word(f, table, Table.DEFAULTS)
    nothing = [null_pointer(f), integer(f, 0)]
    with f.for_loop(integer(f, 0), parameter_count, carried=nothing) as loop:
        target = word_address(f, given, loop.index)
        found = f.load(target, "ptr", align=8)

        def missing() -> Sequence[Operand]:
            default = load_element(f, fixed, loop.index)
            is_fixed = f.ne(default, 0)
            value, *used = f.choose(is_fixed, lambda: [default, *loop.carried], rebound)
            f.store(value, target, align=8)
            return used

        def rebound() -> Sequence[Operand]:
            function = load_word(f, table, Table.FUNCTION)
            require(f, f.ne(function, 0), fail)
            is_positional = f.lt(loop.index, positional)
            return f.choose(
                is_positional, lambda: of_tuple(function), lambda: of_dict(function)
            )

        def of_tuple(function: Operand) -> Sequence[Operand]:
            defaults = call_python(f, "PyFunction_GetDefaults", [function], "ptr")
            require(f, f.ne(defaults, 0), fail)
            # They belong to the last of the positional parameters.
            length = load_word(f, defaults, LENGTH, "i64")
            place = f.add(f.sub(loop.index, positional), length)
            require(f, f.ge(place, 0), fail)
            items = f.offset(defaults, TUPLE_ITEMS)
            return [load_element(f, items, place), defaults, loop.carried[1]]

        def of_dict(function: Operand) -> Sequence[Operand]:
            defaults = call_python(f, "PyFunction_GetKwDefaults", [function], "ptr")
            require(f, f.ne(defaults, 0), fail)
            name = load_element(f, load_word(f, table, Table.NAMES), loop.index)
            lookup = [defaults, name]
            value = call_python(f, "PyDict_GetItemWithError", lookup, "ptr")
            require(f, f.ne(value, 0), fail)
            return [value, loop.carried[0], integer(f, 1)]

        loop.carry(*f.choose(f.eq(found, 0), missing, lambda: [*loop.carried]))
    defaults, keyword_used = loop.results

    def all_given() -> Sequence[Operand]:
        # A dict may let go of a value while the call uses it: all are held one by one.
        held = call_python(f, "PyTuple_New", [parameter_count], "ptr")
        with f.when(f.eq(held, 0), likely=False):
            overlook_exception(f)
        require(f, f.ne(held, 0), fail)
        with f.for_loop(integer(f, 0), parameter_count) as items:
            value = load_element(f, given, items.index)
            call_python(f, "Py_IncRef", [value])
            store_element(f, value, f.offset(held, TUPLE_ITEMS), items.index)
        return [held]

    def of_function() -> Sequence[Operand]:
        # It does nothing to null.
        call_python(f, "Py_IncRef", [defaults])
        return [defaults]

    return f.choose(f.ne(keyword_used, 0), all_given, of_function)[0]
