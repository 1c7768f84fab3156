"""What compiled functions say of themselves: ``f.explain``, and dumps of all stages."""

import functools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock.command.source import Source, load_function
from penstock.explain import Explanation
from penstock.ir.graph.text_parse import parse_function

MODEL = """
import numpy as np

SCALE = 2
WEIGHTS = np.ones(3, np.float32)


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def layer(params, x, rate=0.1, mode="plain"):
    y = x * params["w"] + params["b"]
    if rate > 0.5:
        y = y * rate
    if mode == "square":
        y = y * y
    return y, np.sum(y)


def scaled(x):
    return x * SCALE


def weighted(x):
    return x * WEIGHTS


def longest(x, k):
    return x + 1 if x.shape[0] > k else x - 1
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def load(tmp_path):
    """Compile functions of one module anew."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    modules = {}

    def load_one(name):
        if not modules:
            function = load_function(Source(str(path), name))
            modules.update(function.__globals__)
        return ps.compile(modules[name])

    return load_one


def masked(explanation):
    """The text with times and the processor left out."""
    text = re.sub(
        r"(?<=\n  time {6})trace .*?(?=\n  sizes)",
        "#",
        str(explanation),
        flags=re.DOTALL,
    )
    text = re.sub(r"\d+\.\d+ (ms|s)\b", "# ms", text)
    return re.sub(r"for (x86-64\S*|generic)", "for CPU", text) + "\n"


def test_text_of_a_function_with_variants(load, golden):
    f = load("softmax")
    f(np.ones((5, 4), np.float32))
    f(np.ones((6, 2), np.float32))
    f(np.ones((5, 4)))
    f(np.ones((2, 10, 3), np.float32)[:, ::2])
    golden(masked(f.explain()))


def test_text_of_nested_arguments_keys_and_guards(load, golden):
    f = load("layer")
    params = {"w": np.ones(4, np.float32), "b": np.float32(1)}
    x = np.ones((3, 4), np.float32)
    f(params, x)
    f(params, x, rate=0.75)
    f(params, x, mode="square")
    f(params, x, 1.5, "square")
    golden(masked(f.explain()))


def test_text_of_one_call(load, golden):
    f = load("layer")
    params = {"w": np.ones(4, np.float32), "b": np.float32(1)}
    f(params, np.ones((3, 4), np.float32))
    f(params, np.ones((3, 4), np.float32), mode="square")
    golden(masked(f.explain(params, np.ones((100_000, 4), np.float32))))


def test_text_of_a_function_that_was_never_called(load):
    found = load("softmax").explain()
    assert masked(found) == (
        "softmax: 0 variants, 0 calls, 0 compiled, 0 from the cache, in # ms\n"
    )
    assert found.variants == ()
    assert found.reason is None


def test_attributes(load):
    f = load("softmax")
    f(np.ones((5, 4), np.float32))
    found = f.explain(np.ones((50, 40), np.float32))
    assert isinstance(found, Explanation)
    assert found.statistics == f.stats()
    (variant,) = found.variants
    assert variant.takes == ("x: f32[n,m]",)
    assert variant.captures == ("global np: module numpy",)
    assert variant.sizes == {"n": 50, "m": 40}
    assert (variant.number, variant.calls, variant.from_cache) == (1, 1, False)
    assert variant.target == ps.config.target
    (kernel,) = variant.kernels
    # Two passes read the row, of x and of the exponentials, and one writes it.
    assert kernel.bytes_moved == 3 * 50 * 40 * 4
    # A maximum, a difference, an exponential, a sum and a quotient.
    assert kernel.flops == (1 + 1 + 15 + 1 + 4) * 50 * 40
    assert kernel.intensity == kernel.flops / kernel.bytes_moved
    assert kernel.lines == ("model.py:9", "model.py:10")
    stages = ["trace", "cache", "passes", "fuse", "lower", "emit", "llvm", "link"]
    assert list(variant.seconds) == [*stages, "load"]
    assert sum(variant.seconds.values()) <= found.statistics.compile_seconds


