"""Texts that are not those of a Kernel: each message, at its place."""

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ir.errors import TextError
from penstock.ir.loop.text_parse import parse_kernel, parse_kernels
from penstock.ir.loop.text_print import print_kernel
from tests.ir.loop.kernels import KERNELS

HEADERS = [
    (
        "",
        "1:1",
        "expected 'kernel', found the end of the text",
    ),
    (
        "func @f() {}",
        "1:1",
        "expected 'kernel', found 'func'",
    ),
    (
        "kernel f() {}",
        "1:8",
        "expected a name such as @f, found 'f'",
    ),
    (
        "kernel @f(x) {}",
        "1:12",
        "expected ':', found ')'",
    ),
    (
        "kernel @f(n: int) {}",
        "1:14",
        "expected 'index', found 'int'",
    ),
    (
        "kernel @f(min: index) {}",
        "1:11",
        "min cannot name a size",
    ),
    (
        "kernel @f(n: index, n: index) {}",
        "1:21",
        "n cannot name a size",
    ),
    (
        "kernel @f(%x: f32[]) {}",
        "1:15",
        "there is no mode 'f32'",
    ),
    (
        "kernel @f(%x: in q8[]) {}",
        "1:18",
        "there is no dtype 'q8'",
    ),
    (
        "kernel @f(%x: in f32) {}",
        "1:21",
        "expected '[', found ')'",
    ),
    (
        "kernel @f(%x: in f32[n]) {}",
        "1:11",
        "no argument declares n",
    ),
    (
        "kernel @f(%x: in f32[n//0], n: index) {}",
        "1:22",
        "cannot read the size 'n//0'",
    ),
    (
        "kernel @f(%x: in f32[] , %x: in f32[]) {}",
        "1:26",
        "%x is defined twice",
    ),
    (
        "kernel @f() products {}",
        "1:22",
        "expected a name, a number or a size, found '{'",
    ),
    (
        "kernel @f() products n {}",
        "1:22",
        "no argument declares n",
    ),
    (
        "kernel @f() products 6 {}",
        "1:1",
        "it states products, but its loops carry 0 dtypes",
    ),
    (
        "kernel @f() {} }",
        "1:16",
        "expected the end of the text, found '}'",
    ),
    (
        "kernel @f() {",
        "1:14",
        "expected a statement, found the end of the text",
    ),
    (
        "kernel @f() { yield }",
        "1:15",
        "expected '}', found 'yield'",
    ),
    (
        "kernel @f() { ? }",
        "1:15",
        "unexpected character '?'",
    ),
]

