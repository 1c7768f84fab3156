"""Every block of code in README.md and docs/ does what is printed below it."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock.runtime.config import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CHECKER = doctest.OutputChecker()


def blocks(path: Path) -> list[tuple[str, str]]:
    """The language and text of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(), re.M | re.DOTALL)


def assert_output(printed: str, expected: str) -> None:
    assert CHECKER.check_output(expected, printed, OPTIONS), (
        f"expected:\n{expected}\nprinted:\n{printed}"
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with `penstock` and `python` as commands."""
    commands = tmp_path / "commands"
    commands.mkdir()
    python = shlex.quote(sys.executable)
    for name, start in (("python", ""), ("penstock", "-m penstock")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {python} {start} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    # Entries of the path may be relative to where the tests were started.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def run_session(text: str, names: dict[str, object], path: Path) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, path.name, str(path), 0)
    names_after = test.globs
    outcome = doctest.DocTestRunner(optionflags=OPTIONS).run(test, clear_globs=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0
    names.update(names_after)


def run_console(text: str) -> None:
    """Run each command after ``$``, and compare what it prints."""
    for entry in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, expected = entry.partition("\n")
        if command.startswith("cat "):
            # The block shows the file: it is written rather than read.
            Path(command.removeprefix("cat ")).write_text(expected)
            continue
        finished = subprocess.run(
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        if expected:
            assert_output(finished.stdout, expected)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_blocks_of_code_do_what_is_printed(path, folder):
    names: dict[str, object] = {"np": np, "ps": ps}
    for language, text in blocks(path):
        if language == "console":
            run_console(text)
        elif language in ("python", "pycon") and text.startswith(">>>"):
            run_session(text, names, path)
        elif language == "python":
            (folder / "model.py").write_text(text)
        elif language == "pir":
            (folder / "text.pir").write_text(text)
            run_console("$ penstock opt text.pir\n")
        else:
            assert language == "text", f"nothing runs a block of {language}"


def test_the_readme_has_every_setting_and_no_other():
    table = re.findall(r"^\| `(PENSTOCK_\w+)` \| `(\w+)`", README.read_text(), re.M)
    assert {(s.variable, s.name) for s in SETTINGS.values()} == set(table)


def test_the_readme_names_every_command():
    from penstock.__main__ import COMMANDS

    (sentence,) = re.findall(r"takes ([^;]*);\s+each\s+has", README.read_text())
    assert set(re.findall(r"`(\w+)`", sentence)) == set(COMMANDS)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(path):
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [name for name in linked if not (path.parent / name).exists()] == []
