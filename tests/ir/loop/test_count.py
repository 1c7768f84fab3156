"""What Kernels do, counted, against a walk over every single iteration."""

import re
from collections import Counter

import numpy as np
import pytest

import penstock as ps
from penstock.ir.dims import evaluate_dim, product
from penstock.ir.loop import count as count_module
from penstock.ir.loop.count import count_kernel
from penstock.ir.loop.node import For, If, Let, Load, Store
from penstock.ir.loop.primitive import PRIMITIVES
from penstock.ir.loop.text_parse import parse_kernel
from tests.ir.loop.kernels import ROWS

TRIANGLE = """
kernel @triangle(%x: in i32[n,n], %y: out f64[n], n: index) {
  %zero = const 0.0 : f64
  serial %i = 0 to n {
    %first = remainder %i, 3 : i64
    serial %j = %first to %i step 2 carry (%s = %zero) -> (%r) {
      %small = less %j, 4 : bool
      %e = load %x[%i, %j] : i32
      %twice = add %e, %e : i32
      %f = convert %twice : f64
      %t = add %s, %f : f64
      if %small {
        %g = exp %f : f64
        store %g, %y[%j]
      }
      yield %t
    }
    store %r, %y[%i]
  }
}"""


class Walk:
    """Counts one by one, on plain Python integers."""

    def __init__(self, kernel, sizes):
        self.sizes = sizes
        self.flops = self.integers = 0
        self.loads, self.stores = Counter(), Counter()
        self.block(kernel.body, {})

    def block(self, block, known):
        for statement in block.statements:
            if isinstance(statement, Let):
                self.let(statement, known)
            elif isinstance(statement, Load):
                self.loads[statement.buffer] += 1
            elif isinstance(statement, Store):
                self.stores[statement.buffer] += 1
            elif isinstance(statement, If):
                if known.get(statement.condition, True):
                    self.block(statement.body, dict(known))
            elif isinstance(statement, For):
                bounds = (known[statement.start], known[statement.stop])
                for index in range(*map(int, bounds), statement.step):
                    self.block(statement.body, {**known, statement.index: index})

    def let(self, statement, known):
        result, operands = statement.result, statement.operands
        is_float = result.dtype.kind == "f"
        if statement.primitive == "size":
            known[result] = evaluate_dim(statement.value, self.sizes)
        elif statement.primitive == "const":
            known |= {} if is_float else {result: statement.value}
        elif all(operand in known for operand in operands):
            values = [np.int64(known[operand]) for operand in operands]
            if not is_float:
                known[result] = PRIMITIVES[statement.primitive].evaluate(*values)
        elif is_float or any(operand.dtype.kind == "f" for operand in operands):
            self.flops += PRIMITIVES[statement.primitive].flops
        elif statement.primitive != "convert":
            self.integers += 1

    def bytes_of(self, accesses):
        return sum(
            min(times, evaluate_dim(product(buffer.shape), self.sizes))
            * buffer.dtype.itemsize
            for buffer, times in accesses.items()
        )


def count_by_walking(kernel, sizes):
    walk = Walk(kernel, sizes)
    moved = (walk.bytes_of(walk.loads), walk.bytes_of(walk.stores))
    return walk.flops, walk.integers, *moved


def counted(kernel, sizes):
    found = count_kernel(kernel, sizes)
    return (
        found.flops,
        found.integer_operations,
        found.bytes_read,
        found.bytes_written,
    )


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


PROGRAMS = {
    "elementwise": (lambda x: np.tanh(x) * x, [(37, 300)]),
    "rows": (softmax, [(7, 33)]),
    "all": (lambda x: np.sum(x * x), [(300, 301)]),
    "columns": (lambda x: np.sum(x, axis=0), [(5, 150)]),
    "broadcast": (lambda x, b: x + b, [(6, 50), (50,)]),
    "transposed": (lambda x: np.transpose(x) * 2, [(9, 17)]),
    "empty": (lambda x: x + 1, [(0, 5)]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_counts_of_compiled_programs(name):
    function, shapes = PROGRAMS[name]
    arrays = [np.ones(shape, np.float32) for shape in shapes]
    compilation = ps.compile(function).lower(*arrays).compilation
    sizes = compilation.traced.hints
    assert compilation.plan.kernels
    for kernel in compilation.plan.kernels:
        assert counted(kernel, sizes) == count_by_walking(kernel, sizes)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 40])
