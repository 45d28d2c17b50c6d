// Dilation by boxes, and by balls of exact distances, on packed voxels.
//
// Idea: rows along x are packed, a bit per voxel, so that an "or" of words works on 32 or 64
// voxels. A small box takes one launch: a tile with its surroundings is packed into shared memory,
// widened along x by shifts, joined along y, then along z, and unpacked. A larger box is a box of a
// box. A ball is a list of neighboring rows, each with its half-width: first all rows are widened
// by each half-width that occurs, then a thread joins the rows of the list for 64 voxels, until all
// of them are true. Half-widths are computed on the host from exact distances, so no distance is
// computed here. Erosion is dilation of the complement.
//
// Complexity: a box reads and writes each voxel once; surroundings come from the cache. A ball:
// voxels / 64 x rows of the ball, in words from the cache; memory voxels / 8 bytes per half-width.
//
// Reference: R. van den Boomgaard, R. van Balen, Methods for fast morphological image transforms
// using bitmapped binary images (1992). Deviation: balls are decomposed into rows, not into smaller
// balls.

constexpr i32 THREADS = 256;

// A tile of a box has 4 words of 32 voxels along x, and 64 rows; a staged row has one more word on
// either side, of which the nearest 8 voxels are filled: no radius is larger.
constexpr i32 TILE_WORDS = 4, TILE_ROWS = 64, TILE_BYTES = 4 * TILE_WORDS;
constexpr i32 PITCH = TILE_WORDS + 2, MARGIN_BYTE = 3;

// The position of a word of 64 voxels: its row, and its first voxel there.
struct Word {
  u32 row;
  i32 x;
};

struct Image {
  i32 depth, height, width;
  __device__ u32 words() const { return ((u32)width + 63) / 64; }
  __device__ u32 all_words() const { return (u32)depth * (u32)height * words(); }
  __device__ i64 voxels() const { return (i64)depth * height * width; }
  __device__ Word word(u32 number) const {
    const u32 row = number / words();
    return {row, (i32)(64 * (number - row * words()))};
  }
};

// Eight neighboring bytes of an array at any alignment, from the words that contain them.
__device__ __forceinline__ u64 eight_bytes(const u8* array, i64 place, i64 count) {
  const u64 shift = (u64)(array + place) & 7;
  if (shift <= (u64)place && place - (i64)shift + 16 <= count) {
    const u64* words = (const u64*)(array + place - shift);
    return shift ? words[0] >> 8 * shift | words[1] << (64 - 8 * shift) : words[0];
  }
  u64 bytes = 0;
  for (i32 i = 0; i < min(8ll, count - place); i++) bytes |= (u64)array[place + i] << 8 * i;
  return bytes;
}

// Eight voxels of a row as bits, the first one lowest; 0 beyond the row. flip: 255 to exchange true
// and false voxels
__device__ __forceinline__ u32 load_eight(const u8* mask, const Image& image, i64 row, i32 x,
                                          u32 flip) {
  if (x < 0 || x >= image.width) return 0;
  const u64 voxels = eight_bytes(mask, row * image.width + x, image.voxels());
  const u32 bits = (u32)((voxels * 0x0102040810204080ull) >> 56) ^ flip;
  return bits & ((1u << min(8, image.width - x)) - 1);
}

// Bytes of 0 or 1 from eight bits.
__device__ __forceinline__ u64 unpacked(u32 bits) {
  const u64 spread = (u64)(bits & 127) * 0x0002040810204081ull & 0x0101010101010101ull;
  return spread | (u64)(bits >> 7 & 1) << 56;
}

// Whether rows begin at addresses of words of eight bytes. Otherwise a run of n x 8 voxels overlaps
// n + 1 words.
__device__ __forceinline__ bool aligned_rows(const void* voxels, i32 width) {
  return (((u64)voxels | (u64)width) & 7) == 0;
}

