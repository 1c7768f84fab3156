"""Every example in a public docstring runs as printed."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

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
    # Examples are code of users, not of the module.
    names = {"np": np, "__name__": "example"}
    outcome = doctest.testmod(module, optionflags=OPTIONS, extraglobs=names)
    assert outcome.attempted > 0
    assert outcome.failed == 0
