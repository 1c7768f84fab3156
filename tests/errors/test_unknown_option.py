"""The message ``unknown-option``."""

import pytest

import penstock as ps
from penstock.ir.errors import OptionError


@pytest.mark.parametrize(("name", "value"), [("donate", ("x",)), ("debug", "nan")])
def test_unknown_option(name, value):
    with pytest.raises(OptionError) as caught:
        ps.compile(lambda x: x, **{name: value})
    assert str(caught.value) == (
        f"error: {name} is not available yet [unknown-option]\n  help: leave it out"
    )
