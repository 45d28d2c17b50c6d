// What does a kernel see when the host runs it? The words of CUDA C++, for g++.
//
// This stands before the text of the kernels, which is the one that NVRTC compiles. Threads of CUDA
// are fibers: see runtime.h. All of it is in one library a text, and one launch at a time runs in
// it, so what is true of the running thread is in plain global variables: they are the cheapest.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

#define EMULATED 1

// TSan and counting both have the compiler announce accesses, but only TSan knows of atomics.
#if defined(__SANITIZE_THREAD__) && !defined(EMULATION_COUNTS)
#define EMULATION_RACES 1
#endif

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#ifndef __restrict__
#define __restrict__ __restrict
#endif

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// Aligned as on a device, so that UBSan tells of addresses that a device would refuse.
#define EMULATION_VECTORS(name, element)                                              \
  struct alignas(2 * sizeof(element)) name##2 {                                       \
    element x, y;                                                                     \
  };                                                                                  \
  struct alignas(sizeof(element) < 8 ? 4 * sizeof(element) : 16) name##4 {            \
    element x, y, z, w;                                                               \
  };                                                                                  \
  inline name##2 make_##name##2(element x, element y) { return {x, y}; }              \
  inline name##4 make_##name##4(element x, element y, element z, element w) {         \
    return {x, y, z, w};                                                              \
  }
EMULATION_VECTORS(char, signed char)
EMULATION_VECTORS(uchar, unsigned char)
EMULATION_VECTORS(short, short)
EMULATION_VECTORS(ushort, unsigned short)
EMULATION_VECTORS(int, int)
EMULATION_VECTORS(uint, unsigned)
EMULATION_VECTORS(longlong, long long)
EMULATION_VECTORS(ulonglong, unsigned long long)
EMULATION_VECTORS(float, float)
EMULATION_VECTORS(double, double)
struct int3 {
  int x, y, z;
};
struct float3 {
  float x, y, z;
};
inline int3 make_int3(int x, int y, int z) { return {x, y, z}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }

// Of the running thread. Not const: the compiler would take them for the same all along.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

namespace emulation {

// Where in the text of the kernels something is called. As a default argument: of whoever calls.
struct Site {
  const char* file;
  int line;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// Ends the launch with an error.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// How many threads of the block came with a true condition, once all have come.
unsigned barrier(bool condition, Site site);
unsigned threads_of_block();
void fence();

// Shared memory. Each variable has a number in its library from when it is first reached; the
// places of a block's variables are in a table by number, null where it has not reached one yet.
extern void** shared_places;
void* claim_shared(int* number, size_t size);
void* dynamic_shared();

template <class T> struct Shared {
  int number = 0;  // of no variable: its place is always null

  T& of_block() {
    void* place = shared_places[number];
    if (__builtin_expect(!place, 0)) place = claim_shared(&number, sizeof(T));
    return *static_cast<T*>(place);
  }
};

// How a launch is asked for. The same in module.py.
struct Request {
  unsigned grid[3], block[3];
  uint64_t dynamic_bytes, seed;
  unsigned yield_per_mille, resident_blocks;
  uint64_t most_shared;  // bytes of a block, static and dynamic
  uint64_t last_blocks;  // run only these, the last ones, in order; 0: all blocks
};

// Runs one thread of a kernel; arguments are words of 64 bits, one each. A block may have as many
// threads as its launch bounds say.
using Body = void (*)(const uint64_t* arguments);
const char* launch(Body body, const uint64_t* arguments, const Request& request, unsigned bound);

// The type of a parameter, for module.py: "const f4*", "u1*", "i8"; v is anything else.
template <class T> void describe(char*& text) {
  using Pointee = std::remove_pointer_t<T>;
  using Element = std::remove_cv_t<Pointee>;
  if (std::is_const_v<Pointee>)
    for (const char* letter = "const "; *letter; letter++) *text++ = *letter;
  *text++ = std::is_same_v<Element, bool>         ? 'b'
            : std::is_floating_point_v<Element>   ? 'f'
            : std::is_unsigned_v<Element>         ? 'u'
            : std::is_integral_v<Element>         ? 'i'
                                                  : 'v';
  size_t size = 0;
  if constexpr (!std::is_void_v<Element>) size = sizeof(Element);
  if (size >= 10) *text++ = (char)('0' + size / 10);
  *text++ = (char)('0' + size % 10);
  if (std::is_pointer_v<T>) *text++ = '*';
  *text++ = ';';
}

template <auto kernel> struct Entry;
template <class... Parameters, void (*kernel)(Parameters...)> struct Entry<kernel> {
  static_assert((true && ... && (sizeof(Parameters) <= 8)), "a parameter of more than 8 bytes");

  template <size_t... index>
  __attribute__((no_sanitize("thread"))) static void
  call(const uint64_t* arguments, std::index_sequence<index...>) {
    kernel(*reinterpret_cast<const std::remove_cv_t<Parameters>*>(arguments + index)...);
  }
  __attribute__((no_sanitize("thread"))) static void body(const uint64_t* arguments) {
    call(arguments, std::index_sequence_for<Parameters...>{});
  }
  static void describe_parameters(char* text) {
    (describe<std::remove_cv_t<Parameters>>(text), ...);
    *text = 0;
  }
};

}  // namespace emulation

// What module.py calls. It puts one of these after the text for each kernel.
#define EMULATION_EXPORT(kernel, bound)                                                 \
  extern "C" __attribute__((visibility("default"))) const char* emulation_launch_##kernel( \
      const uint64_t* arguments, const emulation::Request* request) {                   \
    return emulation::launch(&emulation::Entry<&kernel>::body, arguments, *request,     \
                             bound);                                                    \
  }                                                                                     \
  extern "C" __attribute__((visibility("default"))) void emulation_parameters_##kernel( \
      char* text) {                                                                     \
    emulation::Entry<&kernel>::describe_parameters(text);                               \
  }

inline void __syncthreads(emulation::Site site = emulation::Site::here()) {
  emulation::barrier(false, site);
}
inline int __syncthreads_count(int condition, emulation::Site site = emulation::Site::here()) {
  return (int)emulation::barrier(condition != 0, site);
}
inline int __syncthreads_and(int condition, emulation::Site site = emulation::Site::here()) {
  return emulation::barrier(condition != 0, site) == emulation::threads_of_block();
}
inline int __syncthreads_or(int condition, emulation::Site site = emulation::Site::here()) {
  return emulation::barrier(condition != 0, site) != 0;
}
inline void __threadfence() { emulation::fence(); }
inline void __threadfence_block() { emulation::fence(); }
inline void __threadfence_system() { emulation::fence(); }

#include "memory.h"
#include "warps.h"
#include "numbers.h"
