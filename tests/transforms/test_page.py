"""The examples of docs/transforms.md run and print what they say."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "transforms.md"


def test_examples_of_the_page():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == len(re.findall("^```python", PAGE.read_text(), re.M)) > 4
    names: dict[str, object] = {"__name__": "page"}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    for block in blocks:
        test = parser.get_doctest(block, names, "transforms.md", str(PAGE), 0)
        runner.run(test, clear_globs=False)
        names = test.globs
    assert runner.tries > 15
    assert runner.failures == 0
