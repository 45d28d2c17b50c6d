// Definitions for all kernels of this folder; precedes each of them when they are compiled.
//
// The source has two targets: NVRTC compiles it for GPUs, and the tests' emulation runs it on the
// host (EMULATED is defined there). Rules that both require: one __shared__ array per declaration,
// warp operations with the full mask, no return before a barrier, and every intended race goes
// through load_relaxed and store_relaxed or an atomic operation.

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef short i16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long long u64;
typedef long long i64;

#define FULL_WARP 0xffffffffu

#ifndef EMULATED
template <class T> __device__ __forceinline__ T load_relaxed(const T* place) {
  return *(const volatile T*)place;
}
template <class T> __device__ __forceinline__ void store_relaxed(T* place, T value) {
  *(volatile T*)place = value;
}
#endif

// The index of this thread among all of a one-dimensional launch, and their number.
__device__ __forceinline__ i64 thread_number() {
  return (i64)blockIdx.x * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ i64 thread_count() {
  return (i64)gridDim.x * blockDim.x;
}

// The sum of the values of the lanes before this one.
template <class T> __device__ __forceinline__ T sum_before(T value) {
  T sum = value;
  for (i32 step = 1; step < 32; step *= 2) {
    const T before = __shfl_up_sync(FULL_WARP, sum, step);
    if ((i32)threadIdx.x % 32 >= step) sum += before;
  }
  return sum - value;
}

// N neighbors, which are read and written by words of up to 16 bytes.
template <class T, i32 N> struct alignas(sizeof(T) * N > 16 ? 16 : sizeof(T) * N) Few {
  T values[N];
};

// Numbers first … first + N − 1 of n; beyond the last one they read as zero.
template <class T, i32 N>
__device__ __forceinline__ Few<T, N> load_few(const T* source, i64 first, i64 n) {
  if (first + N <= n) return *(const Few<T, N>*)(source + first);
  Few<T, N> some;
#pragma unroll
  for (i32 lane = 0; lane < N; lane++)
    some.values[lane] = first + lane < n ? source[first + lane] : (T)0;
  return some;
}

template <class T> using Four = Few<T, 4>;

template <class T>
__device__ __forceinline__ Four<T> load_four(const T* source, i64 first, i64 n) {
  return load_few<T, 4>(source, first, n);
}

// Writes four neighbors, without those beyond the last one.
template <class T>
__device__ __forceinline__ void store_four(T* target, i64 first, i64 n, const Four<T>& some) {
  if (first + 4 <= n) {
    *(Four<T>*)(target + first) = some;
    return;
  }
#pragma unroll
  for (i32 lane = 0; lane < 3; lane++)
    if (first + lane < n) target[first + lane] = some.values[lane];
}
