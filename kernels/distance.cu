// Exact Euclidean distances to the nearest true voxel: the least square along z, then y, then x.
//
// Idea: true voxels come packed along z (distance_pack.cu), so that steps along z to the nearest
// one are found by counting zeros. To their squares are added those of offsets along y, and to the
// least sums those along x. For one axis, lines are searched side by side in shared memory. The
// source of the least sum moves only forward along a line: so first a few positions search the
// whole line, then positions halfway between two of them search between their results, and so on by
// halving. No position searches beyond the distance that its own value allows.
//
// Sums are those of the reference: integers if voxels are 1 mm wide, else float64 from tables of
// squares; a search in float32 comes first, and only candidates within its error of the least are
// summed in float64. "Moves only forward" holds for rounded sums if the square of one step is far
// above their rounding errors: a source that was no better at one position falls behind by two such
// squares at the next. The host checks that (``bounded``); otherwise every position searches the
// whole line, in float64.
//
// Complexity: O(voxels x log(length of a line)) in shared memory; each axis reads and writes 4
// bytes per voxel, in addition to 1/8 byte of packed voxels, and the mask.
//
// References: A. Meijster, J. Roerdink, W. Hesselink, A general algorithm for computing distance
// transforms in linear time (2000); T. Cao, K. Tang, A. Mohamed, T. Tan, Parallel banding algorithm
// to compute exact distance transform with the GPU (2010); A. Aggarwal et al., Geometric
// applications of a matrix-searching algorithm (1987). Deviation: no lower envelope, whose
// intersections take divisions and branches, and round differently.

constexpr i32 THREADS = 256, LANES = 32;

// Steps of a column without a true voxel, and the values used for their square and sum of squares.
constexpr u32 NO_STEPS = 0xffff;
constexpr i32 NOTHING = 1 << 30;
constexpr u32 NOWHERE = 0xffffffffu;
#define INFINITE __int_as_float(0x7f800000)

// Sums in float32 have a relative error below 2^-20; twice that is the tolerance of comparisons.
constexpr float MARGIN = 1.0f + 1.0f / (1 << 19);

struct Image {
  i32 depth, height, width;
  __device__ i32 layers() const { return (depth + 31) / 32; }
  __device__ i64 plane() const { return (i64)height * width; }
};

// The number of steps along z to the nearest true voxel; NO_STEPS if there is none.
__device__ __forceinline__ u32 steps_along_z(const u32* words, const Image& image, i32 z, i32 y,
                                             i32 x) {
  const i32 layer = z / 32, bit = z % 32;
  const u32* place = words + layer * image.plane() + (i64)y * image.width + x;
  const u32 word = *place, below = word << (31 - bit), above = word >> bit;
  i32 least = NO_STEPS;
  if (below != 0) least = __clz((i32)below);
  if (above != 0) least = min(least, __ffs((i32)above) - 1);
  for (i32 away = 1;; away++) {
    const bool down = layer >= away && bit + 32 * away - 31 < least;
    const bool up = layer + away < image.layers() && 32 * away - bit < least;
    if (!down && !up) return (u32)least;
    const u32 lower = down ? place[-away * image.plane()] : 0;
    const u32 upper = up ? place[away * image.plane()] : 0;
    if (lower != 0) least = min(least, bit + 32 * away - 31 + __clz((i32)lower));
    if (upper != 0) least = min(least, 32 * away - bit + __ffs((i32)upper) - 1);
  }
}

// Lines side by side: the value of each of their voxels, as a source, and the best source for each
// of them. count: the capacity, a power of two; used: the number of voxels
template <class Source> struct Lines {
  Source* sources;
  u16* places;
  i32 count, used, length;
  __device__ Lines(u8* memory, i32 count, i32 used, i32 length)
      : sources((Source*)memory), places((u16*)(sources + (i64)length * (count | 1))),
        count(count), used(min(count, used)), length(length) {}
  // An odd pitch spreads voxels of a line over the banks of shared memory.
  __device__ i32 at(i32 line, i32 position) const { return position * (count | 1) + line; }
  __device__ Source source(i32 line, i32 position) const { return sources[at(line, position)]; }
};

// Storage of lines that are too long for shared memory; as in voxgpu/backends/cuda/distance.py.
__device__ __forceinline__ u8* scratch_of_block(u8* scratch, i32 count, i32 length) {
  return scratch + (i64)blockIdx.x * (((i64)length * (count | 1) * 6 + 15) / 16 * 16);
}

// The first and the last position of a source in a tile.
struct Range {
  i32 first, last;
  __device__ void add(i32 position) { first = min(first, position), last = max(last, position); }
};

constexpr Range NONE = {0x7fffffff, -1};

