"""Every function on arrays of every dtype: NumPy's dtype, shape, numbers and errors.

What NumPy refuses must be refused with the same kind of error.
"""

import itertools
import warnings

import numpy as np
import pytest
import scipy.special

from penstock.ir.errors import UnsupportedError
from tests.frontend.running import assert_same, run
from tests.sweeps import one_in

UNARY = [
    name
    for name in dir(np)
    if isinstance(getattr(np, name), np.ufunc)
    and (getattr(np, name).nin, getattr(np, name).nout) == (1, 1)
    and getattr(np, name).__name__ == name
]
BINARY = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power",
    "maximum", "minimum", "fmax", "fmin", "fmod", "hypot", "logaddexp",
    "logaddexp2", "heaviside", "float_power", "bitwise_and", "bitwise_or",
    "bitwise_xor", "logical_and", "logical_or", "logical_xor", "equal", "less",
    "greater", "not_equal", "divmod",
)  # fmt: skip
REDUCTIONS = (
    "sum", "prod", "max", "min", "any", "all", "argmax", "argmin", "mean", "var",
    "std", "ptp", "count_nonzero", "nansum", "nanprod", "nanmax", "nanmin",
    "nanmean", "nanvar", "nanstd",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "//", "%", "<", "==", "&", "|")
AXES = ("axis=None", "axis=0", "axis=-1", "axis=1", "axis=(0,)", "keepdims=True",
        "axis=-1, keepdims=True")  # fmt: skip
QUANTILES = ("0.3", "[0.3, 0.5]", "np.float32(0.3)", "np.float16(0.5)",
             "np.float64(0.3)", "1", "0", "[0, 1]", "np.array([0.25], np.float32)",
             "2", "[-0.1]")  # fmt: skip
