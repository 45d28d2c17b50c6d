// Correlation of the histogram of the box around each voxel with a given one: several bins a word.
//
// Idea: Pearson's correlation needs three integers of each box: n, the sum of squared counts and
// the sum of counts times wanted counts. A block processes a tile of 32 × 32 columns along z. The
// change by a plane is, in each column, the voxel that enters minus the one that leaves; summed
// over a square of columns (along x, then along y, each a running sum) it is the change of the
// counts of the boxes. A word of 64 bits holds 8 bins of such changes (4 if a square has more than
// 127 columns): added as integers, words behave like separate digits, whatever the signs. A thread
// keeps the counts of its four columns in registers, and accumulates their squares in the output
// image. Then the next bins follow, and last, in the same way, one number that combines n and the
// sum of products. Bins that do not occur near a tile are skipped; background requires no work.
// Many bins and wide boxes: see local_histogram_rows.cu; codes of bins: see
// local_histogram_bins.cu.
//
// Complexity: bins that occur nearby × voxels × about 14 operations of 32 bits, with boxes of 11³
// and tiles of 18 planes; wider boxes cost only the surroundings of the tile. A voxel and 8 bins
// transfer 8 bytes of squares from and to memory, and 5 of codes that mostly are in the cache: it
// is bound by operations, not bytes. With 29 KB of shared memory and up to 64 registers per thread,
// 4 blocks fit a multiprocessor, or 3 if it has 100 KB.
//
// References: M. J. McDonnell, Box-filtering techniques (1981); S. Perreault, P. Hébert, Median
// filtering in constant time (2007); L. Lamport, Multiple byte processing with full-word
// instructions (1975). Deviation from the second: not all bins of a column at a time but some bins
// of all columns, so that the counts of a box are in registers, for any number of bins.

#define THREADS 256
#define WARPS (THREADS / 32)
#define TILE 32
#define OWN (TILE / WARPS)  // columns of a thread, neighbors along y
#define PITCH (TILE + 1)    // odd, so that neither rows nor columns share a bank

struct Tile {
  const u8* codes;
  i32 depth, height, width, half_z, half_y, half_x;
  i32 x, y, z, z_end;        // the first voxel, and the end of its planes
  i32 rows, columns, pitch;  // of the tile and its surroundings; an odd pitch
  u64* delta;                // the change by a plane in each column
  u64* along_x;              // its sums along x

  __device__ __forceinline__ i64 voxel(i32 own) const {
    const i32 row = y + (i32)(threadIdx.x / TILE) * OWN + own;
    const i32 column = x + (i32)(threadIdx.x % TILE);
    return row < height && column < width ? (i64)row * width + column : -1;
  }
};

// Calls visit(index in delta, index in a plane or −1 beyond the frame) for the tile's columns.
template <class Visit> __device__ __forceinline__ void each_column(const Tile& t, Visit visit) {
  i32 row = (i32)threadIdx.x / t.columns, column = (i32)threadIdx.x % t.columns;
  const i32 down = THREADS / t.columns, right = THREADS % t.columns;
  while (row < t.rows) {
    const i32 y = t.y - t.half_y + row, x = t.x - t.half_x + column;
    const bool is_inside = y >= 0 && y < t.height && x >= 0 && x < t.width;
    visit(row * t.pitch + column, is_inside ? (i64)y * t.width + x : -1);
    row += down;
    column += right;
    if (column >= t.columns) {
      column -= t.columns;
      row++;
    }
  }
}

// Lists the bins in and around a tile, and returns their number to all threads.
__device__ i32 list_bins(const Tile& t, i32 bins, u8* listed) {
  __shared__ u32 present[THREADS];
  __shared__ u32 found[WARPS];
  const i32 me = threadIdx.x;
  present[me] = 0;
  __syncthreads();
  const i64 plane = (i64)t.height * t.width;
  for (i32 z = max(0, t.z - t.half_z); z < min(t.depth, t.z_end + t.half_z); z++)
    each_column(t, [&](i32, i64 place) {
      if (place >= 0) store_relaxed(present + t.codes[z * plane + place], 1u);
    });
  __syncthreads();
  const bool is_here = me < bins && present[me];
  const u32 votes = __ballot_sync(FULL_WARP, is_here);
  if (me % 32 == 0) found[me / 32] = votes;
  __syncthreads();
  i32 before = 0, all = 0;
  for (i32 warp = 0; warp < WARPS; warp++) {
    if (warp < me / 32) before += __popc(found[warp]);
    all += __popc(found[warp]);
  }
  if (is_here) listed[before + __popc(votes & ((1u << me % 32) - 1))] = (u8)me;
  __syncthreads();
  return all;
}

