"""Texts that are not those of a Function: each message, whole, at its place."""

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ir.errors import TextError, VerifyError
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.op import OPS
from tests.ir.graph.test_text import WHOLE

# A line of a body, and the message that it gets; ^ marks the place.
IN_A_BODY = [
    (
        "%1 = cot %x : f32[n]",
        "     ^^^",
        "there is no op 'cot'",
    ),
    (
        '%1 = parameter {name="y"} : f32[n]',
        "     ^^^^^^^^^",
        "there is no op 'parameter'",
    ),
    (
        "%1 = exp %y : f32[n]",
        "         ^^",
        "%y is not defined",
    ),
    (
        "%1 = exp %1 : f32[n]",
        "         ^^",
        "%1 is not defined",
    ),
    (
        "%x = exp %x : f32[n]",
        "^^",
        "%x is defined twice",
    ),
    (
        "%1 = exp %x, %x : f32[n]",
        "     ^^^",
        "exp: takes 1 operands, not 2",
    ),
    (
        "%1 = add %x : f32[n]",
        "     ^^^",
        "add: takes 2 operands, not 1",
    ),
    (
        "%1 = exp %x : f32[4]",
        "     ^^^",
        "exp gives f32[n], not f32[4]",
    ),
    (
        "%1 = exp %x : f64[n]",
        "     ^^^",
        "exp gives f32[n], not f64[n]",
    ),
    (
        "%1 = exp %x : f33[n]",
        "              ^^^",
        "there is no dtype 'f33'",
    ),
    (
        "%1 = exp %x : f32[q]",
        "                  ^",
        "no parameter declares q",
    ),
    (
        "%1 = exp %x : f32[n +]",
        "                  ^^^",
        "cannot read the size 'n +'",
    ),
    (
        "%1 = exp %x : f32[n // 0]",
        "                  ^^^^^^",
        "cannot read the size 'n // 0'",
    ),
    (
        "%1 = exp %x : f32[9223372036854775808]",
        "                  ^^^^^^^^^^^^^^^^^^^",
        "the size 9223372036854775808 does not fit 64 bits",
    ),
    (
        "%1 = exp %x : f32[n",
        "",
        "unmatched bracket",
    ),
    (
        "%1 = exp %x {axis=0} : f32[n]",
        "     ^^^",
        "exp: has the attributes axis, but must have none",
    ),
    (
        "%1 = sum %x {axes=(0,)} : f32[]",
        "     ^^^",
        "sum: has the attributes axes, but must have axes, keepdims",
    ),
    (
        "%1 = sum %x {axes=0, keepdims=false} : f32[]",
        "     ^^^",
        "sum: axes is 0, but must be a tuple of integers",
    ),
    (
        "%1 = sum %x {axes=(0,), keepdims=1} : f32[]",
        "     ^^^",
        "sum: keepdims is 1, but must be a bool",
    ),
    (
        "%1 = sum %x {axes=(1,), keepdims=true} : f32[]",
        "     ^^^",
        "sum: axes (1,) do not fit an array of 1 axes",
    ),
    (
        "%1 = sum %x {axes=(), axes=()} : f32[]",
        "                      ^^^^",
        "axes is given twice",
    ),
    (
        "%1 = reshape %x {shape=(-1, -1*n)} : f32[-1,-n]",
        "     ^^^^^^^",
        "reshape: f32[-1,-n] has a negative size",
    ),
    (
        "%1 = astype %x {dtype=double} : f64[n]",
        "                      ^^^^^^",
        "no parameter declares double",
    ),
    (
        r'%1 = token : token %2 = print %1, %x {text="\q"} : token',
        "                                           ^^^^",
        "cannot read the string",
    ),
    (
        "%1 = const 0.5 : f32[2]",
        "     ^^^^^",
        "f32[2] needs a list",
    ),
    (
        "%1 = const [0.5] : f32[]",
        "     ^^^^^",
        "f32[] needs a number",
    ),
    (
        "%1 = const [0.5, 1.0] : f32[3]",
        "     ^^^^^",
        "2 numbers do not fill f32[3]",
    ),
    (
        "%1 = const 0.5 : i32[]",
        "     ^^^^^",
        "0.5 is not an integer of 64 bits",
    ),
    (
        "%1 = const 300 : i8[]",
        "     ^^^^^",
        "300 does not fit i8",
    ),
    (
        "%1 = const [1.0] : f32[n]",
        "     ^^^^^",
        "a constant cannot be f32[n]",
    ),
    (
        "%1 = const 1 : token",
        "     ^^^^^",
        "a constant cannot be token",
    ),
    (
        '%1 = const hex"00" : f32[1]',
        "     ^^^^^",
        "1 bytes do not fill f32[1]",
    ),
    (
        '%1 = const hex"0g" : f32[1]',
        "              ^^^^",
        "non-hexadecimal number found in fromhex() arg at position 1",
    ),
    (
        '%1 = const hex"02" : bool[1]',
        "     ^^^^^",
        "a bool is 00 or 01",
    ),
    (
        "%1 = if %x { then() -> () { return } } : f32[n]",
        "                 ^",
        "expected '=', found '('",
    ),
    (
        ("%1 = recompute %x {serial=0} : f32[n] { body(%a: f32[n]) -> f32[n] "
        "{ return %x } }"),
        " " * 76 + "^^",
        "%x is defined outside this region",
    ),
    (
        ("%1 = recompute %x {serial=0} : f32[n] { other(%a: f32[n]) -> f32[n] "
        "{ return %a } }"),
        " " * 40 + "^^^^^",
        "expected the region 'body', found 'other'",
    ),
    (
        ("%1 = recompute %x {serial=0} : f32[n] { body(%a: f32[n]) -> f32[n] "
        "{ return %a } body() -> () { return } }"),
        " " * 81 + "^^^^",
        "expected no further region, found 'body'",
    ),
    (
        "%1 = recompute %x {serial=0} : f32[n]",
        "     ^^^^^^^^^",
        "recompute: its regions are missing",
    ),
    (
        ("%1 = recompute %x {serial=0} : f32[n] { body(%a: f32[]) -> f32[] "
        "{ return %a } }"),
        "     ^^^^^^^^^",
        "recompute: a region takes (f32[]) but gets (f32[n])",
    ),
    (
        ("%1 = token : token %2 = print %1, %x {text=\"a\"} : token "
        "%3 = print %1, %x {text=\"b\"} : token"),
        " " * 67 + "^^",
        "the token %1 is used twice",
    ),
    (
        "%1 = token : token %2 = print %1, %x {text=\"a\"} : token",
        "^^",
        "the effect %1 is lost",
    ),
    (
        "%1 = exp %x ; f32[n]",
        "            ^",
        "unexpected character ';'",
    ),
    (
        "%1 = exp %x {",
        "",
        "expected '=', found '%x'",
    ),
    (
        "exp %x : f32[n]",
        "^^^",
        "expected a statement or 'return', found 'exp'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "mark", "message"), IN_A_BODY)
def test_a_wrong_statement(line, mark, message):
    text = f"func @f(%x: f32[n]) -> f32[n] {{\n{line}\n  return %x\n}}"
    with pytest.raises(TextError) as caught:
        parse_function(text, "f.pir")
    error = caught.value
    assert error.message == message
    if mark.strip():
        column = len(mark) - len(mark.lstrip())
        assert str(error).splitlines()[:4] == [
            f"f.pir:2:{column + 1}: error: {message} [text]",
            "    |",
            f"  2 | {line}",
            f"    | {mark}",
        ]


WHOLE_FUNCTIONS = [
    ("", "1:1", "expected 'func', found the end of the text"),
    ("func f", "1:6", "expected a name such as @f, found 'f'"),
    ("func @f(%x)", "1:11", "expected ':', found ')'"),
    ("func @f(%x: f32)", "1:16", "expected '[', found ')'"),
    ("func @f(%x: f32[n], %x: f32[])", "1:21", "%x is defined twice"),
    ("func @f(k: int, k: int)", "1:17", "k cannot name an integer argument"),
    ("func @f(max: int)", "1:9", "max cannot name an integer argument"),
    ("func @f(k: float)", "1:12", "expected 'int', found 'float'"),
    ("func @f() -> () where {", "1:23", "cannot read the guard ''"),
    ("func @f() -> () where 1 2 {", "1:23", "cannot read the guard '1 2'"),
    ("func @f(k: int) -> () where k > n {", "1:29", "no parameter declares n"),
    ("func @f(k: int) -> () where k > 1)", "1:34", "unmatched bracket"),
    ("func @f() -> f32[] { return }", "1:22", "returns (), not (f32[])"),
    ("func @f() -> () { return %x }", "1:26", "%x is not defined"),
    ("func @f() -> () { return } }", "1:28", "expected the end of the text, found '}'"),
    ("func @f() -> () { return", "1:25", "expected '}', found the end of the text"),
    (
        f"func @f(%x: f32[{'(' * 100}n{')' * 100}])",
        "1:17",
        "an expression is too long",
    ),
    (f"func @f(%x: f32[{'n+' * 9000}1])", "1:17", "an expression is too long"),
    (
        f"func @f(%x: {'(' * 100}f32[]{')' * 100})",
        "1:77",
        "nested more than 64 deep",
    ),
]


@pytest.mark.parametrize(("text", "place", "message"), WHOLE_FUNCTIONS)
def test_a_wrong_function(text, place, message):
    with pytest.raises(TextError) as caught:
        parse_function(text)
    assert str(caught.value).startswith(f"<text>:{place}: error: {message} [text]")


def test_a_help_line_says_what_to_do():
    with pytest.raises(TextError) as caught:
        parse_function(
            "func @f(%x: f32[]) -> f32[] {\n"
            "  %0 = recompute %x {serial=0} : f32[] {\n"
            "    body(%a: f32[]) -> f32[] { return %x }\n"
            "  }\n"
            "  return %0\n"
            "}"
        )
    expected = """
    <text>:3:39: error: %x is defined outside this region [text]
        |
      3 |     body(%a: f32[]) -> f32[] { return %x }
        |                                       ^^
      help: give it to the op as an operand"""
    assert str(caught.value) == dedent(expected).strip()


def test_a_rule_of_types_says_what_to_do_too():
    with pytest.raises(TextError) as caught:
        parse_function(
            "func @f(%x: f32[3], %y: f32[4]) -> f32[3] {\n"
            "  %0 = add %x, %y : f32[3]\n"
            "  return %0\n"
            "}"
        )
    expected = """
    <text>:2:8: error: add: cannot broadcast f32[3] with f32[4] [text]
        |
      2 |   %0 = add %x, %y : f32[3]
        |        ^^^
      help: align trailing axes, e.g. x[:, None]"""
    assert str(caught.value) == dedent(expected).strip()


def test_regions_too_deep():
    depth = 70
    opening = "".join(
        f"%r{i} = recompute %x{i} {{serial=0}} : f32[] {{ body(%x{i + 1}: f32[]) "
        "-> f32[] { "
        for i in range(depth)
    )
    closing = "".join(
        f"return %{f'r{i + 1}' if i + 1 < depth else f'x{i + 1}'} }} }} "
        for i in reversed(range(depth))
    )
    text = f"func @f(%x0: f32[]) -> f32[] {{ {opening}{closing} return %r0 }}"
    with pytest.raises(TextError, match="nested more than 64 deep"):
        parse_function(text)


def refuses_or_reads(text):
    """Hostile text gives one of two errors, or a Function; nothing else."""
    message = ""
    try:
        parse_function(text)
    except (TextError, VerifyError) as error:
        message = str(error)
    assert len(message.splitlines()) <= 15


@settings(max_examples=150)
@given(st.data())
def test_text_that_is_cut_or_changed_gives_an_error_of_its_own(data):
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        new = data.draw(
            st.sampled_from(
                ["", "(", ")", "{", "}", "[", "]", ",", "%0", "%x", "n", "0", "-1", '"',
                 "#", "f32", "token", "true", "none", "sum", "(0,)", "-> ", ": ", "9",
                 " where ", "effects", "1e999", "n // 0", "% 0", "\x00", "\u00e9"]
            )
        )  # fmt: skip
        text = text[:start] + new + text[end:]
    refuses_or_reads(text)


@settings(max_examples=150)
@given(st.data())
def test_any_attribute_of_any_op_gives_an_error_of_its_own(data):
    op = OPS[data.draw(st.sampled_from(sorted(OPS)))]
    attribute = st.sampled_from(
        ["0", "1", "-1", "n", "1.5", "none", "true", '"i->i"', '"ij,j->"', '""', "f32",
         "bool", "()", "(0,)", "(0, 1)", "(n,)", "(-1,)", '("a",)', "((0,),)",
         "f32[1] [0.0]", "9223372036854775807", "(1, 1, 1, 1, 1, 1, 1)"]
    )  # fmt: skip
    attributes = ", ".join(f"{name}={data.draw(attribute)}" for name in op.attributes)
    operands = ", ".join(
        data.draw(st.lists(st.sampled_from(["%x", "%y", "%z", "%b"]), max_size=4))
    )
    type_ = data.draw(
        st.sampled_from(["f32[n]", "f32[]", "i64[]", "(f32[],)", "token"])
    )
    refuses_or_reads(
        "func @f(%x: f32[n], %y: f32[m,3], %z: i64[], %b: bool[]) -> () {\n"
        f"  %0 = {op.name} {operands} {{{attributes}}} : {type_}\n  return\n}}"
    )
