"""The message ``not-a-function``."""

import pytest

import penstock as ps
from penstock.ir.errors import OptionError


def test_not_a_function():
    for decorate in (ps.compile, ps.compile(threads=1)):
        with pytest.raises(OptionError) as caught:
            decorate([1, 2])
        assert str(caught.value) == "error: [1, 2] cannot be called [not-a-function]"
