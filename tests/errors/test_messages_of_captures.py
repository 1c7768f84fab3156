"""Messages about functions, classes and calls that cannot be traced or saved, whole."""

# ruff: noqa: E501

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError
from tests.errors.program import X, message, text

CASES = [
    (
        """
        import functools

        @functools.singledispatch
        def shown(x):
            return x

        def f(x):
            return shown(x)
        """,
        """
        program.py:8:12: error: shown is a functools.singledispatch function, which is not supported in compiled functions [unsupported-function]
            |
          8 |     return shown(x)
            |            ^^^^^
          help: call the function for the type itself
        """,
    ),
    (
        """
        class Point:
            __slots__ = ("x",)

            def __init_subclass__(cls):
                pass

        def f(x):
            point = Point()
            point.x = x
            return point.x
        """,
        """
        program.py:8:13: error: the class Point has both slots and __init_subclass__, which is not supported in compiled functions [unsupported-class]
            |
          8 |     point = Point()
            |             ^^^^^
          help: leave out __slots__, or pass what it holds as arguments
        """,
    ),
    (
        """
        import enum

        SCALE = [2.0]

        class Unit(enum.Enum):
            METRE = 1

            def factor(self):
                return SCALE[0]

        def f(x):
            return x * Unit.METRE.factor()
        """,
        """
        program.py:12:16: error: Unit.factor reads SCALE, which is not watched in methods of enumerations [captured-type]
             |
          12 |     return x * Unit.METRE.factor()
             |                ^^^^
          help: make factor a function, or pass SCALE as an argument
        """,
    ),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_message(source, expected):
    assert message(source, X) == text(expected)


def same(a, b):
    return a + 1 if a is b else a + b


class Model:
    """An instance of it is looked into, and not stored."""

    def __init__(self):
        self.w = np.ones(3)


def applied(model, x):
    return model.w * x


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (
            same,
            (X, X),
            "error: same asks which of its arguments are the same object, which a file cannot hold [unsaved]\n  help: save a function without `is` between arrays or objects",
        ),
        (
            applied,
            (Model(), np.ones(3)),
            "error: a Model cannot be an argument of a saved function [unsaved-constant]\n  help: save a function whose arguments are arrays and numbers",
        ),
    ],
)
def test_message_of_saving(tmp_path, function, arguments, expected):
    with pytest.raises(ArtifactError) as caught:
        ps.compile(function).save(tmp_path / "f.pns", *arguments)
    assert str(caught.value) == expected
