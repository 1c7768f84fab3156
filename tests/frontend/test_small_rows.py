"""Arrays of many short rows: the variant that knows their length, and the other."""

import numpy as np
import pytest

import penstock as ps


def lengths(x):
    return np.sqrt((x**2).sum(-1))


def test_the_length_of_short_rows_is_fixed_and_the_second_variant_serves_all():
    f = ps.compile(lengths)
    for shape in ((200, 3), (300, 4), (7, 3), (150, 1), (0, 3), (150, 40)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        np.testing.assert_allclose(f(x), lengths(x), rtol=1e-15)
    first, second = f.explain().variants
    assert first.fixed == ("m == 3: rows so short are computed side by side",)
    assert second.fixed == ()
    assert "m == 3 does not hold" in second.reason


def distances(x):
    return np.sqrt(((x[:, None] - x) ** 2).sum(-1))


def test_few_points_make_many_pairs():
    x = np.arange(60.0).reshape(20, 3)
    f = ps.compile(distances)
    np.testing.assert_allclose(f(x), distances(x), rtol=1e-15)
    (variant,) = f.explain().variants
    assert variant.fixed == ("m == 3: rows so short are computed side by side",)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lengths, (4, 3)),  # few rows
        (distances, (4, 3)),
        (lambda x: np.add.outer(x, x).sum(-1), (4, 3)),
        (lengths, (200, 9)),  # long ones
        (lengths, (200, 0)),
        (lambda x: np.sin(x) + x, (200, 3)),  # flat: a row is nothing of its own
    ],
)
def test_other_lengths_are_not_fixed(function, shape):
    f = ps.compile(function)
    f(np.ones(shape))
    (variant,) = f.explain().variants
    assert variant.fixed == ()


def test_vectors_run_along_the_rows_and_not_within_one():
    text = ps.compile(lengths).lower(np.ones((200, 3))).text("loops")
    assert "vector %j" in text
    assert "serial %k" in text
