"""Serial loops that run as long as a carried bool holds."""

import numpy as np
import pytest

from penstock.ir.errors import TextError, VerifyError
from penstock.ir.loop.build import KernelBuilder
from penstock.ir.loop.count import count_kernel
from penstock.ir.loop.evaluate import evaluate_kernel
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.loop.verify import verify_kernel
from penstock.ir.types import TensorType, f64, i64

HALVE = """
kernel @halve(%x: inout f64[]) {
  %0 = load %x[] : f64
  %1 = const 1.0 : f64
  %2 = const 0.5 : f64
  %3 = greater %0, %1 : bool
  serial %i = 0 to 1000 carry (%4 = %3, %5 = %0) -> (%6, %7) while %4 {
    %8 = mul %5, %2 : f64
    %9 = greater %8, %1 : bool
    yield %9, %8
  }
  store %7, %x[]
}"""

SEARCH = """
kernel @search(%x: in f64[n], %r: out i64[], n: index) {
  %0 = const 0.0 : f64
  %1 = const true : bool
  serial %i = 0 to 1000 carry (%2 = %1, %3 = 0) -> (%4, %5) while %2 {
    %6 = less %3, n : bool
    check %6 error 0 detail %3
    %7 = load %x[%3] where %6 : f64
    %8 = not_equal %7, %0 : bool
    %9 = convert %8 : i64
    %10 = add %3, %9 : i64
    yield %8, %10
  }
  store %5, %r[]
}"""


@pytest.mark.parametrize("text", [HALVE, SEARCH])
def test_text_is_read_back(text):
    text = text.strip()
    assert str(parse_kernel(text)) == text


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.5), (3.0, 0.75), (np.nan, np.nan)])
def test_a_loop_ends_where_its_test_fails(start, end):
    x = np.array(start)
    assert evaluate_kernel(parse_kernel(HALVE), [x]) == []
    np.testing.assert_array_equal(x, end)


def test_a_loop_ends_where_a_check_fails():
    found = np.zeros((), np.int64)
    kernel = parse_kernel(SEARCH)
    assert evaluate_kernel(kernel, [np.array([1.0, 0.0]), found], {"n": 2}) == []
    assert found == 1
    assert evaluate_kernel(kernel, [np.ones(2), found], {"n": 2}) == [(0, 2)]


def test_a_loop_of_unknown_length_counts_once():
    assert count_kernel(parse_kernel(HALVE), {}).flops == 3


def test_builder_makes_one():
    b = KernelBuilder("count")
    x = b.buffer("x", TensorType(i64), "inout")
    start = b.load(x, [])
    carries = [(start < 10, None), (start, None)]
    with b.loop("serial", b.size(100), carries=carries, test=True) as loop:
        number = loop.carried[1] + 1
        loop.update(number < 10, number)
    b.store(x, [], loop.results[1])
    kernel = b.finish()
    verify_kernel(kernel)
    number = np.array(3)
    evaluate_kernel(kernel, [number])
    assert number == 10


def test_a_test_is_a_carried_bool_of_a_serial_loop():
    wrong = [
        (HALVE.replace("while %4", "while %5"), "the test is f64, but must be bool"),
    ]
    for text, problem in wrong:
        with pytest.raises((TextError, VerifyError), match=problem):
            parse_kernel(text)
    kernel = parse_kernel(HALVE)
    kernel.body.statements[-2].kind = "vector"
    with pytest.raises(VerifyError, match="a vector loop has to combine"):
        verify_kernel(kernel)
    for carry in kernel.body.statements[-2].carries:
        carry.combine = "maximum" if carry.initial.dtype is f64 else "or"
    with pytest.raises(VerifyError, match="only a serial loop has a test"):
        verify_kernel(kernel)
    with pytest.raises(TextError, match="the loop does not carry %3"):
        parse_kernel(HALVE.replace("while %4", "while %3"))


def test_lanes_of_a_vector_loop_cannot_end_apart():
    b = KernelBuilder("apart")
    x = b.buffer("x", TensorType(f64, (8,)), "inout")
    with b.loop("vector", b.size(8)) as lanes:
        start = b.load(x, [lanes.index])
        carries = [(start < 1.0, None), (start, None)]
        with b.loop("serial", b.size(9), carries=carries, test=True) as loop:
            number = loop.carried[1] * 2.0
            loop.update(number < 1.0, number)
        b.store(x, [lanes.index], loop.results[1])
    with pytest.raises(VerifyError, match="its test differs between the lanes"):
        verify_kernel(b.finish())


def test_cuda_ends_a_loop_at_a_failed_check_too():
    from penstock.backends.cuda import emit_cuda
    from penstock.ir.plan.node import Launch, Plan, PlanBuffer, RunError

    kernel = parse_kernel(SEARCH)
    x, r = kernel.buffers
    given = PlanBuffer("x", x.type, "parameter")
    result = PlanBuffer("result0", r.type, "result")
    launch = Launch(kernel, (given, result))
    errors = (RunError("index-out-of-bounds", "index {value}"),)
    text = emit_cuda(Plan("f", (given,), (), (result,), body=[launch], errors=errors))
    assert "i < 1000 && v" in text
    assert "&& *error == 0; ++i) {" in text
