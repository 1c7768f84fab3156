"""From the arguments of a call to the slots of a program, in generated code.

attempt ...... checks a call against one variant, and fills its slots
accept_scalar  does so with one of NumPy's scalars
read ......... reads what the function captures: globals itself,
read_place ... and one by one what is no global
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.support_words import (
    api_entry,
    call_own,
    call_python,
    integer,
    leave,
    load_element,
    load_word,
    null_pointer,
    null_word,
    pointers,
    require,
    store_element,
    store_word,
)
from penstock.runtime.layout import (
    FLOAT_VALUE,
    SCALAR_VALUE,
    Array,
    Callable,
    Code,
    Descriptor,
    Leaf,
    LeafKind,
    Reader,
    ReaderKind,
    Variant,
)

__all__ = [
    "add_accept_scalar",
    "add_attempt",
    "add_equal_key",
    "add_read",
    "add_read_place",
    "overlook_exception",
]

_PY_EQ = 2  # of Include/object.h


def _accept(
    f: Emitter, leaf: Operand, value: Operand, slot: Operand, miss: str
) -> Operand:
    """Check an object and fill its slots; the slot after them."""
    kind = load_word(f, leaf, Leaf.KIND, "i64")
    owner = load_word(f, value, Callable.TYPE)

    def array() -> Sequence[Operand]:
        return [_accept_array(f, leaf, value, owner, slot, miss)]

    def other() -> Sequence[Operand]:
        return [_accept_other(f, leaf, value, owner, slot, kind, miss)]

    return f.choose(f.eq(kind, LeafKind.ARRAY), array, other, likely=True)[0]


def _accept_array(
    f: Emitter, leaf: Operand, value: Operand, owner: Operand, slot: Operand, miss: str
) -> Operand:
    def array() -> Sequence[Operand]:
        return [_accept_plain_array(f, leaf, value, slot, miss)]

    def scalar() -> Sequence[Operand]:
        arguments = [leaf, value, slot]
        accepted = call_own(f, "accept_scalar", arguments, "i32")
        require(f, f.ne(accepted, 0), miss)
        return [f.offset(slot, 24)]

    is_array = f.eq(owner, api_entry(f, "ndarray"))
    return f.choose(is_array, array, scalar, likely=True)[0]


def _accept_plain_array(
    f: Emitter, leaf: Operand, value: Operand, slot: Operand, miss: str
) -> Operand:
    wanted = f.convert(load_word(f, leaf, Leaf.FLAGS, "i64"), "i32")
    flags = f.bit_and(load_word(f, value, Array.FLAGS, "i32"), wanted)
    rank = load_word(f, leaf, Leaf.RANK, "i64")
    same_rank = f.eq(load_word(f, value, Array.RANK, "i32"), f.convert(rank, "i32"))
    require(f, f.bit_and(f.eq(flags, wanted), same_rank), miss)
    descriptor = load_word(f, value, Array.DESCRIPTOR)
    with f.when(f.ne(descriptor, load_word(f, leaf, Leaf.OBJECT)), likely=False):
        # An unpickled array has a dtype of its own.
        number = load_word(f, descriptor, Descriptor.TYPE_NUMBER, "i32")
        first = f.eq(number, load_word(f, leaf, Leaf.TYPE_NUMBERS, "i32"))
        second = f.eq(number, load_word(f, leaf, Leaf.TYPE_NUMBERS + 4, "i32"))
        order = f.load(f.offset(descriptor, Descriptor.BYTE_ORDER), "i8")
        native = f.ne(order, ord(">"))
        require(f, f.bit_and(f.bit_or(first, second), native), miss)
    sizes = load_word(f, value, Array.SIZES)
    fixed = load_word(f, leaf, Leaf.SIZES)
    with f.when(f.ne(fixed, 0), likely=False), f.for_loop(integer(f, 0), rank) as loop:
        size = load_element(f, fixed, loop.index, "i64")
        actual = load_element(f, sizes, loop.index, "i64")
        require(f, f.bit_or(f.lt(size, 0), f.eq(size, actual)), miss)
    store_word(f, load_word(f, value, Array.DATA), slot, 0)
    store_word(f, sizes, slot, 8)
    store_word(f, load_word(f, value, Array.STRIDES), slot, 16)
    return f.offset(slot, 24)


def _accept_other(
    f: Emitter, leaf: Operand, value: Operand, owner: Operand, slot: Operand,
    kind: Operand, miss: str,
) -> Operand:  # fmt: skip
    expected = load_word(f, leaf, Leaf.OBJECT)

    def number() -> Sequence[Operand]:
        return f.choose(f.eq(kind, LeafKind.INTEGER), whole, real)

    def whole() -> Sequence[Operand]:
        require(f, f.eq(owner, api_entry(f, "int")), miss)
        overflow = f.allocate(8, 8)
        read = call_python(f, "PyLong_AsLongLongAndOverflow", [value, overflow], "i64")
        require(f, f.eq(f.load(overflow, "i32", align=4), 0), miss)
        store_word(f, read, slot, 0)
        return [f.offset(slot, 8)]

    def real() -> Sequence[Operand]:
        require(f, f.eq(owner, api_entry(f, "float")), miss)
        store_word(f, load_word(f, value, FLOAT_VALUE, "i64"), slot, 0)
        return [f.offset(slot, 8)]

    def key() -> Sequence[Operand]:
        f.choose(f.eq(kind, LeafKind.INSTANCE), instance, identical)
        return [slot]

    def instance() -> Sequence[Operand]:
        require(f, f.eq(owner, expected), miss)
        return []

    def identical() -> Sequence[Operand]:
        with f.when(f.ne(value, expected), likely=False):
            equal = call_own(f, "equal_key", [kind, value, expected], "i32")
            require(f, f.eq(equal, 1), miss)
        return []

    return f.choose(f.le(kind, LeafKind.REAL), number, key)[0]


def add_accept_scalar(module: Module) -> None:
    """``accept_scalar(leaf, value, slot)``: 1 if a scalar is as good as an array.

    An array of rank 0 is read where the scalar has its value; scalars do not change.
    """
    f = module.function(
        "accept_scalar", pointers("leaf", "value", "slot"), result="i32"
    )
    leaf, value, slot = f.parameters
    owner = load_word(f, value, Callable.TYPE)
    first = f.eq(owner, load_word(f, leaf, Leaf.SCALARS))
    second = f.eq(owner, load_word(f, leaf, Leaf.SCALARS + 8))
    with f.when(f.bit_or(first, second)):
        store_word(f, f.offset(value, SCALAR_VALUE), slot, 0)
        # Of sizes and strides it has none.
        store_word(f, null_word(f), slot, 8)
        store_word(f, null_word(f), slot, 16)
        leave(f, f.constant(1, "i32"))
    f.ret(f.constant(0, "i32"))


def add_equal_key(module: Module) -> None:
    """``equal_key(kind, value, expected)``: 1 if another object is as good a key."""
    f = module.function(
        "equal_key",
        [Parameter("kind", "i64"), *pointers("value", "expected")],
        result="i32",
    )
    kind, value, expected = f.parameters
    different = f.label("different")
    require(f, f.eq(kind, LeafKind.EQUAL_KEY), different)
    owner = load_word(f, value, Callable.TYPE)
    require(f, f.eq(owner, load_word(f, expected, Callable.TYPE)), different)
    arguments = [value, expected, f.constant(_PY_EQ, "i32")]
    f.ret(call_python(f, "PyObject_RichCompareBool", arguments, "i32"))
    f.begin(different)
    f.ret(f.constant(0, "i32"))


def overlook_exception(f: Emitter) -> None:
    """Clear an exception, if one was raised.

    One that is no ``Exception``, such as an interrupt, is left to be raised.
    """
    with f.when(f.ne(call_python(f, "PyErr_Occurred", [], "ptr"), 0)):
        ordinary = [api_entry(f, "Exception")]
        matches = call_python(f, "PyErr_ExceptionMatches", ordinary, "i32")
        with f.when(f.ne(matches, 0)):
            call_python(f, "PyErr_Clear", [])


def add_read(module: Module) -> None:
    """``read(variant, values, slot, objects)``: read captured state.

    Gives the slot after the values. Gives null, having let go of all objects, if it is
    not what the variant serves; an exception that is no ``Exception`` is left to be
    raised. ``objects`` receives what was read after the parts of the arguments that
    are there, newly held.
    """
    f = module.function(
        "read", pointers("variant", "values", "slot", "objects"), result="ptr"
    )
    variant, _, slot, objects = f.parameters
    readers = load_word(f, variant, Variant.READERS)
    count = load_word(f, variant, Variant.READER_COUNT, "i64")
    parts = load_word(f, variant, Variant.PART_COUNT, "i64")
    done = f.allocate(8, 8)
    store_word(f, parts, done, 0)
    miss = f.label("miss")
    with f.for_loop(integer(f, 0), count, carried=[slot]) as loop:
        step = f.offset(readers, f.mul(loop.index, Reader.SIZE))
        value = _read_step(f, step)
        require(f, f.ne(value, 0), miss)
        place = f.add(parts, loop.index)
        store_element(f, value, objects, place)
        store_word(f, f.add(place, 1), done, 0)
        leaf = load_word(f, step, Reader.LEAF)
        here = loop.carried[0]

        def checked() -> Sequence[Operand]:
            return [_accept(f, leaf, value, here, miss)]

        (after,) = f.choose(f.ne(leaf, 0), checked, lambda: [here])
        loop.carry(after)
    f.ret(loop.results[0])
    f.begin(miss)
    overlook_exception(f)
    call_own(f, "release", [objects, load_word(f, done, 0, "i64")])
    f.ret(null_pointer(f))


def _read_step(f: Emitter, step: Operand) -> Operand:
    """Read one place: an object newly held, or null."""
    _, values, _, objects = f.parameters
    kind = load_word(f, step, Reader.KIND, "i64")

    def look_up_in(names: Operand) -> Operand:
        name = load_word(f, step, Reader.NAME)
        return call_python(f, "PyDict_GetItemWithError", [names, name], "ptr")

    def look_up() -> Sequence[Operand]:
        found = look_up_in(load_word(f, step, Reader.SOURCE))
        (value,) = f.choose(
            f.ne(found, 0),
            lambda: [found],
            lambda: [look_up_in(load_word(f, step, Reader.BUILTINS))],
            likely=True,
        )
        call_python(f, "Py_IncRef", [value])
        return [value]

    def other() -> Sequence[Operand]:
        return [call_own(f, "read_place", [step, values, objects], "ptr")]

    return f.choose(f.eq(kind, ReaderKind.GLOBAL), look_up, other, likely=True)[0]


def add_read_place(module: Module) -> None:
    """``read_place(step, values, objects)``: read one place that is no global.

    Gives an object newly held, or null.
    """
    arguments = pointers("step", "values", "objects")
    f = module.function("read_place", arguments, result="ptr")
    step, values, objects = f.parameters
    kind = load_word(f, step, Reader.KIND, "i64")
    name = load_word(f, step, Reader.NAME)
    source = load_word(f, step, Reader.SOURCE)
    number = load_word(f, step, Reader.SOURCE, "i64")

    def held(value: Operand) -> Sequence[Operand]:
        call_python(f, "Py_IncRef", [value])
        return [value]

    def part() -> Sequence[Operand]:
        parent = load_element(f, objects, number)
        return f.choose(
            f.eq(kind, ReaderKind.ATTRIBUTE),
            lambda: [call_python(f, "PyObject_GetAttr", [parent, name], "ptr")],
            lambda: f.choose(
                f.eq(kind, ReaderKind.ITEM),
                lambda: [call_python(f, "PyObject_GetItem", [parent, name], "ptr")],
                lambda: container(parent),
            ),
        )

    def container(parent: Operand) -> Sequence[Operand]:
        return f.choose(
            f.eq(kind, ReaderKind.LENGTH),
            lambda: length(parent),
            lambda: f.choose(
                f.eq(kind, ReaderKind.CODE),
                lambda: held(call_python(f, "PyFunction_GetCode", [parent], "ptr")),
                lambda: [call_python(f, "PySequence_Tuple", [parent], "ptr")],
            ),
        )

    def length(parent: Operand) -> Sequence[Operand]:
        count = call_python(f, "PyObject_Size", [parent], "i64")
        return f.choose(
            f.ge(count, 0),
            lambda: [call_python(f, "PyLong_FromLongLong", [count], "ptr")],
            lambda: [null_pointer(f)],
            likely=True,
        )

    def direct() -> Sequence[Operand]:
        return f.choose(
            f.eq(kind, ReaderKind.ARGUMENT),
            lambda: held(load_element(f, values, number)),
            lambda: held(source),
        )

    def cell() -> Sequence[Operand]:
        return [call_python(f, "PyCell_Get", [source], "ptr")]

    def compound() -> Sequence[Operand]:
        return f.choose(f.le(kind, ReaderKind.CODE), part, direct)

    f.ret(f.choose(f.eq(kind, ReaderKind.CELL), cell, compound)[0])


def add_attempt(module: Module) -> None:
    """``attempt(table, variant, given, slots, sizes, objects)``: 1 if it serves.

    0 if it does not, 2 if an exception is to be raised; then no objects are held.
    """
    f = module.function(
        "attempt",
        pointers("table", "variant", "given", "slots", "sizes", "objects"),
        result="i32",
        internal=True,
    )
    table, variant, given, slots, sizes, objects = f.parameters
    miss = f.label("miss")
    codes = load_word(f, variant, Variant.CODES)
    code_count = load_word(f, variant, Variant.CODE_COUNT, "i64")
    with f.for_loop(integer(f, 0), code_count) as loop:
        code = f.offset(codes, f.mul(loop.index, Code.SIZE))
        now = load_word(f, load_word(f, code, Code.PLACE), 0)
        with f.when(f.ne(now, load_word(f, code, Code.OBJECT)), likely=False):
            leave(f, f.constant(0, "i32"))
    parts = load_word(f, variant, Variant.PART_COUNT, "i64")

    def take_apart() -> Sequence[Operand]:
        taken = call_own(f, "take_apart", [table, variant, given, objects], "i32")
        with f.when(f.ne(taken, 1), likely=False):
            leave(f, taken)
        return [objects]

    (values,) = f.choose(f.eq(parts, 0), lambda: [given], take_apart, likely=True)
    leaves = load_word(f, variant, Variant.LEAVES)
    count = load_word(f, variant, Variant.LEAF_COUNT, "i64")
    first = f.offset(slots, 8)
    with f.for_loop(integer(f, 0), count, carried=[first]) as loop:
        leaf = f.offset(leaves, f.mul(loop.index, Leaf.SIZE))
        value = load_element(f, values, load_word(f, leaf, Leaf.PLACE, "i64"))
        loop.carry(_accept(f, leaf, value, loop.carried[0], miss))
    slot = loop.results[0]

    with f.when(f.ne(load_word(f, variant, Variant.READER_COUNT, "i64"), 0)):
        found = call_own(f, "read", [variant, values, slot, objects], "ptr")
        with f.when(f.eq(found, 0), likely=False):
            raised = f.ne(call_python(f, "PyErr_Occurred", [], "ptr"), 0)
            two, zero = f.constant(2, "i32"), f.constant(0, "i32")
            leave(f, f.select(raised, two, zero))
    store_word(f, integer(f, 0), slots, 0)
    prepare = load_word(f, variant, Variant.PREPARE)
    with f.when(f.ne(f.call(prepare, [slots, sizes], "i64"), 0), likely=False):
        held = load_word(f, variant, Variant.HELD_COUNT, "i64")
        call_own(f, "release", [objects, held])
        leave(f, f.constant(0, "i32"))
    f.ret(f.constant(1, "i32"))
    f.begin(miss)
    with f.when(f.ne(parts, 0)):
        call_own(f, "release", [objects, parts])
    f.ret(f.constant(0, "i32"))
