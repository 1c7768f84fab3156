"""Runs traced functions with the reference evaluator, beside NumPy itself."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest

from penstock.frontend.trace import Trace, trace
from penstock.ir.dims import evaluate_dim
from penstock.ir.errors import PenstockError
from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.verify import verify
from penstock.ir.reals import Real
from penstock.runtime.binding import Binder, Call
from penstock.runtime.leaves import ArrayLeaf, IntegerLeaf, RealLeaf
from penstock.runtime.pytree import flatten, unflatten
from penstock.runtime.signature import (
    ArrayResult,
    ConstantResult,
    ParameterResult,
    TruthResult,
)
from tests.reading_back import read_back


def traced(function: Any, *args: Any, static: Any = (), **kwargs: Any) -> Trace:
    """The trace of a function for some arguments, verified and read back."""
    found = trace(function, Binder.of(function).bind(args, kwargs), static=static)
    verify(found.function)
    read_back(found.function)
    return found


def serves(found: Trace, function: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether a trace serves a call."""
    call = Binder.of(function).bind(args, kwargs)
    signature = found.signature
    if call.structure != signature.structure:
        return False
    captured = signature.read_captured(call.leaves)
    if captured is None:
        return False
    values = [*call.leaves, *captured]
    if not all(
        leaf.accepts(value)
        for leaf, value in zip(signature.leaves, values, strict=True)
    ):
        return False
    sizes, reals, _ = _inputs(found, values)
    return all(guard.holds(sizes, reals) for guard in found.function.guards)


def _inputs(found: Trace, values: list[Any]) -> tuple[Any, Any, Any]:
    """The symbols, the floats and the arrays that the leaves of a call are."""
    graph = found.function
    parameters = iter(graph.parameters)
    integers = iter(graph.integers)
    sizes: dict[str, int] = {}
    reals: dict[str, float] = {}
    arrays = []
    for leaf, value in zip(found.signature.leaves, values, strict=True):
        if isinstance(leaf, IntegerLeaf):
            sizes[next(integers)] = value
        elif isinstance(leaf, (ArrayLeaf, RealLeaf)):
            parameter = next(parameters)
            arrays.append(np.asarray(value))
            if isinstance(leaf, RealLeaf):
                reals[parameter.attributes["name"]] = value
            for size, number in zip(parameter.shape, np.shape(value), strict=True):
                sizes[str(size)] = number
    return sizes, reals, arrays


def execute(found: Trace, call: Call) -> Any:
    """What a trace gives for a call that it serves."""
    captured = found.signature.read_captured(call.leaves)
    assert captured is not None
    values = [*call.leaves, *captured]
    sizes, reals, arrays = _inputs(found, values)
    integers = {name: sizes[name] for name in found.function.integers}
    computed = iter(evaluate(found.function, arrays, integers))
    first = 2 + sum(result.rank for result in found.signature.array_results)
    leaves: list[Any] = []
    for result in found.signature.results:
        if isinstance(result, ArrayResult):
            array = next(computed)
            assert array.ndim == result.rank
            assert array.dtype == result.dtype.numpy
            is_truth = isinstance(result, TruthResult)
            leaves.append(bool(array) if is_truth else array)
        elif isinstance(result, ConstantResult):
            leaves.append(result.value)
        elif isinstance(result, ParameterResult):
            value = values[result.index]
            leaves.append(value.copy() if isinstance(value, np.ndarray) else value)
        else:
            number = found.host_numbers[result.index - first]
            leaves.append(
                number.evaluate(reals, sizes)
                if isinstance(number, Real)
                else evaluate_dim(number, sizes)
            )
    return unflatten(found.signature.result_structure, leaves)


def run(function: Any, *args: Any, static: Any = (), **kwargs: Any) -> Any:
    """Trace a function and evaluate the graph for the same arguments."""
    found = traced(function, *args, static=static, **kwargs)
    return execute(found, Binder.of(function).bind(args, kwargs))


def check(function: Any, *args: Any, ulp: float = 0, **kwargs: Any) -> Any:
    """Hold the traced function against NumPy: structure, dtypes, shapes, elements.

    Args:
        function: the function.
        args: its arguments; they must not be changed by it.
        ulp: how far elements may be from NumPy's, in units of the last place.
    """
    expected = _numpys(function, args, kwargs)
    before = copy.deepcopy((args, kwargs))
    found = traced(function, *args, **kwargs)
    got = execute(found, Binder.of(function).bind(args, kwargs))
    for left, right in zip(flatten(before)[0], flatten((args, kwargs))[0], strict=True):
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
    assert_same(got, expected, ulp)
    for grow in (1, 3):
        _check_resized(found, function, args, kwargs, ulp, grow)
    return got


def check_refused(function: Any, *args: Any, error: Any = TypeError) -> None:
    """Hold a function to an error where NumPy raises one, of the same class."""
    with pytest.raises(error):
        _numpys(function, args, {})
    with pytest.raises(error) as raised:
        run(function, *args)
    assert isinstance(raised.value, PenstockError), repr(raised.value)


def _numpys(function: Any, args: Any, kwargs: Any) -> Any:
    """What NumPy gives; it may warn where compiled code does not."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*copy.deepcopy(args), **copy.deepcopy(kwargs))


def _check_resized(
    found: Trace, function: Any, args: Any, kwargs: Any, ulp: float, grow: int
) -> None:
    """Where the same trace serves other sizes, hold it against NumPy there too."""
    leaves, structure = flatten((args, kwargs))
    other = [
        np.resize(leaf, [size + grow for size in leaf.shape])
        if isinstance(leaf, np.ndarray)
        else leaf
        for leaf in leaves
    ]
    args, kwargs = unflatten(structure, other)
    if serves(found, function, *args, **kwargs):
        expected = _numpys(function, args, kwargs)
        got = execute(found, Binder.of(function).bind(args, kwargs))
        assert_same(got, expected, ulp)


def assert_same(got: Any, expected: Any, ulp: float = 0) -> None:
    """Hold results against each other, leaf by leaf."""
    got_leaves, got_structure = flatten(got)
    leaves, structure = flatten(expected)
    assert got_structure == structure, (got_structure, structure)
    for left, right in zip(got_leaves, leaves, strict=True):
        if isinstance(right, (np.ndarray, np.generic)):
            assert isinstance(left, (np.ndarray, np.generic)), (left, right)
            assert left.dtype == right.dtype, (left.dtype, right.dtype)
            assert left.shape == right.shape, (left.shape, right.shape)
            assert_close(left, right, ulp)
        else:
            assert type(left) is type(right), (left, right)
            assert left == right or (left != left and right != right), (left, right)


def assert_close(left: Any, right: Any, ulp: float) -> None:
    """Hold arrays of one dtype and shape against each other."""
    if right.dtype.kind != "f" or ulp == 0:
        np.testing.assert_array_equal(left, right)
        if right.dtype.kind == "f":
            zero = (np.asarray(right) == 0) & (np.asarray(left) == 0)
            signs = np.signbit(left) == np.signbit(right)
            assert np.all(signs | ~zero), "zeros differ in sign"
        return
    finite = np.isfinite(right)
    np.testing.assert_array_equal(np.asarray(left)[~finite], np.asarray(right)[~finite])
    with np.errstate(invalid="ignore"):
        unit = np.spacing(np.maximum(np.abs(right), np.finfo(right.dtype).tiny))
        far = np.abs(left.astype(np.float64) - right.astype(np.float64)) / unit
    worst = float(np.max(far[finite], initial=0.0))
    assert worst <= ulp, f"{worst} ulp apart: {left} instead of {right}"
