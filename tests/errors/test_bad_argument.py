"""The message ``bad-argument``."""

# ruff: noqa: E501

import pytest

from tests.errors.program import X, message, text

CASES = [
    (
        """
        def f(x):
            return x.reshape(-1, -1)
        """,
        (X,),
        """
        program.py:2:12: error: reshape: more than one size of (-1, -1) is -1 [bad-argument]
            |
          2 |     return x.reshape(-1, -1)
            |            ^^^^^^^^^^^^^^^^^
          help: leave one size at most to be found
        """,
    ),
    (
        """
        def f(x):
            return x.transpose(0, 0)
        """,
        (X,),
        """
        program.py:2:12: error: transpose: (0, 0) does not order the axes of f32[n,m] [bad-argument]
            |
          2 |     return x.transpose(0, 0)
            |            ^^^^^^^^^^^^^^^^^
          help: name each axis once, as in x.transpose(1, 0)
        """,
    ),
    (
        """
        def f(x):
            return np.squeeze(x, 0)
        """,
        (X,),
        """
        program.py:2:12: error: squeeze: axis 0 of f32[n,m] is not of size 1 [bad-argument]
            |
          2 |     return np.squeeze(x, 0)
            |            ^^^^^^^^^^^^^^^^
          help: without axis= those axes go that are of size 1
        """,
    ),
    (
        """
        def f(x):
            return np.moveaxis(x, (0, 1), 0)
        """,
        (X,),
        """
        program.py:2:12: error: moveaxis: source and destination name different numbers of axes [bad-argument]
            |
          2 |     return np.moveaxis(x, (0, 1), 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: name a destination for each axis
        """,
    ),
    (
        """
        def f(x):
            return x.sum((0, 0))
        """,
        (X,),
        """
        program.py:2:12: error: axis (0, 0) names an axis twice [bad-argument]
            |
          2 |     return x.sum((0, 0))
            |            ^^^^^^^^^^^^^
          help: name each axis once
        """,
    ),
    (
        """
        def f(x):
            return x.max()
        """,
        (X[:0],),
        """
        program.py:2:12: error: maximum of no elements: axis 0 of f32[0,m] is empty [bad-argument]
            |
          2 |     return x.max()
            |            ^^^^^^^
          help: ask for its size before: if x.size
        """,
    ),
    (
        """
        def f(x):
            return x.argmax(0)
        """,
        (X[:0],),
        """
        program.py:2:12: error: argmax of no elements: an axis of f32[0,m] is empty [bad-argument]
            |
          2 |     return x.argmax(0)
            |            ^^^^^^^^^^^
          help: ask for its size before: if x.size
        """,
    ),
    (
        """
        def f(x):
            return np.max(x, where=x > 0)
        """,
        (X,),
        """
        program.py:2:12: error: max with where= needs initial=: it has no value for no elements [bad-argument]
            |
          2 |     return np.max(x, where=x > 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: give the result of no elements: initial=0
        """,
    ),
    (
        """
        def f(x):
            return x if x > 0 else -x
        """,
        (X,),
        """
        program.py:2:17: error: bool[n,m] of more than one element is neither true nor false [bad-argument]
            |
          2 |     return x if x > 0 else -x
            |                 ^^^^^
          help: combine conditions with & | ~ and choose by np.where(condition, a, b); x.any() and x.all() are one bool
        """,
    ),
    (
        """
        def f(x):
            return x[::0]
        """,
        (X,),
        """
        program.py:2:12: error: the step of a slice is 0 [bad-argument]
            |
          2 |     return x[::0]
            |            ^^^^^^
          help: leave the step out, or use -1 to go backwards
        """,
    ),
    (
        """
        def f(x):
            return np.split(x, 3, axis=1)
        """,
        (X,),
        """
        program.py:2:12: error: split: f32[n,m] has no 3 equal parts [bad-argument]
            |
          2 |     return np.split(x, 3, axis=1)
            |            ^^^^^^^^^^^^^^^^^^^^^^
          help: np.array_split makes parts whose sizes differ by one
        """,
    ),
    (
        """
        def f(x):
            return np.array_split(x, 0)
        """,
        (X,),
        """
        program.py:2:12: error: array_split: 0 sections are too few [bad-argument]
            |
          2 |     return np.array_split(x, 0)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: use 1 section or more
        """,
    ),
    (
        """
        def f(x):
            return np.concatenate([x, x[0]])
        """,
        (X,),
        """
        program.py:2:12: error: concatenate: the arrays must have the same number of axes, at least one: f32[n,m], f32[m] [bad-argument]
            |
          2 |     return np.concatenate([x, x[0]])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: add axes to those that have fewer: x[None]
        """,
    ),
    (
        """
        def f(x):
            return np.concatenate(x[0], x[1])
        """,
        (X,),
        """
        program.py:2:12: error: concatenate: the arrays must have the same number of axes, at least one: f32[], f32[], f32[], f32[] [bad-argument]
            |
          2 |     return np.concatenate(x[0], x[1])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: pass the arrays as one list: np.concatenate([a, b])
        """,
    ),
    (
        """
        def f(x):
            return np.stack([x, x[0]])
        """,
        (X,),
        """
        program.py:2:12: error: stack: f32[n,m] and f32[m] differ [bad-argument]
            |
          2 |     return np.stack([x, x[0]])
            |            ^^^^^^^^^^^^^^^^^^^
          help: make them equal in shape, or use np.concatenate
        """,
    ),
    (
        """
        def f(x):
            return x @ x[0, 0]
        """,
        (X,),
        """
        program.py:2:12: error: matmul: cannot multiply f32[n,m] with f32[]: a scalar has no axis [bad-argument]
            |
          2 |     return x @ x[0, 0]
            |            ^^^^^^^^^^^
          help: multiply by scalars with *
        """,
    ),
    (
        """
        def f(x):
            return np.cross(x, x)
        """,
        (X,),
        """
        program.py:2:12: error: cross: f32[n,m] does not hold vectors of 2 or 3 elements [bad-argument]
            |
          2 |     return np.cross(x, x)
            |            ^^^^^^^^^^^^^^
          help: name the axis along which the vectors lie: axis=0
        """,
    ),
    (
        """
        def f(x):
            return np.einsum('ij,jk->ik', x)
        """,
        (X,),
        """
        program.py:2:12: error: einsum: 'ij,jk->ik' does not letter 1 operands [bad-argument]
            |
          2 |     return np.einsum('ij,jk->ik', x)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          help: letter each operand, with commas between: 'ij,jk->ik'
        """,
    ),
    (
        """
        def f(x):
            return np.einsum('i->i', x)
        """,
        (X,),
        """
        program.py:2:12: error: einsum: 'i' does not letter an operand of 2 axes [bad-argument]
            |
          2 |     return np.einsum('i->i', x)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: give each axis a letter, or write ... for several
        """,
    ),
    (
        """
        def f(x):
            return np.einsum('ij->k', x)
        """,
        (X,),
        """
        program.py:2:12: error: einsum: 'ij->k' has no such result [bad-argument]
            |
          2 |     return np.einsum('ij->k', x)
            |            ^^^^^^^^^^^^^^^^^^^^^
          help: name each letter once, of those that operands have, and their ...
        """,
    ),
    (
        """
        def f(x):
            return np.tensordot(x, x, ([0, 1], [0]))
        """,
        (X,),
        """
        program.py:2:12: error: tensordot: axes ([0, 1], [0]) do not pair up [bad-argument]
            |
          2 |     return np.tensordot(x, x, ([0, 1], [0]))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: name as many axes of the second array as of the first
        """,
    ),
    (
        """
        def f(x):
            return np.convolve(x, x)
        """,
        (X,),
        """
        program.py:2:12: error: convolve: f32[n,m] and f32[n,m] must have one axis [bad-argument]
            |
          2 |     return np.convolve(x, x)
            |            ^^^^^^^^^^^^^^^^^
          help: flatten it: x.ravel(); scipy.signal.convolve takes several axes
        """,
    ),
    (
        """
        def f(x):
            return np.convolve(x[0], x[1], 'most')
        """,
        (X,),
        """
        program.py:2:12: error: mode is 'most', but must be 'full', 'same' or 'valid' [bad-argument]
            |
          2 |     return np.convolve(x[0], x[1], 'most')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: 'same' has the size of the longer, 'valid' only whole overlaps
        """,
    ),
    (
        """
        def f(x):
            return np.diag(x[None])
        """,
        (X,),
        """
        program.py:2:12: error: diag: f32[1,n,m] has neither one nor two axes [bad-argument]
            |
          2 |     return np.diag(x[None])
            |            ^^^^^^^^^^^^^^^^
          help: np.diagonal(x, 0, -2, -1) has those of each matrix
        """,
    ),
    (
        """
        def f(x):
            return np.diagonal(x, 0, 1, 1)
        """,
        (X,),
        """
        program.py:2:12: error: diagonal: the two axes are the same [bad-argument]
            |
          2 |     return np.diagonal(x, 0, 1, 1)
            |            ^^^^^^^^^^^^^^^^^^^^^^^
          help: name two axes: np.diagonal(x, 0, 0, 1)
        """,
    ),
    (
        """
        def f(x):
            return np.meshgrid(x[0], indexing='yx')
        """,
        (X,),
        """
        program.py:2:12: error: meshgrid: indexing is 'yx', but must be 'xy' or 'ij' [bad-argument]
            |
          2 |     return np.meshgrid(x[0], indexing='yx')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: 'ij' has an axis for each array in order, 'xy' swaps the first two
        """,
    ),
    (
        """
        def f(x):
            return np.arange(0, x.shape[0], 0)
        """,
        (X,),
        """
        program.py:2:12: error: arange: the step is 0 [bad-argument]
            |
          2 |     return np.arange(0, x.shape[0], 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use a step that leads from the first number to the last
        """,
    ),
    (
        """
        def f(x, n):
            return np.zeros(n)
        """,
        (
            X,
            -1,
        ),
        """
        program.py:2:12: error: a size is -1, which is negative [bad-argument]
            |
          2 |     return np.zeros(n)
            |            ^^^^^^^^^^^
          help: use sizes of 0 or more: max(n, 0)
        """,
    ),
    (
        """
        def f(x, n):
            return np.linspace(0, 1, 2 * n)
        """,
        (X, -1),
        """
        program.py:2:12: error: a size is -2, which is negative [bad-argument]
            |
          2 |     return np.linspace(0, 1, 2 * n)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^
          help: use sizes of 0 or more: max(n, 0)
        """,
    ),
    (
        """
        def f(x, n):
            return np.lib.stride_tricks.sliding_window_view(x, n, 0)
        """,
        (X, -1),
        """
        program.py:2:12: error: sliding_window_view: a window is -1, which is negative [bad-argument]
            |
          2 |     return np.lib.stride_tricks.sliding_window_view(x, n, 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use sizes of 0 or more: max(n, 0)
        """,
    ),
    (
        """
        def f(x):
            return np.polyder(x[0], -1)
        """,
        (X,),
        """
        program.py:2:12: error: polyder: the order -1 is negative [bad-argument]
            |
          2 |     return np.polyder(x[0], -1)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: use an order of 0 or more
        """,
    ),
    (
        """
        def f(x):
            return np.pad(x, -1)
        """,
        (X,),
        """
        program.py:2:12: error: pad: a width is negative [bad-argument]
            |
          2 |     return np.pad(x, -1)
            |            ^^^^^^^^^^^^^
          help: cut elements off by a slice: x[1:]
        """,
    ),
    (
        """
        def f(x):
            return np.pad(x, ((1, 1), (2, 2), (3, 3)))
        """,
        (X,),
        """
        program.py:2:12: error: pad: the widths do not fit the 2 axes of f32[n,m] [bad-argument]
            |
          2 |     return np.pad(x, ((1, 1), (2, 2), (3, 3)))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give a pair for all axes, or one for each: ((1, 1), (2, 2))
        """,
    ),
    (
        """
        def f(x):
            return np.diff(x, -1)
        """,
        (X,),
        """
        program.py:2:12: error: diff: the order -1 is negative [bad-argument]
            |
          2 |     return np.diff(x, -1)
            |            ^^^^^^^^^^^^^^
          help: use an order of 0 or more
        """,
    ),
    (
        """
        def f(x):
            return np.gradient(x[:1], axis=0)
        """,
        (X,),
        """
        program.py:2:12: error: gradient: axis 0 of f32[1,m] has fewer than 2 elements [bad-argument]
            |
          2 |     return np.gradient(x[:1], axis=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: name the axes that have enough elements: axis=
        """,
    ),
    (
        """
        def f(x):
            return np.take(x, [0], mode='best')
        """,
        (X,),
        """
        program.py:2:12: error: take: mode is 'best', but must be 'raise', 'wrap' or 'clip' [bad-argument]
            |
          2 |     return np.take(x, [0], mode='best')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: 'wrap' goes around at the ends, 'clip' takes the nearest
        """,
    ),
    (
        """
        def f(x):
            return np.take_along_axis(x, np.array([0]), 0)
        """,
        (X,),
        """
        program.py:2:12: error: indices i64[1] and array f32[n,m] differ in rank [bad-argument]
            |
          2 |     return np.take_along_axis(x, np.array([0]), 0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: add axes to the indices: indices[:, None]
        """,
    ),
    (
        """
        def f(x):
            return np.select([x > 0], [x, x])
        """,
        (X,),
        """
        program.py:2:12: error: select: 1 conditions for 2 choices [bad-argument]
            |
          2 |     return np.select([x > 0], [x, x])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give a choice for each condition
        """,
    ),
    (
        """
        def f(x):
            return np.piecewise(x, [x > 0], [1, 2, 3])
        """,
        (X,),
        """
        program.py:2:12: error: piecewise: 3 functions for 1 parts [bad-argument]
            |
          2 |     return np.piecewise(x, [x > 0], [1, 2, 3])
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: give a function for each condition, and at most one for the rest
        """,
    ),
    (
        """
        def f(x):
            return np.cumulative_sum(x)
        """,
        (X,),
        """
        program.py:2:12: error: cumulative_sum: f32[n,m] needs axis= [bad-argument]
            |
          2 |     return np.cumulative_sum(x)
            |            ^^^^^^^^^^^^^^^^^^^^
          help: name it, axis=0, or flatten the array: x.ravel()
        """,
    ),
    (
        """
        def f(x):
            return np.linalg.norm(x[None], axis=(0, 1, 2))
        """,
        (X,),
        """
        program.py:2:12: error: norm: 3 axes are neither a vector nor a matrix [bad-argument]
            |
          2 |     return np.linalg.norm(x[None], axis=(0, 1, 2))
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: name one axis or two: axis=(-2, -1)
        """,
    ),
    (
        """
        def f(x):
            return np.linalg.norm(x[0], 'fro')
        """,
        (X,),
        """
        program.py:2:12: error: norm: vectors have no norm 'fro' [bad-argument]
            |
          2 |     return np.linalg.norm(x[0], 'fro')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: vectors have norms of numbers, such as 1, 2 and np.inf
        """,
    ),
    (
        """
        def f(x):
            return np.lib.stride_tricks.sliding_window_view(x, 9, axis=0)
        """,
        (X,),
        """
        program.py:2:12: error: sliding_window_view: axis 0 of f32[n,m] is shorter than the window [bad-argument]
            |
          2 |     return np.lib.stride_tricks.sliding_window_view(x, 9, axis=0)
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: use a shorter window, or pad the array: np.pad(x, ...)
        """,
    ),
    (
        """
        def f(x):
            return np.arange(4) ** -1 * x
        """,
        (X,),
        """
        program.py:2:12: error: power: i64[4] to the negative power -1 is no integer [bad-argument]
            |
          2 |     return np.arange(4) ** -1 * x
            |            ^^^^^^^^^^^^^^^^^^
          help: make the base floating, e.g. x.astype(float)
        """,
    ),
    (
        """
        def f(x):
            y = np.zeros(3, int)
            y[0] = float('nan')
            return y
        """,
        (X,),
        """
        program.py:3:5: error: assignment: nan is no integer, but the array is i64 [bad-argument]
            |
          3 |     y[0] = float('nan')
            |     ^^^^
          help: replace it before, or make the array floating
        """,
    ),
    (
        """
        def f(x):
            return np.pad(x[:, :0], 1, mode='edge')
        """,
        (X,),
        """
        program.py:2:12: error: pad: axis 1 of f32[n,0] is empty, and cannot be extended [bad-argument]
            |
          2 |     return np.pad(x[:, :0], 1, mode='edge')
            |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          help: mode='constant' extends empty axes
        """,
    ),
]


@pytest.mark.parametrize(("source", "args", "expected"), CASES)
def test_bad_argument(source, args, expected):
    assert message(source, *args) == text(expected)


_RANGE = "use a larger step, or an end that is nearer"


@pytest.mark.parametrize(
    ("expression", "what", "hint"),
    [
        (
            "np.arange(0, 5.0, 0.0)",
            "the step is 0",
            "use a step that leads from the first number to the last",
        ),
        (
            "np.arange(0.0, 1e300)",
            "from 0.0 to 1e+300 by 1.0 are more numbers than an array can hold",
            _RANGE,
        ),
        (
            "np.arange(0.0, 1.0, 1e-310)",
            "from 0.0 to 1.0 by 1e-310 are more numbers than an array can hold",
            _RANGE,
        ),
        (
            "np.arange(0.0, np.nan)",
            "from 0.0 to nan by 1.0 are more numbers than an array can hold",
            _RANGE,
        ),
    ],
)
def test_ranges_that_no_array_holds(expression, what, hint):
    assert message(f"def f(x):\n    return {expression}\n", X) == text(f"""
        program.py:2:12: error: arange: {what} [bad-argument]
            |
          2 |     return {expression}
            |            {"^" * len(expression)}
          help: {hint}
        """)
