"""Layers against their formulas, compiled against NumPy, and their derivatives."""

import itertools

import numpy as np
import pytest
import scipy.signal
import scipy.special

import penstock as ps
from penstock import nn

RNG = np.random.default_rng(11)
X = RNG.normal(size=(4, 6))
KEY = ps.random.key(3)


def double(parameters):
    return ps.tree_map(lambda p: np.asarray(p, np.float64), parameters)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.maximum(x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "sigmoid": scipy.special.expit,
    "silu": lambda x: x * scipy.special.expit(x),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softmax": lambda x: scipy.special.softmax(x, axis=-1),
    "log_softmax": lambda x: scipy.special.log_softmax(x, axis=-1),
    "logsumexp": lambda x: scipy.special.logsumexp(x, axis=-1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    function = getattr(nn, name)
    # The form of gelu by tanh is an approximation.
    tolerance = 1e-3 if name == "gelu" else 1e-13
    np.testing.assert_allclose(function(X), ACTIVATIONS[name](X), atol=tolerance)
    ps.compare(function, X)
    ps.compare(function, X.astype(np.float32))
    assert ps.compile(function)(X.astype(np.float32)).dtype == np.float32
    ps.check_grads(function, (X,), order=1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_of_huge_numbers(name):
    function = ps.compile(getattr(nn, name))
    for row in ([-1e5, 0.0, 1e5], [1e5, 1e5, -1e5]):
        x = np.array(row)
        assert np.isfinite(function(x)).all()
        slope = ps.grad(lambda x: function(x).sum())(x)
        assert np.isfinite(slope).all()


def test_logsumexp_of_infinities():
    inf = np.inf
    x = np.array([[-inf, -inf], [0.0, -inf], [inf, 0.0], [np.nan, 0.0]])
    np.testing.assert_array_equal(ps.compile(nn.logsumexp)(x), [-inf, 0.0, inf, np.nan])


def test_one_hot():
    labels = np.array([[0, 2], [-1, 3]])
    for function in (nn.one_hot, ps.compile(nn.one_hot)):
        found = function(labels, 3)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found[0], np.eye(3)[[0, 2]])
        np.testing.assert_array_equal(found[1], 0)


@pytest.mark.parametrize(
    ("name", "uniform", "of"),
    [
        ("glorot_normal", False, lambda i, o: 2 / (i + o)),
        ("glorot_uniform", True, lambda i, o: 2 / (i + o)),
        ("he_normal", False, lambda i, o: 2 / i),
        ("he_uniform", True, lambda i, o: 2 / i),
        ("lecun_normal", False, lambda i, o: 1 / i),
        ("lecun_uniform", True, lambda i, o: 1 / i),
    ],
)
def test_initializer(name, uniform, of):
    init = getattr(nn, name)
    for shape, inputs, outputs in (
        ((200, 300), 200, 300),
        ((80, 20, 3, 5), 300, 1200),
    ):
        found = init(KEY, shape)
        assert found.shape == shape
        assert found.dtype == np.float32
        variance = of(inputs, outputs)
        assert abs(found.mean()) < 5 * np.sqrt(variance / found.size)
        assert abs(found.var() / variance - 1) < 0.03
        largest = np.abs(found).max() / np.sqrt(variance)
        assert (1.7 < largest <= np.sqrt(3) * (1 + 1e-6)) if uniform else largest > 3.5
        np.testing.assert_array_equal(found, init(KEY, shape))
        assert (found != init(ps.random.key(4), shape)).mean() > 0.99
    assert init(KEY, (0, 3), np.float64).shape == (0, 3)
    with pytest.raises(ValueError, match="at least two axes"):
        init(KEY, (3,))


def test_dense():
    parameters = double(nn.init_dense(KEY, 6, 3))
    expected = X @ parameters["weight"] + parameters["bias"]
    np.testing.assert_allclose(nn.dense(parameters, X), expected)
    ps.compare(nn.dense, parameters, X)
    ps.check_grads(nn.dense, (parameters, X), order=1)


def test_layer_norm():
    parameters = {"scale": RNG.normal(size=6), "shift": RNG.normal(size=6)}
    found = ps.compile(nn.layer_norm)(parameters, X)
    normal = (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(
        found, normal * parameters["scale"] + parameters["shift"]
    )
    ps.check_grads(nn.layer_norm, (parameters, X), order=1)


def test_batch_norm_trains_and_serves():
    x = RNG.normal(3, 2, size=(8, 5, 4, 3))
    parameters, state = nn.init_batch_norm(5, np.float64)
    train = ps.compile(lambda p, s, x: nn.batch_norm(p, s, x, True))
    found, after = train(parameters, state, x)
    np.testing.assert_allclose(found.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(found.std((0, 2, 3)), 1, rtol=1e-4)
    np.testing.assert_allclose(after["mean"], 0.1 * x.mean((0, 2, 3)))
    np.testing.assert_allclose(after["variance"], 0.9 + 0.1 * x.var((0, 2, 3)))
    for _ in range(200):
        _, after = train(parameters, after, x)
    served, same = nn.batch_norm(parameters, after, x, False)
    assert same is after
    np.testing.assert_allclose(served, found, atol=1e-6)
    ps.check_grads(
        lambda p, x: nn.batch_norm(p, state, x, True)[0], (parameters, x), order=1
    )
    last, _ = nn.batch_norm(parameters, state, np.moveaxis(x, 1, -1), True, axis=-1)
    np.testing.assert_allclose(np.moveaxis(last, -1, 1), found, atol=1e-12)


def test_dropout():
    x = np.ones((300, 400))
    drop = ps.compile(lambda key, x: nn.dropout(key, x, 0.2))
    found = drop(KEY, x)
    np.testing.assert_allclose(np.unique(found), [0, 1.25])
    assert abs((found == 0).mean() - 0.2) < 0.01
    np.testing.assert_array_equal(found, nn.dropout(KEY, x, 0.2))
    assert nn.dropout(None, x, 0.2) is x
    assert nn.dropout(KEY, x, 0) is x
    # What is dropped has no derivative.
    slope = ps.grad(lambda x: drop(KEY, x).sum())(x)
    np.testing.assert_array_equal(slope, found)
    for rate in (1.0, -0.1, 2.0):
        with pytest.raises(ValueError, match="below 1"):
            nn.dropout(KEY, x, rate)
    assert drop(KEY, x.astype(np.float32)).dtype == np.float32


def test_embedding():
    parameters = nn.init_embedding(KEY, 10, 4)
    indices = np.array([[1, 1], [9, 0]])
    found = ps.compile(nn.embedding)(parameters, indices)
    np.testing.assert_array_equal(found, parameters["table"][indices])
    with pytest.raises(IndexError):
        ps.compile(nn.embedding)(parameters, np.array([10]))
    slope = ps.grad(lambda p: nn.embedding(p, indices).sum())(parameters)
    assert slope["table"][:, 0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]


def attention_by_loops(q, k, v, mask):
    out = np.zeros((len(q), v.shape[1]))
    for i in range(len(q)):
        scores = np.array([q[i] @ k[j] / np.sqrt(q.shape[1]) for j in range(len(k))])
        weights = np.exp(scores) * mask[i]
        out[i] = weights @ v / weights.sum()
    return out


def test_attention():
    q, k, v = RNG.normal(size=(3, 5)), RNG.normal(size=(4, 5)), RNG.normal(size=(4, 2))
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]], bool)
    causal = np.tri(3, 4, 1, dtype=bool)
    ways = [(None, False), (mask, False), (None, True), (mask, True)]
    expected = [
        attention_by_loops(q, k, v, seen)
        for seen in (np.ones((3, 4)), mask, causal, mask & causal)
    ]

    def function(q, k, v):
        return [nn.attention(q, k, v, given, is_causal) for given, is_causal in ways]

    np.testing.assert_allclose(function(q, k, v), expected, rtol=1e-12)
    np.testing.assert_allclose(ps.compile(function)(q, k, v), expected, rtol=1e-12)
    ps.check_grads(function, (q, k, v), order=1)
    # A query that may see nothing: the mean, and no nan.
    nothing = nn.attention(q, k, v, np.zeros((3, 4), bool))
    np.testing.assert_allclose(nothing, np.tile(v.mean(0), (3, 1)))


def test_multi_head_attention_is_attention_of_each_head():
    x, memory = RNG.normal(size=(2, 5, 6)), RNG.normal(size=(2, 4, 6))
    parameters = double(nn.init_multi_head_attention(KEY, 6))
    parameters["query_bias"] = RNG.normal(size=6)
    parameters["output_bias"] = RNG.normal(size=6)
    found = ps.compile(lambda p, x, m: nn.multi_head_attention(p, x, 3, m))(
        parameters, x, memory
    )

    def project(name, source):
        return source @ parameters[name] + parameters[f"{name}_bias"]

    q, k, v = project("query", x), project("key", memory), project("value", memory)
    everything = np.ones((5, 4))
    for n in range(2):
        heads = [
            attention_by_loops(q[n][:, own], k[n][:, own], v[n][:, own], everything)
            for own in (slice(0, 2), slice(2, 4), slice(4, 6))
        ]
        expected = project("output", np.concatenate(heads, axis=1))
        np.testing.assert_allclose(found[n], expected, rtol=1e-10)
    # What comes later does not change what came before.
    causal = ps.compile(lambda p, x: nn.multi_head_attention(p, x, 3, causal=True))
    changed = x.copy()
    changed[:, 3:] += 1
    before, after = causal(parameters, x), causal(parameters, changed)
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).all()
    with pytest.raises(ValueError, match="4 heads cannot share out 6"):
        nn.multi_head_attention(parameters, x, 4)


