"""The message ``option``."""

import pytest

import penstock as ps
from penstock.ir.errors import OptionError


@pytest.mark.parametrize("fastmath", ["no", 1, None])
def test_fastmath_that_is_no_truth(fastmath):
    with pytest.raises(OptionError) as caught:
        ps.compile(lambda x: x, fastmath=fastmath)
    assert str(caught.value) == (
        f"error: fastmath is {fastmath!r}, but must be True or False [option]\n"
        "  help: fastmath=True may change last bits for speed, False changes none"
    )
