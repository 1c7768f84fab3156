"""What random programs once computed otherwise than NumPy, or refused wrongly."""

import enum
import warnings

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArgumentError, UnsupportedError
from tests.frontend.arrays import RANDOM
from tests.frontend.running import check, run

SCALAR_REDUCTIONS = (
    "sum", "prod", "min", "max", "any", "all", "count_nonzero", "ptp", "argmax",
    "argmin", "nansum",
)  # fmt: skip


def floats(*shape):
    return RANDOM.standard_normal(shape)


# Views

VIEWS = {
    "diag": lambda v: np.diag(v, 1),
    "diagonal": np.diagonal,
    "diagonal_method": lambda v: v.diagonal(-1),
    "linalg_diagonal": np.linalg.diagonal,
    "einsum_diagonal": lambda v: np.einsum("ii->i", v),
    "einsum_ellipsis": lambda v: np.einsum("i...i->i...", v),
    "einsum_transpose": lambda v: np.einsum("ij->ji", v),
    "einsum_heeds_no_dtype": lambda v: np.einsum("ii->i", v, dtype=np.float32),
    "window": lambda v: np.lib.stride_tricks.sliding_window_view(v, 2, axis=1),
    "windows": lambda v: np.lib.stride_tricks.sliding_window_view(v, (2, 3)),
    "part_of_window": lambda v: np.lib.stride_tricks.sliding_window_view(v, 2, 0)[1],
    "part_of_diagonal": lambda v: np.diagonal(v)[1:][::-1],
    "meshgrid": lambda v: np.meshgrid(v[0], v[1], copy=False)[0],
    "sparse_meshgrid": lambda v: np.meshgrid(v[0], v[1], copy=False, sparse=True)[1],
    "copied_meshgrid": lambda v: np.meshgrid(v[0], v[1], sparse=True)[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_write_to_the_base_is_seen(view):
    def f(x):
        v = x * 2
        seen = view(v)
        v -= v[0]
        return seen * 1, v

    check(f, floats(4, 4))


@pytest.mark.parametrize(
    "view",
    [
        lambda v: np.einsum("ii->i", v),
        lambda v: np.einsum("ij->ji", v),
        lambda v: np.broadcast_arrays(v, v)[0],
        lambda v: np.einsum("ii->i", v)[1:],
    ],
    ids=["diagonal", "transpose", "broadcast_arrays", "part_of_diagonal"],
)
def test_a_write_to_the_view_is_seen(view):
    def f(x):
        v = x * 2
        seen = view(v)
        seen[0] = 7
        seen += 1
        return v, seen

    check(f, floats(4, 4))


def test_a_write_to_a_diagonal_of_a_stack_of_bools_is_seen():
    def f(x):
        v = x > 0
        np.einsum("iij->ji", v)[1] = True
        return v, np.diagonal(v)

    check(f, floats(3, 3, 2))


@pytest.mark.parametrize("make", [np.diag, np.diagonal, np.linalg.diagonal])
def test_diagonals_are_read_only(make):
    def f(x):
        make(x * 2)[0] = 1

    with pytest.raises(ArgumentError, match="cannot write to a diagonal"):
        run(f, floats(3, 3))


def test_windows_are_read_only():
    def f(x):
        np.lib.stride_tricks.sliding_window_view(x * 2, 2)[0] = 1

    with pytest.raises(ArgumentError, match="cannot write to a sliding window"):
        run(f, floats(3))


def test_roll_makes_a_copy():
    def f(x):
        v = np.roll(x, 0)
        v[0] = 7
        return v

    check(f, floats(3, 2))


# Numbers


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.array([2**63 - 5], np.uint64), np.array([2**63 - 1], np.uint64)),
        (np.array([-(2**63)]), np.array([-(2**63)])),
        (np.array([100, -128], np.int8), np.array([-100, -128], np.int8)),
        (np.array([True, False]), np.array([True, True])),
        (floats(3), np.array([1, 2, 3])),
    ],
    ids=["uint64", "least", "int8", "bool", "mixed"],
)
def test_isclose_of_integers_does_not_wrap_around(x, y):
    check(lambda x, y: np.isclose(x, y), x, y)  # noqa: PLW0108
    check(lambda x, y: np.where(np.allclose(x, y), 1, 0), x, y)


@pytest.mark.parametrize("spec", ["ii->i", "ii", "ii->"])
@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2, 3)])
def test_einsum_repeats_no_axis_within_an_operand(spec, shape):
    x = np.ones(shape)
    with pytest.raises(ValueError, match="don't match"):
        np.einsum(spec, x)
    with pytest.raises(ValueError, match="must be of one size"):
        run(lambda x: np.einsum(spec, x), x)