// The range over all threads.
__device__ __forceinline__ Range range_of_block(Range mine) {
  __shared__ i32 first;
  __shared__ i32 last;
  if (threadIdx.x == 0) first = NONE.first, last = NONE.last;
  __syncthreads();
  for (i32 apart = LANES / 2; apart > 0; apart /= 2) {
    mine.first = min(mine.first, __shfl_xor_sync(FULL_WARP, mine.first, apart));
    mine.last = max(mine.last, __shfl_xor_sync(FULL_WARP, mine.last, apart));
  }
  if (threadIdx.x % LANES == 0 && mine.last >= 0) {
    atomicMin(&first, mine.first);
    atomicMax(&last, mine.last);
  }
  __syncthreads();
  return {first, last};
}

// The best source of a position, if sums of squares are integers. The search stops when the
// offset's square alone is at least the position's current sum.
__device__ __forceinline__ i32 nearest_whole(const Lines<i32>& lines, i32 line, i32 position,
                                             Range range) {
  i32 least = lines.source(line, position), place = position;
  const i32 reach = least < NOTHING ? (i32)sqrtf((float)least) + 1 : lines.length;
  const i32 last = min(range.last, position + reach);
#pragma unroll 4
  for (i32 other = max(range.first, position - reach); other <= last; other++) {
    const i32 sum = lines.source(line, other) + (other - position) * (other - position);
    place = sum < least ? other : place;
    least = min(least, sum);
  }
  return place;
}

// The same if ``exact`` computes the sum for a source. Values of sources are approximate, in
// squares of steps of this axis.
template <class Exact>
__device__ __forceinline__ i32 nearest_exact(const Lines<float>& lines, i32 line, i32 position,
                                             Range range, bool bounded, const Exact& exact) {
  const float own = lines.source(line, position);
  const i32 reach = bounded && own < INFINITE ? (i32)sqrtf(own) + 2 : lines.length;
  const i32 first = max(range.first, position - reach), last = min(range.last, position + reach);
  float least = own, offset = (float)(first - position);
#pragma unroll 4
  for (i32 other = first; other <= last; other++, offset += 1.0f)
    least = min(least, lines.source(line, other) + offset * offset);
  if (bounded && !(least < INFINITE)) return position;
  const float limit = least * MARGIN;
  double best = bounded && own > limit ? INFINITE : exact(position);
  i32 place = position;
  offset = (float)(first - position);
  for (i32 other = first; other <= last; other++, offset += 1.0f) {
    if (bounded && lines.source(line, other) + offset * offset > limit) continue;
    const double sum = exact(other);
    place = sum < best ? other : place;
    best = min(best, sum);
  }
  return place;
}

// Finds the best source of each position of each line. A thread stays with one line.
// keep: receives the line, the position, and the position of the source
template <class Search, class Keep>
__device__ __forceinline__ void search_lines(const Search& search, Range all, const Keep& keep) {
  const auto& lines = search.lines;
  const i32 line = threadIdx.x % lines.count, turn = threadIdx.x / lines.count;
  const i32 turns = THREADS / lines.count, length = line < lines.used ? lines.length : 0;
  const auto settle = [&](i32 position, Range range) {
    const i32 place = search.nearest(line, position, range);
    lines.places[lines.at(line, position)] = (u16)place;
    keep(line, position, place);
  };
  i32 apart = 1;
  while (apart * turns < lines.length) apart *= 2;
  for (i32 position = turn * apart; position < length; position += turns * apart)
    settle(position, all);
  for (; apart > 1; apart /= 2) {
    __syncthreads();
    const i32 half = apart / 2;
    for (i32 position = half + turn * apart; position < length; position += turns * apart) {
      Range range = all;
      if (search.bounded) {
        range.first = lines.places[lines.at(line, position - half)];
        if (position + half < length) range.last = lines.places[lines.at(line, position + half)];
      }
      settle(position, range);
    }
  }
}

// Columns along y: those of a plane that begin at (0, x).
struct Columns {
  Image image;
  const u32* words;
  i32 z, x;
  __device__ Columns(const Image& image, const u32* words, i32 count) : image(image), words(words) {
    const i32 tiles = (image.width + count - 1) / count;
    z = (i32)(blockIdx.x / (u32)tiles);
    x = (i32)(blockIdx.x - (u32)z * tiles) * count;
  }
  __device__ u32 steps(i32 line, i32 y) const {
    return steps_along_z(words, image, z, y, x + line);
  }
};

