"""Places in sources, and how they are shown."""

import gc
import linecache
import sys

import pytest

from penstock.ir.location import Location

LINE = "x = " + " + ".join(f"value_{i:03}" for i in range(60))


@pytest.mark.parametrize("start", [4, 100, 160, 330, len(LINE) - 9])
def test_long_lines_are_clipped_around_the_expression(start):
    linecache.cache["long.py"] = (len(LINE), None, [LINE + "\n"], "long.py")
    marked = LINE[start : start + 9]
    _, text, caret = Location("long.py", 1, start, start + 9).excerpt().split("\n")
    assert len(text) <= 130
    first, last = caret.index("^"), caret.rindex("^")
    assert text[first : last + 1] == marked
    assert text.endswith("...") == (start < 500)
    assert ("| ..." in text) == (start > 150)


def test_an_expression_longer_than_a_line_is_marked_as_far_as_it_is_shown():
    linecache.cache["long.py"] = (len(LINE), None, [LINE + "\n"], "long.py")
    _, text, caret = Location("long.py", 1, 4, len(LINE)).excerpt().split("\n")
    assert len(caret) <= len(text) <= 130
    assert caret.strip(" |") == "^" * (len(text) - text.index("value_000"))


def line_of_dropped_code(number):
    """The line of a place in code that there is nowhere else."""
    namespace = {"here": lambda: Location.of_frame(sys._getframe(1))}
    text = f"def f():\n    return here(), {number}\n"
    exec(compile(text, "f.py", "exec"), namespace)
    return namespace["f"]()[0].line


def test_code_that_has_gone_is_not_kept():
    for number in range(300):
        line_of_dropped_code(number)
    gc.collect()
    before = sys.getallocatedblocks()
    for number in range(1000, 1500):
        assert line_of_dropped_code(number) == 2
    gc.collect()
    assert sys.getallocatedblocks() - before < 500