# A line of a body, and the message that it gets; ^ marks the place.
LINES = [
    (
        "%1 = cot %0 : f32",
        "     ^",
        "there is no primitive 'cot'",
    ),
    (
        "%1 = exp %9 : f32",
        "         ^",
        "%9 is not defined",
    ),
    (
        "%1 = exp %1 : f32",
        "         ^",
        "%1 is not defined here",
    ),
    (
        "%0 = exp %0 : f32",
        "^",
        "%0 is defined twice",
    ),
    (
        "%1 = add %0 : f32",
        "            ^",
        "expected ',', found ':'",
    ),
    (
        "%1 = exp %0, %0 : f32",
        "           ^",
        "expected ':', found ','",
    ),
    (
        "%1 = exp %0 : f64",
        "^",
        "its result is f64, but must be f32",
    ),
    (
        "%1 = exp %0",
        "             ^",
        "expected ':', found '}'",
    ),
    (
        "%1 = exp 3 : i64",
        "^",
        "exp does not take i64",
    ),
    (
        "%1 = add %0, 3 : f32",
        "^",
        "operands are f32 and i64",
    ),
    (
        "%1 = select %0, %0, %0 : f32",
        "^",
        "the choice is no bool",
    ),
    (
        "%1 = const 300 : i8",
        "     ^",
        "300 does not fit i8",
    ),
    (
        "%1 = const [1] : f32",
        "     ^",
        "f32[] needs a number",
    ),
    (
        "%1 = const 0 : c64",
        "     ^",
        "0 is not a number of c64",
    ),
    (
        "%1 = mul 9223372036854775808, 1 : i64",
        "         ^",
        "9223372036854775808 does not fit i64",
    ),
    (
        "%1 = mul q, 1 : i64",
        "         ^",
        "no argument declares q",
    ),
    (
        "%1 = mul (n // 0), 1 : i64",
        "          ^",
        "cannot read the size 'n // 0'",
    ),
    (
        "%1 = mul (n + q), 1 : i64",
        "          ^",
        "no parameter declares q",
    ),
    (
        "%1 = load %z[0] : f32",
        "          ^",
        "there is no buffer %z",
    ),
    (
        "%1 = load %x[0, 0] : f32",
        "^",
        "2 indices into 1 axes",
    ),
    (
        "%1 = load %x[%0] : f32",
        "^",
        "an index is f32, but must be i64",
    ),
    (
        "%1 = load %x[0] where %0 : f32",
        "^",
        "the predicate is f32, but must be bool",
    ),
    (
        "%1 = load %x[0] : f64",
        "^",
        "its result is f64, but must be f32",
    ),
    (
        "store %0, %x[0]",
        "^",
        "the buffer is only read",
    ),
    (
        "store 1, %y[0]",
        "^",
        "the value is i64, but must be f32",
    ),
    (
        "check %0 error 0 detail 0",
        "^",
        "the condition is f32, but must be bool",
    ),
    (
        "check %p error -1 detail 0",
        "^",
        "the error is negative",
    ),
    (
        "check %p error 0 detail %0",
        "^",
        "the detail is f32, but must be i64",
    ),
    (
        "if %0 { }",
        "^",
        "the condition is f32, but must be bool",
    ),
    (
        "if %p { %1 = exp %0 : f32 } %2 = exp %1 : f32",
        "                                     ^",
        "%1 is not defined here",
    ),
    (
        "serial %i = 0 to n { } store %0, %y[%i]",
        "                                    ^",
        "%i is not defined here",
    ),
    (
        "serial %i = 0 to %0 { }",
        "^",
        "the stop is f32, but must be i64",
    ),
    (
        "serial %i = 0 to n step 0 { }",
        "^",
        "the step is not positive",
    ),
    (
        "serial %i = 0 to n unroll -1 { }",
        "^",
        "the unrolling is negative",
    ),
    (
        "serial %i = 0 to n carry (%a = %0) -> () { yield %a }",
        "                                         ^",
        "there are fewer results than carried values",
    ),
    (
        "serial %i = 0 to n carry (%a = %0) -> (%b, %c) { yield %a }",
        "                                           ^",
        "there are more results than carried values",
    ),
    (
        "serial %i = 0 to n carry (%a = %0) -> (%b) { }",
        "                                             ^",
        "expected 'yield', found '}'",
    ),
    (
        "serial %i = 0 to n carry (%a = %0) -> (%b) { yield 1 }",
        "^",
        "an update is i64, but must be f32",
    ),
    (
        "serial %i = 0 to n carry (%a = %0 sub) -> (%b) { yield %a }",
        "^",
        "sub does not combine",
    ),
    (
        "serial %i = 0 to n carry (%a = %0 and) -> (%b) { yield %a }",
        "^",
        "and does not take f32",
    ),
    (
        "serial %i = 0 to n carry (%a = %0) -> (%b) { yield %a } %c = exp %a : f32",
        "                                                                 ^",
        "%a is not defined here",
    ),
    (
        "vector %i = 0 to n carry (%a = %0) -> (%b) { yield %a }",
        "^",
        "a vector loop has to combine",
    ),
    (
        "parallel %i = 0 to n { } %1 = exp %0 : f32",
        "^",
        "the parallel loop is not the last statement",
    ),
    (
        "if %p { parallel %i = 0 to n { } }",
        "        ^",
        "a parallel loop is inside another statement",
    ),
    (
        "parallel %i = 1 to n { }",
        "^",
        "a parallel loop runs from 0 by 1 to a size",
    ),
    (
        "vector %i = 0 to n { vector %j = 0 to n { } }",
        "                     ^",
        "a vector loop is inside a vector loop",
    ),
    (
        "vector %i = 0 to n { serial %j = 0 to %i { } }",
        "                     ^",
        "its bounds differ between the lanes of a vector loop",
    ),
    (
        "vector %i = 0 to n { %1 = less %i, 3 : bool if %1 { } }",
        "                                            ^",
        "its condition differs between the lanes of a vector loop",
    ),
    (
        "vector %i = 0 to n { store %0, %y[0] }",
        "                     ^",
        "all lanes of a vector loop store to one place",
    ),
]


