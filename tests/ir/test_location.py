"""Places in source: what is kept of code that has gone."""

import gc
import sys

from penstock.ir.location import Location


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
