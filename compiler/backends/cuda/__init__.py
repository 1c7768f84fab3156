"""CUDA C for GPUs: each Kernel of a Plan as a ``__global__`` function."""

from penstock.backends.cuda.launch import CudaLaunch, CudaParameter
from penstock.backends.cuda.unit import CUDA_OPTIONS, cuda_launches, emit_cuda

__all__ = [
    "CUDA_OPTIONS",
    "CudaLaunch",
    "CudaParameter",
    "cuda_launches",
    "emit_cuda",
]
