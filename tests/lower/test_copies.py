"""Programs that move elements: what they give, and what their loops do for each."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.loop.node import Block, For, Let, Load, Statement

random = np.random.default_rng(11)


def inner_statements(block: Block, within: bool = False) -> list[Statement]:
    """What runs once for each element: within loops of vectors or after each other."""
    found: list[Statement] = []
    for statement in block.statements:
        if isinstance(statement, For):
            own = within or statement.kind != "parallel"
            found += inner_statements(statement.body, own)
        elif within:
            found.append(statement)
    return found


def primitives(function, *arguments) -> set[str]:
    """What the loops of a program compute for each element."""
    plan = ps.compile(function).lower(*arguments).compilation.plan
    return {
        statement.primitive
        for kernel in plan.kernels
        for statement in inner_statements(kernel.body)
        if isinstance(statement, Let)
    }


REPEATED = {
    "rows": (lambda x: np.repeat(x, 2, axis=0), (6, 5)),
    "elements": (lambda x: np.repeat(x, 3), (6, 5)),
    "columns": (lambda x: np.repeat(x, 2, axis=1), (6, 5)),
    "points": (lambda x: np.repeat(x, 2, axis=0), (150, 3)),
    "tiled rows": (lambda x: np.tile(x, (2, 1)), (6, 5)),
    "tiled points": (lambda x: np.tile(x, (2, 2)), (150, 3)),
    "tiled vector": (lambda x: np.tile(x, 3) + 1, (7,)),
    "flat transpose": (lambda x: x.T.reshape(-1) * 2, (6, 5)),
    "flat part": (lambda x: x[1:, ::2].reshape(-1), (6, 5)),
}


@pytest.mark.parametrize("name", REPEATED)
def test_repeated_elements_are_found_without_divisions(name):
    function, shape = REPEATED[name]
    for dtype in (np.uint8, np.float64):
        x = random.integers(0, 100, shape).astype(dtype)
        got = ps.compile(function)(x)
        np.testing.assert_array_equal(got, function(x))
        assert got.dtype == function(x).dtype
    assert not primitives(function, x) & {"floor_divide", "remainder"}


def bytes_of_loads(function, *arguments) -> list[int]:
    """How wide what the loops load for each element is."""
    plan = ps.compile(function).lower(*arguments).compilation.plan
    return [
        statement.buffer.dtype.itemsize
        for kernel in plan.kernels
        for statement in inner_statements(kernel.body)
        if isinstance(statement, Load)
    ]


def test_picked_rows_are_copied_as_wide_as_their_elements():
    """The position of a row is loaded once, and does not make vectors narrower."""
    x, rows = random.integers(0, 99, (9, 70)).astype(np.uint8), np.array([3, -1, 0, 3])
    function = ps.compile(lambda x, rows: x[rows])
    np.testing.assert_array_equal(function(x, rows), x[rows])
    assert bytes_of_loads(lambda x, rows: x[rows], x, rows) == [1]


FLAT = {
    "table": lambda x: np.arange(0, 512, 2).astype(np.uint8)[x],
    "roll": lambda x: np.roll(x, 1, 0),
    "edges": lambda x: np.pad(x, ((1, 1), (0, 0), (0, 0)), "edge"),
    "constants": lambda x: np.pad(x, ((1, 2), (0, 0), (0, 0)), constant_values=7),
    "joined": lambda x: np.concatenate([x, x[:2], x + 1]),
    "stacked": lambda x: np.stack([x, x * 2]),
}


@pytest.mark.parametrize("name", FLAT)
def test_whole_planes_are_one_run_of_elements(name):
    function = FLAT[name]
    x = random.integers(0, 99, (40, 5, 3)).astype(np.uint8)
    compiled = ps.compile(function)
    np.testing.assert_array_equal(compiled(x), function(x))
    plan = compiled.lower(x).compilation.plan
    for kernel in plan.kernels:
        assert all(buffer.type.rank == 1 for buffer in kernel.buffers), str(kernel)


def test_a_single_position_picks_planes_as_well():
    x = random.normal(size=(4, 5, 3))
    for function in (
        lambda x, i: x[i + 1] * 2,
        lambda x, i: x[:, i + 1] * x[:, :1],
        lambda x, i: np.where(x > 0, x[i * 1], x),
    ):
        i = np.array([-2])
        np.testing.assert_array_equal(ps.compile(function)(x, i), function(x, i))


PIXELS = {
    "swapped": lambda x: np.stack([x[:, 2], x[:, 1], x[:, 0]], -1),
    "mirrored": lambda x: x[:, ::-1].copy(),
    "sum of two": lambda x: x[:, 0] + x[:, 2],
    "shifted": lambda x: x + np.arange(3, dtype=x.dtype),
    "twice": lambda x: np.repeat(x, 2, axis=0),
    "framed": lambda x: np.pad(x, ((0, 0), (1, 1))),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_are_moved_by_whole_vectors(name):
    """Their channels are lanes of vectors, and no byte is loaded or stored alone."""
    function = PIXELS[name]
    x = random.integers(0, 99, (500, 3)).astype(np.uint8)
    with ps.config(target="x86-64-v3"):
        compiled = ps.compile(function)
        got = compiled(x)
        text = compiled.lower(x).text("llvm")
    np.testing.assert_array_equal(got, function(x))
    assert got.dtype == np.uint8
    assert "shufflevector <32 x i8>" in text
    assert "insertelement <32 x i8> %" not in text
    assert "extractelement <32 x i8>" not in text


def test_rows_that_are_written_out_decide_nothing_for_each_element():
    x = np.ones((500, 3))
    made = primitives(PIXELS["swapped"], x) | primitives(PIXELS["framed"], x)
    assert not made & {"select", "less", "and"}


def _written(x):
    y = x.copy()
    y[3:-2] = x[5:]
    return y + 1


JOINED = {
    "roll": lambda x: np.roll(x, 3),
    "concatenate": lambda x: np.concatenate([x, x[:7] * 2, x]),
    "pad": lambda x: np.pad(x, (2, 1), constant_values=5),
    "edge": lambda x: np.pad(x, (2, 1), "edge"),
    "written": _written,
    "rows": lambda x: np.concatenate([x[None, :5], x[None, :-1]], 1),
}


@pytest.mark.parametrize("name", JOINED)
def test_joins_are_a_loop_for_each_part(name):
    """What part an element comes from is not decided for each."""
    function = JOINED[name]
    compiled = ps.compile(function)
    for size in (8, 9, 64, 4089, 4094, 4096, 4097, 9000):
        x = random.normal(size=size)
        np.testing.assert_array_equal(compiled(x), function(x))
    assert not primitives(function, x) & {"select", "less", "greater_equal"}
    x = random.integers(0, 9, (5, 12, 3)).astype(np.uint8)
    np.testing.assert_array_equal(compiled(x[0, :, 0]), function(x[0, :, 0]))


def test_joins_whose_parts_have_no_known_order_choose_for_each_element():
    def both(x, i, j):
        return np.pad(x, (i, j)) + np.pad(x, (j, i))

    compiled = ps.compile(both)
    x = random.normal(size=9)
    for i, j in ((1, 4), (4, 1), (2, 2)):
        np.testing.assert_array_equal(compiled(x, i, j), both(x, i, j))
