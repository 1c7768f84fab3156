"""The linker: objects to shared objects that load, and that tools accept."""

import ctypes
import os
import re
import shutil
import struct
import subprocess

import pytest

from penstock.backends.llvm.elf import LinkError
from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.runtime.machine import Machine, host, machine_for

ARM = Machine("aarch64", "linux", "generic", frozenset({"neon"}))

# Every kind of section, with references to it and between functions: constants with
# and without addresses, data, zeros, an outside function called and in a table.
EVERYTHING = """
@numbers = private constant [4 x double]
    [double 1.0, double 2.0, double 3.0, double 4.0], align 64
@table = private constant [3 x ptr] [ptr @read, ptr @memcpy, ptr @own]
@count = global i64 7
@own = internal global i64 40, align 32
@zeros = internal global [1000 x i64] zeroinitializer, align 64
declare ptr @memcpy(ptr, ptr, i64)
declare i32 @getpid()

define double @read(i64 %i) {
  %p = getelementptr double, ptr @numbers, i64 %i
  %v = load double, ptr %p
  ret double %v
}
define i64 @counted() {
  %c = load i64, ptr @count
  %c1 = add i64 %c, 1
  store i64 %c1, ptr @count
  %q = getelementptr i64, ptr @zeros, i64 %c1
  %z = load i64, ptr %q
  %s = add i64 %z, %c1
  store i64 %s, ptr %q
  ret i64 %s
}
define i32 @pid() {
  %p = call i32 @getpid()
  ret i32 %p
}
define double @through_table(i64 %i) {
  %f = load ptr, ptr @table
  %v = call double %f(i64 %i)
  ret double %v
}
define i64 @copied(ptr %a, ptr %b, i64 %n) {
  %f = load ptr, ptr getelementptr (i8, ptr @table, i64 8)
  %1 = call ptr %f(ptr %a, ptr %b, i64 %n)
  %2 = call ptr @memcpy(ptr %a, ptr %b, i64 %n)
  %o = load ptr, ptr getelementptr (i8, ptr @table, i64 16)
  %v = load i64, ptr %o
  ret i64 %v
}
"""


def load(data):
    descriptor = os.memfd_create("linked")
    os.write(descriptor, data)
    # Left open: dlopen takes a second file under the same path for the first.
    return ctypes.CDLL(f"/proc/self/fd/{descriptor}")


@pytest.mark.skipif(host().system != "linux", reason="ELF is loaded on Linux")
def test_everything_works_once_loaded():
    library = load(link_shared_object(emit_object(EVERYTHING)))
    for name in ("read", "through_table"):
        function = getattr(library, name)
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_int64]
        assert [function(i) for i in range(4)] == [1.0, 2.0, 3.0, 4.0]
    assert [library.counted() for _ in range(3)] == [8, 9, 10]
    assert ctypes.c_int64.in_dll(library, "count").value == 10
    assert library.pid() == os.getpid()
    target, source = ctypes.create_string_buffer(6), b"hello"
    assert library.copied(target, source, ctypes.c_int64(6)) == 40
    assert target.value == b"hello"


def segments(data):
    """Type, flags, offset, address, sizes and alignment of each program header."""
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, flags, offset, address, _, filed, held, align = struct.unpack_from(
            "<IIQQQQQQ", data, start + i * size
        )
        yield kind, flags, offset, address, filed, held, align


@pytest.mark.parametrize("machine", [host(), ARM], ids=["host", "aarch64"])
def test_no_segment_is_writable_and_executable(machine):
    data = link_shared_object(emit_object(EVERYTHING, machine))
    read, write, execute, stack, sealed = 4, 2, 1, 0x6474E551, 0x6474E552
    loads = [s for s in segments(data) if s[0] == 1]
    assert [s[1] for s in loads] == [
        read, read | execute, read | write, read | write
    ]  # fmt: skip
    assert [s[1] for s in segments(data) if s[0] == stack] == [read | write]
    (relro,) = [s for s in segments(data) if s[0] == sealed]
    assert relro[3] == loads[2][3]
    page = 4096 if machine.architecture == "x86_64" else 65536
    assert (relro[3] + relro[5]) % page == 0
    previous = 0
    for _, _, offset, address, filed, held, align in loads:
        assert align == page
        assert offset % page == address % page
        assert filed <= held
        assert address // page >= previous
        previous = (address + held + page - 1) // page


@pytest.mark.parametrize("align", [1, 16, 64, 4096])
def test_alignment_of_data_is_kept(align):
    text = f"""
@first = global i8 1
@second = global [3 x i8] c"abc", align {align}
@third = global i8 3
@fourth = global [5 x i8] zeroinitializer, align {align}
@fifth = constant [3 x i8] c"abc", align {align}
"""
    library = load(link_shared_object(emit_object(text)))
    for name in ("second", "fourth", "fifth"):
        address = ctypes.addressof(ctypes.c_char.in_dll(library, name))
        assert address % align == 0
    assert (ctypes.c_char * 3).in_dll(library, "second").value == b"abc"


def test_only_exports_are_visible():
    data = link_shared_object(emit_object(EVERYTHING), ["read"])
    library = load(data)
    assert library.read
    assert not hasattr(library, "counted")


