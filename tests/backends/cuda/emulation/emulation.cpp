// Runs the threads of CUDA blocks one at a time, and checks what they do.
//
// A thread is a fiber: it runs until it ends or has to wait for others. So runs can be
// repeated, and the seed of a launch chooses the order. Blocks run one after the other.
//
// Each access to memory is checked. A race is two accesses to one place by different
// threads, one of them a write, with no barrier between: whether the order of this run
// made them harmless does not matter. Accesses by different blocks always race, as
// nothing orders blocks.
#include "cuda.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

// The bounds of what __shared__ places; absent where no kernel of a unit has any.
extern "C" char __start_penstock_shared[] __attribute__((weak));
extern "C" char __stop_penstock_shared[] __attribute__((weak));

namespace emulation {
namespace {

constexpr unsigned kWarp = 32;
constexpr unsigned kMostThreads = 1024;
constexpr std::size_t kStackBytes = 64 * 1024;

enum class State { kReady, kAtBarrier, kInShuffle, kEnded, kFailed };

struct Thread {
  State state = State::kEnded;
  // Whether its fiber exists; one that ended runs the next block's thread.
  bool has_fiber = false;
  jmp_buf place;
  // Of the shuffle that it waits in.
  unsigned mask;
  unsigned distance;
  unsigned long long value;
};

// What is known of accesses to one place. Threads are numbered within the block, and
// epochs by the barriers that the block has passed.
struct Access {
  unsigned block = 0;
  unsigned epoch = 0;
  unsigned thread = 0;
  bool any = false;
  bool by_several_threads = false;
  bool by_several_blocks = false;

  // Whether an access from here is not ordered after this one.
  bool races(const Access& now) const {
    if (!any) return false;
    if (by_several_blocks || block != now.block) return true;
    return epoch == now.epoch && (by_several_threads || thread != now.thread);
  }

