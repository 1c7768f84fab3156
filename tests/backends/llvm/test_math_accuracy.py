"""The elementary functions: at most 2 ulp, on every target, and right at the edges.

The largest errors are printed as a table when the file has run.
"""

import math
import zlib
from itertools import product

import mpmath
import numpy as np
import pytest

from penstock.backends.llvm.math import MATH
from tests.sweeps import one_in

BOUND = 2.0
FLOATS = {"f32": np.float32, "f64": np.float64}
DENSE = {"f32": 60_000, "f64": 15_000}
EXACT = 250
WORST = {}


def _erf(x):
    """Exact enough for f32: of f64 it may be an ulp off."""
    return np.array([math.erf(number) for number in x.tolist()])


def _erfc(x):
    return np.array([math.erfc(number) for number in x.tolist()])


def _mp_power(x, y):
    return mpmath.mpf(x) ** mpmath.mpf(y)


def _real(function):
    """Of what has no real value, nan."""

    def real(x):
        value = function(x)
        return mpmath.nan if isinstance(value, mpmath.mpc) else value

    return real


def _mp_erfc(x):
    # Beyond these it is 0 or 2, and mpmath takes the square for an int.
    return mpmath.erfc(max(-1000, min(1000, x)))


def _mp_cbrt(x):
    return -mpmath.cbrt(-x) if x < 0 else mpmath.cbrt(x)


# name: the same in NumPy, in mpmath, and intervals in which errors differ in kind.
FUNCTIONS = {
    "exp": (np.exp, mpmath.exp, [(-104, 89), (-1, 1), (-746, 710)]),
    "exp2": (np.exp2, lambda x: mpmath.mpf(2) ** x, [(-150, 128), (-1, 1)]),
    "expm1": (np.expm1, mpmath.expm1, [(-20, 89), (-1, 1), (-1e-3, 1e-3)]),
    "sinh": (np.sinh, mpmath.sinh, [(-89, 89), (-2, 2), (-1e-3, 1e-3)]),
    "cosh": (np.cosh, mpmath.cosh, [(-89, 89), (-2, 2)]),
    "tanh": (np.tanh, mpmath.tanh, [(-10, 10), (-1, 1), (-0.3, 0.3), (-1e-3, 1e-3)]),
    "log": (np.log, mpmath.log, [(0, 1e38), (0.5, 2), (0.99, 1.01), (0, 1e-37)]),
    "log2": (np.log2, lambda x: mpmath.log(x, 2), [(0, 1e30), (0.5, 2), (0.99, 1.01)]),
    "log10": (np.log10, mpmath.log10, [(0, 1e30), (0.5, 2), (0.99, 1.01)]),
    "log1p": (np.log1p, mpmath.log1p, [(-1, 1), (0, 1e30), (-1e-3, 1e-3)]),
    "sin": (np.sin, mpmath.sin, [(-4, 4), (-1e3, 1e3), (-1e5, 1e5), (-1e30, 1e30)]),
    "cos": (np.cos, mpmath.cos, [(-4, 4), (-1e3, 1e3), (-1e5, 1e5), (-1e30, 1e30)]),
    "tan": (np.tan, mpmath.tan, [(-4, 4), (-1e3, 1e3), (-1e5, 1e5), (-1e30, 1e30)]),
    "erf": (_erf, mpmath.erf, [(-4, 4), (0.8, 1.1), (-6, 6), (-1e-3, 1e-3)]),
    "erfc": (_erfc, _mp_erfc, [(-4, 4), (0, 10), (8, 27), (-1e-3, 1e-3)]),
    "asin": (np.arcsin, _real(mpmath.asin), [(-1, 1), (0.49, 0.52), (0.99, 1)]),
    "acos": (np.arccos, _real(mpmath.acos), [(-1, 1), (0.49, 0.52), (0.99, 1)]),
    "atan": (np.arctan, mpmath.atan, [(-1, 1), (-9, 9), (0.9, 1.1), (-1e-3, 1e-3)]),
    "asinh": (np.arcsinh, mpmath.asinh, [(-3, 3), (-1, 1), (-1e4, 1e4), (0, 1e9)]),
    "acosh": (np.arccosh, _real(mpmath.acosh), [(1, 3), (1, 1.01), (1, 1e5), (1, 1e9)]),
    "atanh": (np.arctanh, _real(mpmath.atanh), [(-1, 1), (0.4, 0.6), (0.99, 1)]),
    "cbrt": (np.cbrt, _mp_cbrt, [(-10, 10), (0.5, 2), (0, 1e30)]),
}

OF_TWO = {
    "pow": (np.power, _mp_power),
    "atan2": (np.arctan2, mpmath.atan2),
    "hypot": (np.hypot, mpmath.hypot),
}

# Doubles whose sines and cosines are hard to get right: close to multiples of pi/2.
HARD_ANGLES = [
    1e22,
    6381956970095103.0 * 2.0**797,
    11.0,
    355.0,
    103993 * 1.5,
    2.0**1023,
]