def test_many_exports_are_found():
    names = [f"f{i}" for i in range(300)]
    text = "\n".join(
        f"define i32 @{name}() {{ ret i32 {i} }}" for i, name in enumerate(names)
    )
    library = load(link_shared_object(emit_object(text)))
    assert [getattr(library, name)() for name in names] == list(range(300))


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v4"])
def test_linking_is_deterministic(level):
    if host().architecture != "x86_64":
        pytest.skip("levels of x86-64")
    machine = machine_for(level, host().features)
    first, second = (
        link_shared_object(emit_object(EVERYTHING, machine)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("machine", [host(), ARM], ids=["host", "aarch64"])
def test_readelf_finds_no_fault(machine, tmp_path):
    readelf = shutil.which("readelf")
    if readelf is None:
        pytest.skip("readelf is not installed: the file's tables went unchecked")
    path = tmp_path / "everything.so"
    data = link_shared_object(
        emit_object(EVERYTHING, machine), name="everything.so", needed=["libm.so.6"]
    )
    path.write_bytes(data)
    command = [readelf, "--all", "--wide", "--lint", path]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert "Library soname: [everything.so]" in run.stdout
    assert "Shared library: [libm.so.6]" in run.stdout
    assert re.search(r"FUNC +GLOBAL DEFAULT +\d+ counted", run.stdout)


def test_libraries_that_are_needed_are_loaded():
    text = "declare double @hypot(double, double)\ndefine double @f(double %x) {\n"
    text += "  %y = call double @hypot(double %x, double 4.0)\n  ret double %y\n}\n"
    library = load(link_shared_object(emit_object(text), needed=["libm.so.6"]))
    library.f.restype, library.f.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.f(3.0) == 5.0


TWO_HALVES = (
    """
@count = external global i64
declare i64 @half(i64)
define i64 @whole(i64 %x) {
  %c = load i64, ptr @count
  %c1 = add i64 %c, 1
  store i64 %c1, ptr @count
  %h = call i64 @half(i64 %x)
  %y = mul i64 %h, 2
  ret i64 %y
}
define internal i64 @own() { ret i64 1 }
define i64 @first() { %1 = call i64 @own() ret i64 %1 }
""",
    """
@count = global i64 5
@zeros = internal global [64 x i64] zeroinitializer, align 64
@table = constant [2 x ptr] [ptr @whole, ptr @half]
declare i64 @whole(i64)
declare i32 @getpid()
define i64 @half(i64 %x) {
  %h = ashr i64 %x, 1
  ret i64 %h
}
define i64 @counted() {
  %c = load i64, ptr @count
  ret i64 %c
}
define i64 @through_table(i64 %x) {
  %p = load ptr, ptr @table
  %y = call i64 %p(i64 %x)
  ret i64 %y
}
define internal i64 @own() { ret i64 2 }
define i64 @second() { %1 = call i64 @own() ret i64 %1 }
define i32 @pid() {
  %p = call i32 @getpid()
  ret i32 %p
}
""",
)


@pytest.mark.skipif(host().system != "linux", reason="ELF is loaded on Linux")
@pytest.mark.parametrize("levels", [(2, 0), (0, 2)])
@pytest.mark.parametrize("turned", [False, True])
def test_objects_find_each_others_symbols(levels, turned):
    objects = [
        emit_object(text, level=level)
        for text, level in zip(TWO_HALVES, levels, strict=True)
    ]
    library = load(link_shared_object(objects[::-1] if turned else objects))
    assert [library.whole(9), library.through_table(7)] == [8, 6]
    assert library.counted() == 7
    # Symbols that are an object's own stay apart.
    assert [library.first(), library.second()] == [1, 2]
    assert library.pid() == os.getpid()


def test_two_objects_for_another_machine_are_linked():
    objects = [emit_object(text, ARM, level=0) for text in TWO_HALVES]
    data = link_shared_object(objects, ["whole"])
    # e_machine, which is EM_AARCH64.
    assert struct.unpack_from("<H", data, 18) == (183,)


def test_objects_that_do_not_fit_are_refused():
    with pytest.raises(LinkError, match="two objects define 'half'"):
        link_shared_object([emit_object(TWO_HALVES[1])] * 2)
    machines = ARM, Machine("x86_64", "linux", "x86-64", frozenset({"sse2"}))
    objects = [emit_object(TWO_HALVES[0], machine) for machine in machines]
    with pytest.raises(LinkError, match="for different machines"):
        link_shared_object(objects)


def test_missing_exports_are_named():
    with pytest.raises(LinkError, match="does not define absent, gone"):
        link_shared_object(emit_object(EVERYTHING), ["read", "absent", "gone"])


def test_other_bytes_are_refused():
    with pytest.raises(LinkError, match="not a 64-bit little-endian ELF object"):
        link_shared_object(b"MZ" + bytes(100))
    linked = link_shared_object(emit_object(EVERYTHING))
    with pytest.raises(LinkError, match="type 3, not a relocatable object"):
        link_shared_object(linked)


def test_cut_objects_are_refused():
    whole = emit_object(EVERYTHING)
    for size in range(64, len(whole), 97):
        with pytest.raises(LinkError, match="damaged"):
            link_shared_object(whole[:size])


def test_unknown_relocations_are_refused():
    if host().architecture != "x86_64":
        pytest.skip("a relocation of x86-64")
    data = bytearray(emit_object(EVERYTHING))
    table, count = struct.unpack_from("<Q", data, 40)[0], data[60]
    for i in range(count):
        section = struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i)
        if section[1] == 4:
            # An absolute address of 32 bits, which position-independent code has not.
            struct.pack_into("<I", data, section[4] + 8, 10)
    with pytest.raises(LinkError, match="relocation kind 10 is not supported"):
        link_shared_object(bytes(data))


CONSTRUCTOR = """
@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }]
    [{ i32, ptr, ptr } { i32 65535, ptr @f, ptr null }]
define void @f() { ret void }
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@x = thread_local global i32 1", "thread-local data"),
        (CONSTRUCTOR, "constructors"),
    ],
)
def test_what_kernels_never_hold_is_refused(text, message):
    with pytest.raises(LinkError, match=message):
        link_shared_object(emit_object(text))
