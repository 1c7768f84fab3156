"""What all subcommands share: help, examples, one clear line for each mistake."""

import os
import shlex
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

import penstock as ps
from penstock.__main__ import COMMANDS
from penstock.command.errors import describe_error
from penstock.driver import origin_of
from penstock.ir.dims import Dim

EXAMPLES = {
    name: import_module(f"penstock.command.{name}").EXAMPLE for name in COMMANDS
}


def test_help_lists_every_command_with_a_line(command):
    status, out, err = command("--help")
    assert (status, err) == (0, "")
    for name, summary in COMMANDS.items():
        assert f"    {name:<9} {summary}" in out


def test_help_is_quick_and_imports_nothing_heavy(fresh_python):
    code = """
import sys
from penstock.__main__ import main
try:
    main(["--help"])
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.startswith(("numpy", "penstock"))))
"""
    assert fresh_python(code).endswith("\n['penstock', 'penstock.__main__']\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_says_what_it_does_and_shows_an_example(command, name):
    status, out, err = command(name, "--help")
    assert (status, err) == (0, "")
    module = import_module(f"penstock.command.{name}")
    assert module.__doc__.strip() in out
    assert out.endswith(f"example:\n  {module.EXAMPLE}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_works(command, name):
    words = shlex.split(EXAMPLES[name])
    assert words[:2] == ["penstock", name]
    extra = ["--seconds", "0.01"] if name == "bench" else []
    status, out, err = command(*words[1:], *extra)
    assert (status, err) == (0, "")
    assert out


def test_version(command):
    assert command("--version") == (0, f"{ps.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "penstock: error: the following arguments are required: COMMAND"),
        (("dump",), "penstock dump: error: the following arguments are required"),
        (("dump", "model.py"), "'model.py' is not of the form FILE.py:FUNC"),
        (("dump", "model.py:a b"), "'model.py:a b' is not of the form FILE.py:FUNC"),
        (("dump", "model.py:gelu", "--stage", "x"), "'x' is none of trace, graph,"),
        (("dump", "model.py:gelu", "--arg", "f33[2]"), "no dtype: there are bool,"),
        (("opt", "--passes", "fold,nope", "gelu.pir"), "there is no pass 'nope'"),
        (("opt", "--passes", "lower,cse", "gelu.pir"), "lower comes last"),
        (("opt",), "which file? give FILE.pir"),
        (("run", "gelu.pir", "--size", "n"), "'n' is not NAME=NUMBER"),
        (("run", "gelu.pir", "--size", "q=3"), "no size q; the sizes are n"),
        (("run", "gelu.pir", "--arg", "z=3"), "no input z; the inputs are x"),
        (("run", "model.py:gelu"), "is a function: penstock bench or explain runs it"),
        (("dump", "model.py:gelu", "--arg", "f33[2]"), "u64, f16, bf16, f32, f64;"),
        (("dump", "model.py:gelu", "--arg", "i64"), "write e.g. i64[] or i64[8]"),
        (("cache", "burn"), "invalid choice: 'burn'"),
        (("bench", "model.py:gelu", "--seconds", "x"), "'x' is no number of seconds"),
        (("bench", "model.py:gelu", "--seconds", "-1"), "'-1' is no number of"),
        (("bench", "model.py:gelu", "--seconds", "nan"), "'nan' is no number of"),
        (("nope",), "invalid choice: 'nope'"),
    ],
)
def test_a_command_line_that_means_nothing(command, arguments, message):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dump", "none.py:f"), "penstock dump: error: there is no file none.py\n"),
        (
            ("dump", "model.py:geluu"),
            "penstock dump: error: model.py has no geluu; did you mean gelu?\n",
        ),
        (
            ("dump", "model.py:NUMBER"),
            "penstock dump: error: NUMBER of model.py cannot be called\n",
        ),
        (
            ("dump", "model.py:mistaken", "--arg", "f32[3]"),
            "penstock dump: model.py:20: NameError: name 'missing' is not defined\n",
        ),
        (
            ("dump", "model.py:gelu", "--arg", "none.npy"),
            "penstock dump: error: none.npy: No such file or directory\n",
        ),
        (
            ("dump", "model.py:gelu", "--arg", "f32[1000000000,1000000000]"),
            "penstock dump: error: f32[1000000000,1000000000] cannot be made: ",
        ),
        (
            ("dump", "model.py:gelu", "--arg", "f32[3]", "--arg", "3"),
            (
                "penstock dump: error: gelu() takes 1 positional argument but 2 "
                "were given [bad-call]\n  help: it takes (x)\n"
            ),
        ),
        (
            ("dump", "model.py:gelu"),
            (
                "penstock dump: error: gelu() missing the argument 'x' [bad-call]\n"
                "  help: it takes (x), e.g. --arg 'x=f64[8]'\n"
            ),
        ),
        (
            ("explain", "model.py:attend", "--arg", "f32[3,3]"),
            (
                "penstock explain: error: attend() missing the argument 'k' "
                "[bad-call]\n  help: it takes (q, /, k, *rest, scale=...), "
                "e.g. --arg 'f64[8]' --arg 'k=f64[8]'\n"
            ),
        ),
        (
            ("bench", "model.py:gelu"),
            (
                "penstock bench: error: gelu() missing the argument 'x' [bad-call]\n"
                "  help: it takes (x), e.g. --arg 'x=f64[8]'\n"
            ),
        ),
        (
            ("dump", "model.py:gelu", "--arg", "y=3", "--arg", "x=3"),
            (
                "penstock dump: error: gelu() got an unexpected keyword argument 'y' "
                "[bad-call]\n  help: it takes (x)\n"
            ),
        ),
        (
            ("opt", "none.pir"),
            "penstock opt: error: none.pir: No such file or directory\n",
        ),
        (
            ("run", "model.py"),
            (
                "penstock run: error: model.py is not a Penstock artifact "
                "[not-an-artifact]\n"
                "  help: f.save(path, *args) writes one, of a compiled function f\n"
            ),
        ),
        (("run", "."), "penstock run: error: .: Is a directory\n"),
        (
            ("explain", "model.py"),
            (
                "penstock explain: error: model.py is not a Penstock artifact "
                "[not-an-artifact]\n"
                "  help: f.save(path, *args) writes one, of a compiled function f\n"
            ),
        ),
    ],
)
def test_something_that_fails(command, arguments, message):
    status, out, err = command(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith(message)
    assert err.count("\n") == max(1, message.count("\n"))


def test_a_program_that_does_not_compile_is_shown_where(command):
    status, out, err = command(
        "dump", "model.py:misshapen", "--arg", "f32[3]", "--arg", "f32[4]"
    )
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert lines[0].startswith("penstock dump: model.py:24:12: error: add: cannot")
    assert lines[2] == "  24 |     return x + y"
    assert lines[-1].startswith("  help: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere", "bad.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("1 / 0", "bad.py:1: ZeroDivisionError: division by zero"),
        ("def f(:", "bad.py:1: SyntaxError: invalid syntax"),
        ("import json\njson.loads('{')", "bad.py:2: JSONDecodeError: Expecting"),
        ("import numpy\nnumpy.ones(-1)", "bad.py:2: ValueError: negative dimensions"),
        ("raise SystemExit(5)", ""),
    ],
)
def test_a_file_that_fails_when_it_is_imported(command, folder, text, message):
    (folder / "bad.py").write_text(text)
    status, out, err = command("explain", "bad.py:f")
    assert (status, out) == (5 if "SystemExit" in text else 1, "")
    assert message in err
    assert err.count("\n") == (message != "")


