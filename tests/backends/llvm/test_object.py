"""IR text to machine code."""

import pytest

from penstock.backends.llvm.object import (
    CodegenError,
    assembly,
    emit_object,
    emit_objects,
)
from penstock.runtime.machine import Machine, host, machine_for

ADD = """
define <16 x float> @add(<16 x float> %x) #0 {
  %y = fadd <16 x float> %x, %x
  ret <16 x float> %y
}
attributes #0 = { "min-legal-vector-width"="512" "prefer-vector-width"="512" }
"""


def test_object_is_elf_and_the_same_each_time():
    first = emit_object(ADD)
    assert first[:4] == b"\x7fELF"
    assert emit_object(ADD) == first


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_level_compiles(level):
    assert emit_object(ADD, level=level)[:4] == b"\x7fELF"


def test_modules_are_compiled_while_the_next_are_written():
    written = []

    def modules():
        for name in ("one", "two", "three"):
            written.append(name)
            yield f"define i32 @{name}() {{ ret i32 1 }}"

    objects = emit_objects(modules())
    assert len(objects) == 3
    for name, code in zip(written, objects, strict=True):
        assert name.encode() in code


def test_an_error_in_one_of_several_modules_is_raised():
    good = "define i32 @one() { ret i32 1 }"
    for texts in ([good, "nonsense", good], ["nonsense", good]):
        with pytest.raises(CodegenError, match="nonsense"):
            emit_objects(iter(texts))


def test_machines_differ():
    if host().architecture != "x86_64":
        pytest.skip("x86-64's registers are looked for")
    present = host().features
    assert "%zmm0" in assembly(ADD, machine_for("x86-64-v4", present))
    v3 = assembly(ADD, machine_for("x86-64-v3", present))
    assert "%ymm0" in v3
    assert "%zmm0" not in v3
    assert "%ymm0" not in assembly(ADD, machine_for("x86-64", present))


def test_other_architectures_compile():
    arm = Machine("aarch64", "linux", "generic", frozenset({"neon"}))
    assert "fadd\tv0.4s" in assembly(ADD, arm)


def test_a_syntax_error_quotes_its_line():
    text = "define i32 @f(i32 %x) {\n  %y = add i32 %x, 0.5\n  ret i32 %y\n}\n"
    with pytest.raises(CodegenError) as caught:
        emit_object(text)
    assert str(caught.value) == (
        "error: LLVM refuses line 2 of the generated code: floating point constant "
        "invalid for type: %y = add i32 %x, 0.5 [codegen]"
    )


def test_a_type_error_is_one_error():
    text = "define float @f(i32 %x) {\n  ret i32 %x\n}\n"
    with pytest.raises(CodegenError, match=r"line 2 .*: ret i32 %x"):
        emit_object(text)


def test_a_missing_definition_is_named():
    text = "define i32 @f() {\n  %x = call i32 @g()\n  ret i32 %x\n}\n"
    with pytest.raises(CodegenError, match="use of undefined value '@g'"):
        assembly(text)


def test_a_value_used_before_it_is_made_is_refused():
    text = """
define i32 @f(i1 %c) {
  br i1 %c, label %a, label %b
a:
  %x = add i32 1, 2
  br label %b
b:
  ret i32 %x
}
"""
    with pytest.raises(CodegenError, match="does not dominate all uses"):
        emit_object(text)