def test_einsum_repeats_axes_of_other_operands():
    check(lambda x, y: np.einsum("ij,ij->ij", x, y), floats(2, 1), floats(2, 3))
    check(lambda x, y: np.einsum("ii,i->i", x, y), floats(1, 1), floats(3))


_HAS_CROSS_OF_TWO = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= "2.5.0",
    reason="NumPy 2.5 takes vectors of three elements alone",
)


def cross(x, y):
    return np.cross(x, y)


@pytest.mark.parametrize("shape", [(4, 2), (2,)])
@_HAS_CROSS_OF_TWO
def test_cross_of_vectors_of_two(shape):
    check(cross, floats(*shape), floats(*shape))


@_HAS_CROSS_OF_TWO
def test_cross_of_vectors_of_two_and_three():
    check(cross, floats(4, 2), floats(4, 3))
    check(cross, floats(4, 3), floats(4, 2))
    check(lambda x, y: np.cross(x, y, axis=0), floats(2, 4), floats(3, 4))


@pytest.mark.parametrize("axis", [None, 0])
def test_median_of_nothing_is_nan(axis):
    check(lambda x: np.median(x, axis=axis), np.ones((0, 2)))
    check(lambda x: np.median(x, axis=axis, keepdims=True), np.ones((0, 2)))


@pytest.mark.parametrize("initial", [0, 2, 1.5, True, np.int64(5)])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32])
def test_initial_never_promotes(dtype, initial):
    x = np.array([[1, 0, 2], [0, 0, 1]]).astype(dtype)
    check(lambda x: x.max(axis=-1, initial=initial), x)
    check(lambda x: x.max(axis=-1, initial=initial, where=x > 0), x)
    check(lambda x: x.prod(axis=0, initial=initial), x)


@pytest.mark.parametrize("mode", ["clip", "wrap"])
def test_take_counts_in_wide_integers(mode):
    x, index = np.arange(200.0), np.array([-1, 100, -128], np.int8)
    check(lambda x, i: np.take(x, i, mode=mode), x, index)


# Axes and sizes


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", SCALAR_REDUCTIONS)
def test_reductions_of_a_scalar_take_an_axis(name, axis):
    check(lambda x: getattr(np, name)(x, axis=axis) * 1, np.array(3.0))
    check(lambda x: getattr(np, name)(x.sum(), axis=axis) * 1, floats(2))


def test_reduce_of_a_scalar_takes_an_axis():
    check(lambda x: np.add.reduce(x, axis=0), np.array(3.0))
    check(lambda x: x.max().min(axis=-1), floats(3))


@pytest.mark.parametrize("name", ["mean", "std", "var", "median", "sum", "argmax"])
def test_other_axes_of_a_scalar_are_errors(name):
    axis = 0 if name in ("mean", "std", "var", "median") else 1
    with pytest.raises(np.exceptions.AxisError):
        getattr(np, name)(np.array(3.0), axis=axis)
    with pytest.raises(ValueError, match="out of bounds"):
        run(lambda x: getattr(np, name)(x, axis=axis), np.array(3.0))


@pytest.mark.parametrize("axis", [0, -1])
def test_scalars_are_taken_and_repeated_as_one_element(axis):
    check(lambda x: np.take(x, [0, -1], axis=axis), np.array(3.0))
    check(lambda x: np.repeat(x, 3, axis=axis), np.array(3.0))


@pytest.mark.parametrize("place", [3, -4])
def test_delete_of_no_place_is_an_index_error(place):
    with pytest.raises(IndexError):
        np.delete(floats(3, 2), place, axis=0)
    with pytest.raises(IndexError, match="no place"):
        run(lambda x: np.delete(x, place, axis=0), floats(3, 2))


DELETIONS = {
    "scalar": lambda x: np.delete(x, np.array(2), axis=0),
    "one": lambda x: np.delete(x, np.array([1]), axis=0),
    "several": lambda x: np.delete(x, np.array([0, 2], np.uint8), axis=0),
    "nested": lambda x: np.delete(x, np.array([[0, 1], [1, 2]]), axis=0),
    "mask": lambda x: np.delete(x, np.array([True, False]), axis=1),
    "none": lambda x: np.delete(x, np.array([], int)),
    "empty list": lambda x: np.delete(x, []),
}


@pytest.mark.parametrize("name", DELETIONS)
def test_delete_of_arrays_of_places_ends(name):
    check(DELETIONS[name], floats(3, 2))


