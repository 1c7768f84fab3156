"""The message ``bad-threads``."""

import pytest

import penstock as ps
from penstock.ir.errors import OptionError


@pytest.mark.parametrize("threads", [0, -1, "2", 1.5])
def test_bad_threads(threads):
    with pytest.raises(OptionError) as caught:
        ps.compile(lambda x: x, threads=threads)
    assert str(caught.value) == (
        f"error: threads is {threads!r}, but must be at least 1 [bad-threads]\n"
        "  help: give 1 or more, or leave it out"
    )
