"""Whole programs as CUDA kernels, on the emulation, against the evaluator and NumPy."""

import numpy as np
import pytest

from penstock.ir.errors import IndexOutOfBoundsError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.plan.evaluate import evaluate_plan
from tests.backends.cuda.emulation.emulator import compile_plans
from tests.backends.cuda.plans import plan_of_function, plan_of_kernel
from tests.ops.compare import same

SIZES = (0, 1, 31, 32, 33, 1000)

FUNCTIONS = {
    "polynomial": """
func @polynomial(%x: f32[n], %y: f32[k]) -> f32[n] where k == n {
  %0 = mul %x, %x : f32[n]
  %1 = div %0, %y : f32[n]
  %2 = sub %1, %x : f32[n]
  %3 = sqrt %2 : f32[n]
  return %3
}""",
    "halves": """
func @halves(%x: f16[n], %y: f16[k]) -> (f16[n], f32[n]) where k == n {
  %0 = mul %x, %y : f16[n]
  %1 = add %0, %x : f16[n]
  %2 = sqrt %1 : f16[n]
  %3 = astype %1 {dtype=f32} : f32[n]
  return %2, %3
}""",
    "mixed": """
func @mixed(%x: u8[n], %y: i32[k]) -> (bool[n], i64[n], f64[n])
    where k == n {
  %0 = astype %x {dtype=i32} : i32[n]
  %1 = mul %0, %y : i32[n]
  %2 = less %1, %0 : bool[n]
  %3 = astype %1 {dtype=i64} : i64[n]
  %4 = const 3 : i64[]
  %5 = floor_divide %3, %4 : i64[n]
  %6 = astype %5 {dtype=f64} : f64[n]
  %7 = select %2, %3, %5 : i64[n]
  return %2, %7, %6
}""",
    "broadcast": """
func @broadcast(%x: f32[n,1], %y: f32[m], %z: f32[]) -> f32[n,m] {
  %0 = add %x, %y : f32[n,m]
  %1 = mul %0, %z : f32[n,m]
  return %1
}""",
    "strided": """
func @strided(%x: f32[n,m], %y: i16[k]) -> (f32[n,m], i16[k]) {
  %0 = add %x, %x : f32[n,m]
  %1 = neg %y : i16[k]
  return %0, %1
}""",
    "with_integer": """
func @with_integer(%x: i64[n], k: int) -> i64[n] {
  %0 = dim {size=k*k} : i64[]
  %1 = iota {shape=(n,), axis=0, dtype=i64} : i64[n]
  %2 = mul %1, %0 : i64[n]
  %3 = add %x, %2 : i64[n]
  return %3
}""",
    "to_integers": """
func @to_integers(%x: f64[n]) -> (i32[n], i64[n]) {
  %0 = astype %x {dtype=i32} : i32[n]
  %1 = astype %x {dtype=i64} : i64[n]
  return %0, %1
}""",
    "softmax": """
func @softmax(%x: f32[n,m]) -> f32[n,m] {
  %0 = max %x {axes=(1,), keepdims=true} : f32[n,1]
  %1 = sub %x, %0 : f32[n,m]
  %2 = exp %1 : f32[n,m]
  %3 = sum %2 {axes=(1,), keepdims=true} : f32[n,1]
  %4 = div %2, %3 : f32[n,m]
  return %4
}""",
    "softmax_of_halves": """
func @softmax_of_halves(%x: bf16[n,m]) -> bf16[n,m] {
  %0 = max %x {axes=(1,), keepdims=true} : bf16[n,1]
  %1 = sub %x, %0 : bf16[n,m]
  %2 = exp %1 : bf16[n,m]
  %3 = sum %2 {axes=(1,), keepdims=true} : bf16[n,1]
  %4 = div %2, %3 : bf16[n,m]
  return %4
}""",
    "layernorm": """
func @layernorm(%x: f32[n,64], %scale: f32[64], %shift: f32[64]) -> f32[n,64] {
  %0 = sum %x {axes=(1,), keepdims=true} : f32[n,1]
  %1 = const 64.0 : f32[]
  %2 = div %0, %1 : f32[n,1]
  %3 = sub %x, %2 : f32[n,64]
  %4 = mul %3, %3 : f32[n,64]
  %5 = sum %4 {axes=(1,), keepdims=true} : f32[n,1]
  %6 = div %5, %1 : f32[n,1]
  %7 = const 1e-5 : f32[]
  %8 = add %6, %7 : f32[n,1]
  %9 = sqrt %8 : f32[n,1]
  %10 = div %3, %9 : f32[n,64]
  %11 = mul %10, %scale : f32[n,64]
  %12 = add %11, %shift : f32[n,64]
  return %12
}""",
    "mean_and_variance": """
func @mean_and_variance(%x: f64[n,m]) -> (f64[n], f64[n]) {
  %0 = sum %x {axes=(1,), keepdims=true} : f64[n,1]
  %1 = dim {size=m} : i64[]
  %2 = astype %1 {dtype=f64} : f64[]
  %3 = div %0, %2 : f64[n,1]
  %4 = sub %x, %3 : f64[n,m]
  %5 = mul %4, %4 : f64[n,m]
  %6 = sum %5 {axes=(1,), keepdims=false} : f64[n]
  %7 = div %6, %2 : f64[n]
  %8 = reshape %3 {shape=(n,)} : f64[n]
  return %8, %7
}""",
    "places_of_extrema": """
func @places_of_extrema(%x: f32[n,m]) -> (i64[n], i64[m], i64[n]) {
  %0 = argmax %x {axis=1, keepdims=false} : i64[n]
  %1 = argmax %x {axis=0, keepdims=false} : i64[m]
  %2 = argmin %x {axis=1, keepdims=false} : i64[n]
  return %0, %1, %2
}""",
    "sums": """
func @sums(%x: f32[n,m,k]) -> (f32[m,k], f32[n,k], f32[n,m], f32[k], f32[m], f32[n]) {
  %0 = sum %x {axes=(0,), keepdims=false} : f32[m,k]
  %1 = sum %x {axes=(1,), keepdims=false} : f32[n,k]
  %2 = sum %x {axes=(2,), keepdims=false} : f32[n,m]
  %3 = sum %x {axes=(0,1), keepdims=false} : f32[k]
  %4 = sum %x {axes=(0,2), keepdims=false} : f32[m]
  %5 = sum %x {axes=(1,2), keepdims=false} : f32[n]
  return %0, %1, %2, %3, %4, %5
}""",
    "totals": """
func @totals(%x: f32[n,m], %i: u8[p]) -> (f32[], f32[], u8[], bool[]) {
  %0 = sum %x {axes=(0,1), keepdims=false} : f32[]
  %1 = max %x {axes=(0,1), keepdims=false} : f32[]
  %2 = prod %i {axes=(0,), keepdims=false} : u8[]
  %3 = const 200 : u8[]
  %4 = less %i, %3 : bool[p]
  %5 = min %4 {axes=(0,), keepdims=false} : bool[]
  return %0, %1, %2, %5
}""",
    "taken": """
func @taken(%x: f32[n,m], %i: i64[k]) -> f32[k,m] {
  %0 = gather %x, %i {axes=(0,)} : f32[k,m]  # model.py:7:5
  return %0
}""",
    "put": """
func @put(%x: i64[n], %u: i64[k], %i: i64[m]) -> (i64[n], i64[n]) where m == k {
  %0 = scatter_add %x, %u, %i {axes=(0,)} : i64[n]
  %1 = scatter %x, %u, %i {axes=(0,)} : i64[n]
  return %0, %1
}""",
    "sorted": """
func @sorted(%x: f32[n,m]) -> (f32[n,m], f32[n,m]) {
  %0 = sort %x {axis=1} : f32[n,m]
  %1 = cumsum %x {axis=0} : f32[n,m]
  return %0, %1
}""",
    "affine": """
func @affine(%x: f32[n,8], %w: f32[8,m], %b: f32[k]) -> f32[n,m] where k == m {
  %0 = contract %x, %w {spec="ij,jk->ik"} : f32[n,m]
  %1 = add %0, %b : f32[n,m]
  return %1
}""",
}  # fmt: skip
STRIDED = {"strided": ("x", "y"), "sums": ("x",), "places_of_extrema": ("x",)}

