"""The text of units: whole texts, places in the source, names, launches, refusals."""

import re
import subprocess

import pytest

from penstock.backends.cuda import cuda_launches, emit_cuda
from penstock.ir.dims import evaluate_dim
from penstock.ir.errors import UnsupportedError
from penstock.ir.location import Location
from penstock.ir.loop.text_parse import parse_kernel
from penstock.ir.plan.node import Launch, Plan, RunError
from tests.backends.cuda.emulation.emulator import compile_unit
from tests.backends.cuda.plans import plan_of_function, plan_of_kernel

GELU = """
func @gelu(%x: f32[n]) -> f32[n] {
  %0 = const 0.044715 : f32[]
  %1 = mul %x, %x : f32[n]  # model.py:12:9
  %2 = mul %1, %x : f32[n]  # model.py:12:9
  %3 = mul %2, %0 : f32[n]  # model.py:12:9
  %4 = add %x, %3 : f32[n]  # model.py:12:5
  %5 = const 0.7978845608 : f32[]
  %6 = mul %4, %5 : f32[n]  # model.py:13:5
  %7 = tanh %6 : f32[n]  # model.py:13:5
  %8 = const 1.0 : f32[]
  %9 = add %7, %8 : f32[n]  # model.py:14:5
  %10 = mul %9, %x : f32[n]  # model.py:14:5
  return %10
}"""
SOFTMAX = """
func @softmax(%x: f32[n,m]) -> f32[n,m] {
  %0 = max %x {axes=(1,), keepdims=true} : f32[n,1]  # model.py:20:9
  %1 = sub %x, %0 : f32[n,m]  # model.py:21:9
  %2 = exp %1 : f32[n,m]  # model.py:21:5
  %3 = sum %2 {axes=(1,), keepdims=true} : f32[n,1]  # model.py:22:5
  %4 = div %2, %3 : f32[n,m]  # model.py:22:5
  return %4
}"""
TAKEN = """
func @taken(%x: f16[n,m], %i: i32[k]) -> f16[k,m] {
  %0 = neg %i : i32[k]  # model.py:30:5
  %1 = gather %x, %0 {axes=(0,)} : f16[k,m]  # model.py:31:5
  %2 = add %1, %1 : f16[k,m]  # model.py:32:5
  return %2
}"""
SUM_OF_FORTY = """
func @sum_of_forty(%x: f32[n,40]) -> f32[n] {
  %0 = sum %x {axes=(1,), keepdims=false} : f32[n]
  return %0
}"""
ADDED_UP = """
func @added_up(%x: f32[n,m]) -> f32[n,m] {
  %0 = cumsum %x {axis=1} : f32[n,m]
  return %0
}"""


SCALED = """
kernel @scaled_0(%x: in f32[n,m] strided, %y: in f64[m], %z: out f64[n,m], m: index,
    n: index) {  # model.py:12:9, model.py:13:5
  %0 = const 0.044715 : f64
  parallel %p = 0 to (((m + 4095) // 4096)*n) {
    %1 = remainder %p, ((m + 4095) // 4096) : i64
    %2 = floor_divide %p, ((m + 4095) // 4096) : i64
    %3 = mul %1, 4096 : i64
    %4 = add %3, 4096 : i64
    %5 = minimum %4, m : i64
    vector %j = %3 to %5 {
      %6 = load %x[%2, %j] : f32
      %7 = convert %6 : f64
      %8 = load %y[%j] : f64
      %9 = maximum %7, %8 : f64
      %10 = mul %9, %0 : f64
      %11 = tanh %10 : f64
      store %11, %z[%2, %j]
    }
  }
}"""
NORMALIZED = """
kernel @normalized_0(%x: in f32[n,m], %y: out f32[n,m], n: index,
    m: index) {  # model.py:20:9
  %0 = const -inf : f32
  %1 = const 0.0 : f32
  parallel %p = 0 to n {
    vector %k = 0 to m carry (%2 = %0 maximum) -> (%3) {
      %4 = load %x[%p, %k] : f32
      %5 = maximum %2, %4 : f32
      yield %5
    }
    vector %k1 = 0 to m carry (%6 = %1 add) -> (%7) {
      %8 = load %x[%p, %k1] : f32
      %9 = sub %8, %3 : f32
      %10 = exp %9 : f32
      store %10, %y[%p, %k1]
      %11 = add %6, %10 : f32
      yield %11
    }
    vector %k2 = 0 to m {
      %12 = load %y[%p, %k2] : f32
      %13 = div %12, %7 : f32
      store %13, %y[%p, %k2]
    }
  }
}"""
PICKED = """
kernel @picked_0(%x: in f16[n], %i: in i32[k], %y: out f16[k], %count: inout i64[],
    k: index, n: index) {  # model.py:30:5
  vector %j = 0 to k {
    %0 = load %i[%j] : i32
    %1 = convert %0 : i64
    %2 = less %1, 0 : bool
    %3 = add %1, n : i64
    %4 = select %2, %3, %1 : i64
    %5 = greater_equal %4, 0 : bool
    %6 = less %4, n : bool
    %7 = and %5, %6 : bool
    check %7 error 0 detail %1
    %8 = load %x[%4] where %7 : f16
    %9 = add %8, %8 : f16
    store %9, %y[%j]
  }
  store k, %count[]
  serial %s = 0 to k {
    %10 = load %count[] : i64
    %11 = mul %10, %10 : i64
    store %11, %count[]
  }
}"""


def test_elementwise_kernel(golden):
    golden(emit_cuda(plan_of_kernel(SCALED)))


def test_row_reduction(golden):
    golden(emit_cuda(plan_of_kernel(NORMALIZED), lines=False))