// The changes in each column by the planes that enter and leave; whether there are any.
__device__ __forceinline__ bool change_columns(
    const Tile& t, const u64* worth, const u8* coming, const u8* going, u32* changed, i32 turn) {
  u64 any = 0;
  each_column(t, [&](i32 place, i64 voxel) {
    u64 change = 0;
    if (voxel >= 0) {
      if (coming) change += worth[coming[voxel]];
      if (going) change -= worth[going[voxel]];
    }
    t.delta[place] = change;
    any |= change;
  });
  const bool is_any = __any_sync(FULL_WARP, any != 0);
  if (is_any && threadIdx.x % 32 == 0) store_relaxed(changed + turn, 1u);
  __syncthreads();
  const bool is_changed = load_relaxed(changed + turn) != 0;
  // The mark of two turns ahead is not read, nor written, before the next barrier.
  if (threadIdx.x == 0) store_relaxed(changed + (turn + 2) % 3, 0u);
  return is_changed;
}

// Running sums along x, each thread a part of a row.
__device__ __forceinline__ void sum_along_x(const Tile& t) {
  const i32 parts = min(THREADS / t.rows, TILE), length = (TILE + parts - 1) / parts;
  const i32 row = (i32)threadIdx.x % t.rows;
  const i32 first = (i32)threadIdx.x / t.rows * length, last = min(first + length, TILE);
  const u64* delta = t.delta + row * t.pitch;
  u64 sum = 0;
  if (first < last)
    for (i32 x = 0; x < 2 * t.half_x; x++) sum += delta[first + x];
  for (i32 x = first; x < last; x++) {
    sum += delta[x + 2 * t.half_x];
    t.along_x[row * PITCH + x] = sum;
    sum -= delta[x];
  }
}

// Walks along z with the `worth` of each voxel's code: take.add(column, change of the sum of its
// box), then take.plane(z). Must be called by all threads with `worth` and `changed` in place.
template <class Take>
__device__ __forceinline__ void go_along_z(
    const Tile& t, const u64* worth, u32* changed, Take& take) {
  const i64 plane = (i64)t.height * t.width;
  const i32 start = max(0, t.z - t.half_z);
  const i32 top = (i32)(threadIdx.x / TILE) * OWN, x = threadIdx.x % TILE;
  i32 turn = 0;
  for (i32 comes = start; comes < t.z_end + t.half_z; comes++) {
    const i32 goes = comes - 2 * t.half_z - 1;
    const u8* coming = comes < t.depth ? t.codes + comes * plane : 0;
    const u8* going = goes >= start ? t.codes + goes * plane : 0;
    if (coming || going) {
      if (change_columns(t, worth, coming, going, changed, turn)) {
        sum_along_x(t);
        __syncthreads();
        const u64* column = t.along_x + top * PITCH + x;
        u64 sum = 0;
        for (i32 y = 0; y < 2 * t.half_y; y++) sum += column[y * PITCH];
#pragma unroll
        for (i32 own = 0; own < OWN; own++) {
          sum += column[(own + 2 * t.half_y) * PITCH];
          take.add(own, sum);
          sum -= column[own * PITCH];
        }
      }
      turn = (turn + 1) % 3;
    }
    if (comes - t.half_z >= t.z) take.plane((comes - t.half_z) * plane);
  }
  __syncthreads();
}

// Counts of 8 bins, whose changes have 8 bits.
struct Narrow {
  u32 counts[OWN][4];

  static __device__ __forceinline__ i32 bits() { return 8; }

  __device__ __forceinline__ void add(i32 own, u64 change) {
    const u64 raised = change + 0x8080808080808080ull;  // so that no digit is negative
    const u32 low = (u32)raised, high = (u32)(raised >> 32);
    counts[own][0] += (low & 0x00ff00ffu) - 0x00800080u;
    counts[own][1] += (low >> 8 & 0x00ff00ffu) - 0x00800080u;
    counts[own][2] += (high & 0x00ff00ffu) - 0x00800080u;
    counts[own][3] += (high >> 8 & 0x00ff00ffu) - 0x00800080u;
  }

  __device__ __forceinline__ void clear(i32 own) {
    for (i32 word = 0; word < 4; word++) counts[own][word] = 0;
  }

  __device__ __forceinline__ u32 squares(i32 own) const {
    u32 sum = 0;
#pragma unroll
    for (i32 word = 0; word < 4; word++) {
      const u32 even = counts[own][word] & 0xffffu, odd = counts[own][word] >> 16;
      sum += even * even + odd * odd;
    }
    return sum;
  }
};

// Counts of 4 bins, whose changes have 16 bits.
struct Wide {
  u64 counts[OWN];

  static __device__ __forceinline__ i32 bits() { return 16; }
  __device__ __forceinline__ void add(i32 own, u64 change) { counts[own] += change; }
  __device__ __forceinline__ void clear(i32 own) { counts[own] = 0; }

  __device__ __forceinline__ u32 squares(i32 own) const {
    const u32 low = (u32)counts[own], high = (u32)(counts[own] >> 32);
    const u32 a = low & 0xffffu, b = low >> 16, c = high & 0xffffu, d = high >> 16;
    return a * a + b * b + c * c + d * d;
  }
};

// Adds the squares of some bins to those of the previous bins, as bits in the output image.
template <class Counts> struct Squares {
  Counts counts;
  u32 squares[OWN];
  i64 voxels[OWN];
  float* out;
  bool is_first;

  __device__ __forceinline__ void add(i32 own, u64 change) {
    counts.add(own, change);
    squares[own] = counts.squares(own);
  }

  __device__ __forceinline__ void plane(i64 start) {
#pragma unroll
    for (i32 own = 0; own < OWN; own++) {
      if (voxels[own] < 0) continue;
      float* place = out + start + voxels[own];
      const u32 before = is_first ? 0 : (u32)__float_as_int(*place);
      *place = __int_as_float((i32)(before + squares[own]));
    }
  }
};