  void add(const Access& now) {
    if (!any) {
      *this = now;
    } else if (by_several_blocks || block != now.block) {
      by_several_blocks = true;
    } else if (epoch == now.epoch) {
      by_several_threads |= thread != now.thread;
    } else {
      // Those of earlier epochs are ordered before whatever follows.
      *this = now;
    }
  }
};

struct Place {
  Access write;
  Access read;
};

struct Block {
  const Launch* launch;
  Report* report;
  void (*body)(const Launch&);
  unsigned number;
  unsigned epoch;
  Thread* current;
  jmp_buf scheduler;
  std::unordered_map<std::uintptr_t, Place> places;
};

std::vector<Thread> threads(kMostThreads);
std::unique_ptr<char[]> stacks;
Block block;

unsigned number_of(const Thread& thread) { return &thread - threads.data(); }

void describe(const char* kind, const char* format, va_list arguments) {
  std::snprintf(block.report->kind, sizeof block.report->kind, "%s", kind);
  std::vsnprintf(
      block.report->message, sizeof block.report->message, format, arguments);
}

// Ends the launch, from the scheduler.
void refuse(const char* kind, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  describe(kind, format, arguments);
  va_end(arguments);
}

// Ends the launch, from the thread that runs.
[[noreturn]] void fail(const char* kind, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  describe(kind, format, arguments);
  va_end(arguments);
  block.current->state = State::kFailed;
  _longjmp(block.scheduler, 1);
}

// From a fiber to the scheduler, until it is resumed. Jumps cost no system call, as
// switching between contexts does.
void leave(State state) {
  Thread* own = block.current;
  own->state = state;
  if (!_setjmp(own->place)) _longjmp(block.scheduler, 1);
}

void fiber() {
  for (;;) {
    block.body(*block.launch);
    leave(State::kEnded);
  }
}

// From the scheduler to a fiber, until it leaves.
void resume(Thread& thread) {
  block.current = &thread;
  if (_setjmp(block.scheduler)) {
    block.current = nullptr;
    return;
  }
  if (thread.has_fiber) _longjmp(thread.place, 1);
  thread.has_fiber = true;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks.get() + number_of(thread) * kStackBytes;
  context.uc_stack.ss_size = kStackBytes;
  context.uc_link = nullptr;
  makecontext(&context, fiber, 0);
  setcontext(&context);
}

void start(Thread& thread) {
  // One that a failed launch left on its way is begun anew.
  thread.has_fiber &= thread.state == State::kEnded;
  thread.state = State::kReady;
}

// Lets the threads of a warp go on that have met in a shuffle.
bool release_warp(Thread* first) {
  bool released = false;
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    Thread& thread = first[lane];
    if (thread.state != State::kInShuffle) continue;
    bool complete = true;
    for (unsigned other = 0; other < kWarp; ++other) {
      if (!(thread.mask >> other & 1)) continue;
      if (first[other].state != State::kInShuffle) {
        complete = false;
      } else if (first[other].mask != thread.mask) {
        refuse("mask", "block %u: lanes %u and %u shuffle with masks %08x and %08x",
               block.number, lane, other, thread.mask, first[other].mask);
        return false;
      }
    }
    if (!complete) continue;
    unsigned long long values[kWarp];
    for (unsigned other = 0; other < kWarp; ++other) values[other] = first[other].value;
    for (unsigned other = 0; other < kWarp; ++other) {
      if (!(thread.mask >> other & 1)) continue;
      const unsigned source = other + first[other].distance;
      if (source < kWarp) first[other].value = values[source];
      first[other].state = State::kReady;
    }
    released = true;
  }
  return released;
}

// Lets threads go on that wait for each other; false where they wait for ever.
bool release(unsigned count) {
  bool released = false;
  for (unsigned first = 0; first < count; first += kWarp) {
    released |= release_warp(&threads[first]);
    if (block.report->kind[0]) return false;
  }
  if (released) return true;
  unsigned at_barrier = 0, in_shuffle = 0, ended = 0;
  for (unsigned i = 0; i < count; ++i) {
    at_barrier += threads[i].state == State::kAtBarrier;
    in_shuffle += threads[i].state == State::kInShuffle;
    ended += threads[i].state == State::kEnded;
  }
  if (at_barrier == count) {
    for (unsigned i = 0; i < count; ++i) threads[i].state = State::kReady;
    ++block.epoch;
    return true;
  }
  if (at_barrier && !in_shuffle) {
    refuse("divergent-barrier",
           "block %u: %u threads wait at __syncthreads, %u ended without reaching it",
           block.number, at_barrier, ended);
  } else {
    refuse("deadlock",
           "block %u: %u threads wait at __syncthreads, %u in a shuffle, %u ended",
           block.number, at_barrier, in_shuffle, ended);
  }
  return false;
}

void run_block(std::mt19937& random) {
  const unsigned count = block.launch->block;
  std::vector<Thread*> order;
  for (unsigned i = 0; i < count; ++i) {
    start(threads[i]);
    order.push_back(&threads[i]);
  }
  do {
    std::shuffle(order.begin(), order.end(), random);
    for (Thread* thread : order) {
      if (thread->state != State::kReady) continue;
      resume(*thread);
      if (thread->state == State::kFailed) return;
    }
    order.erase(
        std::remove_if(order.begin(), order.end(),
                       [](Thread* thread) { return thread->state == State::kEnded; }),
        order.end());
  } while (!order.empty() && release(count));
}

bool is_within(std::uintptr_t address, const void* begin, const void* end) {
  return address >= (std::uintptr_t)begin && address < (std::uintptr_t)end;
}

bool is_shared(std::uintptr_t address) {
  return is_within(address, __start_penstock_shared, __stop_penstock_shared);
}

bool is_allowed(std::uintptr_t address, std::size_t size) {
  for (unsigned i = 0; i < block.launch->range_count; ++i) {
    const Range& range = block.launch->ranges[i];
    if (address >= range.begin && address + size <= range.end) return true;
  }
  return false;
}

void check(const void* pointer, std::size_t size, bool writes) {
  // Accesses outside kernels, and to the stacks of threads, concern nobody.
  if (!block.current) return;
  const auto address = (std::uintptr_t)pointer;
  if (is_within(address, stacks.get(), stacks.get() + kMostThreads * kStackBytes)) return;
  const unsigned thread = number_of(*block.current);
  const char* verb = writes ? "writes" : "reads";
  const bool shared = is_shared(address);
  if (!shared && !is_allowed(address, size)) {
    fail("out-of-bounds", "block %u: thread %u %s %zu bytes outside all arguments",
         block.number, thread, verb, size);
  }
  Place& place = block.places[address];
  Access now;
  now.block = block.number;
  now.epoch = block.epoch;
  now.thread = thread;
  now.any = true;
  if (shared && !writes && !place.write.any) {
    fail("uninitialized", "block %u: thread %u reads shared memory that nobody wrote",
         block.number, thread);
  }
  const bool after_write = place.write.races(now);
  if (after_write || (writes && place.read.races(now))) {
    const Access& other = after_write ? place.write : place.read;
    fail("race", "block %u: thread %u %s %s memory that thread %u of block %u %s",
         block.number, thread, verb, shared ? "shared" : "global", other.thread,
         other.block, after_write ? "wrote" : "read");
  }
  (writes ? place.write : place.read).add(now);
}

void forget_shared() {
  for (auto place = block.places.begin(); place != block.places.end();) {
    place = is_shared(place->first) ? block.places.erase(place) : std::next(place);
  }
}

}  // namespace

