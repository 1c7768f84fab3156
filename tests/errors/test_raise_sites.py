"""Every raise site has a test, by the text that is written there."""

import ast
from functools import cache
from pathlib import Path

from penstock.ir.helps import HELPS
from tests.raise_sites import (
    help_lines,
    helpers_of,
    hint_helpers_of,
    raise_sites,
    sites_without_help,
)
from tests.test_docs import PAGES, ROOT, strings_of, trees

_DAMAGED = "tests damage files at random, and hold the class and code of what is raised"
_BY_HAND = "no text reads as this: it takes Values that are built by hand"
_MACHINE = "it takes another machine"
_UNNAMED_SIZE = (
    "a size or number that the program computes from these arguments does not fit "
    "64 bits"
)

# Sites without a test of their text, by file and the longest part of it.
EXCUSED = {
    ("compiler/parameters.py", " says of its arrays what does not hold"): _DAMAGED,
    ("runtime/artifact.py", "cannot read an array of the artifact"): _DAMAGED,
    ("runtime/leaves.py", "cannot read the argument "): _DAMAGED,
    ("runtime/pytree.py", "cannot read the structure "): _DAMAGED,
    ("runtime/artifact.py", " was made for "): _MACHINE,
    ("runtime/machine.py", ": this machine is "): _MACHINE,
    ("runtime/machine.py", " needs features that this machine lacks: "): _MACHINE,
    ("runtime/machine.py", "there is no code generator for the architecture "): (
        _MACHINE
    ),
    ("runtime/support.py", "the support object has version "): _DAMAGED,
    ("ir/graph/verify.py", "a region takes or returns a tuple"): _BY_HAND,
    ("ir/graph/verify.py", "a parameter of a region is none"): _BY_HAND,
    ("ir/op.py", ", but must be an array"): _BY_HAND,
    ("ir/ops/control.py", " cannot be stacked"): _BY_HAND,
    ("ir/ops/create.py", "const: an array of "): _BY_HAND,
    ("ir/ops/custom.py", ": forward returns other results than function"): _BY_HAND,
    ("compiler/passes/pull_control.py", " has no derivative in reverse mode"): (
        "all control flow that there is has one"
    ),
    ("runtime/artifact.py", "an array of dtype "): "such arrays are no arguments",
    (
        "runtime/pytree.py",
        " cannot be found under its own name",
    ): "tests/runtime holds the code of it",
    ("runtime/refusal.py", _UNNAMED_SIZE): (
        "all such sizes have an entry that names them; it stands in for none"
    ),
}

# The same of lines of help.
EXCUSED_HELPS = {
    ("compiler/parameters.py", "pass like= with arrays nested as they should be"): (
        _DAMAGED
    ),
    ("runtime/machine.py", "its only target is "): _MACHINE,
    ("runtime/machine.py", "x86_64 and aarch64 are supported"): _MACHINE,
}

# Where errors are raised without help, by the beginning of the path.
EXCUSED_SITES = {
    "ir/ops/": "graphs by hand: the frontend refuses the same before, with help",
    "ir/op.py": "graphs by hand: the frontend refuses the same before, with help",
    "ir/graph/evaluate.py": "the codes of these are those of the texts it is given",
    "ir/plan/text_parse.py": "an entry of a table, whose code has the help",
    "ir/plan/evaluate.py": "plans by hand: it says what the plan takes",
    "compiler/lower/element.py": "an entry of a table, whose code has the help",
    "compiler/lower/control.py": "an entry of a table, whose code has the help",
    "runtime/config.py": "both codes that a setting can have have help",
}


@cache
def corpus() -> str:
    """All text in which a message may stand: tests, expected texts, and pages."""
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.txt")]
    texts += [path.read_text() for path in [*PAGES, ROOT / "README.md"]]
    for path in (ROOT / "tests").rglob("*.py"):
        if path != Path(__file__):
            texts += strings_of(ast.parse(path.read_text()))
    # Each line once: they are searched some hundred times.
    return "\n".join(dict.fromkeys("\n".join(texts).splitlines()))


