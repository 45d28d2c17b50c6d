// Ranks of numbers with too many values to count: runs of sorted keys.
//
// Idea: numbers of the mask become integer keys of the same order, side by side, with the positions
// of their voxels; percentiles_sort.cu sorts them. Equal keys are then adjacent. A bit for each key
// says whether a run begins there; words of such bits give the start and end of each key's run. If
// a run leaves the tile of 1024 keys, a warp searches for its end, 32 positions at once. The counts
// are known on the device only: state[0] numbers that are not NaN, state[1] voxels in the mask.
//
// Complexity: from memory 5 bytes read and 4 written per voxel (1 with a single comparison), and 8
// written per number; then 8 read and a sector of 32 written per number. Scratch: 16 bytes per
// voxel.
//
// References: see percentiles_sort.cu. Deviation: the order of keys before sorting, which depends
// on the scheduling of tiles, changes no rank. Float64 with the operations of the reference.

#define MADE 2048    // voxels from which keys are made at once
#define RANKED 1024  // keys ranked at once: a bit each in one word per lane

// Keys are ordered like the numbers they represent; −0 is 0.
__device__ __forceinline__ u32 key_of(float number) {
  const u32 bits = number == 0.0f ? 0u : (u32)__float_as_int(number);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Integers of 32 bits are their own keys, with one bit flipped if they are signed.
__device__ __forceinline__ u32 key_of(u32 number) {
  return number;
}

// Writes the result of those of four voxels without a number: `outside` the mask, `nothing` for NaN
// in it. Returns a bit for each number of the mask; `population` grows by the voxels of the mask.
template <class V, class T>
__device__ __forceinline__ u32 look_at_four(
    const Four<V>& numbers, const u8* mask, i64 first, i64 n, T outside, T nothing, T* out,
    u32* population) {
  const Four<u8> truth = load_four(mask, first, n);
  Four<T> results;
  u32 found = 0;
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++) {
    const bool is_chosen = truth.values[lane] != 0;
    const bool is_number = numbers.values[lane] == numbers.values[lane];
    *population += is_chosen ? 1 : 0;
    found |= is_chosen && is_number ? 1u << lane : 0u;
    results.values[lane] = is_chosen ? nothing : outside;
  }
  store_four(out, first, n, results);
  return found;
}

