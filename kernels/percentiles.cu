// Ranks of numbers of 8 or 16 bits among those of a mask: counts, a table, a look-up.
//
// Idea: voxels are counted by value, the counts become a table of results per value (its rank, or
// the comparison of the rank with up to 8 numbers, a bit each), and a last pass looks it up. A
// block counts in shared memory, which has room for an eighth of the 65 536 values of 16 bits: the
// values that share a counter differ by multiples of 8192, and the first of them that a block
// encounters owns it. Real scans use fewer than 8192 different adjacent values, in any range, so
// that each gets a counter; voxels without one are added to the counts in global memory, equal ones
// of a warp at once. Values of 8 bits have 32 counters each, one per lane. Voxels of other elements
// are sorted: see percentiles_runs.cu. Otsu's threshold and volumes of comparisons begin with the
// same counts.
//
// Complexity: two passes over the voxels, bound by memory: 3 bytes read to count a voxel of 16 bits
// and its mask, 3 read and 4 (1 per comparison) written to look it up. The table is computed by 32
// blocks, each of which sums the counts before its part: 16 MB read from the level-2 cache.
//
// References: none. Deviations: none; float64 in the operations of the reference.

#define COUNTING_THREADS 512
#define KEYS_EACH 8  // of a thread that computes a table

// Which of N neighbors are in the image and, if there is one, in the mask: a bit each.
template <i32 N>
__device__ __forceinline__ u32 load_chosen(const u8* mask, i32 masked, i64 first, i64 n) {
  if (!masked) return first + N <= n ? (1u << N) - 1 : first < n ? (1u << (n - first)) - 1 : 0;
  const Few<u8, N> truth = load_few<u8, N>(mask, first, n);
  u32 chosen = 0;
#pragma unroll
  for (i32 lane = 0; lane < N; lane++) chosen |= truth.values[lane] ? 1u << lane : 0u;
  return chosen;
}

// A counter of 28 bits for one of the values that share it, and its owner; 0 while it is free.
#define COUNTERS 8192
#define COUNTER_BITS 13
#define TAKEN 0x80000000u
#define TALLY 0x0fffffffu

// Adds to the counter of a value; false if another value owns it.
__device__ __forceinline__ bool add_to_counter(u32* counters, u32 key, u32 amount) {
  const u32 mine = TAKEN | key >> COUNTER_BITS << 28;
  u32* counter = counters + (key & (COUNTERS - 1));
  u32 word = load_relaxed(counter);
  if (!word) {
    word = atomicCAS(counter, 0u, mine);
    if (!word) word = mine;
  }
  if ((word & ~TALLY) != mine) return false;
  atomicAdd(counter, amount);
  return true;
}

// Adds one to the counts in global memory for each lane that has a key. Called by all lanes.
__device__ __forceinline__ void add_by_warp(u64* counts, bool has_key, u32 key) {
  const u32 lane = threadIdx.x % 32;
  const u32 peers = __match_any_sync(FULL_WARP, has_key ? key : 0x80000000u | lane);
  if (has_key && (peers & ((1u << lane) - 1)) == 0) atomicAdd(counts + key, (u64)__popc(peers));
}

// The frequency of each value of 16 bits, in the mask if there is one. A block has fewer than 2^28
// voxels.
//
// flip    0x8000 for signed values, so that counts are in the order of the values; else 0
// counts  65 536, initially zeros
extern "C" __global__ void __launch_bounds__(COUNTING_THREADS) percentiles_histogram_16(
    const u16* values, u32 flip, const u8* mask, i32 masked, i64 n, u64* counts) {
  __shared__ u32 counters[COUNTERS];
  for (i32 i = threadIdx.x; i < COUNTERS; i += COUNTING_THREADS) counters[i] = 0;
  __syncthreads();
  for (i64 warp = 8 * (thread_number() & ~31LL); warp < n; warp += 8 * thread_count()) {
    const i64 first = warp + 8 * (threadIdx.x % 32);
    const Few<u16, 8> some = load_few<u16, 8>(values, first, n);
    const u32 chosen = load_chosen<8>(mask, masked, first, n);
    u32 missed = 0, run = 0;
#pragma unroll
    for (i32 lane = 0; lane < 8; lane++) {  // equal neighbors, such as background, at once
      run |= chosen & 1u << lane;
      if (lane < 7 && some.values[(lane + 1) % 8] == some.values[lane]) continue;
      if (run && !add_to_counter(counters, some.values[lane] ^ flip, __popc(run))) missed |= run;
      run = 0;
    }
    if (__any_sync(FULL_WARP, missed != 0)) {
#pragma unroll
      for (i32 lane = 0; lane < 8; lane++)
        add_by_warp(counts, missed >> lane & 1, some.values[lane] ^ flip);
    }
  }
  __syncthreads();
  for (u32 i = threadIdx.x; i < COUNTERS; i += COUNTING_THREADS) {
    const u32 key = (counters[i] >> 28 & 7) << COUNTER_BITS | i;
    if (counters[i] & TALLY) atomicAdd(counts + key, (u64)(counters[i] & TALLY));
  }
}