def test_operations_of_products_are_those_that_the_program_asks_for():
    f = ps.compile(lambda a, b: a @ b)
    for a, b, flops in (
        (np.ones((3, 4)), np.ones(4), 24),
        (np.ones((100, 100)), np.ones((100, 100)), 2_000_000),
    ):
        kernels = f.explain(a, b).variants[-1].kernels
        assert [kernel.flops for kernel in kernels if kernel.flops] == [flops]


def test_asking_compiles_but_does_not_call(load):
    f = load("softmax")
    found = f.explain(np.ones((5, 4), np.float32))
    assert found.reason == "first call"
    assert (f.stats().compiles, f.stats().calls) == (1, 0)
    f.explain(np.ones((9, 9), np.float32))
    assert f.stats().compiles == 1


def test_what_the_cache_made_unnecessary_is_made_when_asked_for(load):
    x = np.ones((5, 4), np.float32)
    load("softmax")(x)
    again = load("softmax")
    again(x)
    (making,) = again._state.makings.values()
    assert list(making.seconds) == ["trace", "cache", "load"]
    assert "plan" not in vars(making.compilation)
    (variant,) = again.explain().variants
    assert variant.from_cache
    assert list(variant.seconds) == ["trace", "cache", "load"]
    assert variant.kernels[0].lines == ("model.py:9", "model.py:10")
    assert "from the cache, for " in str(variant)


def first_then(load, name, first, second):
    """The reason why a second call needed a variant of its own."""
    f = load(name)
    f(*first)
    f(*second)
    found = f.explain()
    assert [variant.number for variant in found.variants] == [1, 2]
    assert found.variants[0].reason == "first call"
    return found.reason.removesuffix(" (compared with variant 1)")


f32, f64 = np.float32, np.float64
VECTOR, SCALAR = np.ones(4, f32), np.float32(1)
PARAMS = {"w": VECTOR, "b": SCALAR}


@pytest.mark.parametrize(
    ("name", "first", "second", "reason"),
    [
        ("softmax", (np.ones(4, f32),), (np.ones(4),), "argument x: f64, was f32"),
        ("softmax", (np.ones(4),), (np.ones((4, 4)),), "argument x: rank 2, was 1"),
        (
            "softmax",
            (np.ones(4),),
            (np.ones(8)[::2],),
            "argument x: strided, was contiguous",
        ),
        (
            "softmax",
            (np.ones(4),),
            (np.ones((8, 2), f32)[::2],),
            "argument x: f32, was f64; rank 2, was 1; strided, was contiguous",
        ),
        ("weighted", (np.ones(1),), (np.ones(3),), "n == 1 does not hold: n is 3"),
        (
            "layer",
            (PARAMS, VECTOR),
            ({**PARAMS, "b": np.float64(1)}, VECTOR),
            "argument params['b']: f64, was f32",
        ),
        (
            "layer",
            (PARAMS, VECTOR),
            ({"b": SCALAR, "w": VECTOR}, VECTOR),
            (
                "argument params: {'b': f32[], 'w': f32[4]}, "
                "was {'w': f32[n], 'b': f32[]}"
            ),
        ),
        (
            "layer",
            (PARAMS, VECTOR),
            (PARAMS, VECTOR, 0.1, "square"),
            "argument mode: 'square', was 'plain'",
        ),
        (
            "layer",
            (PARAMS, VECTOR),
            (PARAMS, VECTOR, 1),
            "argument rate: int (1), was float",
        ),
        (
            "layer",
            (PARAMS, VECTOR),
            (PARAMS, VECTOR, 0.75),
            "rate > 0.5 holds: rate is 0.75",
        ),
        (
            "longest",
            (np.ones(5), 3),
            (np.ones(5), 6),
            "n > k does not hold: 5 and 6",
        ),
    ],
)
def test_why_a_call_needed_a_variant(load, name, first, second, reason):
    assert first_then(load, name, first, second) == reason