def convolution_by_loops(x, w, stride, low, high, dilation, groups):
    """Of two spatial axes."""
    x = np.pad(x, ((0, 0), (0, 0), *zip(low, high, strict=True)))
    n, _, height, width = x.shape
    outputs, own, kh, kw = w.shape
    size = [
        (s - d * (k - 1) - 1) // t + 1
        for s, k, t, d in zip((height, width), (kh, kw), stride, dilation, strict=True)
    ]
    y = np.zeros((n, outputs, *size))
    for i, o, p, q in np.ndindex(*y.shape):
        first = o // (outputs // groups) * own
        for j, a, b in itertools.product(range(own), range(kh), range(kw)):
            row, column = (
                p * stride[0] + a * dilation[0],
                q * stride[1] + b * dilation[1],
            )
            y[i, o, p, q] += x[i, first + j, row, column] * w[o, j, a, b]
    return y


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [
        (1, "same", 1, 1),
        (2, "same", 1, 1),
        (1, "valid", 1, 2),
        ((2, 1), ((0, 2), (1, 0)), (1, 2), 2),
        (3, "same", 2, 4),
    ],
)
def test_convolution(stride, padding, dilation, groups):
    x, w = RNG.normal(size=(2, 4, 7, 6)), RNG.normal(size=(8, 4 // groups, 3, 2))
    strides = (stride,) * 2 if isinstance(stride, int) else stride
    steps = (dilation,) * 2 if isinstance(dilation, int) else dilation
    pairs = padding
    if padding == "valid":
        pairs = ((0, 0), (0, 0))
    elif padding == "same":
        totals = [steps[0] * 2, steps[1]]
        pairs = [(t // 2, t - t // 2) for t in totals]
    low, high = zip(*pairs, strict=True)
    expected = convolution_by_loops(x, w, strides, low, high, steps, groups)

    def function(x, w):
        return nn.convolution(x, w, stride, padding, dilation, groups)

    np.testing.assert_allclose(function(x, w), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ps.compile(function)(x, w), expected, atol=1e-12)
    ps.check_grads(function, (x, w), order=1)
    if padding == "same":
        assert expected.shape[2:] == (-(-7 // strides[0]), -(-6 // strides[1]))


def test_convolution_of_one_and_three_axes():
    x, w = RNG.normal(size=(1, 1, 20)), RNG.normal(size=(1, 1, 4))
    np.testing.assert_allclose(
        nn.convolution(x, w, padding="valid")[0, 0],
        np.correlate(x[0, 0], w[0, 0], "valid"),
    )
    x, w = RNG.normal(size=(1, 1, 5, 4, 6)), RNG.normal(size=(1, 1, 3, 3, 3))
    np.testing.assert_allclose(
        nn.convolution(x, w)[0, 0], scipy.signal.correlate(x[0, 0], w[0, 0], "same")
    )


def test_conv_under_vmap_and_with_other_sizes():
    parameters = double(nn.init_conv(KEY, 2, 3, (3, 3)))
    parameters["bias"] = RNG.normal(size=3)
    x = RNG.normal(size=(5, 4, 2, 6, 7))
    batched = ps.vmap(nn.conv, in_axes=(None, 0))(parameters, x)
    for i in range(5):
        np.testing.assert_allclose(
            batched[i], nn.conv(parameters, x[i]), rtol=1e-12, atol=1e-12
        )
    compiled = ps.compile(nn.conv)
    for shape in ((1, 2, 3, 3), (2, 2, 9, 4), (0, 2, 5, 5), (3, 2, 1, 1)):
        x = RNG.normal(size=shape)
        np.testing.assert_allclose(
            compiled(parameters, x), nn.conv(parameters, x), rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize(
    ("x", "w", "options", "words"),
    [
        ((1, 3, 5, 5), (4, 2, 3, 3), {}, "channels of x"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "2 groups cannot share out"),
        ((1, 2, 2, 2), (3, 2, 3, 3), {"padding": "valid"}, "is larger than the image"),
        ((1, 2, 5), (3, 2, 3, 3), {}, "do not fit"),
        ((1, 2), (3, 2), {}, "do not fit"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"stride": 0}, "must be at least 1"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"stride": (1, 1, 1)}, "there are 2 axes"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"padding": "full"}, "must be 'same'"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"padding": [(1, 1)]}, "there are 2 axes"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"padding": [(1, -1)] * 2}, "not be negative"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {"dilation": 1.5}, "not an integer"),
    ],
)
def test_convolution_refuses(x, w, options, words):
    def function(x, w):
        return nn.convolution(x, w, **options)

    for f in (function, ps.compile(function)):
        with pytest.raises((ValueError, TypeError), match=words) as caught:
            f(np.zeros(x), np.zeros(w))
        assert isinstance(caught.value, ps.errors.PenstockError)
        assert caught.value.loc.file == __file__


def test_convolution_of_integers_is_refused():
    with pytest.raises(TypeError, match="are not floating"):
        nn.convolution(np.zeros((1, 1, 4), int), np.zeros((1, 1, 2), int))


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (2, 2)])
@pytest.mark.parametrize("stride", [None, (1, 1), (2, 1)])
def test_pooling(size, stride):
    x = RNG.normal(size=(2, 3, *size))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))
    own = stride or (2, 2)
    windows = windows[:, :, :: own[0], :: own[1]]
    for pool, of in ((nn.max_pool, np.max), (nn.mean_pool, np.mean)):

        def function(x, pool=pool):
            return pool(x, (2, 2), stride)

        expected = of(windows, axis=(4, 5))
        np.testing.assert_allclose(function(x), expected)
        np.testing.assert_allclose(ps.compile(function)(x), expected)
        ps.check_grads(function, (x,), order=1)