EXPONENTS = ("0", "1", "2", "-1", "0.5", "2.0", "True", "[2]", "np.float32(2)")
OTHERS = """
-x
+x
abs(x)
~x
np.array(x)
np.asarray(x)
np.asanyarray(x)
np.ascontiguousarray(x)
np.copy(x)
x.copy()
np.array([x, x])
np.array(x, np.float32)
np.array(x, ndmin=2)
np.zeros_like(x)
np.ones_like(x)
np.empty_like(x) * 0
np.full_like(x, 1)
np.full_like(x, 1.5)
np.full((2,), x.sum())
np.arange(3) * x.sum()
np.linspace(x.sum(), 5, 3)
np.linspace(0, x, 3)
np.linspace(x, 5, 4, endpoint=False)
np.linspace(x, 5, 4, retstep=True)
np.linspace(x, x, 3, dtype=int)
np.logspace(x, 2, 3)
np.logspace(0, x, 3)
np.logspace(0, x, 3, base=2)
np.astype(x, np.float32)
np.astype(x, x.dtype, copy=False)
np.mean(x, dtype=int)
np.mean(x, axis=-1, dtype=np.int8)
np.mean(x, dtype=np.float16)
np.var(x, dtype=int)
np.var(x, axis=-1, dtype=np.float32)
np.std(x, dtype=int)
np.std(x, axis=0, dtype=int)
np.tril(x)
np.triu(x)
np.diag(x)
np.diagflat(x)
np.diagonal(x)
x.diagonal()
np.trace(x)
np.linalg.diagonal(x)
np.linalg.trace(x)
np.meshgrid(x, x)
np.vander(x)
np.vander(x, 2, increasing=True)
np.reshape(x, -1)
x.reshape(-1)
x.ravel()
x.flatten()
np.ravel(x)
np.transpose(x)
x.T
x.mT
np.matrix_transpose(x)
np.swapaxes(x, 0, -1)
np.moveaxis(x, 0, -1)
np.rollaxis(x, 0)
np.expand_dims(x, 0)
np.squeeze(x)
x.squeeze(0)
x.squeeze(-1)
np.squeeze(x, 0)
np.broadcast_to(x, (2, 3))
np.broadcast_arrays(x, x)
np.concatenate([x, x])
np.concatenate([x, x], axis=None)
np.concatenate([x, x], dtype=np.float64)
np.stack([x, x])
np.stack([x, x], -1)
np.vstack([x, x])
np.hstack([x, x])
np.dstack([x, x])
np.column_stack([x, x])
np.atleast_1d(x)
np.atleast_2d(x)
np.atleast_3d(x)
np.split(x, 1)
np.array_split(x, 2)
np.hsplit(x, 1)
np.vsplit(x, 1)
np.dsplit(x, 1)
np.unstack(x)
np.flip(x)
np.fliplr(x)
np.flipud(x)
np.rot90(x)
np.roll(x, 1)
np.tile(x, 2)
np.repeat(x, 2)
np.repeat(x, 2, 0)
np.append(x, 1)
np.append(x, x)
np.delete(x, 0)
np.delete(x, 0, 0)
np.shape(x)
np.ndim(x)
np.size(x)
np.searchsorted(x, 1)
np.digitize(x, np.array([0.5, 1.5]))
np.interp(x, np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 0.0]))
np.isin(x, [1, 2])
np.isclose(x, 1)
np.nan_to_num(x)
np.isneginf(x)
np.isposinf(x)
np.isscalar(x)
np.sort(x)
np.sort(x, axis=None)
np.where(x, x, 0)
np.where(x > 1, x, 0)
np.where(x > 1, 1.5, x)
np.where(x > 1, 1, 0)
np.select([x > 1], [x])
np.select([x > 1], [x], 2.5)
np.piecewise(x, [x > 1], [1, 0])
np.clip(x, 0, 1)
np.clip(x, 0.5, 1.5)
np.clip(x, None, 1)
x.clip(0, 2)
x.clip(0.5)
np.take(x, 0)
np.take(x, [0, 0])
np.take(x, [0, 0], axis=0)
np.take_along_axis(x, np.zeros(3, int), 0)
np.take_along_axis(x, np.zeros(3, int), None)
np.dot(x, x)
x.dot(x)
np.vdot(x, x)
np.inner(x, x)
np.outer(x, x)
np.matmul(x, x)
x @ x
np.linalg.outer(x, x)
np.linalg.vecdot(x, x)
np.tensordot(x, x, 0)
np.tensordot(x, x, 1)
np.kron(x, x)
np.cross(x, x)
np.einsum('...->...', x)
np.einsum('i,i', x, x)
np.einsum('ij->i', x)
np.convolve(x, x)
np.correlate(x, x)
np.pad(x, 1)
np.pad(x, 1, mode='edge')
np.pad(x, 1, mode='reflect')
np.pad(x, 1, mode='wrap')
np.pad(x, 1, mode='symmetric')
np.pad(x, 1, constant_values=2)
np.diff(x)
np.diff(x, n=2)
np.diff(x, prepend=0)
np.ediff1d(x)
np.gradient(x)
np.gradient(x, 2)
np.gradient(x, 2.0)
np.trapezoid(x)
np.trapezoid(x, dx=2.0)
np.trapezoid(x, x)
np.round(x)
np.round(x, 1)
np.round(x, -1)
np.around(x)
x.round()
x.round(2)
np.fix(x)
np.sinc(x)
np.real(x)
np.imag(x)
x.real
x.imag
x.conj()
np.angle(x)
np.angle(x, deg=True)
np.isreal(x)
np.iscomplex(x)
np.isrealobj(x)
np.iscomplexobj(x)
np.average(x)
np.average(x, returned=True)
np.average(x, weights=np.ones_like(x))
np.linalg.norm(x)
np.linalg.norm(x, 1)
np.linalg.norm(x, np.inf)
np.linalg.norm(x, 0)
np.linalg.norm(x, 3)
np.linalg.norm(x, 'fro')
np.linalg.norm(x, axis=0)
np.linalg.norm(x, axis=-1, keepdims=True)
np.linalg.vector_norm(x)
np.linalg.vector_norm(x, ord=1)
np.linalg.matrix_norm(x)
np.linalg.matrix_power(x, 2)
np.median(x)
np.median(x, axis=0)
np.median(x, axis=-1, keepdims=True)
scipy.special.softmax(x)
scipy.special.softmax(x, axis=0)
scipy.special.log_softmax(x)
scipy.special.logsumexp(x)
scipy.special.logsumexp(x, axis=0)
scipy.special.expit(x)
scipy.special.log_expit(x)
scipy.special.xlogy(x, x)
scipy.special.xlog1py(x, x)
scipy.special.entr(x)
np.fill_diagonal(x.copy(), 0)
x.astype(np.float32)
x.astype(int)
x.astype(bool)
x.size
x.nbytes
x.itemsize
x.ndim
x.shape
x[...]
x[()]
x[None]
x[0]
x[-1]
x[::-1]
x[[0, 0]]
x[np.array([0])]
x.take(0)
x.repeat(2)
x.trace()
x.swapaxes(0, -1)
x.argmax(0)
np.lib.stride_tricks.sliding_window_view(x, 2)
np.cumulative_sum(x)
np.cumulative_sum(x, include_initial=True)
np.add.reduce(x)
np.add.reduce(x, axis=None)
np.multiply.reduce(x)
np.maximum.reduce(x)
np.minimum.reduce(x)
np.logical_and.reduce(x)
np.logical_or.reduce(x)
np.add.accumulate(x)
np.add.outer(x, x)
np.multiply.outer(x, x)
(x > 0) ** 2
(x > 0) * 2
(x > 0) + (x > 1)
(x > 0) * 1.5
-(x.astype(int))
x + np.float32(1)
x + np.float64(1)
x + np.int8(1)
x * np.uint8(2)
np.sqrt(x, dtype=np.float64)
np.add(x, x, dtype=np.float32)
np.sum(x, dtype=np.float32)
np.mean(x, dtype=np.float32)
np.sum(x, initial=2)
np.sum(x, initial=2.5)
np.max(x, initial=2)
np.max(x, initial=1.5)
np.prod(x, initial=1.5)
np.min(x, initial=0, where=x > 1)
np.sum(x, where=x > 1)
np.mean(x, where=x > 0)
np.any(x, where=x > 1)
np.std(x, ddof=1)
np.var(x, ddof=1)
np.count_nonzero(x, keepdims=True)
sum(x)
""".strip().splitlines()

