"""Texts that are not those of a Plan: each message, at its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ir.errors import TextError
from penstock.ir.plan.text_parse import parse_plan
from tests.ir.plan.plans import COPY, PLANS, WHOLE

HEADERS = [
    (
        "",
        "1:1",
        "expected 'plan', found the end of the text",
    ),
    (
        "plan f",
        "1:6",
        "expected a name such as @f, found 'f'",
    ),
    (
        "plan @f(%x: float32",
        "1:13",
        "there is no dtype 'float32'",
    ),
    (
        "plan @f(min: int",
        "1:9",
        "min cannot name an integer",
    ),
    (
        "plan @f(k: int, k: int",
        "1:17",
        "k cannot name an integer",
    ),
    (
        "plan @f(k: f32",
        "1:12",
        "expected 'int', found 'f32'",
    ),
    (
        "plan @f(%x: f32[], %x: float",
        "1:20",
        "%x is defined twice",
    ),
    (
        "plan @f() -> (%y: float",
        "1:19",
        "there is no dtype 'float'",
    ),
    (
        "plan @f() -> () where {",
        "1:23",
        "cannot read the guard ''",
    ),
    (
        "plan @f() -> () where n > 1 { }",
        "1:1",
        "the guard n > 1 needs n, which is not given",
    ),
    (
        "plan @f() -> () where %r > 1.5 { }",
        "1:1",
        "the guard %r > 1.5 needs %r, which is not given",
    ),
    (
        "plan @f(%x: f32[n+1]) -> () { }",
        "1:1",
        "x is f32[n+1]: an axis must be a symbol or a number",
    ),
    (
        "plan @f() -> () { arena n }",
        "1:25",
        "no argument declares n",
    ),
    (
        "plan @f() -> () { work (3 }",
        "1:27",
        "unmatched bracket",
    ),
    (
        "plan @f() -> () { constant %c: f32[2] = [1.0] }",
        "1:28",
        "1 numbers do not fill f32[2]",
    ),
    (
        "plan @f(n: int) -> () { constant %c: f32[n] = [1.0] }",
        "1:34",
        "a constant cannot be f32[n]",
    ),
    (
        'plan @f() -> () { error 1 RunError "a" "b" }',
        "1:25",
        "expected the error 0",
    ),
    (
        'plan @f() -> () { error 0 RunError a "b" }',
        "1:36",
        "expected a code, in quotes, found 'a'",
    ),
    (
        'plan @f() -> () { error 0 Exception "a" "b" }',
        "1:1",
        "there is no class of errors Exception",
    ),
    (
        "plan @f() -> () { return 1/ }",
        "1:26",
        "cannot read the number '1/'",
    ),
    (
        "plan @f() -> () { return }",
        "1:26",
        "cannot read the number ''",
    ),
    (
        "plan @f() -> () { return n }",
        "1:1",
        "a returned number needs n, which is not given",
    ),
    (
        "plan @f() -> (%y: f32[]) { }",
        "1:1",
        "nothing writes y",
    ),
    (
        "plan @f() -> () { ",
        "1:19",
        "expected a statement, found the end of the text",
    ),
    (
        f"plan @f() -> () {{ }} {COPY}",
        "1:28",
        "nothing launches @copy",
    ),
]

# Lines of a body, and the message that they get; ^ marks the place.
LINES = [
    (
        "jump",
        "^",
        "expected a statement, found 'jump'",
    ),
    (
        "free %z",
        "     ^",
        "%z is not defined",
    ),
    (
        "free %x",
        "^",
        "x is not freed",
    ),
    (
        "%t = alloc f32 at 0",
        "               ^",
        "expected '[', found 'at'",
    ),
    (
        "%t = alloc f32[n] at q",
        "                     ^",
        "no argument declares q",
    ),
    (
        "%t = alloc f32[q] at 0",
        "               ^",
        "no parameter declares q",
    ),
    (
        "%t = alloc f32[n] at 0 free %t free %t",
        "                               ^",
        "t is not there",
    ),
    (
        "%t = alloc f32[n] at 0 launch @copy(%t, %y) free %t",
        "                       ^",
        "t is read before it is written",
    ),
    (
        "%t = alloc f32[n] at 0 free %t launch @copy(%x, %t)",
        "                               ^",
        "t is not there",
    ),
    (
        "launch @move(%x, %y)",
        "       ^",
        "there is no kernel @move",
    ),
    (
        "launch @copy(%x)",
        "^",
        "it takes 2 arrays, not 1",
    ),
    (
        "launch @copy(%y, %x)",
        "^",
        "y is read before it is written",
    ),
    (
        "launch @copy(%x, %x)",
        "^",
        "it writes the parameter x",
    ),
    (
        "launch @copy(%x, %c)",
        "^",
        "it writes the constant c",
    ),
    (
        "launch @copy(%x, %y) launch @copy(%y, %y)",
        "                     ^",
        "it writes y, which is given twice",
    ),
    (
        "launch @copy(%c, %y)",
        "^",
        "c is f32[3], but must be f32[n]",
    ),
    (
        "launch @copy(%d, %y)",
        "^",
        "d is f64[n], but must be f32[n]",
    ),
    (
        "launch @copy(%s, %y)",
        "^",
        "the strides of s are given only at run time",
    ),
    (
        "launch @copy(%x, %y) chunk q",
        "                           ^",
        "no argument declares q",
    ),
    (
        "if %x { } else { }",
        "^",
        "the condition x is f32[n], but must be bool[]",
    ),
    (
        "if %on { }",
        "           ^",
        "expected 'else', found 'launch'",
    ),
    (
        "if %on { %t = alloc f32[n] at 0 } else { }",
        "^",
        "a branch must free what it allocates, no more",
    ),
    (
        "%t = alloc f32[n] at 0 if %on { free %t } else { free %t }",
        "                       ^",
        "a branch must free what it allocates, no more",
    ),
    (
        "if %on { %t = alloc f32[n] at 0 free %t } else { } free %t",
        "                                                        ^",
        "%t is not defined here",
    ),
    (
        "while %on { }",
        "              ^",
        "expected 'do', found 'launch'",
    ),
    (
        "while %m { } do { }",
        "      ^",
        "%m is not defined",
    ),
    (
        "%m = alloc bool[] at 0 while %m { } do { }",
        "                       ^",
        "m is read before it is written",
    ),
    (
        "launch @copy(%x, %y, n = n, n = 2)",
        "                            ^",
        "n is given twice",
    ),
    (
        "launch @copy(%x, %y, k = 2)",
        "^",
        "@copy has no size k",
    ),
    (
        "launch @copy(%x, %y, n = 2)",
        "^",
        "x is f32[n], but must be f32[2]",
    ),
    (
        "if %on { launch @copy(%x, %y) } else { } launch @copy(%y, %z)",
        "                                         ^",
        "y is read before it is written",
    ),
]


@pytest.mark.parametrize(("text", "place", "message"), HEADERS)
def test_a_wrong_plan(text, place, message):
    with pytest.raises(TextError) as caught:
        parse_plan(text)
    assert str(caught.value).startswith(f"<text>:{place}: error: {message} [text]")


@pytest.mark.parametrize(("line", "mark", "message"), LINES)
def test_a_wrong_line(line, mark, message):
    text = (
        "plan @f(%x: f32[n], %d: f64[n], %s: f32[n] strided, %on: bool[]) "
        "-> (%y: f32[n], %z: f32[n]) where n >= 2 { arena (8*n) "
        f"constant %c: f32[3] = [1, 2, 3]\n{line} launch @copy(%x, %y) "
        f"launch @copy(%x, %z)\n}}\n{COPY}"
    )
    if "%z is not defined" in message:
        text = text.replace(", %z: f32[n])", ")").replace("launch @copy(%x, %z)\n", "")
    with pytest.raises(TextError) as caught:
        parse_plan(text, "f.txt")
    start = str(caught.value).partition("\n")[0]
    assert start == f"f.txt:2:{mark.index('^') + 1}: error: {message} [text]"


def test_kernels_are_checked_too():
    for old, new, message in (
        ("kernel @copy", "kernel @f_0", "@f_0 is defined twice"),
        ("error 0 detail", "error 7 detail", "@f_0 reports the error 7"),
        ("load %t[%i]", "load %t[%j]", "%j is not defined"),
    ):
        with pytest.raises(TextError, match=message):
            parse_plan(WHOLE.replace(old, new))


@settings(max_examples=300)
@given(st.data())
def test_text_that_is_cut_or_changed_gives_an_error_of_its_own(data):
    text = data.draw(st.sampled_from(PLANS))
    for _ in range(data.draw(st.integers(1, 3))):
        # Most of the text is Kernels, which have a test of their own.
        start = data.draw(st.integers(0, min(len(text), 900)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        new = data.draw(
            st.sampled_from(
                ["", "(", ")", "{", "}", "[", "]", ",", "%t", "%x", "n", "0", "-1", '"',
                 "#", "f32", "bool", "1.5", "free %t", "-> ", ": ", "9",
                 " at ", "@copy", "1e999", "(n // 0)", "% 0", "else",
                 "float(", "\x00", "\u00e9"]
            )
        )  # fmt: skip
        text = text[:start] + new + text[end:]
    message = ""
    try:
        plan = parse_plan(text)
    except TextError as error:
        message = str(error)
    else:
        assert str(parse_plan(str(plan))) == str(plan)
    assert len(message.splitlines()) <= 15