def test_pooling_refuses():
    x = np.zeros((2, 3))
    for width, stride in (
        ((3, 3), None),
        ((0, 1), None),
        ((1, 1, 1), None),
        ((1,), (0,)),
    ):
        with pytest.raises(ValueError, match="windows"):
            nn.max_pool(x, width, stride)
    for width, stride in ((2, None), ((1, 2), 2)):
        for pool in (nn.max_pool, nn.mean_pool):
            with pytest.raises(TypeError, match="a number for each axis") as caught:
                pool(x, width, stride)
            assert caught.value.loc.file == __file__


def test_losses():
    target = RNG.normal(size=X.shape)
    labels = np.array([0, 5, 2, 2])
    log_p = scipy.special.log_softmax(X, axis=1)
    p = scipy.special.softmax(target, axis=1)
    ones = (target > 0).astype(np.float64)
    away = np.abs(X - target)
    s = scipy.special.expit(X)
    cases = [
        (nn.mean_squared_error, target, np.mean((X - target) ** 2)),
        (nn.mean_absolute_error, target, np.mean(away)),
        (
            nn.huber,
            target,
            np.mean(np.where(away < 1, 0.5 * away**2, away - 0.5)),
        ),
        (nn.cross_entropy, labels, -np.mean(log_p[np.arange(4), labels])),
        (nn.cross_entropy, p, -np.mean((p * log_p).sum(1))),
        (
            nn.binary_cross_entropy,
            ones,
            -np.mean(ones * np.log(s) + (1 - ones) * np.log(1 - s)),
        ),
    ]
    for loss, truth, expected in cases:
        np.testing.assert_allclose(loss(X, truth), expected, rtol=1e-13)
        np.testing.assert_allclose(ps.compile(loss)(X, truth), expected, rtol=1e-13)
        ps.check_grads(lambda x: loss(x, truth), (X,), order=1)  # noqa: B023
    with pytest.raises(IndexError):
        ps.compile(nn.cross_entropy)(X, np.array([0, 6, 2, 2]))