def test_why_after_state_has_changed(load):
    f = load("scaled")
    namespace = f.__wrapped__.__globals__
    f(VECTOR)
    namespace["SCALE"] = 3
    assert f(VECTOR)[0] == 3
    reason = f.explain().reason
    assert reason == "global SCALE changed from 2 to 3 (compared with variant 1)"
    namespace["SCALE"] = 2
    f(VECTOR)
    assert f.stats().variants == 2

    g = load("weighted")
    g(np.ones(3, f32))
    namespace["WEIGHTS"] = np.ones((2, 3))
    g(np.ones(3, f32))
    reason = g.explain().reason
    assert reason == (
        "global WEIGHTS changed: f64, was f32; rank 2, was 1 (compared with variant 1)"
    )


def test_the_nearest_variant_is_compared_with(load):
    f = load("layer")
    f(PARAMS, VECTOR, mode="square")
    f({"w": np.ones(4), "b": np.float64(1)}, np.ones(4))
    f(PARAMS, np.ones((3, 4), f32), rate=0.9, mode="square")
    f(PARAMS, VECTOR, rate=0.9, mode="square")
    reasons = [variant.reason for variant in f.explain().variants]
    assert reasons[2:] == [
        (
            "argument x: rank 2, was 1; rate > 0.5 holds: rate is 0.9 "
            "(compared with variant 1)"
        ),
        "rate > 0.5 holds: rate is 0.9 (compared with variant 1)",
    ]


def test_the_nearest_by_what_is_told_of_one_argument():
    f = ps.compile(lambda x, mode: x * 2)
    x = np.ones((4, 6))
    for args in ((x, "a"), (x.astype(f32), "b"), (x[0], "a"), (x.T, "a")):
        f(*args)
    assert [variant.reason for variant in f.explain().variants[1:]] == [
        (
            "argument x: f32, was f64; argument mode: 'b', was 'a' "
            "(compared with variant 1)"
        ),
        "argument x: rank 1, was 2 (compared with variant 1)",
        "argument x: strided, was contiguous (compared with variant 1)",
    ]


@dataclass
class Layer:
    w: np.ndarray
    name: str = "layer"


@pytest.mark.parametrize(
    ("function", "first", "second", "reason"),
    [
        (
            lambda x, axis=None: x.sum(axis),
            ((VECTOR,), {}),
            ((VECTOR, 0), {}),
            "argument axis: int (0), was None",
        ),
        (
            lambda x, **more: x + sum(more.values()),
            ((VECTOR,), {"a": 1}),
            ((VECTOR,), {"a": 1, "b": 2.5}),
            "argument more: {'a': int (1), 'b': float (2.5)}, was {'a': int}",
        ),
        (
            lambda x, *rest: x + np.sum(rest),
            ((VECTOR, VECTOR), {}),
            ((np.ones(3), [VECTOR]), {}),
            ("argument x: f64, was f32; argument rest: ([f32[4]],), was (f32[m],)"),
        ),
        (
            lambda layers: layers[0] * 2,
            (([VECTOR] * 2,), {}),
            (([VECTOR] * 40,), {}),
            ("argument layers: [" + "f32[4], " * 14 + "f32[..., was [f32[n], f32[m]]"),
        ),
        (
            lambda layer: layer.w * 2,
            ((Layer(VECTOR),), {}),
            ((Layer(VECTOR, "other"),), {}),
            "argument layer.name: 'other', was 'layer'",
        ),
        (
            lambda x, fn: fn(x),
            ((VECTOR, lambda x: x), {}),
            ((VECTOR, lambda x: -x), {}),
            "argument fn: another <lambda>, was <lambda>",
        ),
    ],
)
def test_why_a_call_of_another_nesting_needed_a_variant(
    function, first, second, reason
):
    f = ps.compile(function)
    for args, kwargs in (first, second):
        f(*args, **kwargs)
    assert f.explain().reason == f"{reason} (compared with variant 1)"


def test_why_after_a_container_has_become_another():
    layers = [VECTOR]
    f = ps.compile(lambda x: x * layers[0])
    f(VECTOR)
    layers = (VECTOR,)
    f(VECTOR)
    reason = f.explain().reason
    assert (
        reason == "closure layers changed from list to tuple (compared with variant 1)"
    )