struct WholeColumns {
  Lines<i32> lines;
  Columns columns;
  static constexpr bool bounded = true;
  __device__ i32 source_of(i32 steps) const { return steps == NO_STEPS ? NOTHING : steps * steps; }
  __device__ i32 nearest(i32 line, i32 y, Range range) const {
    return nearest_whole(lines, line, y, range);
  }
  __device__ i32 sum(i32 line, i32 y, i32 place) const {
    return min(NOTHING, lines.source(line, place) + (place - y) * (place - y));
  }
};

// Squares of 0, 1, 2, ... steps along each axis, in mm; kernels get them one axis after the other.
// Ratios are those of a step along another axis to one along the axis of the lines.
struct Squares {
  const double *along_z, *along_y, *along_x;
  __device__ Squares(const double* all, const Image& image)
      : along_z(all), along_y(all + image.depth), along_x(along_y + image.height) {}
};

struct ExactColumns {
  Lines<float> lines;
  Columns columns;
  Squares squares;
  float ratio_z;
  bool bounded;
  __device__ float source_of(u32 steps) const {
    return steps == NO_STEPS ? INFINITE : (float)(steps * steps) * ratio_z;
  }
  __device__ i32 nearest(i32 line, i32 y, Range range) const {
    return nearest_exact(lines, line, y, range, bounded, [&](i32 place) -> double {
      const u32 steps = columns.steps(line, place);
      if (steps == NO_STEPS) return INFINITE;
      return squares.along_z[steps] + squares.along_y[abs(place - y)];
    });
  }
  // A sum, as the steps it consists of.
  __device__ u32 sum(i32 line, i32 y, i32 place) const {
    const u32 steps = columns.steps(line, place);
    return steps == NO_STEPS ? NOWHERE : steps << 16 | (u32)abs(place - y);
  }
};

template <class Search, class Sum>
__device__ __forceinline__ void lower_columns(const Search& search, Sum* sums) {
  const auto& lines = search.lines;
  const Columns& columns = search.columns;
  const i32 line = threadIdx.x % lines.count, turns = THREADS / lines.count;
  const i32 length = line < lines.used ? lines.length : 0;
  Range mine = NONE;
  for (i32 y = threadIdx.x / lines.count; y < length; y += turns) {
    const u32 steps = columns.steps(line, y);
    lines.sources[lines.at(line, y)] = search.source_of(steps);
    if (steps != NO_STEPS) mine.add(y);
  }
  search_lines(search, range_of_block(mine), [&](i32 line, i32 y, i32 place) {
    const i64 row = (i64)columns.z * columns.image.height + y;
    sums[row * columns.image.width + columns.x + line] = search.sum(line, y, place);
  });
}

// Rows along x: as many as there are lines, starting at one.
struct Rows {
  i64 first, left;
  i32 width;
  __device__ Rows(const Image& image, i32 count)
      : first((i64)blockIdx.x * count), left((i64)image.depth * image.height - first),
        width(image.width) {}
  __device__ i64 voxel(i32 line, i32 x) const { return (first + line) * width + x; }
  __device__ i32 used(i32 count) const { return left < count ? (i32)left : count; }
};

struct WholeRows {
  Lines<i32> lines;
  Rows rows;
  const i32* sums;
  static constexpr bool bounded = true;
  __device__ bool some(i32 sum) const { return sum < NOTHING; }
  __device__ i32 source_of(i32 sum) const { return sum; }
  __device__ i32 nearest(i32 line, i32 x, Range range) const {
    return nearest_whole(lines, line, x, range);
  }
  // The root of an integer less than 2^24 is the same in float32 as computed in float64.
  __device__ float distance(i32 line, i32 x, i32 place) const {
    const i32 sum = lines.source(line, place) + (place - x) * (place - x);
    if (sum < 1 << 24) return sqrtf((float)sum);
    return sum < NOTHING ? (float)sqrt((double)sum) : INFINITE;
  }
};

struct ExactRows {
  Lines<float> lines;
  Rows rows;
  const u32* sums;
  Squares squares;
  float ratio_z, ratio_y;
  bool bounded;
  __device__ bool some(u32 sum) const { return sum != NOWHERE; }
  __device__ float source_of(u32 sum) const {
    const u32 z = sum >> 16, y = sum & 0xffff;
    return some(sum) ? (float)(z * z) * ratio_z + (float)(y * y) * ratio_y : INFINITE;
  }
  __device__ double exact(i32 line, i32 x, i32 place) const {
    const u32 sum = sums[rows.voxel(line, place)];
    if (!some(sum)) return INFINITE;
    return squares.along_z[sum >> 16] + squares.along_y[sum & 0xffff] +
           squares.along_x[abs(place - x)];
  }
  __device__ i32 nearest(i32 line, i32 x, Range range) const {
    const auto sum = [&](i32 place) { return exact(line, x, place); };
    return nearest_exact(lines, line, x, range, bounded, sum);
  }
  __device__ float distance(i32 line, i32 x, i32 place) const {
    return (float)sqrt(exact(line, x, place));
  }
};