// The frequency of each value of 8 bits; flip is 0x80 for signed values, counts are 256.
extern "C" __global__ void __launch_bounds__(COUNTING_THREADS) percentiles_histogram_8(
    const u8* values, u32 flip, const u8* mask, i32 masked, i64 n, u64* counts) {
  __shared__ u32 counters[256 * 32];
  for (i32 i = threadIdx.x; i < 256 * 32; i += COUNTING_THREADS) counters[i] = 0;
  __syncthreads();
  u32* mine = counters + threadIdx.x % 32;
  for (i64 first = 16 * thread_number(); first < n; first += 16 * thread_count()) {
    const Few<u8, 16> some = load_few<u8, 16>(values, first, n);
    const u32 chosen = load_chosen<16>(mask, masked, first, n);
#pragma unroll
    for (i32 lane = 0; lane < 16; lane++)
      if (chosen >> lane & 1) atomicAdd(mine + 32 * some.values[lane], 1u);
  }
  __syncthreads();
  if (threadIdx.x < 256) {
    u32 sum = 0;
    for (u32 lane = 0; lane < 32; lane++)  // each thread begins at another bank
      sum += counters[32 * threadIdx.x + (lane + threadIdx.x) % 32];
    if (sum) atomicAdd(counts + (threadIdx.x ^ flip), (u64)sum);
  }
}

// Compares two numbers: bit 0 of operation for less, 1 equal, 2 greater.
__device__ __forceinline__ bool compares(i32 operation, float a, float b) {
  return (operation & 1 && a < b) || (operation & 2 && a == b) || (operation & 4 && a > b);
}

// Calls visit(key, rank) for the THREADS · KEYS_EACH keys of a block. Called by all threads.
template <class Visit>
__device__ __forceinline__ void each_rank(const u64* counts, i32 amount, double c, Visit visit) {
  __shared__ u64 befores[WARPS];
  __shared__ u64 alls[WARPS];
  __shared__ u64 owns[WARPS];
  const i32 start = blockIdx.x * THREADS * KEYS_EACH;
  u64 before = 0, all = 0;
#pragma unroll 8
  for (i32 key = 2 * threadIdx.x; key < amount; key += 2 * THREADS) {
    const Few<u64, 2> two = *(const Few<u64, 2>*)(counts + key);
    const u64 sum = two.values[0] + two.values[1];
    all += sum;
    before += key < start ? sum : 0;
  }
  const i32 first = start + KEYS_EACH * threadIdx.x;
  u64 equal[KEYS_EACH], own = 0;
#pragma unroll
  for (i32 i = 0; i < KEYS_EACH; i++) own += equal[i] = first + i < amount ? counts[first + i] : 0;
  u64 lower = sum_before(own);
  for (i32 step = 1; step < 32; step *= 2) {
    before += __shfl_xor_sync(FULL_WARP, before, step);
    all += __shfl_xor_sync(FULL_WARP, all, step);
  }
  const i32 warp = threadIdx.x / 32;
  if (threadIdx.x % 32 == 31) {
    befores[warp] = before;
    alls[warp] = all;
    owns[warp] = lower + own;
  }
  __syncthreads();
  u64 population = 0;
  for (i32 other = 0; other < WARPS; other++) {
    lower += befores[other] + (other < warp ? owns[other] : 0);
    population += alls[other];
  }
#pragma unroll
  for (i32 i = 0; i < KEYS_EACH; i++) {
    if (first + i < amount) visit(first + i, rank_of(c, equal[i], lower, population));
    lower += equal[i];
  }
}

// The rank of each value; there are 256 or 65 536 values.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_ranks(
    const u64* counts, i32 amount, double c, float* table) {
  each_rank(counts, amount, c, [&](i32 key, float rank) { table[key] = rank; });
}

// Compares the rank of each value with numbers: a table for every 8 of them, a bit each.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_truths(
    const u64* counts, i32 amount, double c, const i32* operations, const float* numbers, i32 many,
    u8* tables) {
  each_rank(counts, amount, c, [&](i32 key, float rank) {
    for (i32 group = 0; group < many; group += 8) {
      u32 bits = 0;
      for (i32 i = group; i < min(group + 8, many); i++)
        bits |= compares(operations[i], rank, numbers[i]) ? 1u << (i - group) : 0u;
      tables[(i64)(group / 8) * amount + key] = (u8)bits;
    }
  });
}

