// Radix sorting of keys together with their positions.
//
// Idea: keys of 32 bits are sorted by the lowest digit of 8 bits first. In each of four passes a
// block has some consecutive tiles of 4096 keys. It counts their digits; a scan over digits and
// blocks gives the destination of each block's keys of each digit; then it sorts each tile in
// shared memory, so that keys with the same digit are written contiguously. The number of keys is
// known on the device only: state[0].
//
// Complexity: 4 passes that read 12 and write 8 bytes per key; 3 launches each. 42 KB of shared
// memory per block.
//
// References: D. Knuth, The art of computer programming 3, 5.2.5 (radix sorting); D. Merrill and
// A. Grimshaw, High performance and scalable radix sorting (2011); S. Ashkiani et al., GPU
// multisplit (2016), for ranks of equal digits in a warp by ballots. Deviation: no decoupled look-
// back, as this requires that blocks make progress concurrently.

#define DIGITS 256
#define TILE 4096
#define EACH (TILE / THREADS)
#define COPIES 8  // counters per digit, to reduce contention between lanes

// The keys of a block: consecutive whole tiles.
struct Part {
  i64 start, stop;
};

__device__ __forceinline__ Part part_of_block(const u64* state) {
  const i64 n = (i64)state[0], tiles = (n + TILE - 1) / TILE;
  const i64 length = (tiles + gridDim.x - 1) / gridDim.x * TILE;
  const i64 start = min((i64)blockIdx.x * length, n);
  return {start, min(start + length, n)};
}

// The frequency of each digit in each block's part: counts[digit][block].
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_sort_count(
    const u32* keys, i32 shift, const u64* state, u32* counts) {
  __shared__ u32 tally[DIGITS * COPIES];
  for (i32 i = threadIdx.x; i < DIGITS * COPIES; i += THREADS) tally[i] = 0;
  __syncthreads();
  const Part part = part_of_block(state);
  u32* mine = tally + threadIdx.x % COPIES;
  for (i64 i = part.start + 4 * threadIdx.x; i < part.stop; i += 4 * THREADS) {
    const Four<u32> four = load_four(keys, i, part.stop);
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++)
      if (i + lane < part.stop)
        atomicAdd(mine + (four.values[lane] >> shift & (DIGITS - 1)) * COPIES, 1u);
  }
  __syncthreads();
  u32 sum = 0;
  for (i32 copy = 0; copy < COPIES; copy++)
    sum += tally[threadIdx.x * COPIES + (copy + threadIdx.x / 4) % COPIES];
  counts[(i64)threadIdx.x * gridDim.x + blockIdx.x] = sum;
}

// Replaces the counts by the sum before each block's part of each digit, and writes the sum of each
// digit. One warp per digit.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_sort_scan(
    u32* counts, i32 blocks, u32* totals) {
  const i32 digit = (i32)(thread_number() / 32), lane = threadIdx.x % 32;
  u32* row = counts + (i64)digit * blocks;
  u32 before = 0;
  for (i32 start = 0; start < blocks; start += 128) {
    u32 own[4], sum = 0;
#pragma unroll
    for (i32 i = 0; i < 4; i++) {
      const i32 block = start + 4 * lane + i;
      own[i] = block < blocks ? row[block] : 0;
      sum += own[i];
    }
    u32 place = before + sum_before(sum);
#pragma unroll
    for (i32 i = 0; i < 4; i++) {
      const i32 block = start + 4 * lane + i;
      if (block < blocks) row[block] = place;
      place += own[i];
    }
    before = __shfl_sync(FULL_WARP, place, 31);
  }
  if (lane == 0) totals[digit] = before;
}

// The lanes of a warp that have the same digit.
__device__ __forceinline__ u32 lanes_with(u32 digit) {
  u32 peers = FULL_WARP;
#pragma unroll
  for (i32 bit = 0; bit < 8; bit++) {
    const bool is_set = digit >> bit & 1;
    const u32 votes = __ballot_sync(FULL_WARP, is_set);
    peers &= is_set ? votes : ~votes;
  }
  return peers;
}

