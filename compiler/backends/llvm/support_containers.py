"""Containers among the arguments and of the result, in generated code.

take_apart ... checks the containers among the arguments, and holds what is in them
build ........ makes a container of the result
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Module, Operand
from penstock.backends.llvm.support_arguments import overlook_exception
from penstock.backends.llvm.support_words import (
    api_entry,
    call_own,
    call_python,
    integer,
    load_element,
    load_word,
    null_pointer,
    pointers,
    require,
    store_element,
    store_word,
)
from penstock.runtime.layout import (
    LENGTH,
    LIST_ITEMS,
    TUPLE_ITEMS,
    Build,
    BuildKind,
    Callable,
    Container,
    ContainerKind,
    Leaf,
    Table,
    Variant,
)

__all__ = ["add_build", "add_take_apart"]


def add_take_apart(module: Module) -> None:
    """``take_apart(table, variant, given, objects)``: 1 if the structure is right.

    0 if it is not, 2 if an exception is to be raised. ``objects`` receives the
    arguments, then the items of each container, all newly held; none if the answer is
    not 1.

    Reading the fields of a dataclass may run code of the user's, which may change
    lists and dicts. So all items of a container are held before any of them is looked
    at, and no address within a container is kept.
    """
    f = module.function(
        "take_apart",
        pointers("table", "variant", "given", "objects"),
        result="i32",
        internal=True,
    )
    table, variant, given, objects = f.parameters
    done = f.allocate(8, 8)
    miss = f.label("miss")
    count = load_word(f, table, Table.PARAMETER_COUNT, "i64")
    with f.for_loop(integer(f, 0), count) as loop:
        value = load_element(f, given, loop.index)
        call_python(f, "Py_IncRef", [value])
        store_element(f, value, objects, loop.index)
    store_word(f, count, done, 0)
    containers = load_word(f, variant, Variant.CONTAINERS)
    container_count = load_word(f, variant, Variant.CONTAINER_COUNT, "i64")
    with f.for_loop(integer(f, 0), container_count) as loop:
        container = f.offset(containers, f.mul(loop.index, Container.SIZE))
        place = load_word(f, container, Container.PLACE, "i64")
        value = load_element(f, objects, place)
        owner = load_word(f, value, Callable.TYPE)
        wanted = load_word(f, container, Container.OBJECT)
        require(f, f.eq(owner, wanted), miss)
        _take_items(f, container, value, done, miss)
    f.ret(f.constant(1, "i32"))
    f.begin(miss)
    overlook_exception(f)
    call_own(f, "release", [objects, load_word(f, done, 0, "i64")])
    raised = f.ne(call_python(f, "PyErr_Occurred", [], "ptr"), 0)
    two, zero = f.constant(2, "i32"), f.constant(0, "i32")
    f.ret(f.select(raised, two, zero))


def _take_items(
    f: Emitter, container: Operand, value: Operand, done: Operand, miss: str
) -> None:
    """Put the items of a container, newly held, after the objects that are there."""
    kind = load_word(f, container, Container.KIND, "i64")
    count = load_word(f, container, Container.COUNT, "i64")
    names = load_word(f, container, Container.NAMES)

    def sequence() -> Sequence[Operand]:
        require(f, f.eq(load_word(f, value, LENGTH, "i64"), count), miss)
        (items,) = f.choose(
            f.eq(kind, ContainerKind.TUPLE),
            lambda: [f.offset(value, TUPLE_ITEMS)],
            lambda: [load_word(f, value, LIST_ITEMS)],
        )
        with f.for_loop(integer(f, 0), count) as loop:
            item = load_element(f, items, loop.index)
            call_python(f, "Py_IncRef", [item])
            _add_part(f, item, done)
        return []

    def named() -> Sequence[Operand]:
        return f.choose(f.eq(kind, ContainerKind.DICT), mapping, fields)

    def mapping() -> Sequence[Operand]:
        size = call_python(f, "PyDict_Size", [value], "i64")
        require(f, f.eq(size, count), miss)
        position, key, item = (f.allocate(8, 8) for _ in range(3))
        store_word(f, integer(f, 0), position, 0)
        with f.for_loop(integer(f, 0), count) as loop:
            arguments = [value, position, key, item]
            more = call_python(f, "PyDict_Next", arguments, "i32")
            require(f, f.ne(more, 0), miss)
            wanted = f.offset(names, f.mul(loop.index, Leaf.SIZE))
            expected = load_word(f, wanted, Leaf.OBJECT)
            actual = load_word(f, key, 0)
            with f.when(f.ne(actual, expected), likely=False):
                leaf_kind = load_word(f, wanted, Leaf.KIND, "i64")
                arguments = [leaf_kind, actual, expected]
                equal = call_own(f, "equal_key", arguments, "i32")
                require(f, f.eq(equal, 1), miss)
            found = load_word(f, item, 0)
            call_python(f, "Py_IncRef", [found])
            _add_part(f, found, done)
        return []

    def fields() -> Sequence[Operand]:
        with f.for_loop(integer(f, 0), count) as loop:
            name = load_element(f, names, loop.index)
            found = call_python(f, "PyObject_GetAttr", [value, name], "ptr")
            require(f, f.ne(found, 0), miss)
            _add_part(f, found, done)
        return []

    f.choose(f.le(kind, ContainerKind.LIST), sequence, named)


def _add_part(f: Emitter, part: Operand, done: Operand) -> None:
    objects = f.parameters[3]
    place = load_word(f, done, 0, "i64")
    store_element(f, part, objects, place)
    store_word(f, f.add(place, 1), done, 0)


def add_build(module: Module) -> None:
    """``build(build, made)``: make a container of what was made; null if it fails.

    What goes into it is held by it alone afterwards.
    """
    f = module.function("build", pointers("build", "made"), result="ptr")
    build, _ = f.parameters
    kind = load_word(f, build, Build.KIND, "i64")
    failed = f.label("failed")

    def tuples() -> Sequence[Operand]:
        return f.choose(
            f.eq(kind, BuildKind.TUPLE),
            lambda: [_build_sequence(f, "PyTuple_New", failed)],
            lambda: [_build_named(f, failed)],
        )

    def others() -> Sequence[Operand]:
        return f.choose(
            f.eq(kind, BuildKind.LIST),
            lambda: [_build_sequence(f, "PyList_New", failed)],
            lambda: f.choose(
                f.eq(kind, BuildKind.DICT),
                lambda: [_build_dict(f, failed)],
                lambda: f.choose(
                    f.eq(kind, BuildKind.FIELDS),
                    lambda: [_build_fields(f, failed)],
                    lambda: [_build_by_call(f)],
                ),
            ),
        )

    is_tuple = f.eq(kind, BuildKind.TUPLE)
    is_named = f.eq(kind, BuildKind.NAMED)
    f.ret(f.choose(f.bit_or(is_tuple, is_named), tuples, others)[0])
    f.begin(failed)
    f.ret(null_pointer(f))


def _take_made(f: Emitter, index: Operand) -> Operand:
    """An item of the container; it is no longer held by what was made."""
    build, made = f.parameters
    place = load_element(f, load_word(f, build, Build.PLACES), index, "i64")
    value = load_element(f, made, place)
    store_element(f, null_pointer(f), made, place)
    return value


def _build_sequence(f: Emitter, maker: str, failed: str) -> Operand:
    count = load_word(f, f.parameters[0], Build.COUNT, "i64")
    result = call_python(f, maker, [count], "ptr")
    require(f, f.ne(result, 0), failed)
    if maker == "PyTuple_New":
        items = f.offset(result, TUPLE_ITEMS)
    else:
        items = load_word(f, result, LIST_ITEMS)
    with f.for_loop(integer(f, 0), count) as loop:
        store_element(f, _take_made(f, loop.index), items, loop.index)
    return result


def _build_named(f: Emitter, failed: str) -> Operand:
    """A NamedTuple, by ``tuple.__new__``: its own may take other arguments."""
    plain = _build_sequence(f, "PyTuple_New", failed)
    arguments = f.allocate(16, 8)
    store_word(f, load_word(f, f.parameters[0], Build.OBJECT), arguments, 0)
    store_word(f, plain, arguments, 8)
    call = [api_entry(f, "new_tuple"), arguments, integer(f, 2), null_pointer(f)]
    result = call_python(f, "PyObject_Vectorcall", call, "ptr")
    call_python(f, "Py_DecRef", [plain])
    return result


def _build_dict(f: Emitter, failed: str) -> Operand:
    result = call_python(f, "PyDict_New", [], "ptr")
    require(f, f.ne(result, 0), failed)
    _fill(f, result, "PyDict_SetItem", failed)
    return result


def _build_fields(f: Emitter, failed: str) -> Operand:
    """An instance of a dataclass, without ``__init__``: none of its code runs."""
    owner = f.offset(f.parameters[0], Build.OBJECT)
    call = [api_entry(f, "new_object"), owner, integer(f, 1), null_pointer(f)]
    result = call_python(f, "PyObject_Vectorcall", call, "ptr")
    require(f, f.ne(result, 0), failed)
    _fill(f, result, "PyObject_GenericSetAttr", failed)
    return result


def _fill(f: Emitter, result: Operand, setter: str, failed: str) -> None:
    """Give a container its items by their names, or let go of it."""
    build = f.parameters[0]
    names = load_word(f, build, Build.NAMES)
    count = load_word(f, build, Build.COUNT, "i64")
    with f.for_loop(integer(f, 0), count) as loop:
        value = _take_made(f, loop.index)
        arguments = [result, load_element(f, names, loop.index), value]
        code = call_python(f, setter, arguments, "i32")
        call_python(f, "Py_DecRef", [value])
        with f.when(f.ne(code, 0), likely=False):
            call_python(f, "Py_DecRef", [result])
            f.branch(failed)
            f.begin(f.label("unreached"))


def _build_by_call(f: Emitter) -> Operand:
    build, made = f.parameters
    maker = load_word(f, build, Build.OBJECT)
    count = load_word(f, build, Build.COUNT, "i64")
    places = load_word(f, build, Build.PLACES)
    # What is called has been given leaves that follow each other.
    first = load_element(f, places, integer(f, 0), "i64")
    items = f.element_address(made, first, "ptr")
    call = [maker, items, count, null_pointer(f)]
    result = call_python(f, "PyObject_Vectorcall", call, "ptr")
    with f.for_loop(integer(f, 0), count) as loop:
        call_python(f, "Py_DecRef", [_take_made(f, loop.index)])
    return result
