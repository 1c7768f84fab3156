"""Loads, stores, lanes, control flow and atomics."""

import ctypes
import mmap

import numpy as np
import pytest

from penstock.backends.llvm.emitter import Module, Parameter

POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int64
ELEMENTS = {"i1": np.bool_, "i8": np.int8, "f16": np.float16, "f32": np.float32,
            "i64": np.int64, "f64": np.float64}  # fmt: skip


def build(kernels, machine, parameters, body, result=None):
    """Compile a function of ``ptr`` and ``i64`` parameters, and return it."""
    module = Module(machine)
    f = module.function("f", [Parameter(*p) for p in parameters], result=result)
    value = body(f, *f.parameters)
    f.ret(value)
    types = {"ptr": POINTER, "i64": INTEGER}
    library = kernels.load(module.text(), machine)
    results = {None: None, "i64": INTEGER, "f64": ctypes.c_double}
    arguments = [types[p[1]] for p in parameters]
    return library.function("f", *arguments, result=results[result])


@pytest.fixture
def guarded():
    """Memory that ends where the next page may not be touched."""
    size = mmap.PAGESIZE
    library = ctypes.CDLL(None, use_errno=True)
    pages = mmap.mmap(-1, 2 * size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    assert library.mprotect(POINTER(address + size), ctypes.c_size_t(size), 0) == 0
    yield np.frombuffer(pages, np.uint8, size), address
    assert library.mprotect(POINTER(address + size), ctypes.c_size_t(size), 3) == 0


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("width", [1, 4, 16])
def test_masked_access_touches_no_other_lane(kernels, machine, guarded, element, width):
    """The first lanes lie at the end of a page, the others beyond it."""
    memory, address = guarded
    dtype = np.dtype(ELEMENTS[element])

    def copy(f, source, target, count):
        mask = f.first_lanes(count, width) if width > 1 else f.gt(count, 0)
        f.store(f.load(source, element, width, mask=mask), target, mask=mask)

    pointers = [("source", "ptr"), ("target", "ptr"), ("count", "i64")]
    function = build(kernels, machine, pointers, copy)
    for count in range(width + 1):
        values = (np.arange(count) % 2 == 0).astype(dtype)
        size = count * dtype.itemsize
        memory[memory.size - size :] = values.view(np.uint8)
        end = address + memory.size
        target = np.full(width + 1, 1, dtype)
        function(end - size, target.ctypes.data, count)
        assert np.array_equal(target[:count], values)
        assert np.all(target[count:] == 1)
        memory[memory.size - size :] = 0
        function(values.ctypes.data, end - size, count)
        assert memory[memory.size - size :].tobytes() == values.tobytes()


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("stride", [-24, 0, 8, 13])
def test_gather_by_a_stride(kernels, machine, element, width, stride):
    dtype = np.dtype(ELEMENTS[element])

    def gather(f, source, target, step):
        offsets = f.stride_offsets(step, width) if width > 1 else f.constant(0, "i64")
        f.store(f.gather(source, offsets, element), target)

    parameters = [("source", "ptr"), ("target", "ptr"), ("step", "i64")]
    function = build(kernels, machine, parameters, gather)
    memory = np.random.default_rng(2).integers(0, 2, 1000, np.uint8)
    found = np.zeros(width, dtype)
    function(memory.ctypes.data + 500, found.ctypes.data, stride)
    starts = [500 + lane * stride for lane in range(width)]
    raw = b"".join(memory[at : at + dtype.itemsize].tobytes() for at in starts)
    assert found.tobytes() == raw


@pytest.mark.parametrize("element", ELEMENTS)
def test_masked_gather_and_scatter(kernels, machine, guarded, element):
    """Lanes that are off point at a page that may not be touched."""
    memory, address = guarded
    dtype = np.dtype(ELEMENTS[element])
    width = 8

    def move(f, base, offsets, flags, target):
        steps = f.load(offsets, "i64", width)
        mask = f.load(flags, "i1", width)
        found = f.gather(base, steps, element, mask=mask)
        f.store(found, target)
        f.scatter(f.reverse(found), base, steps, mask=mask)

    names = ("base", "offsets", "flags", "target")
    function = build(kernels, machine, [(name, "ptr") for name in names], move)
    values = (np.arange(width) % 3 == 0).astype(dtype)
    memory[: width * dtype.itemsize] = values.view(np.uint8)
    flags = np.array([1, 0, 1, 1, 0, 0, 1, 0], bool)
    inside = np.arange(width) * dtype.itemsize
    offsets = np.where(flags, inside, memory.size + 8).astype(np.int64)
    found = np.ones(width, dtype)
    function(address, offsets.ctypes.data, flags.ctypes.data, found.ctypes.data)
    assert np.array_equal(found, np.where(flags, values, np.zeros_like(values)))
    moved = memory[: width * dtype.itemsize].view(dtype)
    assert np.array_equal(moved, np.where(flags, found[::-1], values))


def test_of_equal_offsets_the_last_lane_is_stored(kernels, machine):
    def body(f, target):
        f.scatter(f.iota("f32", 16), target, f.constant(0, "i64", 16))

    function = build(kernels, machine, [("target", "ptr")], body)
    found = np.zeros(2, np.float32)
    function(found.ctypes.data)
    assert found.tolist() == [15.0, 0.0]


def test_reduction_has_one_order(kernels, machine):
    """The second half is added to the first until one lane is left."""

    def body(f, source, target):
        f.store(f.reduce(f.add, f.load(source, "f32", 16)), target)

    function = build(kernels, machine, [("source", "ptr"), ("target", "ptr")], body)
    numbers = np.random.default_rng(4).normal(size=16).astype(np.float32) * 1e3
    found = np.zeros(1, np.float32)
    function(numbers.ctypes.data, found.ctypes.data)
    while numbers.size > 1:
        middle = numbers.size // 2
        numbers = numbers[:middle] + numbers[middle:]
    assert found[0] == numbers[0]


def test_lanes(kernels, machine):
    def body(f, source, target):
        x = f.load(source, "i32", 8)
        first, second = f.halves(x)
        y = f.concatenate(f.reverse(second), f.insert(first, 1, f.extract(x, 7)))
        f.store(f.add(y, f.splat(f.extract(x, 0), 8)), target)

    function = build(kernels, machine, [("source", "ptr"), ("target", "ptr")], body)
    numbers = np.arange(10, 18, dtype=np.int32)
    found = np.zeros(8, np.int32)
    function(numbers.ctypes.data, found.ctypes.data)
    assert (found - 10).tolist() == [17, 16, 15, 14, 10, 17, 12, 13]


@pytest.mark.parametrize("bits", [0, 1, 128, 255])
def test_any_and_all(kernels, machine, bits):
    def body(f, source, target):
        mask = f.load(source, "i1", 8)
        f.store(f.any_lane(mask), target)
        f.store(f.all_lanes(mask), f.offset(target, 1))

    function = build(kernels, machine, [("source", "ptr"), ("target", "ptr")], body)
    flags = np.array([bits >> k & 1 for k in range(8)], bool)
    found = np.zeros(2, bool)
    function(flags.ctypes.data, found.ctypes.data)
    assert found.tolist() == [flags.any(), flags.all()]


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("count", [-1, 0, 1, 10])
def test_for_loop_carries_values(kernels, machine, count, step):
    def body(f, n):
        zero, one = f.constant(0, "i64"), f.constant(1, "i64")
        with f.for_loop(zero, n, step, [zero, one]) as loop:
            total, last = loop.carried
            loop.carry(f.add(total, loop.index), f.add(last, total))
        return f.add(f.mul(loop.results[0], 1000), loop.results[1])

    function = build(kernels, machine, [("n", "i64")], body, "i64")
    total, last = 0, 1
    for index in range(0, count, step):
        total, last = total + index, last + total
    assert function(count) == 1000 * total + last


def test_repeat_and_choose(kernels, machine):
    """The number of steps of the Collatz sequence."""

    def body(f, n):
        with f.repeat([n, f.constant(0, "i64")]) as loop:
            number, steps = loop.carried
            odd = f.eq(f.bit_and(number, 1), 1)
            (following,) = f.choose(
                odd,
                lambda: [f.add(f.mul(number, 3), 1)],
                lambda: [f.shift_right(number, 1)],
            )
            loop.carry(following, f.add(steps, 1))
            loop.again_if(f.ne(following, 1))
        return loop.results[1]

    assert build(kernels, machine, [("n", "i64")], body, "i64")(27) == 111


def test_when_inside_a_loop(kernels, machine):
    def body(f, target, n):
        with f.for_loop(f.constant(0, "i64"), n) as loop:
            even = f.eq(f.bit_and(loop.index, 1), 0)
            with f.when(even, likely=True):
                f.store(loop.index, f.element_address(target, loop.index, "i64"))

    function = build(kernels, machine, [("target", "ptr"), ("n", "i64")], body)
    found = np.full(6, -1)
    function(found.ctypes.data, 6)
    assert found.tolist() == [0, -1, 2, -1, 4, -1]


def test_atomics(kernels, machine):
    def body(f, cell):
        old, done = f.compare_exchange(cell, f.constant(5, "i64"), f.constant(6, "i64"))
        before = f.update_atomic("add", cell, f.constant(10, "i64"))
        f.fence()
        now = f.load_atomic(cell, "i64")
        f.store_atomic(f.mul(now, 2), cell)
        flag = f.convert(done, "i64")
        return f.add(f.mul(f.add(f.mul(flag, 100), before), 100), old)

    function = build(kernels, machine, [("cell", "ptr")], body, "i64")
    cell = np.array([5])
    assert function(cell.ctypes.data) == (100 + 6) * 100 + 5
    assert cell[0] == 32
    cell[0] = 7
    assert function(cell.ctypes.data) == 7 * 100 + 7


def test_calls_through_pointers_and_to_the_c_library(kernels, machine):
    def body(f, a, b, n):
        table = f.module.constant_data("table", "[1 x ptr] [ptr @memcpy]", 8)
        f.module.declare("memcpy", "ptr @memcpy(ptr, ptr, i64)")
        f.call(f.load(table, "ptr", align=8), (a, b, n), "ptr")
        f.call("memset", (a, f.constant(7, "i32"), f.constant(1, "i64")), "ptr")

    parameters = [("a", "ptr"), ("b", "ptr"), ("n", "i64")]
    function = build(kernels, machine, parameters, body)
    a, b = np.zeros(5, np.uint8), np.arange(5, dtype=np.uint8)
    function(a.ctypes.data, b.ctypes.data, 5)
    assert a.tolist() == [7, 1, 2, 3, 4]


def test_mismatched_operands_are_named(machine):
    f = Module(machine).function("f", [Parameter("a", "f32"), Parameter("b", "f64", 4)])
    with pytest.raises(TypeError, match=r"float %a .* <4 x double> %b"):
        f.add(*f.parameters)
    with pytest.raises(TypeError, match="at least one"):
        f.add(1, 2)


def test_unfinished_loops_are_named(machine):
    f = Module(machine).function("f", [Parameter("n", "i64")])
    zero = f.constant(0, "i64")
    with (
        pytest.raises(ValueError, match="never called carry"),
        f.for_loop(zero, f.parameters[0], carried=[zero]),
    ):
        pass
    with (
        pytest.raises(ValueError, match="never called again_if"),
        f.repeat(),
    ):
        pass