// Writes those voxels of a run that lie in its word ``piece``.
// run: where its first voxel goes; bits: its voxels, eight in each of ``count`` bytes
// length: voxels that are written; flip: 255 to write false for true
__device__ __forceinline__ void store_piece(u8* run, const u8* bits, i32 count, i32 piece,
                                            i32 length, u32 flip) {
  const i32 shift = (i32)((u64)run & 7);
  const i32 first = piece == 0 ? shift : 0, last = min(8, length + shift - 8 * piece);
  if (first >= last) return;
  const u32 before = piece > 0 ? bits[piece - 1] : 0, here = piece < count ? bits[piece] : 0;
  const u32 values = (before | here << 8) >> (8 - shift) ^ flip;
  u8* word = run + 8 * piece - shift;
  if (last - first == 8) {
    *(u64*)word = unpacked(values & 255);
  } else {
    for (i32 i = first; i < last; i++) word[i] = (u8)(values >> i & 1);
  }
}

// The rows that a block of a box processes: its own, and the existing rows around them.
struct Tile {
  i32 x, y, z, rows, planes, first_y, first_z, count_y, count_z;
  __device__ i32 staged() const { return count_y * count_z; }
};

__device__ Tile tile_of_block(const Image& image, i32 planes, i32 radius) {
  const u32 along_x = ((u32)image.width + 32 * TILE_WORDS - 1) / (32 * TILE_WORDS);
  const i32 rows = TILE_ROWS / planes;
  const u32 along_y = ((u32)image.height + rows - 1) / rows;
  const u32 line = blockIdx.x / along_x;
  Tile tile;
  tile.x = (i32)(blockIdx.x - line * along_x) * 32 * TILE_WORDS;
  tile.y = (i32)(line % along_y) * rows;
  tile.z = (i32)(line / along_y) * planes;
  tile.rows = rows;
  tile.planes = planes;
  tile.first_y = max(0, tile.y - radius);
  tile.first_z = max(0, tile.z - radius);
  tile.count_y = min(image.height, tile.y + rows + radius) - tile.first_y;
  tile.count_z = min(image.depth, tile.z + planes + radius) - tile.first_z;
  return tile;
}

// Packs the rows of a tile and its surroundings into shared memory.
__device__ void stage_tile(const u8* mask, const Image& image, const Tile& tile, u32 flip,
                           u32* packed) {
  const i32 each = TILE_BYTES + 2;
  u8* bytes = (u8*)packed;
#pragma unroll 4
  for (i32 item = threadIdx.x; item < tile.staged() * each; item += THREADS) {
    const i32 row = item / each, place = item - row * each;
    const i32 plane = row / tile.count_y;
    const i64 z = tile.first_z + plane, y = tile.first_y + row - plane * tile.count_y;
    const i32 x = tile.x + 8 * (place - 1);
    bytes[4 * PITCH * row + MARGIN_BYTE + place] =
        (u8)load_eight(mask, image, z * image.height + y, x, flip);
  }
}

// A word in which all voxels at most ``radius`` from a set one of its row are set.
__device__ __forceinline__ u32 widened_word(const u32* place, i32 radius) {
  const u32 before = place[-1], here = place[0], after = place[1];
  u32 spread = here;
  for (i32 step = 1; step <= radius; step++)
    spread |= here << step | here >> step | before >> (32 - step) | after << (32 - step);
  return spread;
}