@pytest.mark.parametrize("place", [np.int64(0), np.uint8(2), np.int8(-1), np.int16(-3)])
def test_delete_of_a_traced_place(place):
    check(lambda x, i: np.delete(x, i, axis=1), floats(2, 3), place)
    got = run(lambda x, i: np.delete(x, i[:1], axis=1), floats(2, 3), np.array([place]))
    assert got.shape == (2, 2)


def test_delete_of_places_that_are_sizes():
    got = run(lambda x: np.delete(x, [0, x.shape[0] - 1]), np.arange(4.0))
    np.testing.assert_array_equal(got, [1.0, 2.0])


@pytest.mark.parametrize("place", [3, -4])
def test_delete_of_no_traced_place_is_an_index_error(place):
    remaining = ps.compile(np.delete)
    with pytest.raises(IndexError, match=f"index {place} is out of bounds"):
        remaining(floats(3), np.int64(place))


def test_delete_takes_one_bool_for_a_mask():
    with pytest.raises(ValueError, match="boolean"):
        np.delete(floats(3), True)
    with pytest.raises(ValueError, match="boolean"):
        run(lambda x: np.delete(x, True), floats(3))
    with pytest.raises(ValueError, match="boolean"):
        run(lambda x: np.delete(x, np.array(True)), floats(3))


def test_accumulate_of_a_scalar_is_an_error():
    with pytest.raises(TypeError):
        np.add.accumulate(np.array(3.0))
    with pytest.raises(TypeError, match="no axis"):
        run(lambda x: np.add.accumulate(x, axis=0), np.array(3.0))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_roll_of_an_empty_axis(axis):
    check(lambda x: np.roll(x, 1, axis), np.ones((0, 3)))


def test_meshgrid_flattens():
    check(lambda x, y: list(np.meshgrid(x, y)), floats(2, 1), floats(2, 3))


@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap", "symmetric"])
def test_pad_cannot_extend_an_empty_axis(mode):
    with pytest.raises(ValueError, match="extend empty axis"):
        np.pad(np.ones((2, 0)), (1, 2), mode=mode)
    with pytest.raises(ValueError, match="cannot be extended"):
        run(lambda x: np.pad(x, (1, 2), mode=mode), np.ones((2, 0)))
    check(lambda x: np.pad(x, ((1, 2), (0, 0)), mode=mode), np.ones((2, 0)))


def test_a_product_with_the_flat_array():
    check(lambda x: x @ x.reshape(-1), np.ones((1, 4)))


@pytest.mark.parametrize("sizes", [((1, 1), (1, 2)), ((1, 2), (2,)), ((2, 3), (6,))])
def test_sizes_that_are_equal_by_a_guard_broadcast(sizes):
    check(lambda x, y: x.reshape(-1) + y, *(floats(*shape) for shape in sizes))


def test_copyto_of_sizes_that_are_equal_by_a_guard():
    def f(x, y):
        v = np.outer(y, x)
        np.copyto(v, y.T)
        return v

    check(f, floats(1, 1), floats(1, 5))


# Errors and warnings


def test_index_arrays_that_do_not_broadcast_are_an_index_error():
    def f(x):
        return x[np.array([0, 0, -1]), np.arange(2)]

    with pytest.raises(IndexError):
        f(floats(3, 3))
    with pytest.raises(IndexError, match="cannot broadcast"):
        run(f, floats(3, 3))


def test_masks_of_another_size_are_an_index_error():
    def f(x):
        return x[[True, False]]

    with pytest.raises(IndexError):
        f(floats(3))
    with pytest.raises(IndexError, match="boolean index"):
        run(f, floats(3))


@pytest.mark.parametrize("name", ["shape", "dtype"])
def test_attributes_cannot_be_set(name):
    def f(x):
        y = x * 2
        setattr(y, name, -1)

    with pytest.raises(UnsupportedError, match=rf"setting ndarray\.{name}"):
        run(f, floats(2, 3))


def test_the_function_may_warn():
    def f(x):
        warnings.warn("careful", stacklevel=1)
        return x + 1

    with pytest.warns(UserWarning, match="careful"):
        got = run(f, np.ones(2))
    np.testing.assert_array_equal(got, [2, 2])


def test_numpy_may_warn_of_the_function():
    with pytest.warns(RuntimeWarning, match="overflow"):
        got = run(lambda x: np.float32(1e39) + x, np.ones(2, np.float32))
    np.testing.assert_array_equal(got, [np.inf, np.inf])


def test_constants_beyond_a_dtype_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = run(lambda x: x * 1e39, np.ones(2, np.float32))
    np.testing.assert_array_equal(got, [np.inf, np.inf])


