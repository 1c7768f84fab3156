"""Buffers of a Kernel's own: memory of each iteration of its parallel loop."""

import numpy as np
import pytest

from penstock.ir.errors import TextError
from penstock.ir.loop.count import count_kernel
from penstock.ir.loop.evaluate import evaluate_kernel
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.loop.text_print import print_kernel

REVERSED = """\
kernel @reversed(%x: in f32[n,8], %y: out f32[n,8], %tile: local f32[8], n: index) {
  parallel %p = 0 to n {
    vector %i = 0 to 8 {
      %0 = load %x[%p, %i] : f32
      %1 = add %0, %0 : f32
      store %1, %tile[%i]
    }
    vector %j = 0 to 8 {
      %2 = sub 7, %j : i64
      %3 = load %tile[%2] : f32
      store %3, %y[%p, %j]
    }
  }
}
"""


def test_text_is_read_back():
    assert print_kernel(parse_kernel(REVERSED)) + "\n" == REVERSED
    assert "%b2: local f32[8]" in print_kernel(parse_kernel(REVERSED), canonical=True)


def test_launches_do_not_give_it():
    kernel = parse_kernel(REVERSED)
    assert [buffer.name for buffer in kernel.arguments] == ["x", "y"]
    x, y = np.arange(24, dtype=np.float32).reshape(3, 8), np.zeros((3, 8), np.float32)
    assert evaluate_kernel(kernel, [x, y], {"n": 3}) == []
    np.testing.assert_array_equal(y, 2 * x[:, ::-1])


def test_it_is_no_traffic():
    count = count_kernel(parse_kernel(REVERSED), {"n": 3})
    assert (count.bytes_read, count.bytes_written) == (96, 96)


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        ("f32[n]", "buffer tile is local, but its size is not fixed"),
        ("f32[8] strided", "buffer tile is local, but its size is not fixed"),
        ("f32[8193]", "its local buffers take 32772 bytes, more than 32768"),
    ],
)
def test_its_size_is_fixed_and_small(type_, message):
    with pytest.raises(TextError, match=message):
        parse_kernel(REVERSED.replace("local f32[8]", f"local {type_}"))