// Each thread's word, of 32 voxels, of the dilated tile: rows of a plane, TILE_WORDS each.
__device__ u32 dilated_word(const Tile& tile, i32 radius, const u32* packed, u32* widened,
                            u32* joined) {
  for (i32 item = threadIdx.x; item < tile.staged() * TILE_WORDS; item += THREADS)
    widened[item] =
        widened_word(packed + item / TILE_WORDS * PITCH + item % TILE_WORDS + 1, radius);
  __syncthreads();
  for (i32 item = threadIdx.x; item < tile.count_z * tile.rows * TILE_WORDS; item += THREADS) {
    const i32 word = item % TILE_WORDS, line = item / TILE_WORDS;
    const i32 plane = line / tile.rows, y = tile.y + line - plane * tile.rows - tile.first_y;
    const i32 last = min(y + radius, tile.count_y - 1);
    u32 value = 0;
    for (i32 other = max(0, y - radius); other <= last; other++)
      value |= widened[(plane * tile.count_y + other) * TILE_WORDS + word];
    joined[item] = value;
  }
  __syncthreads();
  const i32 line = threadIdx.x / TILE_WORDS, plane = line / tile.rows;
  const i32 z = tile.z + plane - tile.first_z, last = min(z + radius, tile.count_z - 1);
  const i32 place = threadIdx.x - plane * tile.rows * TILE_WORDS;
  u32 value = 0;
  for (i32 other = max(0, z - radius); other <= last; other++)
    value |= joined[other * tile.rows * TILE_WORDS + place];
  return value;
}

// The layout of shared memory; as in voxgpu/backends/cuda/dilation.py.
struct Staged {
  u32 *packed, *widened, *joined;
  __device__ Staged(u32* memory, const Tile& tile)
      : packed(memory), widened(packed + tile.staged() * PITCH),
        joined(widened + tile.staged() * TILE_WORDS) {}
};

// Writes a tile from its words. ``pieces`` of eight voxels a row, plus one if rows are unaligned.
template <i32 pieces>
__device__ void store_tile(u8* out, const Image& image, const Tile& tile, const u32* found) {
  for (i32 item = threadIdx.x; item < TILE_ROWS * pieces; item += THREADS) {
    const i32 line = item / pieces, plane = line / tile.rows;
    const i64 z = tile.z + plane, y = tile.y + line - plane * tile.rows;
    if (z >= image.depth || y >= image.height) continue;
    store_piece(out + (z * image.height + y) * image.width + tile.x,
                (const u8*)(found + line * TILE_WORDS), TILE_BYTES, item % pieces,
                min(8 * TILE_BYTES, image.width - tile.x), 0);
  }
}

// Dilates by a box of half-width ``radius``, at most 8; planes: of a tile, 1, 2, 4 or 8. inverse: 1
// for erosion: the complement of the dilation of the complement
extern "C" __global__ void dilation_box(const u8* mask, u8* out, i32 depth, i32 height, i32 width,
                                    i32 planes, i32 radius, i32 inverse) {
  extern __shared__ u32 memory[];
  __shared__ u32 found[THREADS];
  const Image image = {depth, height, width};
  const Tile tile = tile_of_block(image, planes, radius);
  const Staged staged(memory, tile);
  stage_tile(mask, image, tile, inverse ? 255u : 0u, staged.packed);
  __syncthreads();
  const u32 value = dilated_word(tile, radius, staged.packed, staged.widened, staged.joined);
  found[threadIdx.x] = inverse ? ~value : value;
  __syncthreads();
  if (aligned_rows(out, width)) {
    store_tile<TILE_BYTES>(out, image, tile, found);
  } else {
    store_tile<TILE_BYTES + 1>(out, image, tile, found);
  }
}

// The true voxels with a false one among their 26 neighbors, as packed rows. inverse: 1 to exchange
// true and false voxels; packed: words of 64 voxels, as halves
extern "C" __global__ void dilation_contour(const u8* mask, u32* packed, i32 depth, i32 height,
                                        i32 width, i32 planes, i32 inverse) {
  extern __shared__ u32 memory[];
  const Image image = {depth, height, width};
  const Tile tile = tile_of_block(image, planes, 1);
  const Staged staged(memory, tile);
  stage_tile(mask, image, tile, inverse ? 0u : 255u, staged.packed);
  __syncthreads();
  const u32 near_false = dilated_word(tile, 1, staged.packed, staged.widened, staged.joined);
  const i32 word = threadIdx.x % TILE_WORDS, line = threadIdx.x / TILE_WORDS;
  const i32 plane = line / tile.rows;
  const i64 z = tile.z + plane, y = tile.y + line - plane * tile.rows;
  const u32 column = tile.x / 32 + word, halves = 2 * image.words();
  if (z >= depth || y >= height || column >= halves) return;
  const i32 row = (i32)((z - tile.first_z) * tile.count_y + y - tile.first_y);
  const i32 left = width - 32 * (i32)column;
  const u32 inside = left >= 32 ? FULL_WARP : left > 0 ? (1u << left) - 1 : 0;
  const u32 is_false = staged.packed[row * PITCH + word + 1];
  packed[(z * height + y) * halves + column] = near_false & ~is_false & inside;
}

