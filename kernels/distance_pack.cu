// Packing of true voxels, or of the contour, along z: a bit per voxel, 32 planes to a word.
//
// Idea: distances are computed from these words alone. Signed distances use the contour, both
// inside and outside: on the way from outside to a nearest true voxel, a step along one axis after
// the other, the contour comes first; no step makes a sum larger, as rounding is monotonic. A tile
// of 32 x 8 columns and 32 planes is read with its surroundings, a warp per row; ballots pack it
// along x, where words are shifted and joined, and each lane selects its column.
//
// Complexity: each voxel is read once, surroundings from the cache; 1/8 byte per voxel is written.
//
// Reference: the contour is defined in voxgpu/primitives/distance.py. Deviation: none.

constexpr i32 THREADS = 256, LANES = 32;

// In a tile, lanes are voxels along x, warps along y. AT_ONCE: rows a warp reads before it packs.
constexpr i32 TILE_ROWS = THREADS / LANES, STAGED_ROWS = TILE_ROWS + 2, STAGED_PLANES = 34;
constexpr i32 AT_ONCE = 4;

struct Image {
  i32 depth, height, width;
  __device__ i32 layers() const { return (depth + 31) / 32; }
  __device__ i64 plane() const { return (i64)height * width; }
  __device__ bool has(i32 z, i32 y, i32 x) const {
    return (u32)z < (u32)depth && (u32)y < (u32)height && (u32)x < (u32)width;
  }
  // Voxels beyond the frame do not count as false.
  __device__ u32 voxel(const u8* mask, i32 z, i32 y, i32 x) const {
    return has(z, y, x) ? mask[z * plane() + (i64)y * width + x] : 1u;
  }
};

// Packs true voxels along z: words (layers, height, width), the first plane lowest.
extern "C" __global__ void distance_pack_voxels(const u8* mask, u32* words, i32 depth, i32 height,
                                          i32 width) {
  const Image image = {depth, height, width};
  const i64 number = thread_number();
  if (number >= image.layers() * image.plane()) return;
  const i32 layer = (i32)(number / image.plane());
  const i32 count = min(32, depth - 32 * layer);
  const u8* voxels = mask + number + 31 * layer * image.plane();
  u32 word = 0;
#pragma unroll 8
  for (i32 z = 0; z < count; z++) word |= (u32)voxels[z * image.plane()] << z;
  words[number] = word;
}

// The rows of a tile and around it: a bit per voxel, and whether both neighbors along x are true.
__device__ void stage_rows(const u8* mask, const Image& image, i32 first_z, i32 first_y, i32 x,
                           i32 count, u32* voxels, u32* filled) {
  const i32 lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
  for (i32 first = warp; first < count; first += AT_ONCE * TILE_ROWS) {
    u32 here[AT_ONCE], beside[AT_ONCE];
#pragma unroll
    for (i32 i = 0; i < AT_ONCE; i++) {
      const i32 row = first + i * TILE_ROWS;
      const i32 z = first_z + row / STAGED_ROWS, y = first_y + row % STAGED_ROWS;
      here[i] = row < count ? image.voxel(mask, z, y, x) : 1;
      beside[i] = 1;
      if (row < count && lane == 0) beside[i] = image.voxel(mask, z, y, x - 1);
      if (row < count && lane == LANES - 1) beside[i] = image.voxel(mask, z, y, x + 1);
    }
#pragma unroll
    for (i32 i = 0; i < AT_ONCE; i++) {
      const i32 row = first + i * TILE_ROWS;
      const u32 word = __ballot_sync(FULL_WARP, here[i] != 0);
      const u32 ends = __ballot_sync(FULL_WARP, beside[i] != 0);
      if (lane == 0 && row < count) {
        voxels[row] = word;
        filled[row] = word & (word << 1 | (ends & 1)) & (word >> 1 | (ends & 1u << 31));
      }
    }
  }
}

// The same for the contour: the true voxels with a false one among their 26 neighbors.
extern "C" __global__ void distance_pack_contour(const u8* mask, u32* words, i32 depth, i32 height,
                                                  i32 width) {
  __shared__ u32 voxels[STAGED_PLANES * STAGED_ROWS];
  __shared__ u32 filled[STAGED_PLANES * STAGED_ROWS];
  const Image image = {depth, height, width};
  const u32 along_x = ((u32)width + LANES - 1) / LANES;
  const u32 along_y = ((u32)height + TILE_ROWS - 1) / TILE_ROWS;
  const u32 line = blockIdx.x / along_x, layer = line / along_y;
  const i32 lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
  const i32 x = (i32)(blockIdx.x - line * along_x) * LANES + lane;
  const i32 top = (i32)(line - layer * along_y) * TILE_ROWS, low = 32 * (i32)layer;
  const i32 planes = min(32, depth - low);
  stage_rows(mask, image, low - 1, top - 1, x, (planes + 2) * STAGED_ROWS, voxels, filled);
  __syncthreads();
  u32 word = 0, below = FULL_WARP, here = FULL_WARP;
  for (i32 z = -1; z <= planes; z++) {
    const u32* rows = filled + (z + 1) * STAGED_ROWS + warp;
    const u32 above = rows[0] & rows[1] & rows[2];
    if (z > 0) {
      const u32 contour = voxels[z * STAGED_ROWS + warp + 1] & ~(below & here & above);
      word |= (contour >> lane & 1) << (z - 1);
    }
    below = here;
    here = above;
  }
  if (x < width && top + warp < height)
    words[layer * image.plane() + (i64)(top + warp) * width + x] = word;
}
