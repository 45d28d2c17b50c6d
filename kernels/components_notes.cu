// Selection of components: queries on the forest that components.cu builds.
//
// Idea: a property of a component is noted at its root: a negative number in place of the root's
// own index, so that no other array is cleared or read; every cell of 2 x 2 x 2 voxels looks it up
// there. Seeds are read eight cells at a time. Seeds near the mask are found at the mask's voxels,
// by widening the 27 cells around, bit by bit along x, then y, then z. Sizes of parts of tiles are
// added to those of roots; the greatest intermediate sum is the largest size, so no second pass is
// needed.
//
// Complexity: a byte and a half per cell to note seeds, 4 to add sizes, 5 to look them up; the
// resulting mask is written once. Each root is written once or twice.
//
// References: those of components.cu. Deviations: none.

constexpr i32 NOTED = -1;

struct Place {
  i32 layer, row, column;
};

__device__ __forceinline__ Place place_of(const Image& image, i64 cell) {
  u32 line = (u32)cell / (u32)image.columns(), layer = line / (u32)image.rows();
  return {(i32)layer, (i32)(line - layer * image.rows()),
          (i32)((u32)cell - line * image.columns())};
}

// The root of a filled cell, whose parent is itself or a note. The first parent, which is that of a
// whole part of a tile, is linked directly to the root, which keeps later paths short.
__device__ __forceinline__ i32 root_of(i32* parents, i32 cell) {
  i32 first = load_relaxed(&parents[cell]);
  if (first < 0 || first == cell) return cell;
  i32 root = first, parent = load_relaxed(&parents[first]);
  while (parent >= 0 && parent != root) {
    root = parent;
    parent = load_relaxed(&parents[root]);
  }
  if (root != first) store_relaxed(&parents[first], root);
  return root;
}

__device__ __forceinline__ void note(i32* parents, i32 cell) {
  i32 root = root_of(parents, cell);
  if (load_relaxed(&parents[root]) >= 0) store_relaxed(&parents[root], NOTED);
}

// Notes the components of cells with a seed in the mask.
extern "C" __global__ void components_notes_seeds(const u8* seeds, i32* parents, i64 cells) {
  i64 first = 8 * thread_number();
  u64 eight = 0;
  if (first + 8 <= cells) {
    eight = *(const u64*)(seeds + first);
  } else {
    for (i64 cell = first; cell < cells; cell++) eight |= (u64)seeds[cell] << 8 * (cell - first);
  }
  while (eight != 0) {
    i32 place = (__ffsll(eight) - 1) / 8;
    note(parents, first + place);
    eight &= ~((u64)0xFF << 8 * place);
  }
}

// The voxels of a cell, and those adjacent to one along an axis, from the cells before and after
// it.
__device__ __forceinline__ u32 widened(u32 before, u32 here, u32 after, u32 upper, i32 shift) {
  u32 lower = 0xFF ^ upper;
  return here | (here & upper) >> shift | (here & lower) << shift | (before & upper) >> shift |
         (after & lower) << shift;
}

// Seeds of a cell, and voxels adjacent to one along x.
__device__ __forceinline__ u32 seeds_along_x(const u8* seeds, const Image& image, i32 layer,
                                             i32 row, i32 column) {
  if ((u32)layer >= (u32)image.layers() || (u32)row >= (u32)image.rows()) return 0;
  const u8* place = seeds + ((i64)layer * image.rows() + row) * image.columns() + column;
  return widened(column > 0 ? place[-1] : 0, place[0],
                 column + 1 < image.columns() ? place[1] : 0, RIGHT, 1);
}

__device__ __forceinline__ u32 seeds_along_y(const u8* seeds, const Image& image, i32 layer,
                                             const Place& place) {
  u32 three[3];
  for (i32 dy = 0; dy < 3; dy++)
    three[dy] = seeds_along_x(seeds, image, layer, place.row + dy - 1, place.column);
  return widened(three[0], three[1], three[2], BACK, 2);
}

// Notes the components of the mask that have a voxel among the 26 around a seed, or a seed.
extern "C" __global__ void components_notes_near(const u8* cells, const u8* seeds, i32* parents,
                                                 i32 depth, i32 height, i32 width) {
  Image image = {depth, height, width};
  i64 cell = thread_number();
  u32 here = cell < image.cells() ? cells[cell] : 0;
  if (here == 0) return;
  Place place = place_of(image, cell);
  u32 three[3];
  for (i32 dz = 0; dz < 3; dz++)
    three[dz] = seeds_along_y(seeds, image, place.layer + dz - 1, place);
  if ((widened(three[0], three[1], three[2], ABOVE, 4) & here) != 0) note(parents, cell);
}

