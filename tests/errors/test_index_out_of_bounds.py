"""The message ``index-out-of-bounds``."""

# ruff: noqa: E501

import numpy as np
import pytest

import penstock as ps
from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x[3]
        """,
        (X,),
        """
        program.py:2:12: error: index 3 is out of bounds for axis 0 with size 3 [index-out-of-bounds]
            |
          2 |     return x[3]
            |            ^^^^
          help: indices go from 0 to size - 1, and from -1 backwards to -size
        """,
    ),
    (
        """
        def f(x):
            return x[0, -5]
        """,
        (X,),
        """
        program.py:2:12: error: index -5 is out of bounds for axis 1 with size 4 [index-out-of-bounds]
            |
          2 |     return x[0, -5]
            |            ^^^^^^^^
          help: indices go from 0 to size - 1, and from -1 backwards to -size
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_index_out_of_bounds(source, args, expected):
    assert message(source, *args) == text(expected)


def look_up(tables, i, k):
    return tables["a"][k, i].sum()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_sizes_of_a_call_are_named(tmp_path, threads):
    compiled = ps.compile(look_up, threads=threads)
    at = np.array([1, 2])
    compiled({"a": np.ones((3, 4))}, at, 1)
    compiled.save(tmp_path / "f.pns", {"a": np.ones((3, 4))}, at, 1)
    for f in (compiled, ps.load(tmp_path / "f.pns")):
        for rows, columns in ((3, 4), (5, 7)):
            with pytest.raises(IndexError) as caught:
                f({"a": np.ones((rows, columns))}, at + columns, 1)
            assert caught.value.message == (
                f"index {columns + 1} is out of bounds for axis 1 of f64[n,m], "
                f"where n = {rows}, m = {columns}"
            )
            assert str(caught.value).endswith(
                "\n  help: check indices before, or clip them: np.clip(i, 0, n - 1)"
            )
    with pytest.raises(IndexError, match="where n = 3, m = 4 "):
        # Of other strides, by a variant of its own.
        compiled({"a": np.ones((4, 3)).T}, at + 4, 1)


@pytest.mark.parametrize("place", [-4, -3, -1, 0, 2, 3])
def test_just_beyond_the_ends(place):
    """Of three elements, by an index that only the running program knows."""

    def written(x, i):
        x = x.copy()
        x[i] = 7
        return x

    def added(x, i):
        x = x.copy()
        np.add.at(x, i, 1)
        return x

    x, i = np.arange(3.0), np.array([0, place])
    for function in (lambda x, i: x[i], written, added, np.take):
        compiled = ps.compile(lambda x, i, f=function: f(x, i))
        if -3 <= place < 3:
            np.testing.assert_array_equal(compiled(x, i), function(x, i))
        else:
            with pytest.raises(IndexError, match=f"index {place} is out of bounds"):
                compiled(x, i)