def is_shown(site) -> bool:
    """Whether a line of the corpus has all parts of a message, in order."""
    text, part = corpus(), max(site.parts, key=len)
    start = text.find(part)
    while start >= 0:
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", start)
        if site.pattern.search(text[first:last]):
            return True
        start = text.find(part, start + 1)
    return False


@cache
def found() -> dict[tuple[str, str], str]:
    """The sites that no test shows, with their lines."""
    helpers: dict[str, int] = {}
    for tree in trees().values():
        helpers |= helpers_of(tree)
    missing, count = {}, 0
    for path, tree in trees().items():
        for site in raise_sites(tree, helpers):
            count += 1
            if not is_shown(site):
                name = str(path.relative_to(ROOT))
                missing[name, max(site.parts, key=len)] = f"{name}:{site.line}"
    assert count > 450, "the search has lost sight of helpers"
    return missing


def without_a_text() -> dict[tuple[str, str], str]:
    """The lines of help that no test shows, with where they are written."""
    helps = [
        (str(path.relative_to(ROOT)), site)
        for path, tree in trees().items()
        for site in help_lines(tree)
    ]
    assert len(helps) > 120, "the search has lost sight of hints"
    return {
        (name, max(site.parts, key=len)): f"{name}:{site.line}"
        for name, site in helps
        if not is_shown(site)
    }


def test_every_help_has_a_test_of_its_text():
    missing = without_a_text()
    assert not missing.keys() - EXCUSED_HELPS.keys(), "no test shows their text"
    assert not EXCUSED_HELPS.keys() - missing.keys(), "a test shows it by now"


def sites_without_any_help() -> dict[str, str]:
    """The sites that say nothing of what to do, by what excuses them."""
    helpers: dict[str, int] = {}
    for tree in trees().values():
        helpers |= hint_helpers_of(tree)
    assert {"bad_value", "require_equal"} <= helpers.keys()
    found = {}
    for path, tree in trees().items():
        name = str(path.relative_to(ROOT))
        excuse = next(filter(name.startswith, EXCUSED_SITES), name)
        for line in sites_without_help(tree, helpers):
            found[excuse] = f"{name}:{line}"
    return found


def test_every_raise_site_has_help():
    found = sites_without_any_help()
    assert not found.keys() - EXCUSED_SITES.keys(), "nobody says what to do there"
    assert not EXCUSED_SITES.keys() - found.keys(), "all of these have help by now"


def test_the_help_of_every_code_has_a_test_of_its_text():
    # Made for another kind of machine: it takes that machine.
    helps = {text for code, text in HELPS.items() if code != "artifact-machine"}
    assert not [text for text in helps if f"help: {text}" not in corpus()]


def test_the_search_tells_sites_without_help():
    source = """
ShapeError(None, "a", hint="b")
ShapeError(None, "a", hint="b" if c else None)
ShapeError(None, "a", hint=HINTS.get(b))
ShapeError(None, "a", code="load")
ShapeError(None, "a")
bad("a", "b")
bad("a")
"""
    assert [*sites_without_help(ast.parse(source), {"bad": 1})] == [3, 4, 6, 8]


def test_every_raise_site_has_a_test_of_its_text():
    missing = found()
    assert not missing.keys() - EXCUSED.keys(), "no test shows their text"


def test_what_is_excused_is_there_and_not_shown():
    assert not EXCUSED.keys() - found().keys(), "a test shows it by now"


def test_the_search_tells_parts_and_branches():
    source = 'fail("one two" if x else f"three {y} four" + " five")'
    sites = [*raise_sites(ast.parse(source), {"fail": 0})]
    assert [site.parts for site in sites] == [("one two",), ("three ", " four five")]


def test_the_search_tells_helps():
    source = 'Error(f"one {y}", hint=f"two {y} three" if x else None)'
    sites = [*help_lines(ast.parse(source))]
    assert [site.parts for site in sites] == [("two ", " three")]
