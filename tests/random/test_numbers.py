"""Random numbers: published vectors, ranges, distributions, places of drawing."""

import itertools
import math

import numpy as np
import pytest

import penstock as ps
from penstock.ir.op import OPS

KEY = ps.random.key(20240229)
N = 100_000

# Random123, tests/kat_vectors: philox4x32 10; counter, key, result.
VECTORS = (
    (
        (0, 0, 0, 0), (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)  # fmt: skip


def word(low, high):
    return np.uint64(low | high << 32)


@pytest.mark.parametrize(("counter", "key", "wanted"), VECTORS)
def test_published_vectors(counter, key, wanted):
    block, stream = word(*counter[:2]), word(*counter[2:])
    for half in (0, 1):
        found = OPS["philox"].reference(block, word(*key), stream, half=half)
        assert found == word(*wanted[2 * half : 2 * half + 2])


def test_published_vector_of_zeros_by_public_names():
    assert ps.random.bits(np.zeros(2, np.uint64)) == word(*VECTORS[0][2][:2])


def test_compiled_bits_are_the_references():
    found = ps.random.bits(KEY, (3, 5, 7))
    blocks = np.arange(105, dtype=np.uint64)
    wanted = OPS["philox"].reference(blocks, KEY[0], KEY[1], half=0)
    np.testing.assert_array_equal(found.ravel(), wanted)
    small = ps.random.bits(KEY, (105,), np.uint8)
    np.testing.assert_array_equal(small, wanted >> np.uint64(56))


def test_floats_are_the_highest_bits():
    wanted = ps.random.bits(KEY, (N,))
    double = (wanted >> np.uint64(11)) * 2.0**-53
    np.testing.assert_array_equal(ps.random.uniform(KEY, (N,)), double)
    single = (wanted >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    np.testing.assert_array_equal(ps.random.uniform(KEY, (N,), np.float32), single)
    half = ((wanted >> np.uint64(53)) * 2.0**-11).astype(np.float16)
    np.testing.assert_array_equal(ps.random.uniform(KEY, (N,), np.float16), half)


def test_normal_is_the_formula():
    blocks = np.arange(N, dtype=np.uint64)
    first, second = (
        OPS["philox"].reference(blocks, KEY[0], KEY[1], half=half) for half in (0, 1)
    )
    u = ((first >> np.uint64(11)) + np.uint64(1)) * 2.0**-53
    v = (second.astype(np.int64) >> 11) * 2.0**-53
    wanted = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    np.testing.assert_allclose(ps.random.normal(KEY, (N,)), wanted, 1e-13, 1e-15)
    single = ps.random.normal(KEY, (N,), np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, 3e-5, 3e-6)


def test_integers_are_the_upper_bits_of_a_product():
    blocks = np.arange(500, dtype=np.uint64)
    halves = [
        OPS["philox"].reference(blocks, KEY[0], KEY[1], half=half).tolist()
        for half in (0, 1)
    ]
    for low, high in (
        (0, 1), (0, 10), (-5, 7), (0, 2**32 + 1), (-(2**63), 2**63), (-3, 2**63),
        (-(2**63), 2**63 - 1),
    ):  # fmt: skip
        wanted = [
            low + ((a * 2**64 + b) * (high - low) >> 128)
            for a, b in zip(*halves, strict=True)
        ]
        assert ps.random.integers(KEY, (500,), low, high).tolist() == wanted
        inside = ps.compile(
            lambda key, low=low, high=high: ps.random.integers(key, (500,), low, high)
        )
        assert inside(KEY).tolist() == wanted
    wanted = [2 + ((a * 2**64 + b) * (2**64 - 2) >> 128)
              for a, b in zip(*halves, strict=True)]  # fmt: skip
    assert ps.random.integers(KEY, 500, 2, 2**64, np.uint64).tolist() == wanted


def test_a_range_that_begins_at_an_argument():
    f = ps.compile(lambda key, low: ps.random.integers(key, (9,), low, 2**63))
    whole = ps.random.bits(KEY, (9,)) + np.uint64(2**63)
    assert f(KEY, -(2**63)).tolist() == whole.view(np.int64).tolist()
    assert (f(KEY, 2**63 - 1) == 2**63 - 1).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.uint64])
def test_integers_of_whole_dtypes(dtype):
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max) + 1
    drawn = ps.random.integers(KEY, (N,), low, high, dtype)
    assert drawn.dtype == dtype
    centre, deviation = (low + high - 1) / 2, (high - low) / math.sqrt(12)
    error = drawn.astype(np.float64).mean() - centre
    assert abs(error) < 4 * deviation / math.sqrt(N)
    if limits.bits == 8:
        assert set(drawn.tolist()) == set(range(low, high))