// Keys and positions of the numbers of the mask, side by side; and the result of other voxels.
template <class V, class T>
__device__ __forceinline__ void make_keys(
    const V* values, u32 flip, const u8* mask, i64 n, T outside, T nothing, u32* keys, u32* places,
    u64* state, T* out) {
  __shared__ u32 made_keys[MADE];
  __shared__ u32 made_places[MADE];
  __shared__ u32 sums[WARPS];
  __shared__ u64 target;
  u32 population = 0;
  for (i64 start = (i64)blockIdx.x * MADE; start < n; start += (i64)gridDim.x * MADE) {
    Four<V> numbers[2];
    u32 found = 0;
#pragma unroll
    for (i32 half = 0; half < 2; half++) {
      const i64 first = start + half * (MADE / 2) + 4 * threadIdx.x;
      numbers[half] = load_four(values, first, n);
      found |= look_at_four(numbers[half], mask, first, n, outside, nothing, out, &population)
               << 4 * half;
    }
    u32 all;
    u32 place = before_in_block(__popc(found), sums, &all);
    if (threadIdx.x == 0) target = atomicAdd(state, (u64)all);
#pragma unroll
    for (i32 i = 0; i < 8; i++) {
      if (!(found >> i & 1)) continue;
      made_keys[place] = key_of(numbers[i / 4].values[i % 4]) ^ flip;
      made_places[place] = (u32)(start + i / 4 * (MADE / 2) + 4 * threadIdx.x + i % 4);
      place++;
    }
    __syncthreads();
    for (u32 i = threadIdx.x; i < all; i += THREADS) {
      keys[target + i] = made_keys[i];
      places[target + i] = made_places[i];
    }
    // No thread writes here again before all have met in before_in_block.
  }
  u32 all;
  before_in_block(population, sums, &all);
  if (threadIdx.x == 0) atomicAdd(state + 1, (u64)all);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_keys_ranks(
    const float* values, const u8* mask, i64 n, float outside, float nothing, u32* keys,
    u32* places, u64* state, float* out) {
  make_keys<float, float>(values, 0, mask, n, outside, nothing, keys, places, state, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_keys_truths(
    const float* values, const u8* mask, i64 n, i32 outside, i32 nothing, u32* keys, u32* places,
    u64* state, u8* out) {
  make_keys<float, u8>(
      values, 0, mask, n, (u8)outside, (u8)nothing, keys, places, state, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_whole_ranks(
    const u32* values, u32 flip, const u8* mask, i64 n, float outside, float nothing, u32* keys,
    u32* places, u64* state, float* out) {
  make_keys<u32, float>(values, flip, mask, n, outside, nothing, keys, places, state, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_whole_truths(
    const u32* values, u32 flip, const u8* mask, i64 n, i32 outside, i32 nothing, u32* keys,
    u32* places, u64* state, u8* out) {
  make_keys<u32, u8>(
      values, flip, mask, n, (u8)outside, (u8)nothing, keys, places, state, out);
}

// The first position from `low` on whose key is at least (or greater than) this one, or `high`. A
// warp searches together.
__device__ __forceinline__ i64 first_place(
    const u32* keys, i64 low, i64 high, u32 key, bool or_equal) {
  const i32 lane = threadIdx.x % 32;
  while (low < high) {
    const i64 step = (high - low + 31) / 32;
    const i64 place = min(low + step * (lane + 1), high) - 1;
    const u32 found = keys[place];
    const u32 votes = __ballot_sync(FULL_WARP, found > key || (or_equal && found == key));
    if (!votes) return high;
    const i32 first = __ffs((i32)votes) - 1;
    low = min(low + step * first, high);
    high = __shfl_sync(FULL_WARP, place, first);
  }
  return high;
}

// For each word of `heads`: the last head before its end (−1: none in the tile), and the first one
// at its start or later (RANKED: none). Computed by one warp.
__device__ __forceinline__ void find_heads(const u32* heads, i32* last, i32* next) {
  const i32 lane = threadIdx.x % 32;
  const u32 word = heads[lane];
  i32 behind = word ? 32 * lane + 31 - __clz((i32)word) : -1;
  i32 ahead = word ? 32 * lane + __ffs((i32)word) - 1 : RANKED;
  for (i32 step = 1; step < 32; step *= 2) {
    const i32 lower = __shfl_up_sync(FULL_WARP, behind, step);
    const i32 upper = __shfl_down_sync(FULL_WARP, ahead, step);
    if (lane >= step) behind = max(behind, lower);
    if (lane + step < 32) ahead = min(ahead, upper);
  }
  last[lane] = behind;
  next[lane] = ahead;
}

// Calls visit(position, lower, equal) for every key. Called by all threads.
template <class Visit>
__device__ __forceinline__ void each_run(
    const u32* keys, const u32* places, const u64* state, Visit visit) {
  __shared__ u32 heads[32];
  __shared__ i32 last[32];
  __shared__ i32 next[32];
  __shared__ i64 ends[2];  // of the runs that begin before the tile, and end after it
  const i64 n = (i64)state[0];
  const i32 warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (i64 tile = (i64)blockIdx.x * RANKED; tile < n; tile += (i64)gridDim.x * RANKED) {
#pragma unroll
    for (i32 i = 0; i < 4; i++) {
      const i64 at = tile + i * THREADS + threadIdx.x;
      const bool is_head = at >= n || at == 0 || keys[at] != keys[at - 1];
      const u32 votes = __ballot_sync(FULL_WARP, is_head);
      if (lane == 0) heads[i * WARPS + warp] = votes;
    }
    __syncthreads();
    if (warp == 0) find_heads(heads, last, next);
    if (warp == 1) {
      const i64 start = heads[0] & 1 ? tile : first_place(keys, 0, tile, keys[tile], true);
      if (lane == 0) ends[0] = start;
    }
    if (warp == 2) {
      const i64 behind = min(tile + RANKED, n);
      const u32 key = keys[behind - 1];
      const bool is_end = behind == n || keys[behind] != key;
      const i64 stop = is_end ? behind : first_place(keys, behind, n, key, false);
      if (lane == 0) ends[1] = stop;
    }
    __syncthreads();
#pragma unroll
    for (i32 i = 0; i < 4; i++) {
      const i64 at = tile + i * THREADS + threadIdx.x;
      if (at >= n) continue;
      const i32 word = i * WARPS + warp, base = 32 * word;
      const u32 own = heads[word] & FULL_WARP >> (31 - lane), rest = heads[word] & ~1u << lane;
      const i32 from = own ? base + 31 - __clz((i32)own) : word ? last[word - 1] : -1;
      const i32 to = rest ? base + __ffs((i32)rest) - 1 : word < 31 ? next[word + 1] : RANKED;
      const i64 start = from < 0 ? ends[0] : tile + from;
      const i64 stop = to == RANKED ? ends[1] : tile + to;
      visit(places[at], start, stop - start);
    }
    __syncthreads();
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_ranks(
    const u32* keys, const u32* places, const u64* state, double c, float* out) {
  const u64 population = state[1];
  each_run(keys, places, state, [&](u32 place, i64 lower, i64 equal) {
    out[place] = rank_of(c, equal, lower, population);
  });
}

// Compares the ranks with a number: bit 0 of operation for less, 1 equal, 2 greater.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_runs_truths(
    const u32* keys, const u32* places, const u64* state, double c, i32 operation, float number,
    u8* out) {
  const u64 population = state[1];
  each_run(keys, places, state, [&](u32 place, i64 lower, i64 equal) {
    const float rank = rank_of(c, equal, lower, population);
    out[place] = (operation & 1 && rank < number) || (operation & 2 && rank == number) ||
                 (operation & 4 && rank > number);
  });
}