# Each iteration hands on the carried values of the one before, in another order.
FIBONACCI = """
kernel @fibonacci_0(%y: out i64[n], n: index) {
  %0 = const 0 : i64
  %1 = const 1 : i64
  serial %i = 0 to n carry (%2 = %0, %3 = %1) -> (%4, %5) {
    store %2, %y[%i]
    %6 = add %2, %3 : i64
    yield %3, %6
  }
}
"""
EXCHANGED = """
kernel @exchanged_0(%x: in f32[n], %y: out f32[n], n: index) {
  %0 = const 1.0 : f32
  %1 = const 2.0 : f32
  parallel %p = 0 to n {
    serial %s = 0 to %p carry (%2 = %0, %3 = %1) -> (%4, %5) {
      yield %3, %2
    }
    %6 = load %x[%p] : f32
    %7 = mul %6, %4 : f32
    store %7, %y[%p]
  }
}
"""
IN_STEPS = """
kernel @in_steps_0(%x: in f32[n], %y: out f32[1], n: index) {
  %0 = const 0.0 : f32
  %1 = sub n, 98 : i64
  vector %i = %1 to n step 3 carry (%2 = %0 add) -> (%3) {
    %4 = load %x[%i] : f32
    %5 = add %2, %4 : f32
    yield %5
  }
  store %3, %y[0]
}
"""


