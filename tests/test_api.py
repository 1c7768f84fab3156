"""The public names, and what a Compiled and a Lowered give."""

import copy
import gc
import inspect
import pickle
import weakref

import numpy as np
import pytest

import penstock as ps
from penstock import api
from penstock.ir.errors import OptionError, PenstockError, StructureError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.loop.text_parse import parse_kernels
from penstock.ir.plan.evaluate import evaluate_plan
from penstock.ir.plan.text_parse import parse_plan
from penstock.runtime.config import Config
from penstock.runtime.dispatch import Statistics
from penstock.runtime.load import Loaded


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path / "cache"))


def public(owner):
    return sorted(name for name in vars(owner) if not name.startswith("_"))


def test_public_names_are_these():
    assert ps.__all__ == [
        "Compiled",
        "Lowered",
        "__version__",
        "check_grads",
        "checkpoint",
        "compare",
        "compile",
        "cond",
        "config",
        "custom_jvp",
        "custom_vjp",
        "errors",
        "fori_loop",
        "grad",
        "hessian",
        "jacfwd",
        "jacrev",
        "jvp",
        "linearize",
        "load",
        "load_params",
        "nn",
        "optim",
        "random",
        "save_params",
        "scan",
        "stop_gradient",
        "switch",
        "tree_leaves",
        "tree_map",
        "value_and_grad",
        "vjp",
        "vmap",
        "while_loop",
    ]
    assert dir(ps) == sorted(ps.__all__)
    for name in ps.__all__:
        assert getattr(ps, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'jit'"):
        _ = ps.jit


def test_public_methods_are_these():
    assert public(ps.Compiled) == ["explain", "lower", "save", "stats"]
    assert public(ps.Lowered) == ["text"]
    assert public(Loaded) == ["explain", "stats"]
    assert public(Config) == ["cache", "debug", "dump", "target", "threads"]
    assert Statistics._fields == (
        "calls",
        "compiles",
        "cache_hits",
        "compile_seconds",
        "variants",
        "evictions",
    )


def test_public_errors_are_these():
    assert ps.errors.__all__ == [
        "ArgumentError",
        "ArtifactError",
        "AxisError",
        "CheckError",
        "CompileError",
        "DtypeError",
        "IndexOutOfBoundsError",
        "IndexTypeError",
        "LeakedValueError",
        "MatrixError",
        "MissingPackageError",
        "NumberRangeError",
        "OptionError",
        "OutOfMemoryError",
        "PenstockError",
        "RunError",
        "ShapeError",
        "StructureError",
        "TextError",
        "TraceError",
        "TypeRuleError",
        "UnsupportedError",
        "VerifyError",
    ]
    kinds = [getattr(ps.errors, name) for name in ps.errors.__all__]
    not_ours = [kind for kind in kinds if not issubclass(kind, PenstockError)]
    assert not_ours == [ps.errors.TypeRuleError]


def test_parameters_of_compile_are_these():
    parameters = inspect.signature(ps.compile).parameters
    assert list(parameters) == [
        "fn",
        "device",
        "static",
        "donate",
        "fastmath",
        "threads",
        "debug",
    ]
    keyword_only = [
        p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values()
    ]
    assert keyword_only == [False] + [True] * 6


def test_a_compiled_function_looks_like_its_function():
    @ps.compile
    def scale(x, factor=2.0):
        """Scale an array."""
        return x * factor

    assert scale.__name__ == "scale"
    assert scale.__doc__ == "Scale an array."
    assert scale.__module__ == __name__
    assert str(inspect.signature(scale)) == "(x, factor=2.0)"
    assert repr(scale) == f"<penstock.compile {scale.__wrapped__!r}>"
    assert isinstance(scale, ps.Compiled)


def test_compile_as_a_decorator_with_options():
    @ps.compile(threads=1, static=["x"])
    def double(x):
        return x + x

    double(np.ones(3))
    double(np.ones(4))
    assert double.stats().variants == 2


def test_a_compiled_function_is_collected():
    f = ps.compile(lambda x: x + 1)
    f(np.ones(3))
    f.explain(np.ones(3))
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


# A row reduction and what follows it, a guard, an integer, a float, and two results.
def mixed(x, w, k, rate):
    total = np.sum(x * w, axis=-1)
    return total * rate + k, np.exp(x - rate)


X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
W = np.arange(4, dtype=np.float32)
ARGUMENTS = (X, W, 3, 0.25)
# In the order of the graph's parameters: floats are arrays of rank 0 there.
ARRAYS, INTEGERS = (X, W, np.float64(0.25)), {"k": 3}


def text(stage):
    return ps.compile(mixed).lower(*ARGUMENTS).text(stage)


def check(results):
    for found, expected in zip(results, mixed(*ARGUMENTS), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("stage", ["trace", "graph", "fused"])
def test_stages_of_the_graph_mean_the_function(stage):
    function = parse_function(text(stage))
    assert function.name == "mixed"
    check(evaluate(function, ARRAYS, INTEGERS))
    has_clusters = any(value.is_op("cluster") for value in function.values)
    assert has_clusters == (stage == "fused")


def test_the_stage_of_loops_holds_every_kernel():
    kernels = parse_kernels(text("loops"))
    lowered = ps.compile(mixed).lower(*ARGUMENTS)
    names = [kernel.name for kernel in lowered.compilation.plan.kernels]
    assert [kernel.name for kernel in kernels] == names
    assert len(set(names)) == len(names) > 0


def test_the_stage_of_loops_reads_back_where_there_are_several():
    lowered = ps.compile(lambda x: np.sort(np.cumsum(x))).lower(np.ones(5))
    text = lowered.text("loops")
    kernels = parse_kernels(text)
    assert len(kernels) > 1
    assert "\n\n".join(map(str, kernels)) + "\n" == text


def test_the_stage_of_the_plan_means_the_function():
    results, numbers = evaluate_plan(parse_plan(text("plan")), ARRAYS, INTEGERS)
    check(results)
    assert numbers == []


def test_the_stage_of_llvm_is_a_module_with_both_entries():
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text("llvm"))
    defined = {f.name for f in module.functions if not f.is_declaration}
    assert {"penstock_prepare", "penstock_run"} <= defined


def test_the_stage_of_assembly_has_both_entries():
    assembly = text("asm")
    assert "\npenstock_prepare:" in assembly
    assert "\npenstock_run:" in assembly


def test_the_stage_of_cuda_has_every_kernel():
    source = text("cuda")
    kernels = ps.compile(mixed).lower(*ARGUMENTS).compilation.plan.kernels
    for kernel in kernels:
        assert f"{kernel.name}(" in source
    assert source.count("__global__") == len(kernels)


def test_stages_agree_with_the_native_code():
    check(ps.compile(mixed)(*ARGUMENTS))


def test_a_stage_that_there_is_not():
    with pytest.raises(OptionError) as caught:
        text("graphs")
    assert str(caught.value) == (
        "error: there is no stage 'graphs' [unknown-stage]\n"
        "  help: the stages are trace, graph, fused, loops, plan, llvm, asm, cuda"
    )


def test_lowering_neither_compiles_nor_calls():
    f = ps.compile(mixed)
    f.lower(*ARGUMENTS).text("asm")
    assert f.stats() == Statistics(0, 0, 0, 0.0, 0, 0)


def test_arguments_that_do_not_bind():
    f = ps.compile(mixed)
    for ask in (f.lower, f.explain, f):
        with pytest.raises(StructureError, match=r"mixed\(\) missing the argument 'k'"):
            ask(X, W)


@pytest.fixture(params=["native", "python"])
def compile_function(request, monkeypatch):
    """``ps.compile``, with each of the two dispatchers."""
    if request.param == "python":
        monkeypatch.setattr(api, "support", lambda: None)
    f = ps.compile(lambda x: x)
    assert (type(f).__mro__[1].__name__ == "_PythonCallable") == (
        request.param == "python"
    )
    return ps.compile


def test_statistics(compile_function):
    @compile_function
    def f(x):
        return x * 3

    assert f.stats() == Statistics(0, 0, 0, 0.0, 0, 0)
    for size in (1, 2, 3):
        f(np.ones(size, np.float32))
    first = f.stats()
    assert (first.calls, first.compiles, first.cache_hits) == (3, 1, 0)
    assert (first.variants, first.evictions) == (1, 0)
    assert 0 < first.compile_seconds < 60
    f(np.ones(3))
    f(x=np.ones(3))
    second = f.stats()
    assert (second.calls, second.compiles, second.variants) == (5, 2, 2)
    assert second.compile_seconds > first.compile_seconds

    # The same graph under the same name is found where the first was stored.
    @compile_function
    def f(x):
        return x * 3

    f(np.ones(7))
    third = f.stats()
    assert (third.calls, third.compiles, third.cache_hits) == (1, 0, 1)
    assert (third.variants, third.evictions) == (1, 0)


def test_statistics_of_calls_that_fail(compile_function):
    @compile_function
    def f(x, y):
        return x + y

    f(np.ones(3), np.ones(3))
    with pytest.raises(ps.errors.ShapeError):
        f(np.ones(3), np.ones(4))
    found = f.stats()
    assert (found.calls, found.compiles, found.variants) == (1, 1, 1)


def test_statistics_of_a_function_with_more_variants_than_are_kept(compile_function):
    f = compile_function(lambda x, key: x + 1)

    def call(keys):
        for key in keys:
            f(np.ones(3), f"key {key}")

    call(range(16))
    with pytest.warns(RuntimeWarning) as warned:
        call((16, 17, 18, 19, 19))
    (warning,) = warned
    assert str(warning.message) == (
        "lambda needs more than the 16 variants that are kept, and may compile again "
        "and again: argument key: 'key 16', was 'key 15' (compared with variant 16). "
        "Numbers and arrays that are passed as arguments need no variant for each "
        "value; explain() says why each was made."
    )
    assert warning.filename == __file__
    found = f.stats()
    assert (found.calls, found.variants, found.evictions) == (21, 16, 4)
    # Keys do not change the graph.
    assert (found.compiles, found.cache_hits) == (1, 19)


def test_explaining_is_the_same_with_both_dispatchers(compile_function):
    f = compile_function(lambda x: x + 1)
    f(np.ones(3))
    f(np.ones(3))
    (variant,) = f.explain().variants
    assert (variant.calls, variant.reason) == (2, "first call")


@ps.compile
def _triple(x):
    return x * 3


def test_it_is_copied_and_pickled_as_functions_are():
    assert copy.deepcopy([_triple])[0] is _triple
    assert copy.copy(_triple) is _triple
    assert pickle.loads(pickle.dumps(_triple)) is _triple
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(ps.compile(lambda x: x))
    for made in (ps.grad(np.sum), ps.vmap(np.sum)):
        with pytest.raises(pickle.PicklingError, match="pickle the function that it"):
            pickle.dumps(made)
