"""Functions and ufuncs of NumPy's that are compiled themselves."""

import numpy as np
import pytest

import penstock as ps
from penstock.frontend.numpy_functions.table import FUNCTIONS
from penstock.ir.errors import PenstockError, UnsupportedError

A = np.arange(1.0, 5.0).reshape(2, 2)
N = A.astype(int)
ARGUMENTS = [
    (A,), (A, A), (N,), (N, N), ([A, A],), (A[0],), (A[0], A[0]), (A, 0), (A > 1,),
    (A > 1, A, A), (3,), (A, A[0], A[0]),
]  # fmt: skip
UFUNCS = [f for f in vars(np).values() if isinstance(f, np.ufunc)]


def traces(function, arguments) -> bool:
    try:
        ps.compile(function).lower(*arguments)
    except PenstockError:
        return False
    return True


def called(function):
    def call(*given):
        return function(*given)

    return call


def test_what_can_be_called_in_a_function_can_be_compiled_itself():
    refused = []
    for function in dict.fromkeys([*UFUNCS, *FUNCTIONS]):
        taken = (one for one in ARGUMENTS if traces(called(function), one))
        arguments = next(taken, None)
        if arguments is not None and not traces(function, arguments):
            refused.append(function)
    assert refused == []


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        (np.matmul, (A, A), {}),
        (np.matmul, (A, A), {"dtype": np.float32}),
        (np.vecdot, (A, A), {}),
        (np.array, (A,), {}),
        (np.array, (A,), {"ndmin": 3}),
        (np.hanning, (5,), {}),
        (np.eye, (3,), {}),
        (np.tri, (3, 4), {"k": 1}),
        (np.add, (A, A), {"dtype": np.float32}),
    ],
)
def test_functions_themselves_give_what_they_give(function, arguments, options):
    want = function(*arguments, **options)
    got = ps.compile(function)(*arguments, **options)
    np.testing.assert_allclose(got, want, rtol=1e-15)
    assert got.dtype == want.dtype


def test_options_that_there_are_not_are_still_refused():
    for options in ({"axes": [(0, 1)] * 3}, {"keepdims": True}, {"axis": 0}):
        with pytest.raises(UnsupportedError, match=f"{next(iter(options))}="):
            ps.compile(np.vecdot)(A, A, **options)
