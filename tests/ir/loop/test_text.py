"""Kernels print, and read back to the same text."""

from textwrap import dedent

import numpy as np
import pytest

from penstock.ir.dims import symbol
from penstock.ir.location import Location
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import Kernel, Let
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.loop.text_print import print_kernel
from penstock.ir.types import DTYPES, TensorType, bf16, f32, f64, i64
from tests.ir.loop.kernels import COLUMNS, GATHER, KERNELS, NAMES, ROWS, SOFTMAX


@pytest.mark.parametrize("text", KERNELS, ids=NAMES)
def test_text_reads_back_to_itself(text):
    kernel = parse_kernel(text)
    assert str(kernel) == text
    assert str(parse_kernel(str(kernel))) == text


@pytest.mark.parametrize("text", KERNELS, ids=NAMES)
def test_canonical_text_reads_back_to_itself(text):
    canonical = print_kernel(parse_kernel(text), canonical=True)
    assert print_kernel(parse_kernel(canonical), canonical=True) == canonical


def test_a_negative_symbol_is_an_expression():
    text = """\
kernel @f(%r: out i64[1], k: index) {
  %0 = sub 0, (-k) : i64
  store %0, %r[0]
}"""
    assert str(parse_kernel(text)) == text


def test_canonical_text_has_no_names():
    renamed = GATHER
    for old, new in (
        ("@gather", "@g"), ("%x", "%source"), ("%at", "%where"), ("%y", "%to"),
        ("%i]", "%row]"), ("%i,", "%row,"), ("%i =", "%row ="), ("%j", "%column"),
        ("%1 ", "%one "), ("%1,", "%one,"), ("%1\n", "%one\n"), (" n", " length"),
        ("[n,", "[length,"), ("[k]", "[count]"), ("[k,", "[count,"), (" k", " count"),
    ):  # fmt: skip
        renamed = renamed.replace(old, new)
    texts = [
        print_kernel(parse_kernel(text), canonical=True) for text in (GATHER, renamed)
    ]
    assert texts[0] == texts[1]
    assert texts[0].startswith(
        "kernel @k(%b0: in f64[s0,3], %b1: in i32[s1], %b2: out f64[s1,3], "
        "s0: index, s1: index) {\n  parallel %0 = 0 to s1 {\n"
    )


def test_canonical_text_tells_kernels_apart():
    kernels = [COLUMNS]
    for old, new in (
        (" step 2", ""), ("const 1 ", "const 2 "), ("mul", "add"), ("inout", "out"),
        (" where %1\n", "\n"), ("i16[4,n]", "i16[4,n] strided"), ("1 to n", "2 to n"),
    ):  # fmt: skip
        assert old in COLUMNS
        kernels.append(COLUMNS.replace(old, new))
    texts = {print_kernel(parse_kernel(text), canonical=True) for text in kernels}
    assert len(texts) == len(kernels)


def test_canonical_text_tells_counts_of_products_apart():
    counts = ("", " products 6", " products n", " products (m*n)")
    kernels = [ROWS.replace(" products (m*n)", count) for count in counts]
    texts = [print_kernel(parse_kernel(text), canonical=True) for text in kernels]
    headers = [text.splitlines()[0].partition(") ")[2] for text in texts]
    assert headers == ["{", "products 6 {", "products s0 {", "products (s0*s1) {"]


def test_locations_can_be_left_out():
    kernel = parse_kernel(SOFTMAX)
    assert [str(loc) for loc in kernel.locations] == ["model.py:12:9", "model.py:13"]
    assert "model.py" not in print_kernel(kernel, locations=False)
    assert "model.py" not in print_kernel(kernel, canonical=True)


def built(name: str, size: object, buffer: str = "x", hint: str = "i") -> Kernel:
    builder = KernelBuilder(name)
    x = builder.buffer(buffer, TensorType(f32, (size,)), "inout")
    with builder.loop("vector", builder.size(size), hint=hint) as loop:
        builder.store(x, [loop.index], builder.load(x, [loop.index]) * 0.1)
    return builder.finish()


