"""Loops of Python that are unrolled are named where they took many turns."""

import numpy as np

import penstock as ps
from penstock.command.source import Source, load_function

MODEL = """
import numpy as np
import penstock as ps


def filtered(x):
    y = x.copy()
    for i in range(1, len(y)):
        before = y[i - 1] * 0.5
        y[i] = y[i] + before
    return y


def looped(x):
    def turn(i, y):
        y[i] = y[i] + y[i - 1] * 0.5
        return y

    return ps.fori_loop(1, x.shape[0], turn, x.copy())
"""


def variant(tmp_path, name, size):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    f = ps.compile(load_function(Source(str(path), name)))
    x = np.arange(float(size))
    f(x)
    (report,) = f.explain(x).variants
    return report


def test_the_lines_of_many_turns_are_named(tmp_path):
    report = variant(tmp_path, "filtered", 121)
    assert report.unrolled == {120: ("model.py:9", "model.py:10")}
    text = str(report)
    assert "  unrolled  120 turns: ps.fori_loop compiles one\n" in text
    assert "              model.py:9, model.py:10\n" in text


def test_few_turns_and_loops_that_are_no_loops_of_python_are_not_named(tmp_path):
    for name, size in (("filtered", 50), ("looped", 500)):
        report = variant(tmp_path, name, size)
        assert not report.unrolled
        assert "unrolled" not in str(report)