// The sum over all threads of a block, in its first one. Must be called by all 256 threads.
__device__ i32 most_of_block(i32 value) {
  __shared__ i32 of_warps[8];
  for (i32 step = LANES / 2; step > 0; step /= 2)
    value = max(value, __shfl_xor_sync(FULL_WARP, value, step));
  if (threadIdx.x % LANES == 0) of_warps[threadIdx.x / LANES] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (i32 warp = 1; warp < 8; warp++) value = max(value, of_warps[warp]);
  return value;
}

// Adds the sizes of parts to those of the roots; records the size of the largest component.
extern "C" __global__ void __launch_bounds__(256)
components_notes_sizes(i32* parents, i32* sizes, i32* largest, i64 cells) {
  i32 most = 0;
  for (i64 cell = thread_number(); cell < cells; cell += thread_count()) {
    i32 size = load_relaxed(&sizes[cell]);
    if (size > 0) {
      i32 root = root_of(parents, cell);
      if (root != cell) size += atomicAdd(&sizes[root], size);
      most = max(most, size);
    }
  }
  most = most_of_block(most);
  if (threadIdx.x == 0 && most > 0) atomicMax(largest, most);
}

// Counts roots.
extern "C" __global__ void __launch_bounds__(256)
components_notes_count(const u8* cells, const i32* parents, double* count, i64 size) {
  __shared__ u32 of_block[1];
  if (threadIdx.x == 0) of_block[0] = 0;
  __syncthreads();
  u32 roots = 0;
  for (i64 cell = thread_number(); cell < size; cell += thread_count())
    if (cells[cell] != 0 && parents[cell] == cell) roots++;
  if (roots > 0) atomicAdd(&of_block[0], roots);
  __syncthreads();
  if (threadIdx.x == 0 && of_block[0] > 0) atomicAdd(count, (double)of_block[0]);
}

// Writes a value to the voxels of a cell whose bits are set, zero to the others: two neighbors
// along x at once if they are aligned.
template <class Voxel, class Pair>
__device__ __forceinline__ void store_cell(Voxel* out, const Image& image, i64 cell, u32 bits,
                                           Voxel value) {
  Place place = place_of(image, cell);
  bool aligned = (((u64)out & (sizeof(Pair) - 1)) | (image.width & 1)) == 0;
  i32 x = 2 * place.column;
  for (i32 part = 0; part < 4; part++) {
    i32 z = 2 * place.layer + part / 2, y = 2 * place.row + part % 2;
    if (z < image.depth && y < image.height) {
      Voxel* voxel = out + ((i64)z * image.height + y) * image.width + x;
      Voxel left = bits >> 2 * part & 1 ? value : 0, right = bits >> 2 * part & 2 ? value : 0;
      if (aligned) {
        *(Pair*)voxel = (Pair)left | (Pair)right << 8 * sizeof(Voxel);
      } else {
        voxel[0] = left;
        if (x + 1 < image.width) voxel[1] = right;
      }
    }
  }
}

// The components that have a note.
extern "C" __global__ void components_notes_write(const u8* cells, i32* parents, u8* out,
                                                  i32 depth, i32 height, i32 width) {
  Image image = {depth, height, width};
  i64 cell = thread_number();
  if (cell >= image.cells()) return;
  u32 here = cells[cell];
  if (here != 0 && load_relaxed(&parents[root_of(parents, cell)]) >= 0) here = 0;
  store_cell<u8, u16>(out, image, cell, here, 1);
}

// The components of the largest size.
extern "C" __global__ void components_notes_write_largest(const u8* cells, i32* parents,
                                                          const i32* sizes, const i32* largest,
                                                          u8* out, i32 depth, i32 height,
                                                          i32 width) {
  Image image = {depth, height, width};
  i64 cell = thread_number();
  if (cell >= image.cells()) return;
  u32 here = cells[cell];
  if (here != 0 && sizes[root_of(parents, cell)] != *largest) here = 0;
  store_cell<u8, u16>(out, image, cell, here, 1);
}

// The number of each voxel's component, which is noted as −number.
extern "C" __global__ void components_notes_write_numbers(const u8* cells, i32* parents, i32* out,
                                                          i32 depth, i32 height, i32 width) {
  Image image = {depth, height, width};
  i64 cell = thread_number();
  if (cell >= image.cells()) return;
  u32 here = cells[cell];
  i32 number = here != 0 ? -load_relaxed(&parents[root_of(parents, cell)]) : 0;
  store_cell<i32, u64>(out, image, cell, here, number);
}