def test_longer_draws_begin_with_shorter_ones():
    for draw in (ps.random.uniform, ps.random.normal, ps.random.bits):
        whole = draw(KEY, (1000,))
        np.testing.assert_array_equal(draw(KEY, (37,)), whole[:37])
        np.testing.assert_array_equal(draw(KEY, (10, 100)).ravel(), whole)
        assert draw(KEY) == whole[0]
        assert draw(KEY, (0, 3)).shape == (0, 3)


def chi_square(observed, expected):
    """How many standard deviations the statistic is from its mean."""
    statistic = ((observed - expected) ** 2 / expected).sum()
    degrees = observed.size - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)


def kolmogorov_smirnov(sample, distribution):
    """The greatest distance of the distributions, times the root of the number."""
    exact = distribution(np.sort(sample))
    steps = np.arange(sample.size + 1) / sample.size
    distance = max((steps[1:] - exact).max(), (exact - steps[:-1]).max())
    return distance * math.sqrt(sample.size)


# Of its distribution, 1.95 is exceeded once in a thousand.
CRITICAL = 1.95


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distribution_of_uniform(dtype):
    x = ps.random.uniform(KEY, (N,), dtype).astype(np.float64)
    assert x.min() >= 0
    assert x.max() < 1
    assert kolmogorov_smirnov(x, lambda x: x) < CRITICAL
    assert abs(x.mean() - 0.5) < 4 / math.sqrt(12 * N)
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 4 / math.sqrt(N)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distribution_of_normal(dtype):
    x = ps.random.normal(KEY, (N,), dtype).astype(np.float64)
    below = np.vectorize(lambda t: 0.5 * math.erfc(-t / math.sqrt(2)))
    assert kolmogorov_smirnov(x, below) < CRITICAL
    assert abs(x.mean()) < 4 / math.sqrt(N)
    assert abs(x.var() - 1) < 4 * math.sqrt(2 / N)
    assert abs((x**4).mean() - 3) < 4 * math.sqrt(96 / N)


def test_distribution_of_integers():
    observed = np.bincount(ps.random.integers(KEY, (N,), 0, 100), minlength=100)
    assert abs(chi_square(observed, N / 100)) < 4


def test_distribution_of_bernoulli():
    for p in (0.0, 0.1, 0.5, 1.0):
        mean = ps.random.bernoulli(KEY, p, (N,)).mean()
        assert abs(mean - p) <= 4 * math.sqrt(p * (1 - p) / N)
    ps_ = np.array([0.0, 0.25, 1.0])
    means = ps.random.bernoulli(KEY, ps_, (N, 3)).mean(axis=0)
    np.testing.assert_allclose(means, ps_, atol=0.006)


def orders(drawn):
    return [tuple(row) for row in drawn.tolist()]


def test_permutations_are_as_likely():
    keys = ps.random.split(KEY, 24_000)
    drawn = orders(ps.vmap(lambda key: ps.random.permutation(key, 4))(keys))
    every = list(itertools.permutations(range(4)))
    assert set(drawn) == set(every)
    observed = np.array([drawn.count(order) for order in every])
    assert abs(chi_square(observed, 1000)) < 4


def test_permutation_of_arrays_moves_whole_rows():
    x = np.arange(12).reshape(4, 3)
    order = ps.random.permutation(KEY, 4)
    np.testing.assert_array_equal(ps.random.permutation(KEY, x), x[order])
    order = ps.random.permutation(KEY, 3)
    np.testing.assert_array_equal(ps.random.permutation(KEY, x, axis=1), x[:, order])


P = np.array([0.1, 0.0, 0.6, 0.3])


def test_choice_with_replacement():
    drawn = ps.random.choice(KEY, 4, (N,), p=P)
    observed = np.bincount(drawn, minlength=4)
    assert observed[1] == 0
    assert abs(chi_square(observed[P > 0], N * P[P > 0])) < 4
    even = np.bincount(ps.random.choice(KEY, 7, (N,)), minlength=7)
    assert abs(chi_square(even, N / 7)) < 4
    rows = np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(ps.random.choice(KEY, rows, (N,), p=P), rows[drawn])


