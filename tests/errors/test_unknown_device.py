"""The message ``unknown-device``."""

import pytest

import penstock as ps
from penstock.ir.errors import OptionError
from tests.errors.program import text


def test_unknown_device():
    with pytest.raises(OptionError) as caught:
        ps.compile(lambda x: x, device="tpu")
    assert str(caught.value) == text("""
        error: device 'tpu' is not available [unknown-device]
          help: programs run on the CPU so far: leave it out
        """)
