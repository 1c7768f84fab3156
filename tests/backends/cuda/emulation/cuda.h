// What CUDA C has built in, for C++ compilers: kernels run on the processor.
//
// Compile a unit with this header before it (-include), and with -fsanitize=thread: the
// compiler then reports each access to memory to functions that emulation.cpp defines,
// which check it. Nothing here touches memory that other threads see, so that only the
// kernels' own accesses are reported.
#pragma once

#include <cmath>
#include <cstring>
#include <utility>

#define PENSTOCK_EMULATION

#define __global__ __attribute__((noinline))
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
// A section of their own tells where variables of blocks lie.
#define __shared__ static __attribute__((section("penstock_shared")))

namespace emulation {

struct Index {
  unsigned x;
};

Index thread_index();
Index block_index();
Index block_size();
Index grid_size();

// Waits for all threads of the block.
void synchronize();
// Waits for the threads of the warp that the mask names, and takes the value of one of
// them; `distance` lanes further on, or its own where that is beyond the warp.
unsigned long long shuffle_down(unsigned mask, unsigned long long value, unsigned distance);
unsigned long long compare_and_swap(
    unsigned long long* address, unsigned long long expected, unsigned long long value);

// The memory that a launch may touch.
struct Range {
  unsigned long long begin;
  unsigned long long end;
};

struct Launch {
  unsigned grid;
  unsigned block;
  // Threads run in an order that this chooses.
  unsigned seed;
  void* const* arguments;
  const Range* ranges;
  unsigned range_count;
};

// What went wrong: a name for its kind, and a sentence. Empty where all is well.
struct Report {
  char kind[32];
  char message[256];
};

void run(const Launch& launch, Report& report, void (*thread)(const Launch&));

// Arguments lie in the memory of whoever launches, which is none of the kernel's.
template <class... Parameters, std::size_t... Positions>
__attribute__((no_sanitize("thread"))) void call(
    void (*kernel)(Parameters...), const Launch& launch,
    std::index_sequence<Positions...>) {
  kernel(*(Parameters*)launch.arguments[Positions]...);
}

template <class... Parameters>
std::index_sequence_for<Parameters...> positions(void (*)(Parameters...));

}  // namespace emulation

// Makes a kernel callable from outside, as emulate_<kernel>.
#define PENSTOCK_EMULATE(kernel)                                                        \
  extern "C" void emulate_##kernel(                                                     \
      const emulation::Launch* launch, emulation::Report* report) {                     \
    emulation::run(*launch, *report, [](const emulation::Launch& own) {                 \
      emulation::call(kernel, own, decltype(emulation::positions(kernel))());           \
    });                                                                                 \
  }

#define threadIdx (emulation::thread_index())
#define blockIdx (emulation::block_index())
#define blockDim (emulation::block_size())
#define gridDim (emulation::grid_size())
#define __syncthreads() emulation::synchronize()

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 32 or 64 bits");
  unsigned long long bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = emulation::shuffle_down(mask, bits, distance);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned long long atomicCAS(
    unsigned long long* address, unsigned long long expected, unsigned long long value) {
  return emulation::compare_and_swap(address, expected, value);
}

template <class To, class From>
To bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

inline float __uint_as_float(unsigned bits) { return bits_of<float>(bits); }
inline unsigned __float_as_uint(float x) { return bits_of<unsigned>(x); }
inline long long __double_as_longlong(double x) { return bits_of<long long>(x); }
inline double __longlong_as_double(long long bits) { return bits_of<double>(bits); }

// Instructions that units reach through PTX.
inline float f16_to_f32(unsigned short bits) { return (float)bits_of<_Float16>(bits); }
inline unsigned short f32_to_f16(float x) { return bits_of<unsigned short>((_Float16)x); }
inline unsigned short f64_to_f16(double x) { return bits_of<unsigned short>((_Float16)x); }