def test_checked_indices_and_a_loop_of_one_thread(golden):
    error = RunError("index-out-of-bounds", "no {value}", Location("model.py", 31))
    plan = plan_of_kernel(PICKED)
    plan.errors = (error,)
    golden(emit_cuda(plan))


def compile_error(text, folder):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        compile_unit(text, (), folder, "refused")
    return caught.value.stderr


@pytest.mark.parametrize(
    ("code", "line"),
    [
        # The first place of a kernel stands for all but its checks.
        ("__global__ void", 30),
        ("f16_to_f32(a", 30),
        ("report_error(error", 31),
        ("r0[", 30),
    ],
)
def test_compilers_show_the_line_of_the_user(cuda_folder, code, line):
    text = emit_cuda(plan_of_function(TAKEN))
    assert code in text
    first, last = text.rsplit(code, 1)
    errors = compile_error(f"{first}no_such_thing {code}{last}", cuda_folder)
    places = re.findall(r"^(\S+?):(\d+):\d+: error", errors, re.MULTILINE)
    assert places[0] == ("model.py", str(line))


def test_a_kernel_of_no_line_is_shown_in_the_unit(cuda_folder):
    plans = [
        plan_of_function(GELU),
        plan_of_kernel("""
        kernel @other_0(%x: in f32[n], %y: out f32[n], n: index) {
          vector %i = 0 to n {
            %0 = load %x[%i] : f32
            %1 = sqrt %0 : f32
            store %1, %y[%i]
          }
        }"""),
    ]
    plan = Plan("both", (), (), (), body=[s for p in plans for s in p.body])
    text = emit_cuda(plan).replace("sqrtf(", "no_such_thing(")
    number = next(
        n for n, line in enumerate(text.splitlines(), 1) if "no_such_thing" in line
    )
    assert f"both.cu:{number}:" in compile_error(text, cuda_folder)


def test_file_names_are_escaped():
    function = GELU.replace("model.py", r'C:\a"b.py')
    assert r'#line 12 "C:\\a\"b.py"' in emit_cuda(plan_of_function(function))


def test_names_are_none_of_cpp_nor_of_the_unit():
    kernel = parse_kernel("""
    kernel @main(%float: in f32[double, n], %maximum: out f32[double, n],
        %v0: out f32[double, n], double: index, n: index) {
      parallel %n = 0 to double {
        vector %strided = 0 to n {
          %0 = load %float[%n, %strided] : f32
          %1 = exp %0 : f32
          store %1, %maximum[%n, %strided]
          store %1, %v0[%n, %strided]
        }
      }
    }""")
    text = emit_cuda(Plan("f", (), (), (), body=[Launch(kernel, ())]))
    assert text.partition('extern "C" ')[2] == (
        "__global__ void __launch_bounds__(256) main_(\n"
        "    const float* __restrict__ float_,\n"
        "    float* __restrict__ maximum_,\n"
        "    float* __restrict__ v0,\n"
        "    long long double_,\n"
        "    long long n) {\n"
        "  for (long long n1 = blockIdx.x; n1 < double_; n1 += gridDim.x) {\n"
        "    for (long long strided_ = threadIdx.x; strided_ < n;"
        " strided_ += blockDim.x) {\n"
        "      const float v1 = float_[n1 * n + strided_];\n"
        "      const float v2 = expf(v1);\n"
        "      maximum_[n1 * n + strided_] = v2;\n"
        "      v0[n1 * n + strided_] = v2;\n"
        "    }\n"
        "  }\n"
        "}\n"
    )


def launch_of(text, strided=()):
    (launch,) = cuda_launches(plan_of_function(text, strided)).values()
    return launch


@pytest.mark.parametrize(
    ("rows", "blocks"), [(0, 1), (1, 1), (1000, 1000), (10**9, 65536)]
)
def test_a_block_has_a_row_and_a_launch_at_least_a_block(rows, blocks):
    launch = launch_of(SOFTMAX)
    assert launch.block == 256
    assert evaluate_dim(launch.grid, {"n": rows, "m": 7}) == blocks


@pytest.mark.parametrize(
    ("function", "size", "block", "blocks"),
    [
        (SUM_OF_FORTY, 7, 64, 7),
        (ADDED_UP, 129, 64, 3),
        (GELU, 4097, 256, 2),
    ],
)
def test_blocks_have_no_more_threads_than_work(function, size, block, blocks):
    launch = launch_of(function)
    assert launch.block == block
    assert evaluate_dim(launch.grid, {"n": size, "m": 5}) == blocks


def test_parameters_of_a_launch():
    launch = launch_of(GELU, ["x"])
    found = [(p.name, p.kind, p.axis, p.symbol) for p in launch.parameters]
    assert found == [
        ("a0", "data", 0, ""),
        ("r0", "data", 0, ""),
        ("a0_stride_0", "stride", 0, ""),
        ("n", "size", 0, "n"),
    ]
    kinds = [parameter.kind for parameter in launch_of(TAKEN).parameters]
    assert kinds == ["data"] * 3 + ["size"] * 3 + ["error"]


def test_what_every_block_would_store_is_refused():
    plan = plan_of_kernel("""
    kernel @twice_0(%x: in f32[n], %y: out f32[n], n: index) {  # model.py:5:3
      %0 = const 1.0 : f32
      store %0, %y[0]
      parallel %p = 0 to n {
        store %0, %y[%p]
      }
    }""")
    with pytest.raises(UnsupportedError) as caught:
        emit_cuda(plan)
    assert str(caught.value) == (
        "model.py:5:3: error: kernel twice_0 stores outside its parallel loop, which "
        "the CUDA backend does not cover yet [not-on-cuda]\n"
        "  help: run it on the CPU"
    )