def test_lstm_cell():
    parameters = double(nn.init_lstm_cell(KEY, 3, 2))
    np.testing.assert_array_equal(parameters["bias"], [0, 0, 1, 1, 0, 0, 0, 0])
    h, c, x = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
    z = x @ parameters["inputs"] + h @ parameters["state"] + parameters["bias"]
    i, f, g, o = (z[:, n : n + 2] for n in (0, 2, 4, 6))
    sigmoid = scipy.special.expit
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    output = sigmoid(o) * np.tanh(memory)
    (found, kept), same = ps.compile(nn.lstm_cell)(parameters, (h, c), x)
    np.testing.assert_allclose(found, output, rtol=1e-12)
    np.testing.assert_allclose(kept, memory, rtol=1e-12)
    np.testing.assert_array_equal(found, same)
    ps.check_grads(nn.lstm_cell, (parameters, (h, c), x), order=1)


def test_gru_cell():
    parameters = double(nn.init_gru_cell(KEY, 3, 2))
    parameters["bias"] = RNG.normal(size=6)
    h, x = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
    w, u, b = parameters["inputs"], parameters["state"], parameters["bias"]
    sigmoid = scipy.special.expit
    r = sigmoid(x @ w[:, :2] + h @ u[:, :2] + b[:2])
    z = sigmoid(x @ w[:, 2:4] + h @ u[:, 2:4] + b[2:4])
    n = np.tanh(x @ w[:, 4:] + (r * h) @ u[:, 4:] + b[4:])
    state, output = ps.compile(nn.gru_cell)(parameters, h, x)
    np.testing.assert_allclose(output, z * h + (1 - z) * n, rtol=1e-12)
    np.testing.assert_array_equal(state, output)
    ps.check_grads(nn.gru_cell, (parameters, h, x), order=1)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_cells_along_a_scan_equal_a_loop(name):
    cell, init = getattr(nn, f"{name}_cell"), getattr(nn, f"init_{name}_cell")
    parameters, xs = double(init(KEY, 3, 4)), RNG.normal(size=(7, 3))
    zeros = np.zeros(4)
    start = (zeros, zeros) if name == "lstm" else zeros
    state, rows = start, []
    for x in xs:
        state, output = cell(parameters, state, x)
        rows.append(output)

    def run(parameters, xs):
        return ps.scan(lambda s, x: cell(parameters, s, x), start, xs)[1]

    np.testing.assert_allclose(ps.compile(run)(parameters, xs), rows, rtol=1e-12)
    ps.check_grads(run, (parameters, xs), order=1)


def test_costs_nothing_against_writing_it_out():
    """The graph of a layer is the graph of its formula."""

    def layer(w, b, x):
        return nn.relu(nn.dense({"weight": w, "bias": b}, x))

    def written_out(w, b, x):
        x = x @ w + b
        return np.where(x <= 0, 0, x)

    arguments = (np.ones((3, 2)), np.ones(2), np.ones((4, 3)))
    texts = [
        ps.compile(f).lower(*arguments).text("graph").replace(f.__name__, "f")
        for f in (layer, written_out)
    ]
    first, second = (
        [line.split("#")[0].strip() for line in t.splitlines()] for t in texts
    )
    assert first == second