# Linear algebra and convolutions


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_kernels_longer_than_what_they_slide_over(function, mode):
    for taps in (3, 4, 5, 6, 9):
        x, k = abs(floats(4)), abs(floats(taps))
        check(lambda x, k: function(x, k, mode), x, k, ulp=8)
    check(lambda x: np.convolve(x, np.ones(51) / 51, "same"), abs(floats(10)), ulp=8)


def test_powers_are_of_square_matrices_and_cross_products_of_three_elements():
    for refused in (
        lambda x: np.linalg.matrix_power(x, 1),
        lambda x: np.linalg.matrix_power(x, 0),
        lambda x: np.linalg.matrix_power(x[0], 2),
    ):
        for function in (refused, ps.compile(refused)):
            with pytest.raises(np.linalg.LinAlgError):
                function(floats(2, 3))
    compiled = ps.compile(lambda x, y: np.linalg.cross(x, y))  # noqa: PLW0108
    for function in (np.linalg.cross, compiled):
        with pytest.raises(ValueError, match="3"):
            function(floats(4, 2), floats(4, 2))
    check(lambda x: np.linalg.cross(x, x[::-1], axis=0), floats(3, 2), ulp=4)


def test_covariances_of_columns():
    def covariances(x, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return (
                np.cov(x, rowvar=False),
                np.corrcoef(x[:, :1], rowvar=False),
                np.cov(x[:, 0], y, rowvar=False),
                np.cov(y, rowvar=False).shape,
                np.corrcoef(y, rowvar=False).shape,
            )

    check(covariances, floats(5, 3), floats(1, 5), ulp=64)


def test_a_triangle_of_a_negative_number_of_rows():
    check(lambda n: (np.tri(n, 2), np.tri(2, n, k=1), np.tri(n)), -1)
    check(lambda n: (np.tri(n, 2), np.tri(2, n, k=1), np.tri(n)), 3)


def test_rolls_by_what_is_known_only_when_the_program_runs():
    steps = np.array([0, 1, -1, 7])

    def rolled(x, by, n):
        found = [np.roll(x, steps[i], axis=1) for i in range(4)]
        return (
            *found,
            np.roll(x, by[0]),
            np.roll(x, by, axis=(0, 1)),
            np.roll(x, (by[1], 1), axis=(0, 1)),
            np.roll(x, n, axis=0),
            np.roll(x[:0], by[0], axis=0),
        )

    check(rolled, floats(3, 5), np.array([4, -2]), np.int64(-1))
    ps.check_grads(lambda x: np.roll(x, steps[1], axis=1), (floats(3, 5),), order=1)


def test_functions_of_numpy_are_compiled_as_they_are(tmp_path):
    x = floats(3, 4)
    for function in (np.sort, np.sum, np.max, np.std, np.argsort, np.ravel, np.dot):
        args = (x, x.T) if function is np.dot else (x,)
        np.testing.assert_allclose(ps.compile(function)(*args), function(*args))
    total = ps.compile(np.sum)
    for options in ({"axis": 0}, {"keepdims": True}, {"initial": 2.0, "axis": 1}):
        np.testing.assert_allclose(total(x, **options), np.sum(x, **options))
    np.testing.assert_allclose(total(x, 1, keepdims=True), x.sum(1, keepdims=True))
    total.save(tmp_path / "sum.pns", x)
    np.testing.assert_allclose(ps.load(tmp_path / "sum.pns")(x), x.sum())


def test_a_float_made_an_array_is_no_float_of_python():
    for function in (np.array, np.asarray, lambda n: np.array(n) + 0):
        found = ps.compile(lambda n: (n, function(n)))(2.5)  # noqa: B023
        assert type(found[0]) is float
        assert type(found[1]) is np.float64


class Order(enum.Enum):
    """An enumeration that another program finds by its name."""

    UP = 1
    DOWN = 2


def test_a_saved_program_has_defaults_that_are_known_by_name(tmp_path):
    def ordered(x, order=Order.DOWN):
        found = np.sort(x)
        return found[::-1] if order is Order.DOWN else found

    x = floats(5)
    ps.compile(ordered).save(tmp_path / "ordered.pns", x)
    loaded = ps.load(tmp_path / "ordered.pns")
    np.testing.assert_array_equal(loaded(x), ordered(x))
    np.testing.assert_array_equal(loaded(x, Order.DOWN), ordered(x))
    with pytest.raises(ps.errors.StructureError, match="not for this call"):
        loaded(x, Order.UP)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_nextafter_of_both_zeros_is_numpys(dtype):
    x, y = np.array([[0.0, -0.0, 0.0, -0.0], [-0.0, 0.0, 0.0, -0.0]], dtype)
    found = ps.compile(np.nextafter)(x, y)
    assert found.tobytes() == np.nextafter(x, y).tobytes()