Index thread_index() { return {number_of(*block.current)}; }
Index block_index() { return {block.number}; }
Index block_size() { return {block.launch->block}; }
Index grid_size() { return {block.launch->grid}; }

void synchronize() { leave(State::kAtBarrier); }

unsigned long long shuffle_down(
    unsigned mask, unsigned long long value, unsigned distance) {
  Thread* own = block.current;
  const unsigned lane = number_of(*own) % kWarp;
  if (!(mask >> lane & 1)) {
    fail("mask", "block %u: lane %u shuffles with mask %08x, which leaves it out",
         block.number, lane, mask);
  }
  own->mask = mask;
  own->value = value;
  own->distance = distance;
  leave(State::kInShuffle);
  return own->value;
}

unsigned long long compare_and_swap(
    unsigned long long* address, unsigned long long expected, unsigned long long value) {
  if (!is_allowed((std::uintptr_t)address, sizeof value)) {
    fail("out-of-bounds", "block %u: thread %u updates 8 bytes outside all arguments",
         block.number, number_of(*block.current));
  }
  const unsigned long long found = *address;
  if (found == expected) *address = value;
  return found;
}

void run(const Launch& launch, Report& report, void (*thread)(const Launch&)) {
  report.kind[0] = report.message[0] = '\0';
  block.launch = &launch;
  block.report = &report;
  block.body = thread;
  block.places.clear();
  if (launch.block % kWarp || launch.block < kWarp || launch.block > kMostThreads) {
    refuse("launch", "%u threads are no block of whole warps", launch.block);
    return;
  }
  if (!stacks) stacks.reset(new char[kMostThreads * kStackBytes]);
  std::mt19937 random(launch.seed);
  for (block.number = 0; block.number < launch.grid; ++block.number) {
    block.epoch = 0;
    run_block(random);
    if (report.kind[0]) return;
    forget_shared();
  }
}

}  // namespace emulation

// What the compiler calls for -fsanitize=thread, in place of the sanitizer's own.
#define PENSTOCK_ACCESS(size)                                                        \
  void __tsan_read##size(void* place) { emulation::check(place, size, false); }      \
  void __tsan_write##size(void* place) { emulation::check(place, size, true); }      \
  void __tsan_unaligned_read##size(void* place) {                                    \
    emulation::check(place, size, false);                                            \
  }                                                                                  \
  void __tsan_unaligned_write##size(void* place) {                                   \
    emulation::check(place, size, true);                                             \
  }

extern "C" {
PENSTOCK_ACCESS(1)
PENSTOCK_ACCESS(2)
PENSTOCK_ACCESS(4)
PENSTOCK_ACCESS(8)
PENSTOCK_ACCESS(16)
void __tsan_read_range(void* place, std::size_t size) {
  emulation::check(place, size, false);
}
void __tsan_write_range(void* place, std::size_t size) {
  emulation::check(place, size, true);
}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