def test_names_that_text_cannot_hold_are_changed():
    kernel = built("/ /", symbol("min"), "2-x", "a b")
    kernel.locations = (Location("/somewhere/my model.py", 3),)
    text = dedent("""\
        kernel @___(%b2_x: inout f32[min_], min_: index) {  # my_model.py:3
          %0 = const 0.1 : f32
          vector %a_b = 0 to min_ {
            %1 = load %b2_x[%a_b] : f32
            %2 = mul %1, %0 : f32
            store %2, %b2_x[%a_b]
          }
        }""")
    assert str(kernel) == text
    assert str(parse_kernel(text)) == text


def test_names_are_told_apart():
    builder = KernelBuilder("f")
    x = builder.buffer("i", TensorType(f32, (4, 4)), "inout")
    builder.buffer("i", TensorType(f32, ()), "in")
    size = builder.size(4)
    with builder.loop("serial", size) as outer, builder.loop("serial", size) as inner:
        place = [outer.index, inner.index]
        builder.store(x, place, builder.load(x, place))
    assert str(builder.finish()) == dedent("""\
        kernel @f(%i: inout f32[4,4], %i1: in f32[]) {
          serial %i2 = 0 to 4 {
            serial %i3 = 0 to 4 {
              %0 = load %i[%i2, %i3] : f32
              store %0, %i[%i2, %i3]
            }
          }
        }""")


def awkward_numbers(name: str) -> list[object]:
    dtype = DTYPES[name]
    if dtype.kind == "b":
        return [True, False]
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        return [0, 1, limits.min, limits.max]
    return [0.0, -0.0, 0.1, 1e-45, -np.inf, np.nan, 3.0]


@pytest.mark.parametrize("name", [n for n, d in DTYPES.items() if d.kind != "c"])
def test_constants_keep_their_bits(name):
    dtype = DTYPES[name]
    for number in awkward_numbers(name):
        builder = KernelBuilder("f")
        x = builder.buffer("x", TensorType(dtype), "out")
        with np.errstate(all="ignore"):
            builder.store(x, [], builder.constant(number, dtype))
        text = str(builder.finish())
        kernel = parse_kernel(text)
        assert str(kernel) == text
        (let,) = (s for s in kernel.body.statements if isinstance(s, Let))
        with np.errstate(all="ignore"):
            wanted = np.asarray(number).astype(dtype.numpy)
        assert np.asarray(let.value).tobytes() == wanted.tobytes()
        assert np.asarray(let.value).dtype == wanted.dtype


def test_a_nan_keeps_its_payload():
    builder = KernelBuilder("f")
    x = builder.buffer("x", TensorType(f64), "out")
    number = np.uint64(0x7FF8_0000_0000_BEEF).view(np.float64)
    builder.store(x, [], builder.constant(number, f64))
    text = str(builder.finish())
    assert "const 0x7ff800000000beef : f64" in text
    assert str(parse_kernel(text)) == text


def test_sizes_and_indices_stand_where_they_are_used():
    builder = KernelBuilder("f")
    n = symbol("n")
    x = builder.buffer("x", TensorType(i64, (n,)), "out")
    with builder.loop("vector", builder.size(n * 2 - 1), step=3) as loop:
        value = loop.index * -4 + builder.size(n // 3) + builder.size(7)
        builder.store(x, [loop.index], value)
    text = dedent("""\
        kernel @f(%x: out i64[n], n: index) {
          vector %i = 0 to (2*n - 1) step 3 {
            %0 = mul %i, -4 : i64
            %1 = add %0, (n // 3) : i64
            %2 = add %1, 7 : i64
            store %2, %x[%i]
          }
        }""")
    assert str(builder.finish()) == text
    assert str(parse_kernel(text)) == text


def test_a_size_that_is_negated_reads_back():
    builder = KernelBuilder("f")
    x = builder.buffer("x", TensorType(i64), "out")
    builder.store(x, [], builder.size(symbol("n") * -1) + builder.size(-7))
    text = str(builder.finish())
    assert "add (-n), -7" in text
    assert str(parse_kernel(text)) == text


def test_comments_and_spaces_do_not_matter():
    text = """
      # A comment, and a statement on several lines.
      kernel @f ( %x : out bf16 [ 3 ] )   # not a place
      { %one = const 1
          : bf16   vector %i = 0 to 3 { store %one , %x [ %i ] } }  # end
    """
    kernel = parse_kernel(text)
    assert kernel.locations == ()
    assert kernel.buffers[0].type == TensorType(bf16, (3,))
    assert len(str(kernel).splitlines()) == 6
