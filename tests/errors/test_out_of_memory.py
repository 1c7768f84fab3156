"""The messages ``out-of-memory`` and, of a compiled program, ``negative-size``."""

from penstock.__main__ import main

PROGRAM = """
func @f(%x: f64[]) -> f64[] {{
  %0 = const {number} : i64[]
  %1 = bind %0, %x {{symbol=k}} : f64[] {{   # model.py:12:5
    body(%a: f64[]) -> f64[] {{
      %2 = broadcast_to %a {{shape=(k,)}} : f64[k]
      %3 = cumsum %2 {{axis=0}} : f64[k]
      %4 = max %3 {{axes=(0,), keepdims=false}} : f64[]
      return %4
    }}
  }}
  return %1
}}
"""


def run(tmp_path, number):
    path = tmp_path / "f.pir"
    path.write_text(PROGRAM.format(number=number))
    return main(["run", str(path), "--arg", "f64[]", "--compiled"])


def test_out_of_memory(tmp_path, capsys):
    assert run(tmp_path, 2**50) == 1
    assert capsys.readouterr().err == (
        "penstock run: model.py:12:5: error: there are no 9007749010554880 bytes of "
        "memory for what depends on k [out-of-memory]\n"
        "  help: use fewer turns, or checkpoint=True of the loop\n"
    )
    # More than 64 bits count.
    assert run(tmp_path, 2**61) == 1
    assert capsys.readouterr().err == (
        "penstock run: model.py:12:5: error: there are no 9223372036854775807 bytes of "
        "memory for what depends on k [out-of-memory]\n"
        "  help: use fewer turns, or checkpoint=True of the loop\n"
    )
    assert run(tmp_path, 3) == 0


def test_negative_size(tmp_path, capsys):
    assert run(tmp_path, -2) == 1
    assert capsys.readouterr().err == (
        "penstock run: model.py:12:5: error: the size k is -2, below 0 "
        "[negative-size]\n"
        "  help: make sure that sizes and counts are 0 or more: max(n, 0)\n"
    )
