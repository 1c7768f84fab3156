"""The evaluator of Kernels, held to NumPy."""

from random import Random

import numpy as np
import pytest

from penstock.ir.errors import VerifyError
from penstock.ir.loop.evaluate import evaluate_kernel, neutral
from penstock.ir.loop.primitive import COMBINES, PRIMITIVES
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.types import DTYPES, f32
from tests.ir.loop.kernels import COLUMNS, GATHER, SOFTMAX

random = np.random.default_rng(0)
WIDTHS = (1, 2, 8, 100)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("rows", "half"), [(0, 3), (3, 0), (4, 5)])
def test_softmax(rows, half, width):
    columns = 2 * half + 1
    x = random.normal(size=(columns, 2 * rows)).astype(np.float32)[:, ::-2].T
    y = np.full((rows, columns), np.nan, np.float32)
    failures = evaluate_kernel(
        parse_kernel(SOFTMAX),
        [x, y],
        {"n": rows, "m": half},
        width=width,
        shuffle=Random(width),
    )
    e = np.exp(x - x.max(axis=1, keepdims=True))
    assert failures == []
    np.testing.assert_allclose(y, e / e.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("width", WIDTHS)
def test_gather_reports_what_is_out_of_range(width):
    x = random.normal(size=(4, 3))
    at = np.array([3, -1, 4, 0, -5], np.int32)
    y = np.empty((5, 3))
    failures = evaluate_kernel(
        parse_kernel(GATHER), [x, at, y], {"n": 4, "k": 5}, width=width
    )
    assert failures == [(3, 4), (3, -5)]
    wanted = x[[3, 3, 0, 0, 0]]
    wanted[[2, 4]] = 0
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("on", [True, False])
def test_columns(on, width):
    x = random.integers(-100, 100, (4, 9)).astype(np.int16)
    y = np.arange(9, dtype=np.int16)
    wanted = y.copy()
    if on:
        wanted[1::2] += x[:, 1::2].prod(axis=0, dtype=np.int16)
    evaluate_kernel(parse_kernel(COLUMNS), [x, y, np.array(on)], {"n": 9}, width=width)
    np.testing.assert_array_equal(y, wanted)


SUM = """
    kernel @sum(%x: in f32[n], %y: out f32[], n: index) {
      %0 = const 100 : f32
      vector %i = 0 to n carry (%a = %0 add) -> (%b) {
        %1 = load %x[%i] : f32
        %2 = add %a, %1 : f32
        yield %2
      }
      store %b, %y[]
    }"""


def total(x: np.ndarray, width: int) -> np.float32:
    y = np.empty((), np.float32)
    evaluate_kernel(parse_kernel(SUM), [x, y], {"n": len(x)}, width=width)
    return y[()]


def test_a_width_of_one_adds_in_the_order_of_the_loop():
    x = random.normal(size=200).astype(np.float32)
    wanted = np.float32(100)
    for number in x:
        wanted += number
    assert total(x, 1) == wanted


def test_other_widths_add_in_lanes():
    x = random.normal(size=200).astype(np.float32)
    padded = np.concatenate([x, np.zeros(8 - 200 % 8 & 7, np.float32)])
    lanes = np.full(8, -0.0, np.float32)
    for row in padded.reshape(-1, 8):
        lanes = lanes + row
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    assert total(x, 8) == np.float32(100) + lanes[0]
    # The order shows, or this test would prove nothing.
    assert len({total(x, width).tobytes() for width in (1, 2, 8, 200)}) > 1


def test_a_sum_of_nothing_is_where_it_starts():
    assert [total(np.empty(0, np.float32), width) for width in WIDTHS] == [100] * 4


@pytest.mark.parametrize(
    ("combine", "dtype"),
    [
        (c, d)
        for c in COMBINES
        for d in DTYPES.values()
        if d.kind in PRIMITIVES[c].kinds
    ],
)
def test_neutral_numbers_change_nothing(combine, dtype):
    numbers = np.array([0, 1, 1, 0]).astype(dtype.numpy)
    if dtype.is_float:
        special = [0.0, -0.0, np.inf, -np.inf, 1e-45, 0.3]
        numbers = np.array(special).astype(dtype.numpy)
    elif dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        numbers = np.array([0, 1, limits.min, limits.max], dtype.numpy)
    one = neutral(combine, dtype)
    assert one.dtype == numbers.dtype
    with np.errstate(all="ignore"):
        combined = PRIMITIVES[combine].evaluate(np.full_like(numbers, one), numbers)
    assert combined.tobytes() == numbers.tobytes()


def test_the_neutral_number_of_sums_keeps_the_sign_of_zero():
    assert np.signbit(neutral("add", f32))


DEPENDENT = """
    kernel @scan(%x: inout f32[n], n: index) {
      parallel %i = 0 to n {
        %0 = const 0.5 : f32
        serial %j = 0 to 1 {
          %1 = greater %i, 0 : bool
          if %1 {
            %2 = sub %i, 1 : i64
            %3 = load %x[%2] : f32
            %4 = load %x[%i] : f32
            %5 = add %3, %4 : f32
            store %5, %x[%i]
          }
        }
      }
    }"""


def test_shuffling_shows_that_parallel_iterations_depend_on_each_other():
    kernel = parse_kernel(DEPENDENT)

    def run(shuffle: Random | None) -> list[float]:
        x = np.ones(8, np.float32)
        evaluate_kernel(kernel, [x], {"n": 8}, shuffle=shuffle)
        return x.tolist()

    assert run(None) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert run(Random(1)) != run(None)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("%0 = load %x[%j] : f32", "load %x: index 5 is outside axis 0 of size 5"),
        ("store %1, %x[%j]", "store %x: index 5 is outside axis 0 of size 5"),
        ("store %1, %x[%k]", "store %x: index -1 is outside axis 0 of size 5"),
    ],
)
def test_an_index_outside_a_buffer_is_an_error(statement, message, width):
    kernel = parse_kernel(f"""
        kernel @f(%x: inout f32[5]) {{
          %1 = const 1 : f32
          vector %i = 0 to 4 {{
            %j = add %i, 2 : i64
            %k = sub %i, 1 : i64
            {statement}
          }}
        }}""")
    with pytest.raises(VerifyError) as caught:
        evaluate_kernel(kernel, [np.zeros(5, np.float32)], width=width)
    assert str(caught.value) == f"error: {message} [out-of-bounds]"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_predicate_keeps_an_access_from_happening(width):
    kernel = parse_kernel("""
        kernel @f(%x: in f32[3], %y: out f32[5]) {
          vector %i = 0 to 7 {
            %p = less %i, 3 : bool
            %q = less %i, 5 : bool
            %0 = load %x[%i] where %p : f32
            store %0, %y[%i] where %q
          }
        }""")
    y = np.full(5, np.nan, np.float32)
    evaluate_kernel(kernel, [np.array([1, 2, 3], np.float32), y], width=width)
    assert y.tolist() == [1, 2, 3, 0, 0]


def test_arrays_have_to_fit():
    kernel = parse_kernel("kernel @f(%x: in f32[n,2], n: index) {}")
    for arrays, sizes, message in (
        ([], {"n": 1}, "@f takes 1 arrays, not 0"),
        ([np.zeros((1, 2), "f4")], {}, "@f needs the size n"),
        ([np.zeros((3, 2), "f4")], {"n": 1},
         "@f: %x is f32[3,2], but must be f32[1,2]"),
        ([np.zeros((1, 2), "f8")], {"n": 1},
         "@f: %x is f64[1,2], but must be f32[1,2]"),
    ):  # fmt: skip
        with pytest.raises(VerifyError) as caught:
            evaluate_kernel(kernel, arrays, sizes)
        assert str(caught.value) == f"error: {message} [verify]"