def reference_of(name, inputs):
    """Exact results, as mpmath has them."""
    exact = OF_TWO[name][1] if name in OF_TWO else FUNCTIONS[name][1]
    # Huge angles need all the digits of pi.
    rows = zip(*(x.tolist() for x in inputs), strict=True)
    with mpmath.workdps(400 if name in ("sin", "cos", "tan") else 60):
        return [exact(*map(mpmath.mpf, row)) for row in rows]


def dense_reference(name, inputs):
    """Results in extended precision, which errs by a thousandth of an ulp."""
    wide = [x.astype(np.longdouble) for x in inputs]
    with np.errstate(all="ignore"):
        if name in OF_TWO:
            return OF_TWO[name][0](*wide)
        return FUNCTIONS[name][0](*wide)


def ulps(found, exact):
    """Errors in units in the last place of the exact results."""
    dtype = found.dtype
    limits = np.finfo(dtype)
    exact = np.asarray(exact, np.longdouble)
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
        exponent = np.frexp(np.abs(exact))[1] - 1
        exponent = np.maximum(exponent, limits.minexp) - limits.nmant
        distance = np.ldexp(np.abs(found.astype(np.longdouble) - exact), -exponent)
    finite = np.isfinite(rounded) & np.isfinite(found)
    # What overflows must overflow, and what does not must not.
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    error = np.where(same, 0.0, np.inf)
    return np.where(finite, distance, error)