def test_captures_are_what_the_function_reads():
    @ps.compile
    def twice(x, factor=2):
        return x * factor

    class Model:
        def __init__(self, w):
            self.w = w

        def __call__(self, x):
            return twice(x, 3) * self.w + scale

        __repr__ = functools.wraps(__init__)(lambda self: str(scale))

    scale, model = 0.5, Model(VECTOR)

    @ps.compile
    def step(layer, x, rate=0.1, *, weights=VECTOR):
        return twice(layer.w) + model(x * weights) * max(rate, 0.0)

    step(Layer(VECTOR), VECTOR)
    (variant,) = step.explain().variants
    assert variant.captures == (
        "closure model: Model",
        "closure twice: twice",
        "default of factor in twice: 2",
        "model.__class__.__call__: Model.__call__",
        "closure scale: 0.5",
        "model.w: f32[p]",
        "builtin max: max",
    )


def test_dropped_variants_are_counted_and_forgotten(load):
    f = load("layer")
    for count in range(16):
        f(PARAMS, VECTOR, mode=f"mode {count}")
    with pytest.warns(RuntimeWarning, match="more than the 16 variants"):
        f(PARAMS, VECTOR, mode="mode 16")
    f(PARAMS, VECTOR, mode="mode 17")
    found = f.explain()
    assert len(found.variants) == 16
    assert str(found).splitlines()[0].endswith(", 2 dropped")
    assert [variant.number for variant in found.variants] == list(range(3, 19))
    assert len(f._state.makings) == 16


def test_dump_writes_every_stage(load, tmp_path):
    folder = tmp_path / "dump"
    f = load("softmax")
    x = np.ones((5, 4), f32)
    with ps.config(dump=folder):
        f(x)
        f(x.astype(f64))
        f(x)
    first, second = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert re.fullmatch(r"softmax-[0-9a-f]{12}", first.name)
    names = [
        "00_trace.pir",
        "10_graph.pir",
        "20_fused.pir",
        "30_loops.pir",
        "40_plan.pir",
        "60_llvm.ll",
        "70_asm.s",
        "80_cuda.cu",
        "explain.txt",
    ]
    for made in (first, second):
        assert sorted(path.name for path in made.iterdir()) == names
    lowered = f.lower(x)
    for name in names[:-1]:
        stage = name[3:].partition(".")[0]
        assert (first / name).read_text().rstrip() == lowered.text(stage).rstrip()
    assert "f64" in str(parse_function((second / "00_trace.pir").read_text()))
    assert "argument x: f64, was f32" in (second / "explain.txt").read_text()


def test_dump_by_the_environment_covers_what_is_cached(load, monkeypatch, tmp_path):
    x = np.ones((5, 4), f32)
    load("softmax")(x)
    monkeypatch.setenv("PENSTOCK_DUMP", str(tmp_path / "dump"))
    f = load("softmax")
    f(x)
    assert f.stats().cache_hits == 1
    (made,) = (tmp_path / "dump").iterdir()
    assert (made / "60_llvm.ll").stat().st_size > 1000
    assert "from the cache" in (made / "explain.txt").read_text()


def test_a_folder_that_cannot_be_written_to_is_warned_of_once(load, tmp_path):
    (tmp_path / "file").touch()
    f = load("softmax")
    x = np.ones((5, 4), f32)
    with ps.config(dump=tmp_path / "file"):
        with pytest.warns(RuntimeWarning, match="nothing is dumped to .*/file: "):
            np.testing.assert_allclose(f(x), 0.25)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(f(x.astype(f64)), 0.25)
    assert f.stats().compiles == 2


def test_a_stage_that_fails_is_said_so_in_its_file(load, monkeypatch, tmp_path):
    f = load("softmax")
    text = type(f.lower(np.ones(3)).compilation).text

    def broken(self, stage):
        if stage == "asm":
            raise AssertionError("no assembler")
        return text(self, stage)

    monkeypatch.setattr("penstock.driver.Compilation.text", broken)
    with ps.config(dump=tmp_path / "dump"):
        np.testing.assert_allclose(f(np.ones((2, 2), f32)), 0.5)
    (made,) = (tmp_path / "dump").iterdir()
    assert Path(made, "70_asm.s").read_text() == "AssertionError: no assembler\n"