// Masks a word to the voxels inside the image, and reports whether all of them are set.
__device__ __forceinline__ u64 inside_of(const Image& image, u32 column) {
  const i64 left = image.width - 64ll * column;
  return left >= 64 ? ~0ull : (1ull << left) - 1;
}

// Writes one word, widened by each of the half-widths, at most 63, in ascending order.
__device__ __forceinline__ void widen(const u64* staged, const Image& image, const i32* widths,
                                      i32 count, u64* widened) {
  const u32 total = image.all_words(), words = image.words();
  const u32 number = blockIdx.x * THREADS + threadIdx.x;
  if (number >= total) return;
  const u32 column = number % words;
  const u64 inside = inside_of(image, column);
  u64 here = staged[threadIdx.x + 1];
  u64 before = column > 0 ? staged[threadIdx.x] : 0;
  u64 after = column + 1 < words ? staged[threadIdx.x + 2] : 0;
  i32 width = 0;
  for (i32 each = 0; each < count; each++) {
    for (; width < widths[each]; width++) {
      const u64 spread = here | here << 1 | here >> 1 | before >> 63 | after << 63;
      before |= before << 1 | before >> 1 | here << 63;
      after |= after << 1 | after >> 1 | here >> 63;
      here = spread;
    }
    widened[(u64)each * total + number] = here & inside;
  }
}

// Packs rows and widens them by each of some half-widths: widened has (count, rows, words).
extern "C" __global__ void dilation_widen(const u8* mask, const i32* widths, i32 count, u64* widened,
                                      i32 depth, i32 height, i32 width, i32 inverse) {
  __shared__ u64 staged[THREADS + 2];
  const Image image = {depth, height, width};
  const i64 first = (i64)blockIdx.x * THREADS - 1;
  u8* bytes = (u8*)staged;
#pragma unroll 4
  for (i32 item = threadIdx.x; item < 8 * (THREADS + 2); item += THREADS) {
    const i64 number = first + item / 8;
    u32 bits = 0;
    if (number >= 0 && number < image.all_words()) {
      const Word word = image.word((u32)number);
      bits = load_eight(mask, image, word.row, word.x + item % 8 * 8, inverse ? 255u : 0u);
    }
    bytes[item] = (u8)bits;
  }
  __syncthreads();
  widen(staged, image, widths, count, widened);
}

// The same for rows that are already packed.
extern "C" __global__ void dilation_widen_packed(const u64* packed, const i32* widths, i32 count,
                                             u64* widened, i32 depth, i32 height, i32 width) {
  __shared__ u64 staged[THREADS + 2];
  const Image image = {depth, height, width};
  const i64 first = (i64)blockIdx.x * THREADS - 1;
  for (i32 item = threadIdx.x; item < THREADS + 2; item += THREADS) {
    const i64 number = first + item;
    staged[item] = number >= 0 && number < image.all_words() ? packed[number] : 0;
  }
  __syncthreads();
  widen(staged, image, widths, count, widened);
}

