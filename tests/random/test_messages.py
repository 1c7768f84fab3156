"""The messages of random numbers."""

# ruff: noqa: E501

import numpy as np
import pytest

import penstock as ps
from tests.errors.program import text
from tests.transforms.messages import message

KEY = ps.random.key(0)

CASES = {
    "key of another dtype": (
        "ps.random.uniform(x)",
        np.zeros(2),
        """
        program.py:3:12: error: a key is f64[n], but must be u64[2] [random-key]
            |
          3 |     return ps.random.uniform(x)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: make one with ps.random.key(seed)
        """,
    ),
    "several keys": (
        "ps.random.uniform(x)",
        np.zeros((3, 2), np.uint64),
        """
        program.py:3:12: error: a key is u64[n,m], but must be u64[2] [random-key]
            |
          3 |     return ps.random.uniform(x)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: of several keys take one, keys[i], or use ps.vmap
        """,
    ),
    "key of another size": (
        "ps.random.split(x)",
        np.zeros(4, np.uint64),
        """
        program.py:3:12: error: a key is u64[n], but must be u64[2] [random-key]
            |
          3 |     return ps.random.split(x)
            |            ^^^^^^^^^^^^^^^^^^
          help: of several keys take one, keys[i], or use ps.vmap
        """,
    ),
    "an integer for a key": (
        "ps.random.normal(7)",
        KEY,
        """
        program.py:3:12: error: a key is i64[], but must be u64[2] [random-key]
            |
          3 |     return ps.random.normal(7)
            |            ^^^^^^^^^^^^^^^^^^^
          help: make one with ps.random.key(seed)
        """,
    ),
    "seed of floats": (
        "ps.random.key(x)",
        np.zeros(()),
        """
        program.py:3:12: error: a seed is f64[], but must be an integer [random-seed]
            |
          3 |     return ps.random.key(x)
            |            ^^^^^^^^^^^^^^^^
          help: for a key of every seed, use ps.vmap(ps.random.key)
        """,
    ),
    "seed beyond 64 bits": (
        "ps.random.key(2**64)",
        KEY,
        """
        program.py:3:12: error: the seed 18446744073709551616 does not fit 64 bits [integer-range]
            |
          3 |     return ps.random.key(2**64)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: take it modulo 2**64
        """,
    ),
    "several numbers folded in": (
        "ps.random.fold_in(x, x)",
        KEY,
        """
        program.py:3:12: error: fold_in: data is u64[2], but must be an integer [random-seed]
            |
          3 |     return ps.random.fold_in(x, x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^
          help: fold several integers in one after the other
        """,
    ),
    "negative size": (
        "ps.random.uniform(x, (2, -1))",
        KEY,
        """
        program.py:3:12: error: a size is -1, which is negative [bad-argument]
            |
          3 |     return ps.random.uniform(x, (2, -1))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use sizes of 0 or more: max(n, 0)
        """,
    ),
    "negative count": (
        "ps.random.split(x, -1)",
        KEY,
        """
        program.py:3:12: error: a size is -1, which is negative [bad-argument]
            |
          3 |     return ps.random.split(x, -1)
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: use sizes of 0 or more: max(n, 0)
        """,
    ),
    "bits of floats": (
        "ps.random.bits(x, 3, np.float32)",
        KEY,
        """
        program.py:3:12: error: bits: the dtype is f32, but must be an unsigned integer [bad-type]
            |
          3 |     return ps.random.bits(x, 3, np.float32)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use np.uint32 or np.uint64
        """,
    ),
    "uniform integers": (
        "ps.random.uniform(x, 3, np.int64)",
        KEY,
        """
        program.py:3:12: error: uniform: the dtype is i64, but must be floating [bad-type]
            |
          3 |     return ps.random.uniform(x, 3, np.int64)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use np.float32 or np.float64
        """,
    ),
    "low is high": (
        "ps.random.uniform(x, 3, low=1.0, high=1.0)",
        KEY,
        """
        program.py:3:12: error: uniform: low is 1.0 and high is 1.0, between which there is no range of float64 [bad-argument]
            |
          3 |     return ps.random.uniform(x, 3, low=1.0, high=1.0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: low must be less than high, and high - low finite
        """,
    ),
    "bounds too close": (
        "ps.random.uniform(x, 3, np.float32, 1.0, 1.0 + 1e-12)",
        KEY,
        """
        program.py:3:12: error: uniform: low is 1.0 and high is 1.000000000001, between which there is no range of float32 [bad-argument]
            |
          3 |     return ps.random.uniform(x, 3, np.float32, 1.0, 1.0 + 1e-12)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: low must be less than high, and high - low finite
        """,
    ),
    "bounds too far": (
        "ps.random.uniform(x, low=-1e308, high=1e308)",
        KEY,
        """
        program.py:3:12: error: uniform: low is -1e+308 and high is 1e+308, between which there is no range of float64 [bad-argument]
            |
          3 |     return ps.random.uniform(x, low=-1e308, high=1e308)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: low must be less than high, and high - low finite
        """,
    ),
    "negative scale": (
        "ps.random.normal(x, scale=-1.0)",
        KEY,
        """
        program.py:3:12: error: normal: scale is -1.0, which is negative [bad-argument]
            |
          3 |     return ps.random.normal(x, scale=-1.0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: a scale is at least 0
        """,
    ),
    "floats of integers": (
        "ps.random.integers(x, 3, 0, 5, np.float32)",
        KEY,
        """
        program.py:3:12: error: integers: the dtype is f32, but must be an integer one [bad-type]
            |
          3 |     return ps.random.integers(x, 3, 0, 5, np.float32)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use np.int32, np.int64 or another integer dtype
        """,
    ),
    "no integer": (
        "ps.random.integers(x, 3, 5, 5)",
        KEY,
        """
        program.py:3:12: error: integers: low is 5 and high is 5, between which there is no integer [bad-argument]
            |
          3 |     return ps.random.integers(x, 3, 5, 5)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: high is one more than the greatest integer that is wanted
        """,
    ),
    "integers beyond the dtype": (
        "ps.random.integers(x, 3, 0, 257, np.uint8)",
        KEY,
        """
        program.py:3:12: error: integers: from 0 up to 257 is more than u8 holds [bad-argument]
            |
          3 |     return ps.random.integers(x, 3, 0, 257, np.uint8)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give a wider dtype=
        """,
    ),
    "traced bound": (
        "ps.random.integers(x, 3, 0, x[0])",
        KEY,
        """
        program.py:3:12: error: integers: high is known only when the program runs [bad-type]
            |
          3 |     return ps.random.integers(x, 3, 0, x[0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: scale ps.random.uniform, or pass an int of Python
        """,
    ),
    "no probability": (
        "ps.random.bernoulli(x, 1.5)",
        KEY,
        """
        program.py:3:12: error: bernoulli: p is 1.5, which is no probability [bad-argument]
            |
          3 |     return ps.random.bernoulli(x, 1.5)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: a probability is at least 0 and at most 1
        """,
    ),
    "permutation of a number": (
        "ps.random.permutation(x, x[0])",
        KEY,
        """
        program.py:3:12: error: permutation: u64[] has no axis to permute [bad-type]
            |
          3 |     return ps.random.permutation(x, x[0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass an int of Python, or an array with an axis
        """,
    ),
    "choice from a number": (
        "ps.random.choice(x, x[0])",
        KEY,
        """
        program.py:3:12: error: choice: u64[] has no axis to choose along [bad-type]
            |
          3 |     return ps.random.choice(x, x[0])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass an int of Python, or an array with an axis
        """,
    ),
    "choice of too many": (
        "ps.random.choice(x, 3, (4,), replace=False)",
        KEY,
        """
        program.py:3:12: error: choice: 4 of 3 elements [bad-argument]
            |
          3 |     return ps.random.choice(x, 3, (4,), replace=False)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: with replace=True an element may be chosen again
        """,
    ),
    "choice from nothing": (
        "ps.random.choice(x, 0, 2)",
        KEY,
        """
        program.py:3:12: error: choice: 2 of 0 elements [bad-argument]
            |
          3 |     return ps.random.choice(x, 0, 2)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: choose from one element at least
        """,
    ),
    "other weights": (
        "ps.random.choice(x, 3, 2, p=np.ones(4))",
        KEY,
        """
        program.py:3:12: error: choice: p is f64[4], but 3 elements are chosen from [bad-argument]
            |
          3 |     return ps.random.choice(x, 3, 2, p=np.ones(4))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give one probability for each element
        """,
    ),
    "logits without axes": (
        "ps.random.categorical(x, 1.0)",
        KEY,
        """
        program.py:3:12: error: categorical: f64[] has no axis to choose along [bad-type]
            |
          3 |     return ps.random.categorical(x, 1.0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give it an axis: x[None]
        """,
    ),
}