EXPRESSIONS = [
    *(f"np.{name}(x)" for name in UNARY),
    *(f"np.{name}(x, x)" for name in BINARY),
    *(f"x {sign} {n}" for sign in SIGNS for n in (2, 2.5)),
    *(f"{n} {sign} x" for sign in SIGNS for n in (2, 2.5)),
    *(f"x ** {exponent}" for exponent in EXPONENTS),
    *(f"np.power(x, {exponent})" for exponent in EXPONENTS),
    *(f"np.{name}(x, {axis})" for name in REDUCTIONS for axis in AXES
      if not (name.startswith("arg") and "(" in axis)),
    *(f"np.cumsum(x, {axis})" for axis in AXES[:4]),
    *(f"np.nancumsum(x, {axis})" for axis in AXES[:4]),
    *(f"np.{name}(x, {q})" for name in ("quantile", "percentile") for q in QUANTILES),
    *OTHERS,
]  # fmt: skip

DTYPES = ("?", "i2", "u1", "f2", "f4")
MATRIX = [[1, 2, 0], [3, 1, 2]]
ARGUMENTS = [
    *(np.array([1, 2, 3]).astype(dtype) for dtype in DTYPES),
    *(np.array(2).astype(dtype) for dtype in ("?", "i2", "f2")),
    *(np.array(MATRIX).astype(dtype) for dtype in ("?", "u1", "f4", "f8")),
]
SCALARS = [np.array([2]).astype(dtype) for dtype in ("?", "i2", "f4")]

# What NumPy does and Penstock does not, yet.
NOT_YET = ("shift-count", "unsupported-function")


def numpys(function, array):
    """What NumPy gives, and the kinds of error that stand for the one it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(array.copy()), ()
        except Exception as error:  # noqa: BLE001
            mro = type(error).__mro__
            kinds = {ValueError, TypeError, IndexError, AttributeError}
            kinds |= {OverflowError, ZeroDivisionError}
            return None, tuple(kinds.intersection(mro))


# Each expression with two thirds of the arguments, or with the third that is left.
PARTS = one_in(4, itertools.product(EXPRESSIONS, range(3)))


@pytest.mark.parametrize(("expression", "part"), PARTS)
def test_dtypes_shapes_numbers_and_errors(expression, part):
    function = eval(f"lambda x: {expression}", {"np": np, "scipy": scipy})
    of_scalar = eval(f"lambda v: (lambda x: {expression})(v[0])",
                     {"np": np, "scipy": scipy})  # fmt: skip
    calls = [
        *((function, array) for array in ARGUMENTS),
        *((of_scalar, array) for array in SCALARS),
    ]
    for call, array in calls[part::3]:
        expected, kinds = numpys(call, array)
        try:
            got = run(call, array)
        except UnsupportedError as error:
            if error.code not in NOT_YET and not issubclass(type(error), kinds):
                raise
        except Exception as error:
            if not issubclass(type(error), kinds):
                raise
        else:
            assert not kinds, f"NumPy raises {kinds} for {array!r}"
            assert_same(got, expected, ulp=8)