@pytest.fixture(scope="module")
def programs(cuda_folder):
    plans = {
        name: plan_of_function(text, STRIDED.get(name, ()))
        for name, text in FUNCTIONS.items()
    }
    plans |= {"fibonacci": plan_of_kernel(FIBONACCI)}
    plans |= {"exchanged": plan_of_kernel(EXCHANGED)}
    plans |= {"in_steps": plan_of_kernel(IN_STEPS)}
    runs = compile_plans(list(plans.values()), cuda_folder, "programs")
    return dict(zip(plans, runs, strict=True))


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def integers(*shape, dtype=np.int64, low=0, high=100):
    return np.random.default_rng(1).integers(low, high, shape).astype(dtype)


def check(programs, name, *arrays, tolerance=0, **sizes):
    """Run a program in several orders of threads; close to what it means."""
    run = programs[name]
    wanted = evaluate(parse_function(FUNCTIONS[name]), arrays, sizes)
    first = run(*arrays, **sizes)
    for got, right in zip(first, wanted, strict=True):
        assert got.dtype == right.dtype
        if tolerance:
            np.testing.assert_allclose(
                got.astype(np.float64),
                right.astype(np.float64),
                rtol=tolerance,
                atol=tolerance,
            )
        else:
            assert same(got, right)
    for seed in (1, 2):
        again = run(*arrays, seed=seed, most_blocks=1 + seed, **sizes)
        for got, before in zip(again, first, strict=True):
            assert got.tobytes() == before.tobytes()
    return first


@pytest.mark.parametrize("size", SIZES)
def test_elementwise_is_equal_to_the_bit(programs, size):
    x, y = normal(size), normal(size, seed=1)
    check(programs, "polynomial", x, y)
    check(programs, "halves", x.astype(np.float16), y.astype(np.float16))
    check(
        programs,
        "mixed",
        integers(size, dtype=np.uint8),
        integers(size, dtype=np.int32, low=-(2**31), high=2**31),
    )
    # What the loop evaluator gives, to the bit.
    plan = programs["polynomial"].plan
    (wanted,), _ = evaluate_plan(plan, [x, y])
    assert same(programs["polynomial"](x, y)[0], wanted)


def test_long_arrays_are_shared_among_blocks(programs):
    x, y = normal(20_000), normal(20_000, seed=1)
    check(programs, "polynomial", x, y)


@pytest.mark.parametrize("size", SIZES)
def test_operands_broadcast(programs, size):
    z = np.float32(3).reshape(())
    check(programs, "broadcast", normal(7, 1), normal(size), z)
    check(programs, "broadcast", normal(size, 1), normal(3), z)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x[:, ::2],
        lambda x: x[::-1, ::-1],
        lambda x: x.T,
        lambda x: x[3:1, :],
        lambda x: np.broadcast_to(x[:, :1], x.shape),
    ],
)
def test_arrays_with_strides(programs, view):
    check(programs, "strided", view(normal(33, 35)), integers(99, dtype=np.int16)[::-3])


def test_integer_arguments_wrap_around(programs):
    check(programs, "with_integer", integers(50), k=7)
    check(programs, "with_integer", integers(50), k=-(2**31) + 5)


def test_floats_that_no_integer_holds_give_the_least(programs):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -7.9, 2.0**31, 2.0**63])
    narrow, wide = programs["to_integers"](x)
    least = [-(2**31)] * 5
    assert narrow.tolist() == [*least, -7, -(2**31), -(2**31)]
    assert wide.tolist() == [-(2**63)] * 5 + [-7, 2**31, -(2**63)]