def test_a_mistake_of_ours_keeps_its_traceback(command, monkeypatch):
    def broken(*_arguments):
        raise AssertionError("not thought of")

    monkeypatch.setattr("penstock.driver.Compilation.text", broken)
    # A frame of this test raises it; what calls it is ours.
    monkeypatch.setattr("penstock.command.errors._place", lambda _error: None)
    with pytest.raises(AssertionError, match="not thought of"):
        command("dump", "model.py:gelu", "--arg", "f32[3]")


def test_an_error_is_blamed_on_who_raised_it():
    # Wherever the package's folders lie, an error in any of them is ours.
    with pytest.raises(TypeError) as ours:
        str(Dim(3))
    assert describe_error(ours.value) is None
    with pytest.raises(AttributeError) as ours:
        origin_of(None, 3)
    assert describe_error(ours.value) is None
    with pytest.raises(ValueError, match="negative") as users:
        np.ones(-1)
    line = users.tb.tb_lineno
    message = describe_error(users.value)
    assert (
        message == f"{__file__}:{line}: ValueError: negative dimensions are not allowed"
    )


@pytest.mark.parametrize("name", ["dump", "explain", "bench"])
def test_an_attribute_that_arrays_lack_is_a_mistake_of_who_asks(command, folder, name):
    (folder / "state.py").write_text(
        "def energy(b):\n    return (b.mass * b.v).sum()\n"
    )
    status, out, err = command(name, "state.py:energy", "--arg", "f64[3]")
    assert (status, out) == (1, "")
    assert err == (
        f"penstock {name}: state.py:2: AttributeError: "
        "'numpy.ndarray' object has no attribute 'mass'\n"
    )


def python_m(folder, *arguments, **options):
    links = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-m", "penstock", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": links},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_as_a_module_in_a_pipe(folder):
    first = python_m(folder, "dump", "model.py:gelu", "--arg", "f32[8]")
    assert first.returncode == 0, first.stderr
    second = python_m(folder, "opt", "--passes", "fuse", "-", input=first.stdout)
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith("func @gelu(%x: f32[n]) -> f32[n] {\n")
    third = python_m(folder, "nope")
    assert (third.returncode, third.stdout) == (2, "")
    assert "Traceback" not in third.stderr


def test_a_reader_that_leaves_early(folder):
    links = os.pathsep.join(path for path in sys.path if path)
    line = f"{sys.executable} -m penstock dump model.py:gelu --arg 'f32[8]' --stage asm"
    finished = subprocess.run(
        ["bash", "-c", f"{line} | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": links},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.stderr == ""
    assert finished.stdout.splitlines()[-1] in ("0", "1")


def test_a_file_with_a_null_byte(command, folder):
    (folder / "null.py").write_bytes(b"def f(x):\n    return x\n\0")
    status, out, err = command("dump", "null.py:f", "--arg", "f32[3]")
    assert (status, out) == (1, "")
    assert err == (
        "penstock dump: error: null.py: source code string cannot contain null bytes\n"
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (">&-", "standard output is closed"),
        ("> /dev/full", "standard output: No space left on device"),
    ],
)
def test_output_that_cannot_be_written(folder, output, message):
    line = f"{sys.executable} -m penstock dump model.py:gelu --arg 'f32[3]' {output}"
    found = subprocess.run(
        ["sh", "-c", line], cwd=folder, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (1, f"penstock dump: error: {message}\n")