def test_choice_without_replacement():
    keys = ps.random.split(KEY, 20_000)
    even = orders(ps.vmap(lambda k: ps.random.choice(k, 4, (2,), replace=False))(keys))
    pairs = list(itertools.permutations(range(4), 2))
    observed = np.array([even.count(pair) for pair in pairs])
    assert observed.sum() == len(keys)
    assert abs(chi_square(observed, len(keys) / 12)) < 4

    def weighted(key):
        return ps.random.choice(key, 4, (2,), replace=False, p=P)

    drawn = orders(ps.vmap(weighted)(keys))
    pairs = list(itertools.permutations((0, 2, 3), 2))
    observed = np.array([drawn.count(pair) for pair in pairs])
    assert observed.sum() == len(keys)
    exact = np.array([P[a] * P[b] / (1 - P[a]) for a, b in pairs])
    assert abs(chi_square(observed, len(keys) * exact)) < 4


def test_categorical():
    with np.errstate(divide="ignore"):
        logits = np.log(P) + 3
    for kind in (np.float32, np.float64):
        drawn = ps.random.categorical(KEY, logits.astype(kind), shape=(N,))
        observed = np.bincount(drawn, minlength=4)
        assert observed[1] == 0
        assert abs(chi_square(observed[P > 0], N * P[P > 0])) < 4
    columns = np.stack([logits, logits[::-1]], axis=1)
    drawn = ps.random.categorical(KEY, columns, axis=0, shape=(N, 2))
    np.testing.assert_allclose(drawn.mean(axis=0), [2.1, 0.9], atol=0.02)
    assert ps.random.categorical(KEY, columns, axis=0).shape == (2,)


def test_bounds_are_never_reached():
    for dtype in (np.float16, np.float32, np.float64):
        low = dtype(1)
        for steps in (1, 2, 3):
            high = low
            for _ in range(steps):
                high = np.nextafter(high, dtype(2))
            drawn = ps.random.uniform(KEY, (30_000,), dtype, low, high)
            counts = [(drawn == x).sum() for x in sorted(set(drawn.tolist()))]
            assert drawn.min() == low
            assert drawn.max() < high
            assert len(counts) == steps
            assert abs(np.array(counts) - 30_000 / steps).max() < 600
        whole = ps.random.uniform(KEY, (N,), dtype, 1.0, 2.0)
        assert whole.min() >= 1
        assert whole.max() < 2


def test_arrays_of_bounds_without_a_range_give_nan():
    low, high = np.array([0.0, 1.0, 2.0, -1e308]), np.array([1.0, 1.0, 1.0, 1e308])
    drawn = ps.random.uniform(KEY, (4,), low=low, high=high)
    assert np.isnan(drawn).tolist() == [False, True, True, True]


def test_keys_differ():
    keys = ps.random.split(KEY, 10_000)
    folded = ps.vmap(lambda i: ps.random.fold_in(KEY, i))(np.arange(10_000))
    every = {tuple(key) for key in np.concatenate([keys, folded, [KEY]]).tolist()}
    assert len(every) == 20_001
    np.testing.assert_array_equal(ps.random.split(KEY, 3), keys[:3])
    np.testing.assert_array_equal(ps.random.fold_in(KEY, 5), folded[5])


def test_seeds():
    assert ps.random.key(-1).tolist() == [2**64 - 1, 0]
    assert ps.random.key(np.int32(-1)).tolist() == [2**64 - 1, 0]
    assert ps.random.key(2**64 - 1).tolist() == [2**64 - 1, 0]
    inside = ps.compile(ps.random.key)
    for seed in (3, -1, np.int32(-1)):
        np.testing.assert_array_equal(inside(seed), ps.random.key(seed))
    seeds = np.arange(3)
    wanted = [ps.random.key(i) for i in range(3)]
    np.testing.assert_array_equal(ps.vmap(ps.random.key)(seeds), wanted)


