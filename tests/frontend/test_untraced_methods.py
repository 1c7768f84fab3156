"""Methods of enumerations and exceptions, which do not run over views."""

import enum
import math

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import UnsupportedError
from tests.frontend.test_frozen_state import follows

X = np.ones(2)
FACTOR = 2.0


class Steady(enum.Enum):
    ONE = 1
    TWO = 2

    def scale(self):
        return math.sqrt(4) if self is Steady.TWO else len(self.name)

    @property
    def doubled(self):
        return self.value * 2


class Reading(enum.Enum):
    ONE = 1

    def scale(self):
        return FACTOR


class ReadingProperty(enum.Enum):
    ONE = 1

    @property
    def scale(self):
        return [FACTOR for _ in "a"][0]  # noqa: RUF015


class ReadingError(Exception):
    def __init__(self):
        self.scale = FACTOR


def test_methods_that_read_no_state():
    follows(
        lambda x: x * Steady.TWO.scale() * Steady.ONE.doubled,
        lambda: setattr(Steady, "scale", lambda self: 7.0),
        lambda: setattr(Steady, "doubled", property(lambda self: 9.0)),
    )
    compiled = ps.compile(lambda mode, x: x * mode.doubled)
    np.testing.assert_array_equal(compiled(Steady.ONE, X), X * 9)


def test_methods_that_read_variables_are_errors():
    factor = 2.0

    class Enclosed(enum.Enum):
        ONE = 1

        def scale(self):
            return factor

    with pytest.raises(UnsupportedError, match=r"Enclosed\.scale reads factor"):
        ps.compile(lambda x: x * Enclosed.ONE.scale())(X)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x * Reading.ONE.scale(), "Reading.scale"),
        (lambda x: x * ReadingProperty.ONE.scale, "ReadingProperty.scale"),
        (lambda x: x * ReadingError().scale, "ReadingError.__init__"),
    ],
)
def test_methods_that_read_globals_are_errors(function, name):
    with pytest.raises(UnsupportedError) as raised:
        ps.compile(function)(X)
    assert raised.value.code == "captured-type"
    assert raised.value.message.startswith(f"{name} reads FACTOR, which is")
    assert raised.value.loc.line == function.__code__.co_firstlineno
