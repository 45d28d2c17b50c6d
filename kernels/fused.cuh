// Building blocks of generated kernels: groups of four voxels, positions, and block reductions.
//
// Idea: a thread computes four neighboring voxels, so that masks too are read and written by words.
// A block that reduces computes the 4096 voxels of a block of the numerics contract; the values of
// its threads are added by halving, in the order of the contract, and the last block to finish adds
// the results of the others, so that a kernel with reductions is still one launch.
//
// Complexity: one pass; a reduction costs a few operations per voxel and one atomic operation per
// block.
//
// References: M. Harris, Optimizing parallel reduction in CUDA (2007); the last block as in
// NVIDIA's threadFenceReduction sample. Deviation: the order of additions is fixed, so results are
// bitwise reproducible.

#define THREADS 256
#define LANES 4
#define BLOCK 4096
#define STEPS (BLOCK / (THREADS * LANES))

// The position of voxel number i in the image.
struct Place {
  i32 x, y, z;
};

__device__ __forceinline__ Place place_of(i64 i, i64 n, i32 width, i32 height) {
  Place place;
  if (n <= 0x7fffffffLL) {  // the same for all threads; division of 32 bits is far faster
    const u32 row = (u32)i / (u32)width;
    place.x = (i32)((u32)i - row * (u32)width);
    place.z = (i32)(row / (u32)height);
    place.y = (i32)(row - (u32)place.z * (u32)height);
  } else {
    const i64 row = i / width;
    place.x = (i32)(i - row * width);
    place.z = (i32)(row / height);
    place.y = (i32)(row - (i64)place.z * height);
  }
  return place;
}

__device__ __forceinline__ bool is_inside(i32 at, i32 size) {
  return (u32)at < (u32)size;
}

// A number from the host, or one that is still on the device.
__device__ __forceinline__ float number_of(float value, const double* place) {
  return place ? (float)*place : value;
}

__device__ __forceinline__ double number_of(double value, const double* place) {
  return place ? *place : value;
}

__device__ __forceinline__ bool truth_of(u8 value, const double* place) {
  return place ? *place != 0.0 : value != 0;
}

// Orders like the numbers themselves; 0 is the key for "no number". −0 comes before 0.
__device__ __forceinline__ u32 key_of(float value) {
  const i32 bits = __float_as_int(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0;  // NaN
  return (u32)(bits ^ ((bits >> 31) & 0x7fffffff)) + 0x80000000u;
}

__device__ __forceinline__ u32 inverse_key_of(float value) {
  const u32 key = key_of(value);
  return key ? ~key : 0;
}

// The number of a key, never −0; NaN if there was none.
__device__ __forceinline__ double number_of_key(u32 key) {
  if (!key) return (double)__int_as_float(0x7fc00000);
  const i32 biased = (i32)(key - 0x80000000u);
  return (double)__int_as_float(biased ^ ((biased >> 31) & 0x7fffffff)) + 0.0;
}

__device__ __forceinline__ double number_of_inverse_key(u32 key) {
  return number_of_key(key ? ~key : 0);
}

// The same for integers, of which there is always at least one. Bodies compute with the inverted
// key for the least one, so that both reductions search for the greatest.
__device__ __forceinline__ u64 whole_key_of(i64 value) {
  return (u64)value ^ 0x8000000000000000ULL;
}
__device__ __forceinline__ u64 whole_key_of(i32 value) {
  return whole_key_of((i64)value);
}
__device__ __forceinline__ u64 whole_key_of(u64 value) {
  return value;
}
__device__ __forceinline__ u64 whole_key_of(u32 value) {
  return value;
}

template <class T> __device__ __forceinline__ u64 whole_inverse_key_of(T value) {
  return ~whole_key_of(value);
}

__device__ __forceinline__ double number_of_signed_key(u64 key) {
  return (double)(i64)(key ^ 0x8000000000000000ULL);
}

__device__ __forceinline__ double number_of_unsigned_key(u64 key) {
  return (double)key;
}

// A float64 converted to an integer, saturated to the range of the type; 0 for NaN.
__device__ __forceinline__ i64 saturated_i64(double value) {
  if (value >= 9223372036854775808.0) return 0x7fffffffffffffffLL;
  if (value < -9223372036854775808.0) return (i64)0x8000000000000000ULL;
  return value == value ? (i64)value : 0;
}

__device__ __forceinline__ u64 saturated_u64(double value) {
  if (value >= 18446744073709551616.0) return 0xffffffffffffffffULL;
  return value > 0.0 ? (u64)value : 0;
}

// The sum over the block, in thread 0; must be called by all threads. shared: a number per warp.
__device__ __forceinline__ u32 sum_of_block(u32 value, u32* shared) {
  for (int half = 16; half > 0; half /= 2) value += __shfl_down_sync(FULL_WARP, value, half);
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < THREADS / 32; warp++) value += shared[warp];
  __syncthreads();
  return value;
}

template <class T> __device__ __forceinline__ T greatest_of_block(T value, T* shared) {
  for (int half = 16; half > 0; half /= 2)
    value = max(value, __shfl_down_sync(FULL_WARP, value, half));
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < THREADS / 32; warp++) value = max(value, shared[warp]);
  __syncthreads();
  return value;
}

// The sum of the block by halving, in thread 0: first over threads, then over the lanes of a
// thread, which are neighbors. shared: THREADS / 2 numbers per lane.
__device__ __forceinline__ double total_of_block(double* lanes, double* shared) {
  const int me = threadIdx.x;
  for (int half = THREADS / 2; half >= 32; half /= 2) {
    if (me >= half && me < 2 * half)
      for (int lane = 0; lane < LANES; lane++)
        shared[lane * (THREADS / 2) + me - half] = lanes[lane];
    __syncthreads();
    if (me < half)
      for (int lane = 0; lane < LANES; lane++) lanes[lane] += shared[lane * (THREADS / 2) + me];
    __syncthreads();
  }
  for (int half = 16; half > 0; half /= 2)
    for (int lane = 0; lane < LANES; lane++)
      lanes[lane] += __shfl_down_sync(FULL_WARP, lanes[lane], half);
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

// The sum of the block sums by halving, the row padded with zeros to a power of two; must be called
// by all threads of the block, and returns the sum to all of them.
__device__ __forceinline__ double total_of_row(double* sums, i64 count) {
  i64 half = 1;
  while (2 * half < count) half *= 2;
  for (; half > 0 && count > 1; half /= 2) {
    for (i64 i = threadIdx.x; i < half; i += THREADS) {
      const double other = i + half < count ? load_relaxed(sums + i + half) : 0.0;
      store_relaxed(sums + i, load_relaxed(sums + i) + other);
    }
    __syncthreads();
    count = half;
  }
  return load_relaxed(sums);
}

// Whether this block is the last one to arrive; it then sees the writes of all others.
__device__ __forceinline__ bool is_last_block(u64* arrived, u32* shared) {
  if (threadIdx.x == 0) {
    __threadfence();
    shared[0] = atomicAdd(arrived, 1ull) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  return shared[0] != 0;
}
