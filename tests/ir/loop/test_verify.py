"""The rules of the loop level: Kernels that break one, and some that do not."""

from textwrap import dedent

import numpy as np
import pytest

from penstock.ir.dims import symbol
from penstock.ir.errors import TextError, VerifyError
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.node import (
    Block,
    Buffer,
    Carry,
    For,
    Kernel,
    Let,
    Load,
    Scalar,
    Store,
)
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.loop.verify import verify_kernel
from penstock.ir.types import TensorType, f32, i64
from tests.ir.loop.kernels import GATHER, KERNELS, NAMES, ROWS

n = symbol("n")


def number(value: float, dtype=f32) -> Let:
    let = Let(Scalar(dtype, None, 0), "const", (), dtype.numpy.type(value))
    let.result.definition = let
    return let


def kernel_of(*statements, buffers=(), sizes=(), name="f") -> Kernel:
    return Kernel(name, tuple(buffers), tuple(sizes), Block(list(statements)))


def refused(kernel: Kernel) -> str:
    with pytest.raises(VerifyError) as caught:
        verify_kernel(kernel)
    return str(caught.value)


@pytest.mark.parametrize("text", KERNELS, ids=NAMES)
def test_what_keeps_the_rules_passes(text):
    verify_kernel(parse_kernel(text))


def test_a_message_holds_the_statement():
    x = Buffer("x", TensorType(f32, (4,)), "in")
    zero, one = number(0, i64), number(1)
    message = refused(
        kernel_of(zero, one, Store(x, (zero.result,), one.result), buffers=[x])
    )
    assert message == (
        "error: kernel @f: the buffer is only read: store %0, %x[0] [verify]"
    )


def test_a_kernel_has_a_name_and_distinct_arguments():
    x = Buffer("x", TensorType(f32, (4,)), "in")
    assert "it has no name" in refused(kernel_of(name=""))
    assert "a buffer occurs twice" in refused(kernel_of(buffers=[x, x]))
    assert "a size occurs twice" in refused(kernel_of(sizes=["n", "n"]))
    x.mode = "write"
    assert "buffer x has the mode 'write'" in refused(kernel_of(buffers=[x]))


def test_sizes_are_given():
    x = Buffer("x", TensorType(f32, (n * 2,)), "in")
    message = "buffer x needs n, which is not given"
    assert message in refused(kernel_of(buffers=[x], sizes=["m"]))
    size = Let(Scalar(i64, None, 0), "size", (), n + 1)
    size.result.definition = size
    assert "it needs n, which is not given" in refused(kernel_of(size))


def test_what_is_said_of_products_is_said_of_sums_of_one_dtype():
    kernel = parse_kernel(ROWS)
    kernel.products = n * symbol("j")
    assert "the count of products needs j, which is not given" in refused(kernel)
    for statement in kernel.body.walk():
        if isinstance(statement, For) and statement.carries:
            statement.carries[1].parameter.dtype = i64
    kernel.products = n
    message = "it states products, but its loops carry 2 dtypes"
    assert message in refused(kernel)
    kernel = parse_kernel(GATHER)
    kernel.products = n
    message = "it states products, but its loops carry 0 dtypes"
    assert message in refused(kernel)


def test_every_scalar_is_defined_once_and_before_its_uses():
    one = number(1)
    assert "its result is defined twice" in refused(kernel_of(one, one))
    exp = Let(Scalar(f32, None, 0), "exp", (one.result,))
    assert "its result names another definition" in refused(kernel_of(one, exp))
    exp.result.definition = exp
    assert "an operand is defined nowhere before" in refused(kernel_of(exp, one))
    verify_kernel(kernel_of(one, exp))


def test_a_scalar_of_a_loop_is_not_seen_outside_it():
    builder = KernelBuilder("f")
    x = builder.buffer("x", TensorType(f32, (4,)), "inout")
    with builder.loop("serial", builder.size(4)) as loop:
        inside = builder.load(x, [loop.index])
    builder.store(x, [builder.size(0)], inside)
    assert "the value is defined in another block" in refused(builder.finish())


def test_constants_are_numbers_of_their_dtype():
    let = number(1)
    let.value = np.float64(1)
    assert "its value is not a number of f32" in refused(kernel_of(let))
    let.value = np.ones(2, np.float32)
    assert "its value is not a number of f32" in refused(kernel_of(let))


def test_a_load_is_from_a_buffer_of_the_kernel():
    x = Buffer("x", TensorType(f32), "in")
    load = Load(Scalar(f32, None, 0), x, ())
    load.result.definition = load
    message = refused(kernel_of(load))
    assert "the buffer is not one of the kernel's: %0 = load %undefined[]" in message


def test_primitives_are_known_and_complete():
    one = number(1)
    for primitive, operands, message in (
        ("cot", (one.result,), "there is no primitive cot"),
        ("exp", (), "exp takes 1 operands"),
        ("shift_left", (one.result, one.result), "shift_left does not take f32"),
    ):
        let = Let(Scalar(f32, None, 0), primitive, operands)
        let.result.definition = let
        assert message in refused(kernel_of(one, let))