// Joins widened rows: 64 voxels of the dilation.
// shape: for each row of the ball steps along z and y, and the index of its half-width
__device__ __forceinline__ u64 joined_word(const u64* widened, const i32* shape, i32 count,
                                           const Image& image, u32 number) {
  const u32 total = image.all_words(), words = image.words();
  const u32 row = number / words, plane = row / (u32)image.height;
  const i32 z = (i32)plane, y = (i32)(row - plane * (u32)image.height);
  const u64 full = inside_of(image, number - row * words);
  u64 value = 0;
  for (i32 first = 0; first < count && value != full; first += 8) {
    const i32 last = min(first + 8, count);
#pragma unroll 8
    for (i32 each = first; each < last; each++) {
      const i32 step_z = shape[3 * each], step_y = shape[3 * each + 1];
      const bool inside =
          (u32)(z + step_z) < (u32)image.depth && (u32)(y + step_y) < (u32)image.height;
      const i64 away = ((i64)step_z * image.height + step_y) * words;
      if (inside) value |= widened[(i64)shape[3 * each + 2] * total + number + away];
    }
  }
  return value;
}

// Writes words of 64 voxels. ``pieces`` of eight voxels a word, plus one if rows are unaligned.
template <i32 pieces>
__device__ void store_words(u8* out, const Image& image, const u64* joined, u32 flip) {
  const u32 first = blockIdx.x * THREADS;
  for (i32 item = threadIdx.x; item < pieces * THREADS; item += THREADS) {
    const u32 number = first + item / pieces;
    if (number >= image.all_words()) continue;
    const Word word = image.word(number);
    store_piece(out + (i64)word.row * image.width + word.x, (const u8*)(joined + item / pieces), 8,
                item % pieces, min(64, image.width - word.x), flip);
  }
}

// Writes the dilation by a ball, or its complement.
// deeper: 1 to write where the mask is true and the dilation is not; flip: 1 to exchange true and
// false voxels of the mask; inverse: 1 to write the complement
extern "C" __global__ void dilation_join(const u64* widened, const i32* shape, i32 count,
                                     const u8* mask, u8* out, i32 depth, i32 height, i32 width,
                                     i32 deeper, i32 flip, i32 inverse) {
  __shared__ u64 joined[THREADS];
  const Image image = {depth, height, width};
  const u32 first = blockIdx.x * THREADS, total = image.all_words();
  const bool mine = first + threadIdx.x < total;
  joined[threadIdx.x] =
      mine ? joined_word(widened, shape, count, image, first + threadIdx.x) : 0;
  __syncthreads();
  if (deeper) {
    u8* bytes = (u8*)joined;
    for (i32 item = threadIdx.x; item < 8 * THREADS; item += THREADS) {
      const u32 number = first + item / 8;
      if (number >= total) continue;
      const Word word = image.word(number);
      bytes[item] = load_eight(mask, image, word.row, word.x + item % 8 * 8, flip ? 255u : 0u) &
                    ~(u32)bytes[item];
    }
    __syncthreads();
  }
  if (aligned_rows(out, width)) {
    store_words<8>(out, image, joined, inverse ? 255u : 0u);
  } else {
    store_words<9>(out, image, joined, inverse ? 255u : 0u);
  }
}

// Sets a number, which is initially 0, to 1 if there is a true voxel. flip: 1 for a false one
extern "C" __global__ void dilation_any(const u8* mask, i64 count, i32 flip, i32* found) {
  const u64 none = flip ? 0x0101010101010101ull : 0;
  const i64 eights = ((u64)mask & 7) == 0 ? count / 8 : 0;
  bool some = false;
  for (i64 each = thread_number(); each < eights && !some; each += thread_count())
    some = ((const u64*)mask)[each] != none;
  for (i64 each = 8 * eights + thread_number(); each < count && !some; each += thread_count())
    some = mask[each] != (u8)none;
  if (__any_sync(FULL_WARP, some) && threadIdx.x % 32 == 0) store_relaxed(found, 1);
}

// Fills an image with a number that is 0 or 1, or with its complement.
extern "C" __global__ void dilation_fill(const i32* found, i32 inverse, u8* out, i64 count) {
  const u8 value = (u8)(*found ^ inverse);
  const i64 eights = ((u64)out & 7) == 0 ? count / 8 : 0;
  for (i64 each = thread_number(); each < eights; each += thread_count())
    ((u64*)out)[each] = value * 0x0101010101010101ull;
  for (i64 each = 8 * eights + thread_number(); each < count; each += thread_count())
    out[each] = value;
}
