// Correlation of the local histogram with a given one, for many bins or wide boxes.
//
// Idea: a warp moves a box along a part of a row. The lanes share one histogram; voxels of a face
// that enter are counted with atomic additions, those that leave are subtracted. An addition
// returns the previous count h, so the square grows by 2h + 1: each lane sums its own changes, and
// the sums over the lanes are those of the box, regardless of the order of the additions.
//
// Complexity: voxels × two faces of a box, for any number of bins; additions to the same bin are
// serialized. Memory: a histogram per warp, in shared memory if it fits. The codes of the faces are
// read almost entirely from the cache. It covers the cases that local_histogram.cu does not: more
// than 255 bins, boxes of more than 65 535 voxels or wider than its tiles.
//
// References: T. Huang, G. Yang, G. Tang, A fast two-dimensional median filtering algorithm (1979).
// Deviation: it maintains sums of squares, not a median.

struct Rows {
  const u16* codes;
  i32 depth, height, width, half_z, half_y, half_x, length, bins;
  const u64* wanted;
  const double* moments;
  float* out;
};

// The changes found by a lane; the sums over the lanes of a warp are those of the box.
struct Lane {
  u64 total, squares, products;
};

__device__ __forceinline__ u64 sum_of_warp(u64 value) {
  for (i32 apart = 16; apart > 0; apart /= 2) value += __shfl_xor_sync(FULL_WARP, value, apart);
  return value;
}

// Adds the voxels of a face across x to the counts, or subtracts them.
__device__ __forceinline__ void count_face(
    const Rows& r, i32 z, i32 y, i32 x, bool comes, u32* counts, Lane& lane) {
  if (x < 0 || x >= r.width) return;
  const i32 top = max(0, y - r.half_y), back = max(0, z - r.half_z);
  const u32 rows = (u32)(min(r.height, y + r.half_y + 1) - top);
  const u32 voxels = rows * (u32)(min(r.depth, z + r.half_z + 1) - back);
  for (u32 i = threadIdx.x % 32; i < voxels; i += 32) {
    const i64 row = (i64)(back + i / rows) * r.height + top + i % rows;
    const i32 code = r.codes[row * r.width + x];
    if (code >= r.bins) continue;
    const u64 weight = r.wanted[code];
    if (comes) {
      lane.squares += 2ull * atomicAdd(counts + code, 1u) + 1;
      lane.products += weight;
      lane.total++;
    } else {
      lane.squares -= 2ull * atomicSub(counts + code, 1u) - 1;
      lane.products -= weight;
      lane.total--;
    }
  }
}

// Moves a box along its part of a row; the counts begin and end as zeros.
__device__ __forceinline__ void correlate_part(const Rows& r, i64 row, i32 start, u32* counts) {
  const i32 z = (i32)(row / r.height), y = (i32)(row % r.height), me = threadIdx.x % 32;
  const i32 stop = min(r.width, start + r.length);
  const double sum = r.moments[0], spread = r.moments[1];
  Lane lane = {0, 0, 0}, kept = {0, 0, 0};
  for (i32 x = start - r.half_x; x < start + r.half_x; x++)
    count_face(r, z, y, x, true, counts, lane);
  for (i32 x = start; x < stop; x++) {
    count_face(r, z, y, x + r.half_x, true, counts, lane);
    if (x > start) count_face(r, z, y, x - r.half_x - 1, false, counts, lane);
    const Lane all = {
        sum_of_warp(lane.total), sum_of_warp(lane.squares), sum_of_warp(lane.products)};
    const i32 turn = (x - start) % 32;
    if (turn == me) kept = all;
    if (turn == 31 || x == stop - 1)  // each lane has the sums of one voxel
      if (me <= turn)
        r.out[row * r.width + x - turn + me] = pearson(
            (double)kept.total, (double)kept.squares, (double)kept.products, (double)r.bins, sum,
            spread);
  }
  for (i32 x = stop - 1 - r.half_x; x < stop + r.half_x; x++)
    count_face(r, z, y, x, false, counts, lane);
  __syncwarp();  // subtractions here must not be mixed with additions of the next part
}

__device__ __forceinline__ void correlate_rows(const Rows& r, u32* counts) {
  const i32 parts = (r.width + r.length - 1) / r.length;
  const i64 all = (i64)r.depth * r.height * parts;
  for (i64 i = thread_number() / 32; i < all; i += thread_count() / 32)
    correlate_part(r, i / parts, (i32)(i % parts) * r.length, counts);
}

// Counts in shared memory, a row of `bins` for each warp.
extern "C" __global__ void local_histogram_rows_shared(
    const u16* codes, i32 depth, i32 height, i32 width, i32 half_z, i32 half_y, i32 half_x,
    i32 length, i32 bins, const u64* wanted, const double* moments, float* out) {
  extern __shared__ u32 pool[];
  u32* counts = pool + threadIdx.x / 32 * bins;
  for (i32 bin = threadIdx.x % 32; bin < bins; bin += 32) counts[bin] = 0;
  __syncwarp();
  const Rows r = {codes,  depth, height, width,  half_z,  half_y,
                  half_x, length, bins,  wanted, moments, out};
  correlate_rows(r, counts);
}

// Counts in global memory, `bins` zeros for each warp.
extern "C" __global__ void local_histogram_rows_global(
    const u16* codes, i32 depth, i32 height, i32 width, i32 half_z, i32 half_y, i32 half_x,
    i32 length, i32 bins, const u64* wanted, const double* moments, float* out, u32* counts) {
  const Rows r = {codes,  depth, height, width,  half_z,  half_y,
                  half_x, length, bins,  wanted, moments, out};
  correlate_rows(r, counts + thread_number() / 32 * bins);
}