// negative: 1 to write negated distances of true voxels
template <class Search>
__device__ __forceinline__ void lower_rows(const Search& search, const u8* mask, i32 negative,
                                           float* out) {
  const auto& lines = search.lines;
  const i32 lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
  Range mine = NONE;
  for (i32 line = warp; line < lines.used; line += THREADS / LANES)
#pragma unroll 4
    for (i32 x = lane; x < lines.length; x += LANES) {
      const auto sum = search.sums[search.rows.voxel(line, x)];
      lines.sources[lines.at(line, x)] = search.source_of(sum);
      if (search.some(sum)) mine.add(x);
    }
  search_lines(search, range_of_block(mine), [](i32, i32, i32) {});
  __syncthreads();
  for (i32 line = warp; line < lines.used; line += THREADS / LANES)
    for (i32 x = lane; x < lines.length; x += LANES) {
      const i64 voxel = search.rows.voxel(line, x);
      const float distance = search.distance(line, x, lines.places[lines.at(line, x)]);
      out[voxel] = negative && mask[voxel] ? -distance : distance;
    }
}

// Sums along z and y from packed voxels. count: columns per block
extern "C" __global__ void distance_columns(const u32* words, i32* sums, i32 depth, i32 height,
                                             i32 width, i32 count) {
  extern __shared__ u64 memory[];
  const Columns columns({depth, height, width}, words, count);
  const Lines<i32> lines((u8*)memory, count, width - columns.x, height);
  lower_columns(WholeColumns{lines, columns}, sums);
}

// The same, as steps, with any spacing. squares: of steps along z, y and x, in mm
__device__ __forceinline__ void exact_columns(
    u8* memory, const u32* words, u32* sums, const Image& image, i32 count, const double* squares,
    float ratio_z, i32 bounded) {
  const Columns columns(image, words, count);
  const Lines<float> lines(memory, count, image.width - columns.x, image.height);
  lower_columns(ExactColumns{lines, columns, {squares, image}, ratio_z, bounded != 0}, sums);
}

extern "C" __global__ void distance_columns_exact(
    const u32* words, u32* sums, i32 depth, i32 height, i32 width, i32 count, const double* squares,
    float ratio_z, i32 bounded) {
  extern __shared__ u64 memory[];
  exact_columns((u8*)memory, words, sums, {depth, height, width}, count, squares, ratio_z, bounded);
}

extern "C" __global__ void distance_columns_tall(
    const u32* words, u32* sums, i32 depth, i32 height, i32 width, i32 count,
    const double* squares, float ratio_z, i32 bounded, u8* scratch) {
  exact_columns(scratch_of_block(scratch, count, height), words, sums, {depth, height, width},
                count, squares, ratio_z, bounded);
}

// Distances from sums. count: rows per block
extern "C" __global__ void distance_rows(const i32* sums, const u8* mask, float* out, i32 negative,
                                          i32 depth, i32 height, i32 width, i32 count) {
  extern __shared__ u64 memory[];
  const Rows rows({depth, height, width}, count);
  const Lines<i32> lines((u8*)memory, count, rows.used(count), width);
  lower_rows(WholeRows{lines, rows, sums}, mask, negative, out);
}

__device__ __forceinline__ void exact_rows(
    u8* memory, const u32* sums, const u8* mask, float* out, i32 negative, const Image& image,
    i32 count, const double* squares, float ratio_z, float ratio_y, i32 bounded) {
  const Rows rows(image, count);
  const Lines<float> lines(memory, count, rows.used(count), image.width);
  const ExactRows search = {lines, rows, sums, {squares, image}, ratio_z, ratio_y, bounded != 0};
  lower_rows(search, mask, negative, out);
}

extern "C" __global__ void distance_rows_exact(
    const u32* sums, const u8* mask, float* out, i32 negative, i32 depth, i32 height, i32 width,
    i32 count, const double* squares, float ratio_z, float ratio_y, i32 bounded) {
  extern __shared__ u64 memory[];
  exact_rows((u8*)memory, sums, mask, out, negative, {depth, height, width}, count, squares,
             ratio_z, ratio_y, bounded);
}

extern "C" __global__ void distance_rows_tall(
    const u32* sums, const u8* mask, float* out, i32 negative, i32 depth, i32 height, i32 width,
    i32 count, const double* squares, float ratio_z, float ratio_y, i32 bounded, u8* scratch) {
  exact_rows(scratch_of_block(scratch, count, width), sums, mask, out, negative,
             {depth, height, width}, count, squares, ratio_z, ratio_y, bounded);
}