def program(call):
    return f"""
        @ps.compile
        def f(x):
            return {call}
        """


@pytest.mark.parametrize(("call", "given", "expected"), CASES.values(), ids=CASES)
def test_messages(call, given, expected):
    assert message(program(call), given) == text(expected)


OUTSIDE = {
    "negative weight": (
        lambda: ps.random.choice(KEY, 3, p=[0.5, -0.5, 1]),
        "choice: p has the weight -0.5 [bad-argument]",
    ),
    "weight of nan": (
        lambda: ps.random.choice(KEY, 2, p=[np.nan, 1]),
        "choice: p has the weight nan [bad-argument]",
    ),
    "too few weights": (
        lambda: ps.random.choice(KEY, 3, (2,), replace=False, p=[0, 0, 1]),
        "choice: of 3 weights 1 are above 0, but 2 must be [bad-argument]",
    ),
    "no weights": (
        lambda: ps.random.choice(KEY, 2, p=[0, 0]),
        "choice: of 2 weights 0 are above 0, but 1 must be [bad-argument]",
    ),
    "low above high": (
        lambda: ps.random.uniform(KEY, low=2.0, high=1.0),
        (
            "uniform: low is 2.0 and high is 1.0, between which there is no range of float64 "
            "[bad-argument]"
        ),
    ),
    "empty range of arguments": (
        lambda: ps.random.integers(KEY, 3, 5, 2),
        (
            "integers: low is 5 and high is 2, between which there is no integer "
            "[bad-argument]"
        ),
    ),
}


@pytest.mark.parametrize(("call", "expected"), OUTSIDE.values(), ids=OUTSIDE)
def test_messages_outside(call, expected):
    with pytest.raises(ValueError, match="error: ") as caught:
        call()
    assert caught.value.message + f" [{caught.value.code}]" == expected
