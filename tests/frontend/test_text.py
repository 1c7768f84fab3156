"""The text of traced values: never something else than NumPy's."""

import queue

import numpy as np
import pytest

from penstock.frontend.trace import trace
from penstock.ir.errors import LeakedValueError, TraceError
from penstock.runtime.binding import Binder
from tests.frontend.arrays import RANDOM
from tests.frontend.running import check, run, serves, traced

X = RANDOM.standard_normal((2, 3))


def test_print_shows_types(capsys):
    def f(x):
        y = x.sum()
        print("x:", x, (y, [x > 0]), x[x > 0], sep="|", end=".\n")
        print(f"{y=}, {x!r}")
        return y

    run(f, X)
    assert capsys.readouterr().out == (
        "x:|<traced f64[n,m]>|(<traced f64[]>, [<traced bool[n,m]>])"
        "|<selection from <traced f64[n,m]>>.\n"
        "y=<traced f64[]>, <traced f64[n,m]>\n"
    )


@pytest.mark.parametrize(
    "make",
    [
        str,
        "{}".format,
        "{:.2f}".format,
        "{:>10}".format,
        lambda y: "%s" % y,  # noqa: UP031
        lambda y: f"{y}",
        lambda y: f"{y!s}",
        lambda y: format(y, ".2f"),
        lambda y: "%f" % y.sum(),  # noqa: UP031
    ],
)
def test_no_text_of_elements_is_made(make):
    for part in (lambda x: x, lambda x: x.sum(), lambda x: x[0, 0], lambda x: x > 0):
        with pytest.raises(TraceError):
            run(lambda x, part=part: make(part(x)), X)


def test_constants_and_sizes_have_their_text():
    def f(x, n):
        table = np.arange(6.0).reshape(2, 3)
        count = np.array(x.shape).prod()
        texts = [f"{value} {value!s}" for value in (table, table.sum(), count, n)]
        return [*texts, f"{table.sum():.3f} {count:5d} {n:+d} {x.shape}"]

    check(f, X, 3)


def test_a_text_of_a_size_holds_for_that_size():
    def f(x):
        return f"{x.shape[0]} {np.array(x.shape)[1]}"

    found = traced(f, X)
    assert serves(found, f, X + 1)
    assert not serves(found, f, X[:1])
    assert not serves(found, f, X[:, :1])


def test_repr_of_what_is_kept_too_long_raises_nothing():
    kept = queue.SimpleQueue()

    def f(x, n, r, keep):
        keep.put((x, x.sum(), x[x > 0], n, n * x.shape[0], r, r + 1))
        return x

    trace(f, Binder.of(f).bind((X, 3, 0.5, kept), {}))
    values = kept.get()
    assert [repr(value) for value in values] == [
        "<traced f64 of a finished trace>",
        "<traced f64 of a finished trace>",
        "<selection from <traced f64 of a finished trace>>",
        "n", "m*n", "<float r>", "<float (r + 1.0)>",
    ]  # fmt: skip
    with pytest.raises(LeakedValueError):
        str(values[0])