DRAWS = {
    "bits": lambda key: ps.random.bits(key, (3, 2)),
    "uniform": lambda key: ps.random.uniform(key, (3, 2), low=-1.0, high=2.0),
    "normal": lambda key: ps.random.normal(key, (5,), np.float32, 1.0, 2.0),
    "integers": lambda key: ps.random.integers(key, (4,), -3, 9),
    "bernoulli": lambda key: ps.random.bernoulli(key, 0.3, (7,)),
    "permutation": lambda key: ps.random.permutation(key, 9),
    "choice": lambda key: ps.random.choice(key, 9, (3, 2)),
    "choice by weights": lambda key: ps.random.choice(key, 4, (9,), p=P),
    "choice once": lambda key: ps.random.choice(key, 9, (4,), replace=False),
    "categorical": lambda key: ps.random.categorical(key, np.array([1.0, 2, 3])),
    "split": lambda key: ps.random.split(key, 3),
    "fold_in": lambda key: ps.random.fold_in(key, 7),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@every_draw
def test_draws_are_alike_everywhere(draw):
    keys = ps.random.split(KEY, 4)
    wanted = np.stack([draw(key) for key in keys])
    np.testing.assert_array_equal([ps.compile(draw)(key) for key in keys], wanted)
    np.testing.assert_array_equal(ps.vmap(draw)(keys), wanted)
    np.testing.assert_array_equal(
        ps.vmap(draw, in_axes=1)(np.ascontiguousarray(keys.T)), wanted
    )
    scanned = ps.scan(lambda carry, key: (carry, draw(key)), 0, keys)[1]
    np.testing.assert_array_equal(scanned, wanted)
    chosen = ps.cond(np.bool_(True), draw, lambda key: draw(key[::-1]), keys[2])
    np.testing.assert_array_equal(chosen, wanted[2])
    nested = ps.vmap(ps.vmap(draw))(keys.reshape(2, 2, 2))
    np.testing.assert_array_equal(nested.reshape(wanted.shape), wanted)


def test_keys_carried_by_loops():
    def step(state):
        key, total = state
        key, own = ps.random.split(key)
        return key, total + ps.random.uniform(own)

    wanted = (KEY, 0.0)
    for _ in range(5):
        wanted = step(wanted)
    looped = ps.fori_loop(0, 5, lambda i, state: step(state), (KEY, 0.0))
    np.testing.assert_array_equal(looped[0], wanted[0])
    assert looped[1] == wanted[1]

    def goes_on(state):
        return state[2] < 5

    def turn(state):
        return (*step(state[:2]), state[2] + 1)

    assert ps.while_loop(goes_on, turn, (KEY, 0.0, 0))[1] == wanted[1]


def test_threads_do_not_matter():
    for draw in (ps.random.uniform, ps.random.normal):
        with ps.config(threads=1):
            one = draw(KEY, (1000, 1001))
        with ps.config(threads=4):
            np.testing.assert_array_equal(draw(KEY, (1000, 1001)), one)


def test_sizes_are_symbols():
    f = ps.compile(lambda key, x: ps.random.normal(key, x.shape) + x)
    for shape in ((3, 4), (7, 2), (100, 1001)):
        np.testing.assert_array_equal(
            f(KEY, np.zeros(shape)), ps.random.normal(KEY, shape)
        )
    assert "1 variant, 3 calls" in str(f.explain())


def test_one_kernel():
    def noisy(key, s, x):
        return ps.random.normal(key, x.shape) * s + x

    text = ps.compile(noisy).lower(KEY, 2.0, np.zeros(5)).text("loops")
    assert text.count("kernel @") == 1
    assert "store" in text


def test_a_saved_program(tmp_path):
    f = ps.compile(lambda key, x: ps.random.uniform(key, x.shape) + x)
    path = tmp_path / "draw.pns"
    f.save(path, KEY, np.zeros(3))
    loaded = ps.load(path)
    np.testing.assert_array_equal(
        loaded(KEY, np.zeros(9)), ps.random.uniform(KEY, (9,))
    )


def test_derivatives_by_parameters():
    u, z = ps.random.uniform(KEY, (4,)), ps.random.normal(KEY, (4,))

    def span(low, high):
        return ps.random.uniform(KEY, (4,), low=low, high=high).sum()

    gradient = ps.grad(span, argnums=(0, 1))(-1.0, 2.0)
    np.testing.assert_allclose(gradient, [(1 - u).sum(), u.sum()])
    loc, scale = np.arange(4.0), np.array([1.0, 2.0, 3.0, 4.0])

    def bell(loc, scale):
        return (ps.random.normal(KEY, (4,), loc=loc, scale=scale) ** 2).sum()

    by_loc, by_scale = ps.grad(bell, argnums=(0, 1))(loc, scale)
    x = loc + scale * z
    np.testing.assert_allclose(by_loc, 2 * x)
    np.testing.assert_allclose(by_scale, 2 * x * z)
    ps.check_grads(bell, (loc, scale), order=1)