// The rank of each key among equal digits in a warp's part of a tile; `counts` of its digits,
// initially zeros, become their frequencies. Keys beyond the last one are the greatest.
__device__ __forceinline__ void rank_in_warp(
    const u32* keys, i64 start, i64 stop, i32 shift, u32* counts, u32* own, u16* ranks) {
  const u32 lower_lanes = (1u << threadIdx.x % 32) - 1;
#pragma unroll
  for (i32 i = 0; i < EACH; i++) {
    const i64 place = start + 32 * i + threadIdx.x % 32;
    own[i] = place < stop ? keys[place] : 0xffffffffu;
  }
#pragma unroll
  for (i32 i = 0; i < EACH; i++) {
    if (start + 32 * i >= stop) continue;  // the same for all lanes
    const u32 digit = own[i] >> shift & (DIGITS - 1);
    const u32 peers = lanes_with(digit);
    const u32 before = counts[digit];
    __syncwarp();
    if ((peers & lower_lanes) == 0) counts[digit] = before + __popc(peers);
    __syncwarp();
    ranks[i] = (u16)(before + __popc(peers & lower_lanes));
  }
}

// Sorts keys and their positions by one digit, stably.
extern "C" __global__ void __launch_bounds__(THREADS, 3) percentiles_sort_scatter(
    const u32* keys, const u32* places, i32 shift, const u64* state, const u32* counts,
    const u32* totals, u32* sorted_keys, u32* sorted_places) {
  __shared__ u32 tile_keys[TILE];
  __shared__ u32 tile_places[TILE];
  __shared__ u32 starts[WARPS][DIGITS];  // of each warp's keys of each digit in the tile
  __shared__ u32 targets[DIGITS];        // the destination of a digit, minus its start in the tile
  __shared__ u32 sums[WARPS];
  const i32 warp = threadIdx.x / 32, lane = threadIdx.x % 32, digit = threadIdx.x;
  const Part part = part_of_block(state);
  u32 all;
  u32 target = before_in_block(totals[digit], sums, &all);
  target += counts[(i64)digit * gridDim.x + blockIdx.x];
  for (i64 tile = part.start; tile < part.stop; tile += TILE) {
    for (i32 other = 0; other < WARPS; other++) starts[other][digit] = 0;
    __syncthreads();
    const i64 start = tile + warp * (TILE / WARPS);
    u32 own[EACH];
    u16 ranks[EACH];
    rank_in_warp(keys, start, part.stop, shift, starts[warp], own, ranks);
    __syncthreads();
    u32 count = 0;
    for (i32 other = 0; other < WARPS; other++) {
      const u32 of_warp = starts[other][digit];
      starts[other][digit] = count;
      count += of_warp;
    }
    const u32 begin = before_in_block(count, sums, &all);
    for (i32 other = 0; other < WARPS; other++) starts[other][digit] += begin;
    targets[digit] = target - begin;
    target += count;
    __syncthreads();
#pragma unroll
    for (i32 i = 0; i < EACH; i++) {
      const i64 place = start + 32 * i + lane;
      if (place >= part.stop) continue;
      const u32 to = starts[warp][own[i] >> shift & (DIGITS - 1)] + ranks[i];
      tile_keys[to] = own[i];
      tile_places[to] = places[place];
    }
    __syncthreads();
    const i32 here = (i32)min(part.stop - tile, (i64)TILE);
    for (i32 i = threadIdx.x; i < here; i += THREADS) {
      const u32 key = tile_keys[i], to = targets[key >> shift & (DIGITS - 1)] + i;
      sorted_keys[to] = key;
      sorted_places[to] = tile_places[i];
    }
    // The barrier after the zeros of the next tile prevents writes here before that.
  }
}
