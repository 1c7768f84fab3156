"""The emulation runs kernels, and names what a GPU would not do reliably."""

import re

import numpy as np
import pytest

from tests.backends.cuda.emulation.emulator import (
    EmulationError,
    compile_unit,
    launch_kernel,
)

KERNELS = """\
extern "C" __global__ void order(unsigned long long* turns, long long* turn_of) {
  unsigned long long turn = 0;
  while (atomicCAS(turns, turn, turn + 1) != turn) ++turn;
  turn_of[threadIdx.x] = (long long)turn;
}

extern "C" __global__ void total(const float* x, float* y) {
  float part = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    part += __shfl_down_sync(0xffffffffu, part, lanes);
  }
  if (threadIdx.x == 0) y[blockIdx.x] = part;
}

extern "C" __global__ void turn(const double* x, double* y) {
  __shared__ double row[64];
  row[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = row[63 - threadIdx.x];
}

extern "C" __global__ void turn_at_once(const double* x, double* y) {
  __shared__ double row[64];
  row[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = row[63 - threadIdx.x];
}

extern "C" __global__ void race_after_barrier(float* y) {
  y[threadIdx.x] = 1.0f;
  __syncthreads();
  y[0] = (float)threadIdx.x;
}

extern "C" __global__ void race_of_blocks(float* y) {
  if (threadIdx.x == 0) y[0] = (float)blockIdx.x;
}

extern "C" __global__ void overwrite_what_is_read(float* y) {
  const float other = y[(threadIdx.x + 1) % blockDim.x];
  y[threadIdx.x] = other;
}

extern "C" __global__ void half_at_barrier(float* y) {
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = 1.0f;
}

extern "C" __global__ void barrier_or_shuffle(float* y) {
  float x = 1.0f;
  if (threadIdx.x < 40) {
    __syncthreads();
  } else {
    x = __shfl_down_sync(0xffffffffu, x, 1);
  }
  y[threadIdx.x] = x;
}

extern "C" __global__ void left_out(float* y) {
  y[threadIdx.x] = __shfl_down_sync(0x0000ffffu, 1.0f, 1);
}

extern "C" __global__ void masks_that_differ(float* y) {
  const unsigned mask = threadIdx.x < 16 ? 0xffffffffu : 0xffff0000u;
  y[threadIdx.x] = __shfl_down_sync(mask, 1.0f, 1);
}

extern "C" __global__ void beyond(const float* x, float* y) {
  y[threadIdx.x] = x[threadIdx.x + 1];
}

extern "C" __global__ void beyond_by_atomic(unsigned long long* x) {
  atomicCAS(x + threadIdx.x, 0ull, 1ull);
}
"""
NAMES = re.findall(r"void (\w+)\(", KERNELS)


@pytest.fixture(scope="module")
def launch(cuda_folder):
    library = compile_unit(KERNELS, NAMES, cuda_folder, "emulation_test")

    def run(name, grid, block, *arguments, seed=0):
        launch_kernel(library, name, grid, block, arguments, seed=seed)

    return run


def test_threads_run_in_an_order_that_the_seed_chooses(launch):
    def order(seed):
        turns, turn_of = np.zeros(1, np.uint64), np.zeros(64, np.int64)
        launch("order", 1, 64, turns, turn_of, seed=seed)
        assert sorted(turn_of) == list(range(64))
        return turn_of.tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_shuffles_combine_a_warp(launch):
    x, y = np.arange(96, dtype=np.float32), np.zeros(3, np.float32)
    launch("total", 3, 32, x, y)
    assert y.tolist() == x.reshape(3, 32).sum(1).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_barrier_makes_others_stores_visible(launch, seed):
    x, y = np.arange(64.0), np.zeros(64)
    launch("turn", 1, 64, x, y, seed=seed)
    assert y.tolist() == x[::-1].tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("turn_at_once", {"race", "uninitialized"}),
        ("race_after_barrier", {"race"}),
        ("race_of_blocks", {"race"}),
        ("overwrite_what_is_read", {"race"}),
        ("half_at_barrier", {"divergent-barrier"}),
        ("barrier_or_shuffle", {"deadlock"}),
        ("left_out", {"mask"}),
        ("masks_that_differ", {"mask"}),
        ("beyond", {"out-of-bounds"}),
        ("beyond_by_atomic", {"out-of-bounds"}),
    ],
)
def test_what_is_no_defined_program_has_a_name(launch, name, kinds, seed):
    x, y = np.zeros(64, np.float32), np.zeros(64, np.float32)
    if name.startswith("turn"):
        x, y = x.astype(np.float64), y.astype(np.float64)
    arguments = {
        "beyond": (x, y),
        "turn_at_once": (x, y),
        "beyond_by_atomic": (np.zeros(63, np.uint64),),
    }.get(name, (y,))
    with pytest.raises(EmulationError) as caught:
        launch(name, 2, 64, *arguments, seed=seed)
    assert caught.value.kind in kinds


def test_messages_say_which_threads_meet(launch):
    with pytest.raises(EmulationError) as caught:
        launch("half_at_barrier", 1, 64, np.zeros(64, np.float32))
    assert str(caught.value) == (
        "divergent-barrier: block 0: 40 threads wait at __syncthreads, 24 ended "
        "without reaching it"
    )
    with pytest.raises(EmulationError) as caught:
        launch("race_of_blocks", 2, 32, np.zeros(1, np.float32))
    assert str(caught.value) == (
        "race: block 1: thread 0 writes global memory that thread 0 of block 0 wrote"
    )


def test_a_block_is_of_whole_warps(launch):
    with pytest.raises(EmulationError, match="48 threads are no block of whole warps"):
        launch("total", 1, 48, np.zeros(48, np.float32), np.zeros(1, np.float32))


def test_a_launch_works_after_one_that_failed(launch):
    with pytest.raises(EmulationError):
        launch("half_at_barrier", 1, 64, np.zeros(64, np.float32))
    x, y = np.arange(64.0), np.zeros(64)
    launch("turn", 1, 64, x, y)
    assert y.tolist() == x[::-1].tolist()
