"""What derivatives are where there is a choice: the table in docs/transforms.md."""

import re
from pathlib import Path

import numpy as np
import pytest

import penstock as ps

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "transforms.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` at `(.+?)` \| `(.+?)` \|", PAGE, re.M)


def test_the_page_has_a_table():
    assert len(ROWS) > 15


@pytest.mark.parametrize(("code", "place", "expected"), ROWS)
def test_derivatives_are_as_the_page_says(code, place, expected):
    names = {"np": np, "ps": ps, "inf": np.inf}
    function = eval(f"lambda x: ({code}).sum()", names)
    x = np.array(eval(place, names), np.float64)
    wanted = np.array(eval(expected, names), np.float64)
    np.testing.assert_array_equal(ps.grad(function)(x), wanted)
    along = [ps.jvp(function, (x,), (e.reshape(x.shape),))[1] for e in np.eye(x.size)]
    np.testing.assert_array_equal(np.reshape(along, x.shape), wanted)
