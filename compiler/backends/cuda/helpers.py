"""Device functions that a unit prints for itself, since it includes no header.

They give NumPy's meaning where C's is another, or is undefined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["HELPERS", "Helper", "with_needs"]


@dataclass(frozen=True)
class Helper:
    """A device function.

    Attributes:
        text: its definition.
        needs: the names of others that it calls.
    """

    text: str
    needs: tuple[str, ...] = ()


_STRIDED = """\
// What lies some bytes after an address.
template <class T>
__device__ __forceinline__ T& strided(T* base, long long bytes) {
  return *(T*)((const char*)base + bytes);
}
"""

_THREAD_OF_GRID = """\
// The number of a thread among those of all blocks.
__device__ __forceinline__ long long thread_of_grid() {
  return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}
"""

_THREADS_OF_GRID = """\
__device__ __forceinline__ long long threads_of_grid() {
  return (long long)gridDim.x * blockDim.x;
}
"""

_REPORT_ERROR = """\
// The first error wins; its number goes to error[0], what was found to error[1].
__device__ __forceinline__ void report_error(
    unsigned long long* error, unsigned long long number, long long found) {
  if (atomicCAS(error, 0ull, number) == 0ull) {
    error[1] = (unsigned long long)found;
  }
}
"""

_MINIMUM = """\
// nan if either is; of two zeros the second, as NumPy.
template <class T>
__device__ __forceinline__ T minimum(T a, T b) {
  return a != a ? a : (a < b ? a : b);
}
"""

_MINIMUM_HALF = """\
// Of f16 NumPy keeps the first of two zeros.
__device__ __forceinline__ float minimum_half(float a, float b) {
  return a != a || a <= b ? a : b;
}
"""

_SIGN = """\
// -1, 0 or 1, and nan of nan.
template <class T>
__device__ __forceinline__ T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : x == T(0) ? T(0) : x;
}
"""

_FLOOR_DIVIDE = """\
// Of integers: 0 for b == 0, and the least integer by -1 is itself.
template <class T>
__device__ __forceinline__ T floor_divide(T a, T b) {
  if (b == T(0)) return T(0);
  if (T(-1) < T(0) && b == T(-1)) return T(0ull - (unsigned long long)a);
  const T rest = a % b;
  return a / b - T(rest != T(0) && (rest < T(0)) != (b < T(0)));
}
"""

_REMAINDER = """\
// Of integers, with the sign of the divisor: 0 for b == 0.
template <class T>
__device__ __forceinline__ T remainder_of(T a, T b) {
  if (b == T(0) || (T(-1) < T(0) && b == T(-1))) return T(0);
  const T rest = a % b;
  return rest != T(0) && (rest < T(0)) != (b < T(0)) ? T(rest + b) : rest;
}
"""

# npy_divmod in numpy/_core/src/npymath/npy_math_internal.h.src
_FLOOR_DIVIDE_FLOAT = """\
__device__ __forceinline__ float floor_divide_f32(float a, float b) {
  if (b == 0.0f) return a / b;
  const float rest = fmodf(a, b);
  float whole = (a - rest) / b;
  if (rest != 0.0f && (b < 0.0f) != (rest < 0.0f)) whole -= 1.0f;
  if (whole == 0.0f) return copysignf(0.0f, a / b);
  const float down = floorf(whole);
  return whole - down > 0.5f ? down + 1.0f : down;
}
"""

_REMAINDER_FLOAT = """\
__device__ __forceinline__ float remainder_f32(float a, float b) {
  const float rest = fmodf(a, b);
  if (b == 0.0f) return rest;
  if (rest == 0.0f) return copysignf(0.0f, b);
  return (b < 0.0f) != (rest < 0.0f) ? rest + b : rest;
}
"""

# D. E. Knuth, The Art of Computer Programming 2, section 4.6.3, algorithm A.
_POWER = """\
// Of integers, by squaring; wraps around.
template <class T>
__device__ __forceinline__ T power(T base, T exponent) {
  unsigned long long result = 1, factor = (unsigned long long)base;
  for (unsigned long long rest = (unsigned long long)exponent; rest != 0; rest >>= 1) {
    if (rest & 1) result *= factor;
    factor *= factor;
  }
  return T(result);
}
"""

# H. S. Warren, Hacker's Delight, section 5-1.
_POPULATION_COUNT = """\
__device__ __forceinline__ int population_count(unsigned long long x) {
  x -= (x >> 1) & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
  return (int)((x * 0x0101010101010101ull) >> 56);
}
"""

_SHIFT_LEFT = """\
// 0 where the shift is not within the number's width.
template <class T>
__device__ __forceinline__ T shift_left(T a, T b) {
  const unsigned long long count = (unsigned long long)b;
  return count < 8 * sizeof(T) ? T((unsigned long long)a << count) : T(0);
}
"""

_SHIFT_RIGHT = """\
// All sign where the shift is not within the number's width.
template <class T>
__device__ __forceinline__ T shift_right(T a, T b) {
  const unsigned long long count = (unsigned long long)b;
  return count < 8 * sizeof(T) ? T(a >> count) : a < T(0) ? T(-1) : T(0);
}
"""

# The GPU's own conversions saturate; NumPy shows those of x86.
_TO_I32 = """\
// The least integer for nan and what does not fit.
template <class T>
__device__ __forceinline__ int to_i32(T x) {
  return x >= T(-2147483648.0) && x < T(2147483648.0) ? (int)x : -2147483647 - 1;
}
"""

_TO_I64 = """\
// The least integer for nan and what does not fit.
template <class T>
__device__ __forceinline__ long long to_i64(T x) {
  return x >= T(-9223372036854775808.0) && x < T(9223372036854775808.0)
      ? (long long)x : -9223372036854775807 - 1;
}
"""

_TO_U64 = """\
template <class T>
__device__ __forceinline__ unsigned long long to_u64(T x) {
  const T half = T(9223372036854775808.0);
  if (x >= half) return (unsigned long long)to_i64<T>(x - half) ^ (1ull << 63);
  return (unsigned long long)to_i64<T>(x);
}
"""

_F16_TO_F32 = """\
#ifndef PENSTOCK_EMULATION
__device__ __forceinline__ float f16_to_f32(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
#endif
"""

_F32_TO_F16 = """\
#ifndef PENSTOCK_EMULATION
__device__ __forceinline__ unsigned short f32_to_f16(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#endif
"""

_F64_TO_F16 = """\
#ifndef PENSTOCK_EMULATION
__device__ __forceinline__ unsigned short f64_to_f16(double x) {
  unsigned short bits;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(bits) : "d"(x));
  return bits;
}
#endif
"""

_ROUND_F16 = """\
__device__ __forceinline__ float round_f16(float x) {
  return f16_to_f32(f32_to_f16(x));
}
"""

_BF16_TO_F32 = """\
__device__ __forceinline__ float bf16_to_f32(unsigned short bits) {
  return __uint_as_float((unsigned int)bits << 16);
}
"""

_F32_TO_BF16 = """\
// To nearest, ties to even; a nan stays quiet, with its sign.
__device__ __forceinline__ unsigned short f32_to_bf16(float x) {
  const unsigned int bits = __float_as_uint(x);
  const unsigned int rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (unsigned short)((x != x ? bits | 0x00400000u : rounded) >> 16);
}
"""

_ROUND_BF16 = """\
__device__ __forceinline__ float round_bf16(float x) {
  return bf16_to_f32(f32_to_bf16(x));
}
"""


def _as_maximum(text: str) -> str:
    return text.replace("minimum", "maximum").replace("a <", "a >")


def _as_double(text: str) -> str:
    """The same function of doubles: other types, names and literals."""
    for single, double in (
        ("float ", "double "), ("_f32", "_f64"), ("fmodf", "fmod"),
        ("copysignf", "copysign"), ("floorf", "floor"), (".0f", ".0"), (".5f", ".5"),
    ):  # fmt: skip
        text = text.replace(single, double)
    return text


HELPERS: Mapping[str, Helper] = {
    "thread_of_grid": Helper(_THREAD_OF_GRID),
    "threads_of_grid": Helper(_THREADS_OF_GRID),
    "strided": Helper(_STRIDED),
    "report_error": Helper(_REPORT_ERROR),
    "f16_to_f32": Helper(_F16_TO_F32),
    "f32_to_f16": Helper(_F32_TO_F16),
    "f64_to_f16": Helper(_F64_TO_F16),
    "round_f16": Helper(_ROUND_F16, ("f16_to_f32", "f32_to_f16")),
    "bf16_to_f32": Helper(_BF16_TO_F32),
    "f32_to_bf16": Helper(_F32_TO_BF16),
    "round_bf16": Helper(_ROUND_BF16, ("bf16_to_f32", "f32_to_bf16")),
    "minimum": Helper(_MINIMUM),
    "maximum": Helper(_as_maximum(_MINIMUM)),
    "minimum_half": Helper(_MINIMUM_HALF),
    "maximum_half": Helper(_as_maximum(_MINIMUM_HALF)),
    "sign": Helper(_SIGN),
    "floor_divide": Helper(_FLOOR_DIVIDE),
    "remainder_of": Helper(_REMAINDER),
    "floor_divide_f32": Helper(_FLOOR_DIVIDE_FLOAT),
    "floor_divide_f64": Helper(_as_double(_FLOOR_DIVIDE_FLOAT)),
    "remainder_f32": Helper(_REMAINDER_FLOAT),
    "remainder_f64": Helper(_as_double(_REMAINDER_FLOAT)),
    "power": Helper(_POWER),
    "population_count": Helper(_POPULATION_COUNT),
    "shift_left": Helper(_SHIFT_LEFT),
    "shift_right": Helper(_SHIFT_RIGHT),
    "to_i32": Helper(_TO_I32),
    "to_i64": Helper(_TO_I64),
    "to_u64": Helper(_TO_U64, ("to_i64",)),
}
"""The helpers by name, each after those that it needs."""


def with_needs(names: Iterable[str]) -> list[str]:
    """The names of helpers and of all that they need, in the order to print them."""
    wanted: set[str] = set()
    rest = list(names)
    while rest:
        name = rest.pop()
        if name not in wanted:
            wanted.add(name)
            rest += HELPERS[name].needs
    return [name for name in HELPERS if name in wanted]