@pytest.mark.parametrize("size", SIZES[1:])
def test_softmax(programs, size):
    x = normal(5, size)
    (y,) = check(programs, "softmax", x, tolerance=1e-6)
    e = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(y, e / e.sum(1, keepdims=True), rtol=1e-5)
    check(programs, "softmax_of_halves", x.astype("bfloat16"), tolerance=2e-2)


@pytest.mark.parametrize("rows", [0, 1, 33])
def test_layernorm(programs, rows):
    x, scale, shift = normal(rows, 64), normal(64, seed=1), normal(64, seed=2)
    (y,) = check(programs, "layernorm", x, scale, shift, tolerance=1e-5)
    centred = x - x.mean(1, keepdims=True)
    wanted = centred / np.sqrt(x.var(1, keepdims=True) + 1e-5) * scale + shift
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES[1:])
def test_mean_and_variance(programs, size):
    x = normal(6, size, dtype=np.float64)
    mean, variance = check(programs, "mean_and_variance", x, tolerance=1e-12)
    np.testing.assert_allclose(mean, x.mean(1), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(variance, x.var(1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", SIZES[1:])
def test_argmax_takes_the_first_and_nan_before_all(programs, size):
    # Few different numbers, so that many are equal.
    x = integers(9, size, high=4).astype(np.float32)
    x[4, size // 2] = np.nan
    rows, columns, least = check(programs, "places_of_extrema", x)
    assert rows.tolist() == x.argmax(1).tolist()
    assert columns.tolist() == x.argmax(0).tolist()
    assert least.tolist() == x.argmin(1).tolist()
    check(programs, "places_of_extrema", x[:, ::-1])


@pytest.mark.parametrize(
    "shape", [(2, 3, 5), (1, 1, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0), (33, 5, 70)]
)
def test_sums_over_each_axis(programs, shape):
    check(programs, "sums", normal(*shape), tolerance=1e-4)
    check(programs, "sums", normal(*shape[::-1]).T, tolerance=1e-4)


@pytest.mark.parametrize("size", [1, 31, 1000, 40_000])
def test_everything_reduced_to_one_number(programs, size):
    check(
        programs,
        "totals",
        normal(size, 1),
        integers(size, dtype=np.uint8, low=1, high=199),
        tolerance=1e-3,
    )


def test_nan_wins_over_every_extremum(programs):
    x = normal(700, 3)
    x[555, 1] = np.nan
    _, most, _, below = programs["totals"](x, integers(5, dtype=np.uint8, high=256))
    assert np.isnan(most)
    assert below.dtype == bool


def test_indices_are_checked(programs):
    x, run = normal(9, 33), programs["taken"]
    check(programs, "taken", x, np.array([0, -1, 8, -9, 3]))
    with pytest.raises(IndexOutOfBoundsError, match="index -10 is out of bounds") as e:
        run(x, np.array([0, -10, 8]))
    assert e.value.loc.short == "model.py:7:5"
    with pytest.raises(IndexOutOfBoundsError, match="index 9 is out of bounds"):
        run(x, np.array([9]))


def test_scattering_keeps_the_order_of_updates(programs):
    x, updates, at = integers(40), integers(90), integers(90, high=40)
    added, replaced = check(programs, "put", x, updates, at)
    wanted = x.copy()
    np.add.at(wanted, at, updates)
    assert added.tolist() == wanted.tolist()
    wanted = x.copy()
    wanted[at] = updates
    assert replaced.tolist() == wanted.tolist()


@pytest.mark.parametrize("size", [1, 32, 33, 100])
def test_lines_are_sorted_and_summed_by_a_thread_each(programs, size):
    x = normal(70, size)
    x[5, size // 2] = np.nan
    check(programs, "sorted", x, tolerance=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_products_of_matrices(programs, size):
    x, w, b = normal(5, 8), normal(8, size, seed=1), normal(size, seed=2)
    (y,) = check(programs, "affine", x, w, b, tolerance=1e-5)
    np.testing.assert_allclose(y, x @ w + b, rtol=1e-4, atol=1e-5)


def test_carried_values_change_all_at_once(programs):
    (y,) = programs["fibonacci"](n=12)
    assert y.tolist() == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
    x = np.arange(200, dtype=np.float32)
    (y,) = programs["exchanged"](x, most_blocks=1)
    assert y.tolist() == (x * (1 + x % 2)).tolist()
    (y,) = programs["in_steps"](x)
    assert y.tolist() == [x[-98::3].sum()]
