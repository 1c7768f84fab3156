"""Operands and attributes on which every op is tried.

A Layout says shapes and attributes; ``cases`` fills it with awkward numbers in every
dtype that the op takes, ``smooth_cases`` with numbers at which it has a derivative.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

import penstock.ir.ops  # noqa: F401
from penstock.ir.attributes import Attribute, Constant
from penstock.ir.op import OPS, Boolean, Integer, Op
from penstock.ir.ops.random import Word
from penstock.ir.types import DTYPES, Dtype, bf16, bool_, f32, f64, i32, i64, u64

Array = np.ndarray


@dataclass(frozen=True)
class Layout:
    """Shapes and attributes; ``fixed`` operands are given, the others are filled."""

    shapes: tuple[tuple[int, ...], ...] = ()
    attributes: dict[str, Attribute] = field(default_factory=dict)
    fixed: dict[int, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """An op on arrays."""

    op: type[Op]
    arrays: tuple[Array, ...]
    attributes: dict[str, Attribute]

    def __str__(self) -> str:
        operands = ", ".join(f"{a.dtype}{list(a.shape)}" for a in self.arrays)
        listed = {
            name: a if not isinstance(a, Constant) else a.array.shape
            for name, a in self.attributes.items()
        }
        return f"{self.op.name}({operands}) {listed or ''}"


_UNARY = ((), (0,), (1,), (5,), (37,), (3, 4), (2, 0, 3))
_BINARY = (
    ((), ()), ((5,), (5,)), ((1,), (1,)), ((0,), (0,)), ((0,), (1,)), ((), (37,)),
    ((3, 1), (1, 4)), ((4,), (3, 4)), ((2, 3, 1), (3, 5)), ((2, 1, 3), (0, 3)),
)  # fmt: skip
_TERNARY = (
    ((), (), ()), ((3, 4),) * 3, ((37,), (), (37,)), ((), (3,), (2, 3)),
    ((2, 1), (1, 3), ()), ((0,), (0,), ()), ((1,), (1,), (1,)),
)  # fmt: skip
_REDUCED = (
    ((), ()), ((0,), (0,)), ((1,), (0,)), ((37,), (0,)), ((3, 4), (0,)), ((3, 4), (1,)),
    ((3, 4), (0, 1)), ((3, 4), ()), ((0, 4), (0,)), ((0, 4), (1,)), ((2, 3, 5), (0, 2)),
    ((2, 3, 5), (1,)), ((1, 33, 1), (0, 1)),
)  # fmt: skip
_ALONG = (
    ((1,), 0), ((0,), 0), ((37,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 5, 3), 1),
    ((0, 4), 0), ((0, 4), 1), ((4, 0), 1),
)  # fmt: skip
_SEARCHED = (
    ((5,), ()), ((5,), (37,)), ((0,), (3,)), ((1,), (3, 4)), ((37,), (0,)),
    ((8,), (9,)),
    ((2, 6), (2,)), ((2, 6), (2, 5)), ((3, 2, 7), (3, 2, 2, 3)), ((0, 4), (0, 3)),
)  # fmt: skip
# Long lines are sorted in another way than short ones. They are no longer than that
# takes, since the evaluator of loops is slow.
_SORTED = (*_ALONG, ((230,), 0), ((2, 195), 1), ((194, 2), 0))
_NONEMPTY = tuple((shape, axis) for shape, axis in _ALONG if shape[axis])

_RESHAPED = (
    ((), ()), ((), (1, 1)), ((1,), ()), ((6,), (2, 3)), ((2, 3), (6,)),
    ((2, 3), (3, 2)), ((4, 6), (2, 2, 3, 2)), ((2, 3, 4), (6, 4)), ((0, 3), (0,)),
    ((0,), (3, 0, 2)),
    ((1, 5, 1), (5,)), ((5,), (1, 5, 1)), ((4, 1, 3), (2, 6)), ((2, 3, 4), (4, 3, 2)),
)  # fmt: skip
_BROADCAST = (
    ((), ()), ((), (3,)), ((), (0,)), ((1,), (5,)), ((3, 1), (3, 4)), ((4,), (2, 3, 4)),
    ((1, 4), (0, 4)), ((3, 1, 2), (2, 3, 5, 2)), ((1, 1), (1, 1)), ((1,), (1, 1)),
)  # fmt: skip
_JOINED = (
    (((3,),), 0), (((2,), (3,)), 0), (((2, 3), (2, 1)), 1), (((0, 3), (2, 3)), 0),
    (((2, 3), (1, 3), (4, 3)), 0), (((2, 1, 3), (2, 4, 3)), 1), (((0,), (0,)), 0),
)  # fmt: skip
_PADDED = (
    ((), (), ()), ((5,), (0,), (0,)), ((5,), (2,), (1,)), ((0,), (2,), (1,)),
    ((2, 3), (1, 0), (0, 2)), ((5,), (-2,), (1,)), ((5,), (2,), (-6,)),
    ((3,), (-4,), (4,)), ((4, 3), (-1, 2), (-1, -3)), ((1, 0), (1, 1), (1, 1)),
    ((4, 5), (0, 3), (2, 2)),
)  # fmt: skip
_SLICED = (
    ((), (), (), ()), ((5,), (0,), (1,), (5,)), ((5,), (4,), (-1,), (5,)),
    ((7,), (1,), (2,), (3,)), ((7,), (5,), (-2,), (3,)), ((5,), (2,), (1,), (0,)),
    ((0,), (0,), (1,), (0,)), ((3, 4), (1, 3), (1, -1), (2, 3)),
    ((5,), (4,), (1,), (1,)),
    ((3, 4), (0, 1), (2, 2), (2, 2)), ((2, 3, 4), (0, 2, 0), (1, -1, 3), (2, 3, 2)),
    ((9,), (8,), (-3,), (3,)), ((4, 0), (3, 0), (-1, 1), (4, 0)),
)  # fmt: skip
_CONTRACTED = (
    (((3, 4), (4, 5)), "ij,jk->ik"), (((1, 1), (1, 1)), "ij,jk->ik"),
    (((3, 0), (0, 5)), "ij,jk->ik"), (((0, 4), (4, 5)), "ij,jk->ik"),
    (((4, 3), (4, 5)), "ji,jk->ik"), (((3, 4), (5, 4)), "ij,kj->ik"),
    (((3, 4), (5, 4)), "ij,kj->ki"), (((7,), (7,)), "i,i->"), (((3,), (4,)), "i,j->ij"),
    (((2, 3, 4), (2, 4, 5)), "bij,bjk->bik"), (((3, 4), (4,)), "ij,j->i"),
    (((3, 3),), "ii->i"), (((3, 3),), "ii->"), (((3, 4),), "ij->ji"),
    (((3, 4),), "ij->j"),
    (((3, 3), (3, 4)), "ii,ij->j"), (((2, 3, 2),), "iji->ij"), (((), (3,)), ",i->i"),
    (((3, 3), (3, 3)), "ij,ji->"), (((2, 3), (2, 3)), "ij,ij->ij"),
    (((3, 5), (4,)), "ij,k->ik"), (((17, 19), (19, 21)), "ij,jk->ik"),
    (((3, 3, 3),), "iii->i"), (((3, 3), (3, 3)), "ii,ii->i"),
)  # fmt: skip


def _convolution(
    x: tuple[int, ...],
    w: tuple[int, ...],
    stride: tuple[int, ...],
    low: tuple[int, ...],
    high: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    partial: bool = False,
) -> Layout:
    attributes: dict[str, Attribute] = {
        "stride": stride, "low": low, "high": high, "dilation": dilation,
        "groups": groups, "partial": partial,
    }  # fmt: skip
    return Layout((x, w), attributes)


_CONVOLVED = (
    _convolution((1, 1, 5), (1, 1, 3), (1,), (0,), (0,), (1,), 1),
    _convolution((2, 3, 7), (4, 3, 3), (1,), (1,), (1,), (1,), 1),
    _convolution((2, 3, 8), (4, 3, 3), (2,), (0,), (0,), (1,), 1),
    _convolution((2, 3, 8), (4, 3, 2), (3,), (1,), (2,), (1,), 1),
    _convolution((1, 2, 9), (2, 2, 3), (1,), (2,), (0,), (2,), 1),
    _convolution((2, 4, 7), (6, 2, 3), (1,), (1,), (1,), (1,), 2),
    _convolution((2, 3, 7), (3, 1, 2), (2,), (1,), (0,), (2,), 3),
    _convolution((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), (1, 0), (1, 1), (1, 1), 1),
    _convolution((1, 4, 7, 6), (4, 2, 3, 3), (2, 3), (1, 2), (0, 1), (2, 1), 2),
    _convolution(
        (1, 2, 3, 4, 5), (2, 2, 2, 2, 2), (1,) * 3, (0, 1, 0), (0,) * 3, (1,) * 3, 1
    ),
    _convolution((2, 3, 5), (4, 3, 1), (1,), (3,), (3,), (1,), 1),
    _convolution((0, 3, 5), (4, 3, 3), (1,), (0,), (0,), (1,), 1),
    _convolution((2, 3, 2), (4, 3, 3), (1,), (0,), (0,), (1,), 1),
    _convolution((1, 1, 4), (1, 1, 2), (3,), (2,), (5,), (1,), 1),
    _convolution((2, 2, 9), (2, 2, 3), (2,), (-2,), (1,), (1,), 1),
    _convolution((1, 2, 9), (2, 2, 2), (1,), (1,), (-3,), (2,), 1),
    _convolution((1, 2, 1), (2, 2, 3), (2,), (0,), (0,), (1,), 1),
    _convolution((1, 1, 9), (1, 1, 4), (1,), (3,), (3,), (1,), 1, True),
    _convolution((2, 4, 5, 6), (4, 2, 3, 2), (2, 1), (1, 1), (1, 0), (1, 2), 2, True),
)  # fmt: skip


def _index(*numbers: int, dtype: str = "int64") -> Array:
    return np.array(numbers, dtype)


def _gathered() -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[Array, ...]]]:
    grid = np.array([[0, 2], [-1, 1], [1, 1]], np.int32)
    return [
        ((5,), (0,), (_index(0, 4, -1, -5, 2),)),
        ((5,), (0,), (_index(3, dtype="uint8"),)),
        ((5,), (0,), (np.array(3),)),
        ((5,), (0,), (_index(),)),
        ((0,), (0,), (_index(),)),
        ((3, 4), (0,), (_index(2, 0, 2, dtype="int8"),)),
        ((3, 4), (1,), (grid,)),
        ((3, 4), (0, 1), (_index(2, -1, 0, 0), _index(3, 3, -4, 0))),
        ((3, 4), (1, 0), (_index(3, 3, 0), _index(0, 0, 2))),
        ((3, 4, 2), (0, 2), (grid, np.abs(grid) % 2)),
        ((2, 3, 4), (1,), (_index(0, 1, dtype="uint64"),)),
        ((3, 0), (0,), (_index(1, 2),)),
    ]


def _layouts(op: type[Op]) -> Iterator[Layout]:
    name = op.name
    if name in _LAYOUTS:
        yield from _LAYOUTS[name]()
    elif op.family == "elementwise":
        count = len(op.operands)
        shapes = {1: [(s,) for s in _UNARY], 2: _BINARY, 3: _TERNARY}[count]
        yield from (Layout(s) for s in shapes)
    elif op.family == "reduction":
        for (shape, axes), keepdims in itertools.product(_REDUCED, (False, True)):
            yield Layout((shape,), {"axes": axes, "keepdims": keepdims})
    elif name in ("argmax", "argmin"):
        for (shape, axis), keepdims in itertools.product(_NONEMPTY, (False, True)):
            yield Layout((shape,), {"axis": axis, "keepdims": keepdims})


def _scattered() -> Iterator[Layout]:
    for shape, axes, indices in _gathered():
        rest = tuple(size for axis, size in enumerate(shape) if axis not in axes)
        fixed = dict(enumerate(indices, 2))
        updates = indices[0].shape + rest
        yield Layout((shape, updates), {"axes": axes}, fixed)


_LAYOUTS = {
    "philox": lambda: (
        Layout(shapes, {"half": half}) for shapes in _TERNARY for half in (0, 1)
    ),
    "astype": lambda: (
        Layout((shape,), {"dtype": dtype})
        for shape in ((), (0,), (37,), (3, 4))
        for dtype in DTYPES.values()
        if dtype.kind != "c"
    ),
    "polygamma": lambda: (
        Layout((shape,), {"order": order})
        for shape, order in itertools.product(_UNARY, (1, 2, 5))
    ),
    "cumsum": lambda: (Layout((s,), {"axis": axis}) for s, axis in _ALONG),
    **dict.fromkeys(
        ("cumprod", "cummax", "cummin"),
        lambda: (Layout((s,), {"axis": axis}) for s, axis in _ALONG),
    ),
    "searchsorted": lambda: (
        Layout((table, x), {"side": side, "batch_axes": len(table) - 1})
        for table, x in _SEARCHED
        for side in ("left", "right")
    ),
    "recurrence": lambda: (Layout((s, s), {"axis": axis}) for s, axis in _ALONG),
    "sort": lambda: (Layout((s,), {"axis": axis}) for s, axis in _SORTED),
    "argsort": lambda: (Layout((s,), {"axis": axis}) for s, axis in _SORTED),
    "reshape": lambda: (Layout((s,), {"shape": to}) for s, to in _RESHAPED),
    "broadcast_to": lambda: (Layout((s,), {"shape": to}) for s, to in _BROADCAST),
    "transpose": lambda: (
        Layout((shape,), {"permutation": order})
        for shape in ((), (5,), (3, 4), (2, 3, 4), (0, 3), (2, 1, 3))
        for order in itertools.permutations(range(len(shape)))
    ),
    "concatenate": lambda: (Layout(s, {"axis": axis}) for s, axis in _JOINED),
    "pad": lambda: (
        Layout((shape, ()), {"low": low, "high": high}) for shape, low, high in _PADDED
    ),
    "slice": lambda: (
        Layout((shape,), {"start": start, "step": step, "size": size})
        for shape, start, step, size in _SLICED
    ),
    "update_slice": lambda: (
        Layout((shape, size), {"start": start, "step": step, "size": size})
        for shape, start, step, size in _SLICED
    ),
    "require": lambda: tuple(
        Layout(
            (shape,), {"text": "none", "code": "no-elements"}, {1: np.ones(shape, bool)}
        )
        for shape in ((5,), (3, 4), (0, 2))
    ),
    "gather": lambda: (
        Layout((shape,), {"axes": axes}, dict(enumerate(indices, 1)))
        for shape, axes, indices in _gathered()
    ),
    "scatter": _scattered,
    "scatter_add": _scattered,
    "scatter_max": _scattered,
    "scatter_min": _scattered,
    "contract": lambda: (Layout(s, {"spec": spec}) for s, spec in _CONTRACTED),
    "convolution": lambda: iter(_CONVOLVED),
    "const": lambda: (
        Layout((), {"value": Constant(np.full(shape, 3, dtype.numpy))})
        for shape in ((), (0,), (1,), (2, 3))
        for dtype in DTYPES.values()
    ),
    "dim": lambda: (Layout((), {"size": size}) for size in (0, 1, 7, -3, 2**40)),
    "iota": lambda: (
        Layout((), {"shape": shape, "axis": axis, "dtype": dtype})
        for shape, axis in (((0,), 0), ((1,), 0), ((37,), 0), ((3, 4), 0), ((3, 4), 1))
        for dtype in DTYPES.values()
        if dtype.kind not in "cb"
    ),
}

# Ops that say nothing of arrays alone: tried by the text of a Function.
TEXT_ONLY = frozenset(
    (
        "parameter",
        "get",
        "if",
        "while",
        "loop",
        "bind",
        "recompute",
        "segmented",
        "cluster",
        "token",
        "print",
        "jvp",
        "vjp",
        "vmap",
        "custom_jvp",
        "custom_vjp",
        "transposed",
    )
)


def has_cases(name: str) -> bool:
    """Whether an op is tried on arrays or by text."""
    op = OPS[name]
    known = op.family in ("elementwise", "reduction") or name in ("argmax", "argmin")
    return known or name in _LAYOUTS or name in TEXT_ONLY


def dtypes_of(op: type[Op]) -> list[Dtype]:
    """The dtypes that an op takes in its main operands (f32 where it has none)."""
    mains = [o for o in op.operands if not isinstance(o, (Boolean, Integer))]
    if not mains:
        kinds = op.operands[0].kinds if op.operands else ""
        return [d for d in DTYPES.values() if d.kind in kinds] or [f32]
    if isinstance(mains[0], Word):
        return [u64]
    return [dtype for dtype in DTYPES.values() if dtype.kind in mains[0].kinds]


def cases(op: type[Op], dtypes: Sequence[Dtype] = ()) -> Iterator[Case]:
    """The op on awkward numbers, over dtypes (all unless given) and layouts."""
    random = np.random.default_rng(7)
    for dtype in dtypes or dtypes_of(op):
        for layout in _layouts(op):
            arrays = _fill(op, layout, dtype, random, awkward)
            yield Case(op, arrays, layout.attributes)


def smooth_cases(op: type[Op]) -> Iterator[Case]:
    """The op on f64 numbers between which no derivative jumps, and special points."""
    random = np.random.default_rng(11)
    # What counts as constant has another derivative than its values.
    if f64 not in dtypes_of(op) or op.name == "stop_gradient":
        return
    for layout in _layouts(op):
        arrays = _fill(op, layout, f64, random, smooth)
        yield Case(op, arrays, layout.attributes)
    for arrays, attributes in _POINTS.get(op.name, ()):
        yield Case(op, tuple(np.array(a, np.float64) for a in arrays), attributes)


# Where a derivative by division or by logarithm would be nan, and must not be.
_POINTS: dict[str, list[tuple[tuple[object, ...], dict[str, Attribute]]]] = {
    "prod": [
        (([0.0, 2.0, 3.0],), {"axes": (0,), "keepdims": False}),
        (([0.0, 2.0, 0.0],), {"axes": (0,), "keepdims": True}),
        (([[0.0, 2.0], [1.5, 4.0]],), {"axes": (1,), "keepdims": False}),
    ],
    "pow": [(([-2.0, -1.5, 3.0], [2.0, 3.0, 0.0]), {})],
}


def _fill(op, layout, dtype, random, fill) -> tuple[Array, ...]:
    arrays: list[Array] = []
    shapes = iter(layout.shapes)
    for position in range(len(layout.shapes) + len(layout.fixed)):
        if position in layout.fixed:
            arrays.append(layout.fixed[position])
            continue
        operand = op.operands[min(position, len(op.operands) - 1)]
        own = bool_ if isinstance(operand, Boolean) else dtype
        if isinstance(operand, Integer) and dtype.is_float:
            own = i32
        array = fill(op.name, own, next(shapes), random)
        arrays.append(_within_domain(op.name, position, array, layout.attributes))
    return tuple(arrays)


def _within_domain(
    name: str, position: int, array: Array, attributes: dict[str, Attribute]
) -> Array:
    if name == "pow" and position == 1 and array.dtype.kind in "iu":
        # NumPy refuses negative powers of integers.
        return np.abs(array % array.dtype.type(7))
    if name == "searchsorted" and position == 0:
        wide = array.astype(np.float32) if array.dtype.kind == "V" else array
        return np.sort(wide, axis=-1).astype(array.dtype)
    if name == "gammaln" and array.dtype.kind == "f":
        # Between the negative integers it crosses zero, where relative errors mean
        # nothing; tests/frontend/test_special.py looks at those.
        crossing = (array < 0) & (array > -50)
        return np.where(crossing, np.floor(array), array).astype(array.dtype)
    if name == "astype" and array.dtype.kind == "f":
        dtype = attributes["dtype"]
        if dtype.is_integer:
            # NumPy gives one number or another for what does not fit, by its place.
            least = 0 if dtype.kind == "u" else -100
            array = np.where((array >= least) & (array <= 100), array, 7.75)
            array = array.astype(array.dtype)
    return array


_SUMS = (
    "sum", "prod", "cumsum", "recurrence", "contract", "convolution", "scatter_add",
)  # fmt: skip


def awkward(name: str, dtype: Dtype, shape: tuple[int, ...], random) -> Array:
    """Ordinary numbers, and every second one special."""
    if dtype is bool_:
        return random.integers(0, 2, shape).astype(bool)
    numpy = dtype.numpy
    if dtype.is_integer:
        limits = np.iinfo(numpy)
        special = [0, 1, 2, 3, limits.max, limits.max - 1, limits.min, limits.min + 1]
        special += [-1, -2, -7] if dtype.kind == "i" else [5]
        ordinary = random.integers(0 if dtype.kind == "u" else -9, 10, shape)
    else:
        limits = ml_dtypes.finfo(numpy) if dtype is bf16 else np.finfo(numpy)
        tiny = [limits.smallest_subnormal, limits.tiny, limits.eps]
        special = [0.0, -0.0, 1.0, -1.0, 0.5, np.nan]
        if name != "contract":
            # NumPy sums first what it then multiplies with inf.
            special += [np.inf, -np.inf]
        if name != "prod":
            special += map(float, tiny)
        if name not in _SUMS:
            # Whether a sum overflows on the way depends on the order of its terms.
            special += [float(limits.max), float(limits.min), 1e4, -709.9, 88.8]
        ordinary = random.normal(0, 3, shape)
    with np.errstate(all="ignore"):
        pool = np.array(special).astype(numpy)
    chosen = random.integers(0, 4 if name in _SUMS else 2, shape) == 0
    mixed = np.where(
        chosen, pool[random.integers(0, len(pool), shape)], ordinary.astype(numpy)
    )
    return mixed.astype(numpy)


_POSITIVE = {
    "log": 0.2, "log1p": 0.0, "sqrt": 0.2, "pow": 0.2, "div": 0.3, "log2": 0.2,
    "log10": 0.2, "acosh": 1.2, "cbrt": 0.2, "xlogy": 0.2, "xlog1py": 0.0,
    "gammaln": 0.2, "digamma": 0.2, "polygamma": 0.2, "fraction": 0.02,
}  # fmt: skip
# Functions of numbers from -1 to 1, or from 0 to 1.
_WITHIN = {"asin": -0.9, "acos": -0.9, "atanh": -0.9, "logit": 0.1}


def smooth(name: str, dtype: Dtype, shape: tuple[int, ...], random) -> Array:
    """Distinct numbers of both signs, away from zero and from each other."""
    if dtype is bool_:
        return random.integers(0, 2, shape).astype(bool)
    count = int(np.prod(shape))
    spacing = random.uniform(0.07, 0.09)
    grid = (np.arange(count) - count // 2 + 0.37) * spacing
    array = random.permutation(grid).reshape(shape)
    if name in _POSITIVE:
        array = np.abs(array) + _POSITIVE[name]
    if name in _WITHIN and count:
        array = np.interp(array, [grid[0] - 1, grid[-1] + 1], [_WITHIN[name], 0.9])
    return array.astype(dtype.numpy)


__all__ = [
    "TEXT_ONLY", "Array", "Case", "Layout", "cases", "dtypes_of", "f64", "has_cases",
    "i64", "smooth_cases",
]  # fmt: skip
