// Counts of voxels that satisfy each of many comparisons, in one pass regardless of their number.
//
// Idea: k different thresholds divide the numbers into 2k + 1 classes: less than the first, equal
// to it, between the first and the second, and so on. One pass finds the class of each voxel by
// bisection among the thresholds in shared memory and counts it there, in several counters for each
// class, to reduce contention between lanes; neighbors of one class are counted at once. Each
// comparison is then the sum of some counts. Images of 8 or 16 bits are counted by value
// (percentiles.cu); sums of these counts give the same results.
//
// Complexity: log₂(k) comparisons per voxel, 4 bytes read; one block per comparison, which reads
// all counts. Up to 2047 thresholds are in shared memory, more in global memory.
//
// References: none. Deviations: none.

#define THREADS 512
#define SUM_THREADS 256

// The class of a number among k ascending thresholds; −1 for NaN.
__device__ __forceinline__ i32 class_of(float value, const float* thresholds, i32 k) {
  i32 from = 0, to = k;
  while (from < to) {
    const i32 middle = (from + to) / 2;
    if (thresholds[middle] < value)
      from = middle + 1;
    else
      to = middle;
  }
  if (value != value) return -1;
  return 2 * from + (from < k && thresholds[from] == value ? 1 : 0);
}

// Calls count(class, voxels) for classes of voxels; all threads of a warp call it equally often.
template <class Count>
__device__ __forceinline__ void each_class(
    const float* values, i64 n, const float* thresholds, i32 k, Count count) {
  for (i64 warp = 4 * (thread_number() & ~31LL); warp < n; warp += 4 * thread_count()) {
    const i64 first = warp + 4 * (threadIdx.x % 32);
    const Four<float> some = load_four(values, first, n);
    i32 classes[4];
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      const bool is_here = first + lane < n;
      classes[lane] = is_here ? class_of(some.values[lane], thresholds, k) : -1;
    }
    u32 run = 0;
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      run++;
      const bool ends = lane == 3 || classes[(lane + 1) % 4] != classes[lane];
      count(ends ? classes[lane] : -1, run);
      if (ends) run = 0;
    }
  }
}

// Counts in global memory: lanes of one class add their voxels, 1 to 4 each, at once.
__device__ __forceinline__ void count_in_memory(
    const float* values, i64 n, const float* thresholds, i32 k, u64* counts) {
  const u32 lower_lanes = (1u << threadIdx.x % 32) - 1;
  each_class(values, n, thresholds, k, [&](i32 its, u32 voxels) {
    const u32 peers = __match_any_sync(FULL_WARP, its < 0 ? -1LL : its * 8LL + voxels);
    if (its >= 0 && (peers & lower_lanes) == 0)
      atomicAdd(counts + its, (u64)__popc(peers) * voxels);
  });
}

// Counts in shared memory: `copies`, a power of two, of each class's counter.
__device__ __forceinline__ void count_in_shared(
    const float* values, i64 n, const float* thresholds, i32 k, float* here, u32* tally,
    i32 copies, u64* counts) {
  const i32 classes = 2 * k + 1;
  for (i32 i = threadIdx.x; i < k; i += THREADS) here[i] = thresholds[i];
  for (i32 i = threadIdx.x; i < classes * copies; i += THREADS) tally[i] = 0;
  __syncthreads();
  u32* mine = tally + threadIdx.x % copies;
  each_class(values, n, here, k, [&](i32 its, u32 voxels) {
    if (its >= 0) atomicAdd(mine + its * copies, voxels);
  });
  __syncthreads();
  for (i32 i = threadIdx.x; i < classes; i += THREADS) {
    u32 sum = 0;
    for (i32 copy = 0; copy < copies; copy++)
      sum += tally[i * copies + (copy + threadIdx.x) % copies];
    if (sum) atomicAdd(counts + i, (u64)sum);
  }
}

// Adds to the counts of the 2k + 1 classes of k ascending thresholds. The pool has k words for
// thresholds and `copies` for each class; without copies they are counted in global memory.
extern "C" __global__ void __launch_bounds__(THREADS) threshold_counts_rank(
    const float* values, i64 n, const float* thresholds, i32 k, i32 copies, u64* counts) {
  extern __shared__ u32 pool[];
  if (copies)
    count_in_shared(values, n, thresholds, k, (float*)pool, pool + k, copies, counts);
  else
    count_in_memory(values, n, thresholds, k, counts);
}

// The number of voxels that satisfy a comparison, as float64; one block per comparison. Count i is
// of voxels with the number first + i; bit 0 of the operation is for less, 1 equal, 2 greater.
extern "C" __global__ void __launch_bounds__(SUM_THREADS) threshold_counts_sum(
    const u64* counts, i32 amount, i32 first, const i32* operations, const float* numbers,
    double* result) {
  __shared__ u64 sums[SUM_THREADS / 32];
  const i32 operation = operations[blockIdx.x];
  const float number = numbers[blockIdx.x];
  u64 sum = 0;
#pragma unroll 8
  for (i32 i = threadIdx.x; i < amount; i += SUM_THREADS) {
    const float value = (float)(first + i);
    const bool is_so = (operation & 1 && value < number) || (operation & 2 && value == number) ||
                       (operation & 4 && value > number);
    sum += is_so ? counts[i] : 0;
  }
  for (i32 step = 1; step < 32; step *= 2) sum += __shfl_xor_sync(FULL_WARP, sum, step);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  sum = 0;
  for (i32 warp = 0; warp < SUM_THREADS / 32; warp++) sum += sums[warp];
  result[blockIdx.x] = (double)sum;
}
