// Numbering of the components in the forest of components.cu, in raster order or by size.
//
// Idea: the first voxels of components are bits in raster order, counted by chunks of 4096 voxels.
// One block computes the prefix sums of these counts; then a warp takes each chunk and derives the
// number of each bit in it. By size: the components are listed in raster order and one block sorts
// the list stably by size, eight bits at a time, least significant first; only as many bits as the
// largest size has. Its 32 warps count the digits of 128 neighbors each in rows of their own, so a
// position in the new list is the sum of the preceding counts. A number is noted at the root of its
// component, see components_notes.cu. The number of components never leaves the device.
//
// Complexity: the bits are read once, 1/8 byte per voxel; the prefix sums take O(voxels / 4096)
// steps of one block. Sorting M components takes O(M) steps of one block and 16 bytes of memory
// each: meant for some thousands, correct for any number.
//
// References: D. Merrill, A. Grimshaw, High performance and scalable radix sorting (2011), for
// ranks by warps. Deviation: one block, since a list is short and its length unknown to the host.

constexpr i32 WARPS = 32;
constexpr i32 THREADS = LANES * WARPS;
constexpr i32 CHUNK_WORDS = 64;  // of 64 voxels
constexpr i32 DIGITS = 256;
constexpr i32 ROUNDS = 4;
constexpr i32 LISTED = ROUNDS * LANES;  // by a warp at once

__device__ __forceinline__ i32 lane_number() { return threadIdx.x & (LANES - 1); }
__device__ __forceinline__ i32 warp_number() { return threadIdx.x / LANES; }

// Replaces each count by the sum of those before it. One block.
extern "C" __global__ void __launch_bounds__(1024)
components_ranks_add(i32* counts, i64 size) {
  __shared__ i32 of_warps[WARPS];
  i32 carried = 0;
  for (i64 start = 0; start < size; start += ROUNDS * THREADS) {
    i64 first = start + ROUNDS * threadIdx.x;
    i32 four[ROUNDS], count = 0;
    for (i32 round = 0; round < ROUNDS; round++) {
      four[round] = first + round < size ? counts[first + round] : 0;
      count += four[round];
    }
    i32 before = sum_before(count);
    if (lane_number() == LANES - 1) of_warps[warp_number()] = before + count;
    __syncthreads();
    i32 of_warp = of_warps[lane_number()];
    i32 before_warp = sum_before(of_warp);
    before += carried + __shfl_sync(FULL_WARP, before_warp, warp_number());
    carried += __shfl_sync(FULL_WARP, before_warp + of_warp, LANES - 1);
    for (i32 round = 0; round < ROUNDS; round++) {
      if (first + round < size) counts[first + round] = before;
      before += four[round];
    }
    __syncthreads();
  }
}

// Calls `use` with each component's number, from 0, and its root. A warp takes a chunk.
template <class Use>
__device__ __forceinline__ void each_component(const u64* firsts, const i32* counts, i64 chunks,
                                               const Image& image, const Use& use) {
  i64 chunk = thread_number() / LANES;
  if (chunk < chunks && counts[chunk] != counts[chunk + 1]) {
    i64 start = chunk * CHUNK_WORDS + 2 * lane_number();
    u64 words[2] = {firsts[start], firsts[start + 1]};
    i32 number = counts[chunk] + sum_before(__popcll(words[0]) + __popcll(words[1]));
    for (i32 half = 0; half < 2; half++) {
      for (u64 rest = words[half]; rest != 0; rest &= rest - 1) {
        use(number, image.cell_of((start + half) * 64 + __ffsll(rest) - 1));
        number++;
      }
    }
  }
}

// Notes the numbers of components in raster order of first voxels.
extern "C" __global__ void components_ranks_number(const u64* firsts, const i32* counts,
                                                   i32* parents, i64 chunks, i32 height,
                                                   i32 width) {
  each_component(firsts, counts, chunks, Image{0, height, width},
                 [=](i32 number, i32 root) { parents[root] = -1 - number; });
}

// Lists components in raster order of first voxels: size and root.
extern "C" __global__ void components_ranks_list(const u64* firsts, const i32* counts,
                                                 const i32* sizes, u64* listed, i64 chunks,
                                                 i32 height, i32 width) {
  each_component(firsts, counts, chunks, Image{0, height, width}, [=](i32 number, i32 root) {
    listed[number] = (u64)sizes[root] << 32 | (u32)root;
  });
}

