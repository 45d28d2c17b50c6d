// Definitions shared by the files of percentiles.

#define THREADS 256
#define WARPS (THREADS / 32)

// (L + c·E) / N of a value, with the operations of the reference.
__device__ __forceinline__ float rank_of(double c, u64 equal, u64 lower, u64 population) {
  double rank = c * (double)equal;
  rank += (double)lower;
  rank /= (double)(population ? population : 1);
  return rank == rank ? (float)rank : __int_as_float(0x7fc00000);
}

// Sums `count` over the threads of a block before this one; `all` gets the sum of all of them.
__device__ __forceinline__ u32 before_in_block(u32 count, u32* sums, u32* all) {
  u32 before = sum_before(count);
  const i32 warp = threadIdx.x / 32;
  if (threadIdx.x % 32 == 31) sums[warp] = before + count;
  __syncthreads();
  *all = 0;
  for (i32 other = 0; other < WARPS; other++) {
    if (other < warp) before += sums[other];
    *all += sums[other];
  }
  return before;
}
