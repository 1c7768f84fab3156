"""The harness measures what it says, and compares results before it does."""

import importlib.util
import pkgutil

import numpy as np
import pytest

from benchmarks import measure, peers, programs
from benchmarks.functions import add_one, gelu, twenty
from benchmarks.peers import record
from benchmarks.workloads import sizes

NEEDED = {"torch_compile": ["torch"], "onnxruntime": ["onnx", "onnxruntime"]}


def test_there_are_twenty_programs():
    assert len(list(pkgutil.iter_modules(programs.__path__))) == 20


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("subject", sizes.subjects(), ids=lambda one: one.name)
def test_programs_and_examples_give_what_numpy_gives_at_any_size(subject):
    rng = np.random.default_rng(0)
    for n in (7, 0, 1, 2, 33, 1000):
        arguments = subject.arguments(n, rng)
        expected = sizes.outcome(subject.compiled.__wrapped__, arguments)
        result = sizes.outcome(subject.compiled, arguments)
        assert sizes.same(result, expected), n
    statistics = subject.compiled.stats()
    assert statistics.variants + statistics.evictions <= sizes.BAR


def test_twenty_is_a_graph_of_twenty_operations():
    _, result = record.record(twenty)
    operations = [one for one in record.in_order(result) if one.operands]
    assert len(operations) == 20


def test_recorded_expression_computes_the_function():
    parameters, result = record.record(gelu)
    x = np.linspace(-3, 3, 11)
    values = {id(parameters[0]): x}
    for expression in record.in_order(result):
        if expression.constant is not None:
            values[id(expression)] = expression.constant
        elif expression.operands:
            names = [f"v{i}" for i in range(len(expression.operands))]
            operands = [values[id(operand)] for operand in expression.operands]
            text = record.spell(expression, names, "np.")
            scope = {"np": np, **dict(zip(names, operands, strict=True))}
            values[id(expression)] = eval(text, scope)
    np.testing.assert_allclose(values[id(result)], gelu(x), rtol=1e-14)


@pytest.mark.parametrize("name", peers.NAMES)
def test_peer_computes_the_same_or_says_that_it_is_missing(name):
    x = np.linspace(-3, 3, 100, dtype=np.float32)
    needed = NEEDED.get(name, [name])
    if any(importlib.util.find_spec(module) is None for module in needed):
        with pytest.raises(peers.NotInstalledError, match="is not installed"):
            peers.load(name)
        return
    result = np.asarray(peers.load(name).prepare(add_one, (x,)).run())
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, x + 1)


@pytest.mark.parametrize(
    ("result", "expected", "verdict"),
    [
        (np.float64(1 + 1e-12), np.float64(1), True),
        (np.float64(1 + 1e-6), np.float64(1), False),
        (np.array([1], np.int32), np.array([1], np.int32), True),
        (np.array([1], np.int64), np.array([1], np.int32), False),
        (np.array([1, 2]), np.array([1, 3]), False),
        (np.zeros((2, 1)), np.zeros(2), False),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), True),
        (np.array([np.nan, np.inf]), np.array([np.nan, -np.inf]), False),
        ((np.zeros(1), np.ones(1)), (np.zeros(1), np.ones(1)), True),
        ((np.zeros(1),), (np.zeros(1), np.ones(1)), False),
        (ValueError("other words"), ValueError("words"), True),
        (IndexError(), ValueError(), False),
        (np.zeros(0), ValueError(), False),
        (ValueError(), np.zeros(0), False),
    ],
)
def test_same_tells_results_apart(result, expected, verdict):
    assert sizes.same(result, expected) is verdict


def test_samples_are_taken_in_turn_and_give_medians():
    order = []

    def sampler(name, values):
        remaining = iter(values)

        def sample():
            order.append(name)
            return next(remaining)

        return sample

    medians = measure.interleaved(
        {"a": sampler("a", [1.0, 9.0, 2.0]), "b": sampler("b", [5.0, 4.0, 6.0])}, 3
    )
    assert order == ["a", "b"] * 3
    assert medians == {"a": 2.0, "b": 5.0}


def test_table_lines_its_columns_up():
    table = measure.Table("title", ("", "ns"), [("a", "1"), ("bcd", "10")], ["note"])
    assert str(table) == "title\n       ns\n  a     1\n  bcd  10\n  note"


def test_fresh_process_returns_what_was_printed_or_raises():
    code = "import os, json; print(json.dumps(os.environ['WORD']))"
    assert measure.fresh_process(code, WORD="heard") == "heard"
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measure.fresh_process("1 / 0")
