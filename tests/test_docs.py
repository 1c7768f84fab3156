"""The pages in docs/ say what the code says: tables, and the codes of errors."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.ir import errors
from penstock.ir.helps import HELPS
from tools.write_docs import renewed

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCES = [
    path
    for folder in ("ir", "runtime", "compiler")
    for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_parts_from_the_code_are_up_to_date(path, request):
    text = path.read_text()
    if request.config.getoption("--golden"):
        path.write_text(renewed(text))
        return
    written_with = re.search(r"With NumPy (\d+\.\d+):", text)
    if written_with and not np.__version__.startswith(f"{written_with[1]}."):
        pytest.skip(f"the page was written with NumPy {written_with[1]}")
    assert text == renewed(text), "`make golden` writes it again"


def test_pages_have_parts_from_the_code():
    parts = re.findall(r"<!-- \w+: written by", "".join(p.read_text() for p in PAGES))
    assert len(parts) == 7


@cache
def trees() -> dict[Path, ast.Module]:
    """Every source, read once."""
    return {path: ast.parse(path.read_text()) for path in SOURCES}


@cache
def syntax() -> dict[Path, list[ast.AST]]:
    """All nodes of every source, which are found once."""
    return {path: list(ast.walk(tree)) for path, tree in trees().items()}


def takes_code(nodes: list[ast.AST]) -> dict[str, int]:
    """Functions and records with a parameter `code`, and its place among the others."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
        elif isinstance(node, ast.ClassDef):
            names = [
                field.target.id
                for field in node.body
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
            ]
        else:
            continue
        if "code" in names:
            found[node.name] = names.index("code")
    return found


def name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def given_codes(node: ast.AST, takers: dict[str, int]) -> list[ast.expr]:
    """What one node of the syntax gives as a code."""
    if isinstance(node, ast.ClassDef):
        return [
            line.value
            for line in node.body
            if isinstance(line, ast.Assign | ast.AnnAssign)
            and line.value is not None
            and {"default_code", "code"}
            & {t.id for t in ast.walk(line) if isinstance(t, ast.Name)}
        ]
    if not isinstance(node, ast.Call):
        return []
    place = takers.get(name_of(node.func), len(node.args))
    return [
        *(keyword.value for keyword in node.keywords if keyword.arg == "code"),
        *node.args[place : place + 1],
    ]


@cache
def codes() -> dict[str, list[str]]:
    """Every code, and the places that give it."""
    everywhere: dict[str, int] = {}
    for nodes in syntax().values():
        everywhere |= takes_code(nodes)
    found = defaultdict(list)
    for path, nodes in syntax().items():
        own = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
        others = {k: v for k, v in everywhere.items() if k not in own}
        takers = others | takes_code(nodes)
        for node in nodes:
            for given in given_codes(node, takers):
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    place = f"{path.relative_to(ROOT)}:{given.lineno}"
                    found[given.value].append(place)
    return dict(found)


def documented() -> list[str]:
    text = (ROOT / "docs" / "errors.md").read_text()
    tables = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", text, re.M)
    return re.findall(r"`([a-z-]+)`", " ".join(tables))


def shown_in_tests() -> set[str]:
    """Codes of the messages that tests and expected texts have from their start on."""
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.txt")]
    for path in (ROOT / "tests").rglob("*.py"):
        if path != Path(__file__):
            texts += strings_of(ast.parse(path.read_text()))
    return {
        code
        for text in texts
        for code in re.findall(r"error: [^\n]*\[([a-z]+(?:-[a-z]+)*)\]", text)
    }


def strings_of(tree: ast.Module) -> list[str]:
    """Every string, whole where it is written in parts; {} is what is put in."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [
                v.value if isinstance(v, ast.Constant) else "{}" for v in node.values
            ]
            found.append("".join(map(str, parts)))
    return found


def test_raise_sites_are_found():
    """The search sees keywords, positions, defaults of classes, and tables."""
    assert len(codes()) > 80
    assert sum(map(len, codes().values())) > 120
    for code in ("broadcast", "truth", "thread-count", "size-mismatch", "link"):
        assert codes()[code]
    assert len(codes()["index-out-of-bounds"]) >= 3


def test_every_code_is_documented_once():
    assert sorted(documented()) == sorted(codes())


def test_help_that_is_always_the_same_is_in_the_row_of_its_code():
    text = (ROOT / "docs" / "errors.md").read_text()
    alone = re.findall(r"^\| `([a-z-]+)` \|[^|\n]*\|[^|\n]*\|$", text, re.M)
    assert HELPS.keys() <= {*alone}
    assert renewed("| `load` | w | old |") == f"| `load` | w | {HELPS['load']} |"


def test_every_code_has_a_test():
    """A test compares a whole message with that code."""
    untested = {code: codes()[code] for code in codes().keys() - shown_in_tests()}
    assert not untested


def test_what_has_no_code_of_its_own_is_raised_with_one():
    bare = {
        name
        for name in errors.__all__
        if not hasattr(getattr(errors, name), "default_code")
    } - {"TypeRuleError"}
    assert {"PenstockError", "TraceError", "UnsupportedError"} <= bare
    for path, nodes in syntax().items():
        for node in nodes:
            if isinstance(node, ast.Call) and name_of(node.func) in bare:
                given = given_codes(node, {"RunError": 0})
                assert given, f"{path}:{node.lineno} gives no code"


def test_names_in_texts_exist():
    """Help texts, docstrings and pages name functions that there are."""
    texts = {path: path.read_text() for path in [*PAGES, ROOT / "README.md"]}
    for path, nodes in syntax().items():
        strings = [
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        texts[path] = "\n".join(strings)
    found = set()
    for path, text in texts.items():
        for short, name in re.findall(r"\b(ps|np)((?:\.[A-Za-z_]\w*)+)", text):
            where: object = {"ps": penstock, "np": np}[short]
            for part in name[1:].split("."):
                assert hasattr(where, part), f"{path}: {short}{name}"
                where = getattr(where, part)
            found.add(f"{short}{name}")
    assert {"np.where", "ps.compile", "ps.config"} <= found
