"""The message ``not-compiled``."""

from penstock.__main__ import main

PROGRAM = """
func @f(%x: f32[n]) -> f32[n] {
  %0 = token : token
  %1 = print %0, %x {text="x"} : token   # model.py:12:5
  return %x
  effects %1
}
"""


def test_not_compiled(tmp_path, capsys):
    path = tmp_path / "f.pir"
    path.write_text(PROGRAM)
    assert main(["run", str(path), "--arg", "f32[3]"]) == 0
    capsys.readouterr()
    assert main(["run", str(path), "--arg", "f32[3]", "--compiled"]) == 1
    assert capsys.readouterr().err == (
        "penstock run: error: token cannot be compiled yet [not-compiled]\n"
        "  help: without native code: `penstock run` of its text\n"
    )