def test_bounds_and_conditions_that_depend_on_outer_loops(n):
    kernel = parse_kernel(TRIANGLE)
    assert counted(kernel, {"n": n}) == count_by_walking(kernel, {"n": n})


def test_more_iterations_than_are_looked_at_give_nearly_the_same(monkeypatch):
    kernel = parse_kernel(TRIANGLE)
    exact = count_kernel(kernel, {"n": 1000})
    assert exact.integer_operations == sum((i - i % 3 + 1) // 2 for i in range(1000))
    monkeypatch.setattr(count_module, "_MOST_POINTS", 300)
    rough = count_kernel(kernel, {"n": 1000})
    assert rough.integer_operations != exact.integer_operations
    assert rough.integer_operations == pytest.approx(exact.integer_operations, rel=0.02)


@pytest.mark.parametrize("n", [0, 1, 4, 7])
def test_products_that_are_stated_count_instead_of_what_fills_up(n):
    sizes = {"n": n, "m": 5}
    kernel = parse_kernel(ROWS)
    found = count_kernel(kernel, sizes)
    assert found.flops == 2 * 5 * n + 15 * n
    assert found.integer_operations == 0
    assert found.bytes_read == 4 * (5 * n + 5 * min(n, 1))
    assert found.bytes_written == 4 * n
    # Nothing is stated: what fills up the last tile counts too.
    kernel.products = None
    assert counted(kernel, sizes) == count_by_walking(kernel, sizes)
    assert count_kernel(kernel, sizes).flops == found.flops + 2 * 5 * (n % 2)


def test_products_of_integers_are_operations_on_integers():
    text = ROWS.replace("f32", "i32").replace("0.0", "0").replace("exp", "neg")
    text = re.sub(
        r"%(1[13]) = fma (%\d+), (%\d+), (%\d+) : i32",
        r"%a\1 = mul \2, \3 : i32 %\1 = add %a\1, \4 : i32",
        text,
    )
    found = count_kernel(parse_kernel(text), {"n": 7, "m": 5})
    assert (found.flops, found.integer_operations) == (0, 2 * 5 * 7 + 7)


def test_no_more_is_read_for_products_than_they_have_elements():
    # Every second row of twice as many: the last is read twice.
    text = ROWS.replace("f32[n,m]", "f32[2*n,m]")
    text = text.replace("%a[%1,", "%a[%c1,").replace("%a[%4,", "%a[%c4,")
    text = text.replace(
        "    serial", "    %c1 = mul %1, 2 : i64 %c4 = mul %4, 2 : i64 serial"
    )
    found = count_kernel(parse_kernel(text), {"n": 7, "m": 5})
    assert found.bytes_read == 4 * (5 * 7 + 5)


def test_elements_that_are_read_again_count_once():
    compilation = ps.compile(softmax).lower(np.ones((64, 100), "f4")).compilation
    (kernel,) = compilation.plan.kernels
    found = count_kernel(kernel, compilation.traced.hints)
    # The row is read for its maximum and its exponentials, and those for their sum.
    assert found.bytes_read == 2 * 64 * 100 * 4
    assert found.bytes_written == 64 * 100 * 4
    assert found.intensity == found.flops / (3 * 64 * 100 * 4)


def test_a_kernel_that_moves_nothing_has_no_intensity():
    found = count_kernel(parse_kernel(TRIANGLE), {"n": 0})
    assert (found.flops, found.bytes_moved, found.intensity) == (0, 0, 0.0)