@pytest.mark.parametrize(("text", "place", "message"), HEADERS)
def test_a_wrong_header(text, place, message):
    with pytest.raises(TextError) as caught:
        parse_kernel(text)
    assert str(caught.value).startswith(f"<text>:{place}: error: {message} [text]")


@pytest.mark.parametrize(("line", "mark", "message"), LINES)
def test_a_wrong_line(line, mark, message):
    text = dedent(f"""\
        kernel @f(%x: in f32[n], %y: out f32[n], %on: in bool[], n: index) {{
          %0 = load %x[0] : f32
          %p = load %on[] : bool
          {line}
        }}""")
    with pytest.raises(TextError) as caught:
        parse_kernel(text, "f.txt")
    start = str(caught.value).partition("\n")[0]
    place = f"4:{mark.index('^') + 3}"
    if message.endswith("found '}'") and "^" not in mark[: len(line)]:
        place = "5:1"
    assert start == f"f.txt:{place}: error: {message} [text]"


def test_an_error_shows_the_line():
    with pytest.raises(TextError) as caught:
        parse_kernel("kernel @f() {\n  serial %i = 0 to 4 { %0 = add %i, 1 : i8 }\n}")
    assert str(caught.value) == dedent("""\
        <text>:2:24: error: its result is i8, but must be i64 [text]
            |
          2 |   serial %i = 0 to 4 { %0 = add %i, 1 : i8 }
            |                        ^^""")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("kernel @f() {} kernel @f() {}", "1:23", "@f is defined twice"),
        ("kernel @f() {} plan", "1:16", "expected the end of the text, found 'plan'"),
    ],
)
def test_kernels_one_after_the_other(text, place, message):
    with pytest.raises(TextError) as caught:
        parse_kernels(text)
    assert str(caught.value).startswith(f"<text>:{place}: error: {message} [text]")


def test_blocks_too_deep():
    text = f"kernel @f(%p: in bool[]) {{ %0 = load %p[] : bool {'if %0 {' * 70}"
    with pytest.raises(TextError, match="nested more than 64 deep"):
        parse_kernel(text)


@pytest.mark.parametrize(
    "size",
    ["+".join("n" * 9000), "*".join(f"(a{i}+b{i})" for i in range(40)), "(" * 5000],
)
def test_sizes_that_would_take_forever(size):
    with pytest.raises(TextError):
        parse_kernel(f"kernel @f(%x: in f32[{size}], n: index) {{}}")


@settings(max_examples=300)
@given(st.data())
def test_text_that_is_cut_or_changed_gives_an_error_of_its_own(data):
    text = data.draw(st.sampled_from(KERNELS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        new = data.draw(
            st.sampled_from(
                ["", "(", ")", "{", "}", "[", "]", ",", "%0", "%x", "n", "0", "-1", '"',
                 "#", "f32", "i64", "bool", "true", "inf", "yield %0", "-> ", ": ", "9",
                 " if ", " to ", "1e999", "(n // 0)", "% 0", "vector", "\x00", "\u00e9"]
            )
        )  # fmt: skip
        text = text[:start] + new + text[end:]
    message = ""
    try:
        kernel = parse_kernel(text)
    except TextError as error:
        message = str(error)
    else:
        assert str(parse_kernel(str(kernel))) == str(kernel)
        canonical = print_kernel(kernel, canonical=True)
        assert print_kernel(parse_kernel(canonical), canonical=True) == canonical
    assert len(message.splitlines()) <= 15
