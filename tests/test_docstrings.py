"""Every example in a public docstring, and those of the README, run as printed."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import penstock

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "penstock": ROOT / "compiler",
    "penstock.ir": ROOT / "ir",
    "penstock.runtime": ROOT / "runtime",
}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    names = []
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            if ">>> " in path.read_text():
                parts = path.relative_to(folder).with_suffix("").parts
                names.append(".".join((package, *parts)).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings(name):
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, optionflags=OPTIONS, extraglobs={"np": np})
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_examples_of_the_readme():
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"np": np, "ps": penstock}
    test = doctest.DocTestParser().get_doctest(
        "\n\n".join(blocks), names, "README.md", "README.md", 0
    )
    outcome = doctest.DocTestRunner(optionflags=OPTIONS).run(test)
    assert outcome.attempted > 0
    assert outcome.failed == 0