def samples(name, element, count):
    """Random arguments, the same on every run."""
    rng = np.random.default_rng(zlib.crc32(f"{name} {element}".encode()))
    dtype = FLOATS[element]
    if name == "pow":
        return _power_samples(rng, dtype, count)
    if name in OF_TWO:
        return _pair_samples(rng, dtype, count)
    parts = []
    intervals = FUNCTIONS[name][2]
    for low, high in intervals:
        uniform = rng.uniform(low, high, count // len(intervals))
        parts.append(uniform)
    # All orders of magnitude.
    limits = np.finfo(dtype)
    logs = rng.uniform(
        math.log2(limits.smallest_subnormal), math.log2(limits.max), count
    )
    spread = np.exp2(logs.astype(np.longdouble))
    if name.startswith("log"):
        parts.append(spread)
    else:
        parts.append(spread * rng.choice([-1, 1], count))
    if name in ("sin", "cos", "tan"):
        # The floats nearest to multiples of pi/2, where nearly all digits cancel.
        multiples = rng.integers(1, 2**20, count // 4) * (np.pi / 2)
        parts.append(multiples)
    with np.errstate(over="ignore"):
        numbers = np.concatenate(parts).astype(dtype)
    return [numbers[np.isfinite(numbers)]]


def _power_samples(rng, dtype, count):
    limits = np.finfo(dtype)
    n = count // 4
    most = math.log(limits.max)
    x = np.exp(rng.uniform(-most, most, n))
    near = 1 + rng.normal(size=n) * 1e-3
    bases = [x, rng.uniform(0.5, 2, n), near, np.exp(rng.uniform(-5, 5, n))]
    exponents = [
        rng.uniform(-1, 1, n) * most / np.log(x),
        rng.uniform(-1, 1, n) * most / math.log(2),
        rng.uniform(-1, 1, n) * most / np.log(near),
        rng.integers(-10, 11, n),
    ]
    return [
        np.concatenate(bases).astype(dtype),
        np.concatenate(exponents).astype(dtype),
    ]


def _pair_samples(rng, dtype, count):
    """Pairs of like magnitude, of all ratios, and of all magnitudes."""
    limits = np.finfo(dtype)
    least, most = math.log2(limits.smallest_subnormal), math.log2(limits.max) - 1
    logs = rng.uniform(least, most, count).astype(np.longdouble)
    x = np.concatenate([rng.normal(size=2 * count), np.exp2(logs)])
    ratio = np.concatenate([rng.normal(size=count), rng.normal(size=2 * count)])
    y = np.concatenate([rng.normal(size=count), x[count:] * ratio[count:]])
    with np.errstate(over="ignore"):
        x, y = x.astype(dtype), y.astype(dtype)
    kept = np.isfinite(x) & np.isfinite(y)
    return [x[kept], y[kept]]


CASES = {}


def cases(name, element):
    """Arguments and exact results; computed once for all targets."""
    key = (name, element)
    if key not in CASES:
        few = [x[: 4 * EXACT] for x in samples(name, element, EXACT)]
        if name in ("sin", "cos", "tan"):
            most = float(np.finfo(few[0].dtype).max)
            hard = np.array([x for x in HARD_ANGLES if x < most])
            few = [np.concatenate([few[0], hard.astype(few[0].dtype)])]
        exact = [float_pair(value) for value in reference_of(name, few)]
        CASES[key] = [(few, np.array(exact, np.longdouble))]
        extended = np.finfo(np.longdouble).nmant > 60
        if element == "f32" if name in ("erf", "erfc") else extended:
            many = samples(name, element, DENSE[element])
            CASES[key].append((many, dense_reference(name, many)))
    return CASES[key]


def float_pair(value):
    """An mpmath number in extended precision."""
    if not isinstance(value, mpmath.mpf) or not mpmath.isfinite(value):
        return np.longdouble(float(value.real))
    mantissa, exponent = mpmath.frexp(value)
    high = float(mantissa)
    low = float(mantissa - high)
    exponent = max(-20000, min(20000, int(exponent)))
    with np.errstate(all="ignore"):
        return np.ldexp(np.longdouble(high) + np.longdouble(low), exponent)


NAMES = [*FUNCTIONS, *OF_TWO]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("element", FLOATS)
def test_error_is_at_most_2_ulp(kernels, machine, element, name):
    width = machine.vector_bytes // (4 if element == "f32" else 8)
    for inputs, exact in cases(name, element):
        found = kernels.map(machine, MATH[name], inputs, inputs[0].dtype, width)
        errors = ulps(found, exact)
        worst = int(np.argmax(errors))
        key = (name, element, machine.cpu)
        where = [float(x[worst]) for x in inputs]
        WORST[key] = max(WORST.get(key, (0.0, None)), (float(errors[worst]), where))
        assert errors[worst] <= BOUND, f"{name}{where} = {found[worst]!r}"


@pytest.fixture(autouse=True, scope="module")
def table(request):
    """Print the errors that were measured."""
    yield
    machines = sorted({cpu for _, _, cpu in WORST}, reverse=True)
    lines = ["", "largest error in ulp", " " * 8 + "".join(
        f"{element:>6}{cpu:>11}" for cpu in machines for element in FLOATS
    )]  # fmt: skip
    for name in NAMES:
        row = [
            WORST.get((name, element, cpu), (math.nan, None))[0]
            for cpu in machines
            for element in FLOATS
        ]
        lines.append(f"{name:8}" + "".join(f"{error:17.3f}" for error in row))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n".join(lines))


EDGES = [
    0.0, np.inf, 1.0, 0.5, 2.0, 3.0, 10.0, 1e-40, 1e-45, 1e-320, 5e-324, 1e-8, 1e-5,
    1e30, 3.4e38, 1.7e308, 87.0, 88.7, 89.5, 103.9, 104.1, 127.9, 128.0, 149.0, 150.0,
    709.7, 710.4, 745.0, 746.0, 1023.9, 1024.0, 1074.0, 1075.0, 0.255, 0.2554, 0.256,
    1.0000001, 0.9999999, 9.0, 9.1, 19.0, 20.0, 40.0, 1e22, 1e300, 65536.0, 2.0**30,
    1.5707963267948966, 3.141592653589793, 100.0, 1000.0,
]  # fmt: skip


def numpy_result(name, inputs):
    dtype = inputs[0].dtype
    with np.errstate(all="ignore"):
        if name in OF_TWO:
            wide = OF_TWO[name][0](*(x.astype(np.float64) for x in inputs))
        else:
            # In double precision, whose results are rounded once for f32.
            wide = FUNCTIONS[name][0](*(x.astype(np.float64) for x in inputs))
        return wide.astype(dtype)


@pytest.mark.parametrize(
    ("name", "element", "width"), one_in(3, product(NAMES, FLOATS, [1, 16]))
)
def test_edges_are_those_of_numpy(kernels, machine, name, element, width):
    dtype = FLOATS[element]
    with np.errstate(over="ignore"):
        edges = np.array([*EDGES, *(-x for x in EDGES), np.nan]).astype(dtype)
    inputs = [edges]
    if name in OF_TWO:
        odd = np.array([2.0**53 - 1, 2.0**24 - 1, 2.0**53 + 2, 2.5, 33.0])
        some = np.concatenate([edges[:12], odd, -odd, -edges[:12], [np.nan]])
        inputs = [x.ravel().astype(dtype) for x in np.meshgrid(some, some)]
    expected = numpy_result(name, inputs)
    found = kernels.map(machine, MATH[name], inputs, dtype, width)
    with np.errstate(all="ignore"):
        close = np.abs(found - expected) <= 2 * np.spacing(np.abs(expected))
    # A result that is 0, infinite or nan has no neighbour that would do.
    plain = np.isfinite(expected) & (expected != 0)
    same = (found == expected) & (np.signbit(found) == np.signbit(expected))
    good = np.where(plain, close, same | (np.isnan(found) & np.isnan(expected)))
    wrong = np.flatnonzero(~good)[:6]
    assert not wrong.size, [
        (*(x[i] for x in inputs), found[i], expected[i]) for i in wrong
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("element", FLOATS)
def test_results_do_not_depend_on_width_or_neighbours(kernels, machine, name, element):
    """Tails, and other splittings of the same array, give the same bits."""
    inputs = [x[:400] for x in samples(name, element, 200)]
    dtype = FLOATS[element]
    results = [
        kernels.map(machine, MATH[name], inputs, dtype, width)
        for width in (1, 2, 8, 16)
    ]
    shifted = [np.concatenate([x[5:], x[:5]]) for x in inputs]
    moved = kernels.map(machine, MATH[name], shifted, dtype, 8)
    results.append(np.concatenate([moved[-5:], moved[:-5]]))
    bits = [result.view(f"u{result.itemsize}") for result in results]
    for other in bits[1:]:
        assert np.array_equal(bits[0], other)
