"""Messages about arguments that are of no dtype, rule, axis or size."""

import math

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError

MESSAGES = {
    "casting= is an int, not a str": lambda x: np.add(x, 1, casting=3),
    "casting='sensible' is no rule": lambda x: np.add(x, 1, casting="sensible"),
    "a dtype is an array": lambda x: x.astype(np.array(3)),
    "axis is False, but must be an integer or a tuple of integers": lambda x: x.sum(
        axis=False
    ),
    "a shape is True, but must be of integers": lambda x: np.zeros(True) + x,
    "an axis is 1.5, but must be an integer": lambda x: x.sum(axis=1.5),
    "the number of decimals is 2147483648, which does not fit 32 bits": lambda x: (
        np.round(x, 2**31)
    ),
    "fill: i64[2] is not one element": lambda x: x.copy().fill([1, 2]),
    "pad: a number that fills does not fit i64": lambda x: np.pad(
        x.astype(int), 1, constant_values=x[0] * math.inf
    ),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_of_arguments(message):
    with pytest.raises(PenstockError) as caught:
        ps.compile(MESSAGES[message])(np.ones(3))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (math.nan, "int() of nan: it is no integer"),
        (math.inf, "int() of inf: it is no integer"),
    ],
)
def test_integers_of_what_has_none(number, message):
    with pytest.raises((ValueError, OverflowError)) as caught:
        ps.compile(lambda c: int(c) + 1)(number)
    assert caught.value.message == message
    assert str(caught.value).endswith("  help: test it before: if math.isfinite(x)")
