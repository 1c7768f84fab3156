"""The messages ``size-overflow`` and ``negative-size``."""

import linecache

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import NumberRangeError, RunError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from tests.errors.program import message, text

OVERFLOW = """
error: n*n is 18446744073709551616, which does not fit 64 bits [size-overflow]
  help: use smaller arrays and numbers
"""

SOURCE = "def f(x, n):\n    y = x * 2\n    return y * (n * n % 7)\n"

PLACED = """
program.py:3:12: error: n*n is 18446744073709551616, which does not fit 64 bits [size-overflow]
    |
  3 |     return y * (n * n % 7)
    |            ^^^^^^^^^^^^^^^
  help: use smaller arrays and numbers
"""  # noqa: E501


def test_size_overflow():
    square = ps.compile(lambda n: n * n)
    assert square(3) == 9
    assert square(2**31) == 2**62
    with pytest.raises(NumberRangeError) as caught:
        square(2**32)
    assert str(caught.value) == text(OVERFLOW)
    assert isinstance(caught.value, OverflowError)
    assert square(-3) == 9
    # What wraps on the way to a number that fits is no matter.
    assert ps.compile(lambda n: n + n - n)(2**62) == 2**62


@pytest.mark.parametrize("times", range(2))
def test_size_overflow_says_where(tmp_path, times):
    """Also where the code comes from the cache, and in a saved program."""
    linecache.cache["program.py"] = (
        len(SOURCE), None, SOURCE.splitlines(keepends=True), "program.py"
    )  # fmt: skip
    names = {}
    exec(compile(SOURCE, "program.py", "exec"), names)
    f = ps.compile(names["f"])
    f.save(tmp_path / "f.penstock", X, 3)
    for g in (f, ps.load(tmp_path / "f.penstock")):
        with pytest.raises(NumberRangeError) as caught:
            g(X, 2**32)
        assert str(caught.value) == text(PLACED)


X = np.arange(3.0)


@pytest.mark.parametrize(
    ("function", "n"),
    [
        (lambda x, n: x * (n * n), 2**40),
        (lambda x, n: x + (n * 6364136223846793005 + 1) % 1000, 12345),
        (lambda x, n: x / (n * n * n), 2**22),
        (lambda x, n: x * ((n * n) / 3), 2**33),
        (lambda x, n: x * (x.shape[0] ** 3 * n), 2**60),
        (lambda x, n: x + sum(n * i for i in range(10)), 2**60),
        (lambda x, n: x + (-n), -(2**63)),
        (lambda x, n: x + n // -1, -(2**63)),
        (lambda x, n: n // (x.shape[0] - 4), -(2**63)),
        (lambda x, n: x.astype(np.int64) + (n + n), 2**62),
        (lambda x, n: np.full(2, n * n), 2**33),
        (lambda x, n: np.where(x > 1, n * n, 0), 2**33),
        (lambda x, n: x if n * n > 2**70 else -x, 2**40),
        (lambda x, n: x * (n * n) ** 0.5, 2**33),
        (lambda x, n: x[0] + np.arange(-n, n, 1)[0], 2**63 - 1),
        (lambda x, n: x[n // (x.shape[0] - 4) :], -(2**63)),
        (lambda x, n: np.pad(x, n)[0], 2**62),
        (lambda x, n: np.linspace(0, 1, n + 1)[0] + x, 2**63 - 1),
    ],
)
def test_integers_that_grow_too_large_are_never_wrapped(function, n):
    compiled = ps.compile(function)
    small = 1 if n > 0 else -1
    np.testing.assert_allclose(compiled(X, small), function(X, small), rtol=1e-15)
    # By the variant at hand, and by one that is compiled for them.
    for again in (compiled, ps.compile(function)):
        with pytest.raises(OverflowError) as caught:
            again(X, n)
        assert caught.value.code == "size-overflow"


@pytest.mark.parametrize(
    ("function", "n", "what"),
    [
        (lambda x, n: np.zeros((n, n)) + x[0], 2**31, "8*n*n is 36893488147419103232"),
        (lambda x, n: np.broadcast_to(x[0], n), 2**61, "8*n is 18446744073709551616"),
    ],
)
def test_bytes_of_results_that_grow_too_large(function, n, what):
    """NumPy's own error came through, which names no array of the program."""
    compiled = ps.compile(function)
    np.testing.assert_array_equal(compiled(X, 2), function(X, 2))
    with pytest.raises(NumberRangeError) as caught:
        compiled(X, n)
    assert str(caught.value).startswith(f"error: {what}, which does not fit 64 bits")


def test_bytes_of_results_like_an_argument_without_memory():
    compiled = ps.compile(lambda x: x + 1.0)
    endless = np.broadcast_to(np.float32(1), 2**60)
    with pytest.raises((NumberRangeError, MemoryError)):
        compiled(endless)
    with pytest.raises(NumberRangeError, match="does not fit 64 bits"):
        ps.compile(lambda x: x.astype(np.float64))(np.broadcast_to(np.int8(1), 2**61))


def test_guards_on_numbers_beyond_64_bits():
    f = ps.compile(lambda x, n: x if n * n > 2**70 else -x if n > -(2**80) else x + 1)
    np.testing.assert_array_equal(f(X, 5), -X)
    np.testing.assert_array_equal(f(X, -5), -X)
    assert f.stats().variants == 1


def test_negative_size():
    born = parse_function("""
    func @f(%n: i64[]) -> f64[] {
      %0 = bind %n {symbol=k} : f64[] {  # model.py:3:5
        body() -> f64[] {
          %1 = iota {shape=(k,), axis=0, dtype=f64} : f64[k]
          %2 = sum %1 {axes=(0,), keepdims=false} : f64[]
          return %2
        }
      }
      return %0
    }""")
    assert evaluate(born, [np.array(4)])[0] == 6
    with pytest.raises(RunError) as caught:
        evaluate(born, [np.array(-2)])
    assert "error: the size k is -2, below 0 [negative-size]" in str(caught.value)


CONSTANTS = {
    "np.zeros((x.shape[0], 2**64))": "broadcast_to: 18446744073709551616 does not fit "
    "64 bits",
    "np.zeros(2**62)": "broadcast_to: no memory holds f64[4611686018427387904]",
    "x[:: -(2**70)]": "slice: -1180591620717411303424 does not fit 64 bits",
    "np.arange(2**63)": "iota: 9223372036854775808 does not fit 64 bits",
}


@pytest.mark.parametrize("expression", CONSTANTS)
def test_constants_that_no_array_has(expression):
    source = f"def f(x):\n    return {expression}\n"
    assert message(source, X) == text(f"""
        program.py:2:12: error: {CONSTANTS[expression]} [size-overflow]
            |
          2 |     return {expression}
            |            {"^" * len(expression)}
          help: use smaller arrays and numbers
        """)


def test_arrays_whose_product_is_too_large():
    """No element of them is read."""
    a = np.broadcast_to(np.float64(1), (2**40,))
    with pytest.raises(NumberRangeError) as caught:
        ps.compile(lambda a, b: np.kron(a, b) + 1)(a, a)
    assert caught.value.code == "size-overflow"
    assert caught.value.loc is not None
    b = np.broadcast_to(np.bool_(1), (2**62,))
    with pytest.raises(NumberRangeError) as caught:
        ps.compile(lambda a, b: np.concatenate((a, b)))(b, b)
    assert caught.value.message == (
        "m + n is 9223372036854775808, which does not fit 64 bits"
    )
    assert caught.value.loc is not None