def test_a_carried_value_has_an_update():
    zero, one = number(0, i64), number(1)
    index = Scalar(i64, None, 1)
    loop = For("serial", index, zero.result, zero.result, 1, [], Block())
    index.definition = loop
    parameter, result = (Scalar(f32, None, d, loop) for d in (1, 0))
    loop.carries.append(Carry(parameter, one.result, None, result))
    assert "a carried value has no update" in refused(kernel_of(zero, one, loop))
    loop.kind = "tensor"
    assert "there is no kind of loop 'tensor'" in refused(kernel_of(zero, one, loop))


def carrying(combine: str, body: str) -> str:
    return dedent(f"""\
        kernel @f(%x: in f32[n], %y: out f32[n], %z: in bool[n], n: index) {{
          %zero = const 0 : f32
          %lane = const 2 : i64
          vector %i = 0 to n carry (%a = %zero {combine}) -> (%b) {{
            %v = load %x[%i] : f32
            {body}
          }}
        }}""")


@pytest.mark.parametrize(
    ("combine", "body"),
    [
        ("add", "%c = add %a, %v : f32 yield %c"),
        ("add", "%c = add %v, %a : f32 yield %c"),
        ("add", "%c = sub %a, %v : f32 yield %c"),
        ("add", "%c = fma %v, %v, %a : f32 yield %c"),
        ("add", "%c = add %a, %v : f32 %d = add %v, %c : f32 yield %d"),
        ("mul", "%c = mul %a, %v : f32 yield %c"),
        ("maximum", "%c = maximum %a, %v : f32 yield %c"),
        ("mul", "yield %zero"),
        (
            "add",
            """%p = load %z[%i] : bool
            %c = add %a, %v : f32
            %d = select %p, %c, %a : f32
            yield %d""",
        ),
        (
            "add",
            """serial %j = 0 to n carry (%c = %a) -> (%d) {
              %e = add %c, %v : f32
              yield %e
            }
            yield %d""",
        ),
    ],
)
def test_what_only_combines_may_be_reordered(combine, body):
    verify_kernel(parse_kernel(carrying(combine, body)))


@pytest.mark.parametrize(
    ("combine", "body", "message"),
    [
        ("add", "%c = mul %a, %v : f32 yield %c", "it does not add into a"),
        ("add", "%c = sub %v, %a : f32 yield %c", "it does not add into a"),
        ("add", "%c = add %a, %a : f32 yield %c", "it does not add into a"),
        ("mul", "%c = fma %v, %v, %a : f32 yield %c", "it does not mul into a carried"),
        ("add", "%c = fma %a, %v, %v : f32 yield %c", "it does not add into a carried"),
        ("add", "%c = add %a, %v : f32 store %c, %y[%i] yield %c",
         "it reads a carried value of a vector loop"),
        ("add", "yield %v", "its update does not add into the carried value"),
        ("add", "%p = load %z[%i] : bool %d = select %p, %v, %a : f32 yield %d",
         "it does not add into a carried value"),
        ("add", "serial %j = 0 to n carry (%c = %a) -> (%d) { yield %v } yield %d",
         "it does not add into a carried value"),
        ("add", "serial %j = 0 to n carry (%c = %v) -> (%d) { yield %a } yield %d",
         "it does not add into a carried value"),
    ],
)  # fmt: skip
def test_what_does_more_than_combine_may_not(combine, body, message):
    with pytest.raises(TextError, match=message):
        parse_kernel(carrying(combine, body))


@pytest.mark.parametrize(
    "body",
    [
        # What differs between lanes reaches a bound through memory.
        "%l = load %n[%i] : i64 serial %k = 0 to %l { }",
        # It reaches a bound of the second round through a carried value.
        """serial %j = 0 to n carry (%a = 0) -> (%b) {
             %l = add %a, 1 : i64
             serial %k = 0 to %l { }
             %c = add %a, %i : i64
             yield %c
           }""",
        # It leaves a loop as its result.
        """serial %j = 0 to n carry (%a = 0) -> (%b) {
             %c = add %a, %i : i64
             yield %c
           }
           serial %k = 0 to %b { }""",
    ],
)
def test_bounds_that_differ_between_lanes_are_found(body):
    text = f"kernel @f(%n: in i64[n], n: index) {{ vector %i = 0 to n {{ {body} }} }}"
    with pytest.raises(TextError, match="its bounds differ between the lanes"):
        parse_kernel(text)


def test_bounds_that_are_the_same_in_all_lanes_are_not():
    parse_kernel("""
        kernel @f(%n: in i64[n], n: index) {
          vector %i = 0 to n {
            %l = load %n[0] : i64
            serial %j = 0 to %l carry (%a = 0) -> (%b) {
              serial %k = 0 to %a { }
              %c = add %a, 1 : i64
              yield %c
            }
            serial %m = 0 to %b { }
          }
        }""")
