"""The repository keeps its own rules: packaging, file sizes, links, imports."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import penstock

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {
    package: ROOT / folder
    for package, folder in PROJECT["tool"]["setuptools"]["package-dir"].items()
}

LONGEST_FILE = 500
# Files that may be longer, each with the reason why splitting would not help.
LONG_FILES: dict[str, str] = {
    "tests/frontend/test_captured.py": "a case for each thing that programs capture",
    "tests/frontend/test_functions.py": "one table of cases, a line for each function",
    "tests/errors/test_bad_argument.py": "one table of cases, a message for each",
    "tests/transforms/test_texts.py": "one table of texts before and after",
}


def python_files(*folders: Path) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*.py")
        if "__pycache__" not in path.parts
    )


def module_name(package: str, path: Path) -> str:
    parts = path.relative_to(FOLDERS[package]).with_suffix("").parts
    return ".".join((package, *parts)).removesuffix(".__init__")


MODULES = [
    module_name(package, path)
    for package, folder in FOLDERS.items()
    for path in python_files(folder)
]


def test_packages_are_listed_as_they_lie_in_the_folders():
    found = {
        module_name(package, path.parent / "__init__.py")
        for package, folder in FOLDERS.items()
        for path in python_files(folder)
    }
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert listed == sorted(found), "pyproject.toml should list:\n" + "\n".join(
        f'    "{name}",' for name in sorted(found)
    )


def test_every_folder_of_the_package_is_a_package():
    without = [
        str(path.parent.relative_to(ROOT))
        for path in python_files(*FOLDERS.values())
        if not (path.parent / "__init__.py").is_file()
    ]
    assert not without


def test_files_are_short_or_say_why_not():
    folders = [
        *FOLDERS.values(),
        *(ROOT / name for name in ("tests", "tools", "examples", "benchmarks")),
    ]
    long = {
        str(path.relative_to(ROOT))
        for path in python_files(*folders)
        if len(path.read_text().splitlines()) > LONGEST_FILE
    }
    assert long == set(LONG_FILES)


def test_one_version_everywhere():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == PROJECT["project"]["version"] == penstock.__version__


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_real_targets_and_files(document):
    text = (ROOT / document).read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"\bmake ([a-z-]+)\b", "".join(re.findall(r"`[^`]+`", text)))
    assert named
    assert set(named) <= set(targets)
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [name for name in linked if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("module", ["penstock", "penstock.ir", "penstock.runtime"])
def test_import_brings_nothing_but_numpy(module, fresh_python):
    code = f"""
import sys, numpy
before = {{name.partition('.')[0] for name in sys.modules}}
import {module}
after = {{name.partition('.')[0] for name in sys.modules}}
print(*sorted(after - before - sys.stdlib_module_names))
"""
    assert fresh_python(code).split() == ["penstock"]


def test_every_module_imports_where_there_is_no_gpu(fresh_python):
    code = "import importlib\nfor name in {!r}: importlib.import_module(name)"
    names = [name for name in MODULES if not name.endswith("__main__")]
    fresh_python(code.format(names), CUDA_VISIBLE_DEVICES="")


def test_functions_of_later_numpys_may_be_missing(fresh_python):
    code = """
import numpy as np
for name in ("astype", "cumulative_prod", "cumulative_sum", "unstack"):
    vars(np).pop(name, None)  # As in NumPy 2.0.
import penstock as ps
print(ps.compile(lambda x: np.flip(np.concatenate([x, x])))(np.arange(2)))
"""
    assert fresh_python(code).strip() == "[1 0 1 0]"


@pytest.fixture
def small_repository(tmp_path: Path) -> Path:
    for folder in ("compiler", "ir", "runtime", "tools"):
        (tmp_path / folder).mkdir()
    (tmp_path / "compiler" / "__init__.py").touch()
    (tmp_path / "compiler" / "api.py").write_text("NAME = 'api'\n")
    (tmp_path / "ir" / "__init__.py").write_text("NAME = 'ir'\n")
    shutil.copy(ROOT / "tools" / "link_tree.py", tmp_path / "tools")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def make_links(repository: Path) -> Path:
    script = repository / "tools" / "link_tree.py"
    finished = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    )
    return Path(finished.stdout.strip())


def test_link_tree_shows_the_package_as_one_folder(small_repository):
    links = make_links(small_repository)
    package = links / "penstock"
    assert {entry.name for entry in package.iterdir()} == {
        "__init__.py",
        "api.py",
        "ir",
        "runtime",
    }
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import penstock.api as a, penstock.ir as i; print(a.NAME, i.NAME)",
        ],
        env={"PYTHONPATH": str(links)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == "api ir\n"


def test_link_tree_can_be_made_again_and_drops_what_is_gone(small_repository):
    package = make_links(small_repository) / "penstock"
    before = {entry.name: entry.lstat().st_ino for entry in package.iterdir()}
    make_links(small_repository)
    assert before == {entry.name: entry.lstat().st_ino for entry in package.iterdir()}

    (small_repository / "compiler" / "api.py").rename(
        small_repository / "compiler" / "driver.py"
    )
    make_links(small_repository)
    assert not (package / "api.py").is_symlink()
    assert (package / "driver.py").read_text() == "NAME = 'api'\n"


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(tmp_path):
    # A build leaves its own copy of the sources behind, which the next one would use.
    source = tmp_path / "source"
    for folder in FOLDERS.values():
        shutil.copytree(folder, source / folder.name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, source],
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("penstock-*.whl")
    names = [
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    ]
    assert "penstock/py.typed" in names
    modules = {
        name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for name in names
        if name.endswith(".py")
    }
    assert modules == set(MODULES)
    assert all(name.startswith("penstock/") for name in names)