// Looks up the voxels of the mask in a table; `outside` for others. A thread has four voxels.
template <class T>
__device__ __forceinline__ void look_up(
    const T* values, u32 flip, const u8* mask, i64 n, const float* table, float outside,
    float* out) {
  const i64 first = 4 * thread_number();
  if (first >= n) return;
  const Four<T> some = load_four(values, first, n);
  const u32 chosen = load_chosen<4>(mask, 1, first, n);
  Four<float> found;
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++)
    found.values[lane] = chosen >> lane & 1 ? table[some.values[lane] ^ flip] : outside;
  store_four(out, first, n, found);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_look_up_8(
    const u8* values, u32 flip, const u8* mask, i64 n, const float* table, float outside,
    float* out) {
  look_up(values, flip, mask, n, table, outside, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_look_up_16(
    const u16* values, u32 flip, const u8* mask, i64 n, const float* table, float outside,
    float* out) {
  look_up(values, flip, mask, n, table, outside, out);
}

#define EIGHT_IMAGES u8 *out0, u8 *out1, u8 *out2, u8 *out3, u8 *out4, u8 *out5, u8 *out6, u8 *out7
#define THE_IMAGES {out0, out1, out2, out3, out4, out5, out6, out7}

struct Images {
  u8* of[8];
};

// Writes bit i of each of eight voxels, a byte each, to image i.
__device__ __forceinline__ void put_truths(u64 bits, i64 first, i64 n, i32 many, Images images) {
#pragma unroll
  for (i32 i = 0; i < 8; i++) {
    if (i >= many) continue;
    const u64 truths = bits >> i & 0x0101010101010101ull;
    u8* target = images.of[i] + first;
    if (first + 8 <= n)
      *(u64*)target = truths;
    else
      for (i32 lane = 0; first + lane < n; lane++) target[lane] = truths >> 8 * lane & 1;
  }
}

// The same as looking up, with a table of truth values. A thread has eight voxels.
template <class T>
__device__ __forceinline__ void decide(
    const T* values, u32 flip, const u8* mask, i64 n, const u8* table, u32 outside, i32 many,
    Images images) {
  const i64 first = 8 * thread_number();
  if (first >= n) return;
  const Few<T, 8> some = load_few<T, 8>(values, first, n);
  const u32 chosen = load_chosen<8>(mask, 1, first, n);
  u64 bits = 0;
#pragma unroll
  for (i32 lane = 0; lane < 8; lane++)
    bits |= (u64)(chosen >> lane & 1 ? table[some.values[lane] ^ flip] : outside) << 8 * lane;
  put_truths(bits, first, n, many, images);
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_decide_8(
    const u8* values, u32 flip, const u8* mask, i64 n, const u8* table, u32 outside, i32 many,
    EIGHT_IMAGES) {
  decide(values, flip, mask, n, table, outside, many, Images{THE_IMAGES});
}

extern "C" __global__ void __launch_bounds__(THREADS) percentiles_decide_16(
    const u16* values, u32 flip, const u8* mask, i64 n, const u8* table, u32 outside, i32 many,
    EIGHT_IMAGES) {
  decide(values, flip, mask, n, table, outside, many, Images{THE_IMAGES});
}

// Compares ranks with up to eight numbers: an image each. A thread has eight voxels.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_compare(
    const float* ranks, i64 n, const i32* operations, const float* numbers, i32 many,
    EIGHT_IMAGES) {
  const i64 first = 8 * thread_number();
  if (first >= n) return;
  const Few<float, 8> some = load_few<float, 8>(ranks, first, n);
  u64 bits = 0;
  for (i32 i = 0; i < many; i++) {
    const i32 operation = operations[i];
    const float number = numbers[i];
#pragma unroll
    for (i32 lane = 0; lane < 8; lane++)
      if (compares(operation, some.values[lane], number)) bits |= 1ull << (8 * lane + i);
  }
  put_truths(bits, first, n, many, Images{THE_IMAGES});
}

// Numbers of any element rounded to float32; `element` is the index of its name in ELEMENTS of
// voxgpu/backends/cuda/histogram.py. A thread has four voxels, at a distance of THREADS.
extern "C" __global__ void __launch_bounds__(THREADS) percentiles_numbers(
    const u8* values, i32 element, i64 n, float* out) {
  i64 i = (i64)blockIdx.x * 4 * THREADS + threadIdx.x;
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++, i += THREADS) {
    if (i >= n) break;
    switch (element) {
      case 0: out[i] = (float)((const i32*)values)[i]; break;
      case 1: out[i] = (float)((const u32*)values)[i]; break;
      case 2: out[i] = (float)((const i64*)values)[i]; break;
      case 3: out[i] = (float)((const u64*)values)[i]; break;
      default: out[i] = (float)((const double*)values)[i];
    }
  }
}
