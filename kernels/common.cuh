// What every kernel of this folder may use. It stands before each of them when they are compiled.
//
// One source, two readers: NVRTC makes code for GPUs of it, and the tests' emulation runs it on the
// host (EMULATED is defined there). Rules that both need: one __shared__ array a declaration, warp
// operations with the full mask, no return before a barrier, and every race that is meant goes
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

// The number of this thread among all of a one-dimensional launch, and how many there are.
__device__ __forceinline__ i64 thread_number() {
  return (i64)blockIdx.x * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ i64 thread_count() {
  return (i64)gridDim.x * blockDim.x;
}