// n and Σhw · 2¹⁶ together; this is the last step.
struct Products {
  u64 sums[OWN];
  i64 voxels[OWN];
  float* out;
  double bins, sum, spread;

  __device__ __forceinline__ void add(i32 own, u64 change) { sums[own] += change; }

  __device__ __forceinline__ void plane(i64 start) {
#pragma unroll
    for (i32 own = 0; own < OWN; own++) {
      if (voxels[own] < 0) continue;
      float* place = out + start + voxels[own];
      const u32 squares = (u32)__float_as_int(*place);
      *place = pearson(
          (double)(sums[own] & 0xffffu), (double)squares, (double)(sums[own] >> 16), bins, sum,
          spread);
    }
  }
};

// Sums the squares of the listed bins, some at a time.
template <class Counts>
__device__ __forceinline__ void add_squares(
    const Tile& t, const u8* listed, i32 number, u64* worth, u32* changed,
    Squares<Counts>& squares) {
  const i32 me = threadIdx.x, digits = 64 / Counts::bits();
  for (i32 first = 0; first < number; first += digits) {
    worth[me] = 0;
    if (me < 3) changed[me] = 0;
    for (i32 own = 0; own < OWN; own++) {
      squares.counts.clear(own);
      squares.squares[own] = 0;
    }
    squares.is_first = first == 0;
    __syncthreads();
    if (me < digits && first + me < number)
      worth[listed[first + me]] = 1ull << Counts::bits() * me;
    __syncthreads();
    go_along_z(t, worth, changed, squares);
  }
}

template <class Counts>
__device__ __forceinline__ void correlate_tile(
    const Tile& t, i32 bins, const u64* wanted, const double* moments, float* out) {
  __shared__ u64 worth[THREADS];
  __shared__ u32 changed[3];
  __shared__ u8 listed[THREADS];
  const i32 me = threadIdx.x;
  const i32 number = list_bins(t, bins, listed);
  Products products = {{}, {}, out, (double)bins, moments[0], moments[1]};
  Squares<Counts> squares;
  squares.out = out;
  for (i32 own = 0; own < OWN; own++) {
    products.sums[own] = 0;
    products.voxels[own] = squares.voxels[own] = t.voxel(own);
  }
  if (number == 0) {
    const i64 plane = (i64)t.height * t.width;
    const float nothing = moments[1] == 0.0 ? 1.0f : 0.0f;
    for (i32 z = t.z; z < t.z_end; z++)
      for (i32 own = 0; own < OWN; own++)
        if (products.voxels[own] >= 0) out[z * plane + products.voxels[own]] = nothing;
    return;
  }
  add_squares<Counts>(t, listed, number, worth, changed, squares);
  worth[me] = me < bins ? wanted[me] << 16 | 1 : 0;
  if (me < 3) changed[me] = 0;
  __syncthreads();
  go_along_z(t, worth, changed, products);
}

// The tile of this block; its pool has two words per column in and around it.
__device__ __forceinline__ Tile tile_of_block(
    const u8* codes, i32 depth, i32 height, i32 width, i32 half_z, i32 half_y, i32 half_x,
    i32 planes, u64* pool) {
  Tile t = {codes, depth, height, width, half_z, half_y, half_x};
  t.x = (i32)blockIdx.x * TILE;
  t.y = (i32)blockIdx.y * TILE;
  t.z = (i32)blockIdx.z * planes;
  t.z_end = min(depth, t.z + planes);
  t.rows = TILE + 2 * half_y;
  t.columns = TILE + 2 * half_x;
  t.pitch = t.columns + 1;
  t.delta = pool;
  t.along_x = pool + t.rows * t.pitch;
  return t;
}

// One block per tile of `planes` planes. codes: `bins` for none, at most 255. Narrow: a square of
// columns has at most 127.
extern "C" __global__ void __launch_bounds__(THREADS) local_histogram_tiles_narrow(
    const u8* codes, i32 depth, i32 height, i32 width, i32 half_z, i32 half_y, i32 half_x,
    i32 planes, i32 bins, const u64* wanted, const double* moments, float* out) {
  extern __shared__ u64 pool[];
  const Tile t = tile_of_block(
      codes, depth, height, width, half_z, half_y, half_x, planes, pool);
  correlate_tile<Narrow>(t, bins, wanted, moments, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) local_histogram_tiles_wide(
    const u8* codes, i32 depth, i32 height, i32 width, i32 half_z, i32 half_y, i32 half_x,
    i32 planes, i32 bins, const u64* wanted, const double* moments, float* out) {
  extern __shared__ u64 pool[];
  const Tile t = tile_of_block(
      codes, depth, height, width, half_z, half_y, half_x, planes, pool);
  correlate_tile<Wide>(t, bins, wanted, moments, out);
}
