// Small kernels that are right, for tests of the emulation itself.

// Sums blocks by halves; the last block to end sums what the others left.
extern "C" __global__ void sample_total(const i32* values, i32* sums, u32* arrived, i32* total,
                                        i32 n) {
  __shared__ i32 halves[64];
  __shared__ bool is_last;
  const i32 me = threadIdx.x, i = blockIdx.x * blockDim.x + me;
  halves[me] = i < n ? values[i] : 0;
  __syncthreads();
  for (i32 half = 32; half > 0; half /= 2) {
    if (me < half) halves[me] += halves[me + half];
    __syncthreads();
  }
  if (me == 0) {
    store_relaxed(sums + blockIdx.x, halves[0]);
    __threadfence();
    is_last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (is_last && me == 0) {
    i32 all = 0;
    for (u32 block = 0; block < gridDim.x; block++) all += load_relaxed(sums + block);
    *total = all;
  }
}

// Sums along a warp, first through shared memory and then through the warp itself.
extern "C" __global__ void sample_warp(const i32* values, i32* through_memory, i32* through_warp) {
  __shared__ i32 row[32];
  const i32 me = threadIdx.x;
  row[me] = values[me];
  __syncwarp();
  for (i32 half = 16; half > 0; half /= 2) {
    const i32 other = me < half ? row[me + half] : 0;
    __syncwarp();
    row[me] += other;
    __syncwarp();
  }
  if (me == 0) *through_memory = row[0];
  i32 sum = values[me];
  for (i32 half = 16; half > 0; half /= 2) sum += __shfl_down_sync(FULL_WARP, sum, half);
  if (me == 0) *through_warp = sum;
}

// Takes static and dynamic shared memory.
extern "C" __global__ void __launch_bounds__(64, 2) sample_shared(i32* result) {
  __shared__ i32 own[1024];
  extern __shared__ i32 given[];
  own[threadIdx.x] = given[threadIdx.x] = threadIdx.x;
  __syncthreads();
  if (threadIdx.x == 0) *result = own[blockDim.x - 1] + given[blockDim.x - 1];
}