// Large sizes have small digits, so that they come first.
__device__ __forceinline__ i32 digit_of(u64 entry, i32 shift) {
  return DIGITS - 1 - (i32)(entry >> (32 + shift) & (DIGITS - 1));
}

// The start of the entries of each digit.
__device__ void begin_digits(const u64* listed, i32 count, i32 shift, i32* begins) {
  if (threadIdx.x < DIGITS) begins[threadIdx.x] = 0;
  __syncthreads();
  for (i32 place = threadIdx.x; place < count; place += THREADS)
    atomicAdd(&begins[digit_of(listed[place], shift)], 1);
  __syncthreads();
  if (warp_number() == 0) {
    i32 carried = 0;
    for (i32 start = 0; start < DIGITS; start += LANES) {
      i32 entries = begins[start + lane_number()];
      i32 before = sum_before(entries);
      begins[start + lane_number()] = carried + before;
      carried += __shfl_sync(FULL_WARP, before + entries, LANES - 1);
    }
  }
  __syncthreads();
}

// Counts the digits of a warp's entries in its row of tallies; ranks are those among equal digits
// of the warp so far.
__device__ void rank_in_warp(const i32* digits, i32* tallies, i32* ranks) {
  for (i32 round = 0; round < ROUNDS; round++) {
    u32 peers = __match_any_sync(FULL_WARP, digits[round]);
    u32 earlier = peers & ((1u << lane_number()) - 1);
    bool listed = digits[round] < DIGITS;
    i32 so_far = listed ? tallies[digits[round]] : 0;
    ranks[round] = so_far + __popc(earlier);
    __syncwarp();
    if (listed && earlier == 0) tallies[digits[round]] = so_far + __popc(peers);
    __syncwarp();
  }
}

// Moves the entries from a start on to their new positions; `begins` advance past them.
__device__ void move_entries(const u64* from, u64* to, i32 start, i32 count, i32 shift,
                             i32* begins, i32* tallies) {
  for (i32 place = threadIdx.x; place < WARPS * DIGITS; place += THREADS) tallies[place] = 0;
  __syncthreads();
  u64 entries[ROUNDS];
  i32 digits[ROUNDS], ranks[ROUNDS];
  i32* own = tallies + warp_number() * DIGITS;
  for (i32 round = 0; round < ROUNDS; round++) {
    i64 place = (i64)start + warp_number() * LISTED + round * LANES + lane_number();
    entries[round] = place < count ? from[place] : 0;
    digits[round] = place < count ? digit_of(entries[round], shift) : DIGITS;
  }
  rank_in_warp(digits, own, ranks);
  __syncthreads();
  if (threadIdx.x < DIGITS) {
    i32 begin = begins[threadIdx.x];
    for (i32 warp = 0; warp < WARPS; warp++) {
      i32 entries_of_warp = tallies[warp * DIGITS + threadIdx.x];
      tallies[warp * DIGITS + threadIdx.x] = begin;
      begin += entries_of_warp;
    }
    begins[threadIdx.x] = begin;
  }
  __syncthreads();
  for (i32 round = 0; round < ROUNDS; round++)
    if (digits[round] < DIGITS) to[own[digits[round]] + ranks[round]] = entries[round];
  __syncthreads();
}

// Sorts the list by size, largest first, and notes positions as numbers. One block.
extern "C" __global__ void __launch_bounds__(1024)
components_ranks_sort(u64* listed, u64* sorted, const i32* counts, const i32* largest,
                      i32* parents, i64 chunks) {
  __shared__ i32 begins[DIGITS];
  __shared__ i32 tallies[WARPS * DIGITS];
  i32 count = counts[chunks];
  u64* from = listed;
  u64* to = sorted;
  for (i32 shift = 0; shift < 32 && *largest >> shift > 0; shift += 8) {
    begin_digits(from, count, shift, begins);
    for (i64 start = 0; start < count; start += WARPS * LISTED)
      move_entries(from, to, start, count, shift, begins, tallies);
    u64* moved = to;
    to = from;
    from = moved;
  }
  for (i32 place = threadIdx.x; place < count; place += THREADS)
    parents[(i32)(from[place] & 0xffffffffu)] = -1 - place;
}
