// Connected components of a mask as a forest: 26 neighbors in 3-D, 8 in 2-D.
//
// Idea: all true voxels of a cell of 2 x 2 x 2 voxels are connected, so components are found among
// cells: an eighth of the elements, and whether two cells touch is a test of two bytes. Cells are
// the nodes of a forest; its roots are the cells with the first voxel, in raster order, of their
// component. Tiles of 32 x 8 x 4 cells are read from the mask, packed to a byte per cell, and
// joined in shared memory: along x by ballots, to earlier rows by union. Then cells on borders of
// tiles are joined in global memory. If rows of cells run beside each other one union joins them,
// not one for each pair of cells. Parents of empty cells are never read. Queries on the forest are
// in components_notes.cu (sets of components) and components_ranks.cu (numbers).
//
// Complexity: the mask is read once and 5/8 of a byte per voxel written, which is also the total
// memory; O(cells x alpha) joins, those between tiles for the borders only.
//
// References: D. Playne, K. Hawick, A new algorithm for parallel connected-component labelling on
// GPUs (2018); S. Allegretti, F. Bolelli, C. Grana, Optimized block-based algorithms to label
// connected components on GPUs (2019); Y. Komura, GPU-based cluster-labeling algorithm without the
// use of conventional iteration (2015). Deviations: no decision tree, but a test whether the
// neighbors' joins imply this one; roots by first voxel, not by least index; paths are halved while
// others join; sizes and seeds are collected with the tiles.

constexpr i32 TILE_COLUMNS = 32;
constexpr i32 TILE_ROWS = 8;
constexpr i32 TILE_LAYERS = 4;
constexpr i32 TILE_THREADS = TILE_COLUMNS * TILE_ROWS;
constexpr i32 TILE_CELLS = TILE_THREADS * TILE_LAYERS;
constexpr i32 CHUNK = 4096;

// The cell at which a block's tile begins.
struct Tile {
  i32 layer, row, column;
};

__device__ __forceinline__ Tile tile_of_block(const Image& image) {
  u32 along_x = (image.columns() + TILE_COLUMNS - 1) / TILE_COLUMNS;
  u32 along_y = (image.rows() + TILE_ROWS - 1) / TILE_ROWS;
  u32 line = blockIdx.x / along_x;
  u32 layer = line / along_y;
  return {(i32)layer * TILE_LAYERS, (i32)(line - layer * along_y) * TILE_ROWS,
          (i32)(blockIdx.x - line * along_x) * TILE_COLUMNS};
}

__device__ __forceinline__ i32 lane_number() { return threadIdx.x & (LANES - 1); }
__device__ __forceinline__ i32 warp_number() { return threadIdx.x / LANES; }
__device__ __forceinline__ u32 lanes_before() { return (1u << lane_number()) - 1; }

// The voxels of a cell, two neighbors along x at once if they are aligned; 0 outside.
__device__ __forceinline__ u32 load_cell(const u8* mask, const Image& image, i32 layer, i32 row,
                                         i32 column) {
  bool aligned = (((u64)mask | (u64)image.width) & 1) == 0;
  i32 x = 2 * column;
  u32 bits = 0;
  for (i32 part = 0; part < 4; part++) {
    i32 z = 2 * layer + part / 2, y = 2 * row + part % 2;
    bool inside = (u32)z < (u32)image.depth && (u32)y < (u32)image.height;
    if (inside && (u32)x < (u32)image.width) {
      const u8* place = mask + ((i64)z * image.height + y) * image.width + x;
      u32 pair;
      if (aligned) {
        pair = *(const u16*)place;
      } else {
        pair = place[0];
        if (x + 1 < image.width) pair |= (u32)place[1] << 8;
      }
      bits |= ((pair | pair >> 7) & 3) << 2 * part;
    }
  }
  return bits;
}

// The first voxel of a cell in raster order; bits must not be 0.
__device__ __forceinline__ i32 first_voxel(const Image& image, i32 cell, u32 bits) {
  u32 line = (u32)cell / (u32)image.columns();
  i32 column = cell - line * image.columns();
  i32 layer = line / (u32)image.rows();
  i32 row = line - layer * image.rows();
  i32 first = __ffs(bits) - 1;
  i32 z = 2 * layer + first / 4, y = 2 * row + first / 2 % 2;
  return (z * image.height + y) * image.width + 2 * column + first % 2;
}

// The forest. A cell's parent is a cell with an earlier first voxel, or itself at a root. Only
// roots are joined to others, by compare-and-swap; every other store replaces a parent by one of
// its ancestors, so no link is ever lost.

__device__ __forceinline__ i32 root_while_joining(i32* parents, i32 cell) {
  i32 parent = load_relaxed(&parents[cell]);
  while (parent != cell) {
    i32 next = load_relaxed(&parents[parent]);
    if (next != parent) store_relaxed(&parents[cell], next);
    cell = parent;
    parent = next;
  }
  return cell;
}

template <class Order>
__device__ void unite(i32* parents, i32 one, i32 other, const Order& order) {
  for (;;) {
    one = root_while_joining(parents, one);
    other = root_while_joining(parents, other);
    if (one == other) return;
    if (order(one) < order(other)) {
      i32 earlier = one;
      one = other;
      other = earlier;
    }
    i32 seen = atomicCAS(&parents[one], one, other);
    if (seen == one) return;
    one = seen;
  }
}

// Orders of first voxels: within a tile, and in the image.
struct TileOrder {
  const u8* bits;
  __device__ i32 operator()(i32 cell) const {
    i32 first = __ffs((u32)bits[cell]) - 1;
    i32 layer = cell / (TILE_ROWS * TILE_COLUMNS), row = cell / TILE_COLUMNS % TILE_ROWS;
    i32 line = (2 * layer + first / 4) * 2 * TILE_ROWS + 2 * row + first / 2 % 2;
    return line * TILE_COLUMNS + cell % TILE_COLUMNS;
  }
};

struct RasterOrder {
  const Image& image;
  const u8* cells;
  __device__ i32 operator()(i32 cell) const { return first_voxel(image, cell, cells[cell]); }
};

// Adjacency of cells.

// The voxels of a cell that face the neighbor in a direction.
__device__ __forceinline__ u32 facing(i32 dx, i32 dy, i32 dz) {
  return (dx < 0 ? LEFT : dx > 0 ? RIGHT : 0xFF) & (dy < 0 ? FRONT : dy > 0 ? BACK : 0xFF) &
         (dz < 0 ? BELOW : dz > 0 ? ABOVE : 0xFF);
}

__device__ __forceinline__ bool touch(u32 one, u32 other, i32 dx, i32 dy, i32 dz) {
  return (one & facing(dx, dy, dz)) != 0 && (other & facing(-dx, -dy, -dz)) != 0;
}

// Three adjacent cells along x, from a warp's view of its row; 0 outside the tile.
struct Three {
  u32 before, here, after;
};

__device__ __forceinline__ Three three_of_row(u32 bits) {
  u32 before = __shfl_up_sync(FULL_WARP, bits, 1), after = __shfl_down_sync(FULL_WARP, bits, 1);
  return {lane_number() > 0 ? before : 0, bits, lane_number() < LANES - 1 ? after : 0};
}

// The cells of another row (bit 0: the one before) to which this cell must be joined so that
// touching cells are connected. Joins implied by others are omitted: those along rows, and those of
// cells with the same column, which go from left to right.
__device__ __forceinline__ u32 joins_to_row(const Three& mine, const Three& theirs, i32 dy,
                                            i32 dz) {
  bool same = touch(mine.here, theirs.here, 0, dy, dz);
  bool follows = touch(mine.before, mine.here, 1, 0, 0) &&
                 touch(mine.before, theirs.before, 0, dy, dz);
  bool leads = touch(mine.here, mine.after, 1, 0, 0) &&
               touch(mine.after, theirs.after, 0, dy, dz);
  bool linked_before = touch(theirs.before, theirs.here, 1, 0, 0);
  bool linked_after = touch(theirs.here, theirs.after, 1, 0, 0);
  bool before = touch(mine.here, theirs.before, -1, dy, dz);
  bool after = touch(mine.here, theirs.after, 1, dy, dz);
  u32 joins = before && !(same && linked_before) && !follows ? 1 : 0;
  if (same && !(follows && linked_before)) joins |= 2;
  if (after && !(same && linked_after) && !leads) joins |= 4;
  return joins;
}

// The lane with the first voxel among the cells connected along x with this lane's.
__device__ __forceinline__ i32 first_of_run(u32 bits) {
  Three three = three_of_row(bits);
  u32 starts = ~__ballot_sync(FULL_WARP, touch(three.before, bits, 1, 0, 0));
  u32 up_to_here = lanes_before() | 1u << lane_number();
  i32 start = LANES - 1 - __clz(starts & up_to_here);
  i32 stop = __ffs(starts & ~up_to_here) - 1;
  u32 run = (stop < 0 ? FULL_WARP : (1u << stop) - 1) & ~((1u << start) - 1);
  i32 first = 0;
  for (i32 part = 3; part >= 0; part--) {
    u32 filled = __ballot_sync(FULL_WARP, (bits >> 2 * part & 3) != 0) & run;
    if (filled != 0) first = __ffs(filled) - 1;
  }
  return first;
}

// Joins the cells of a tile to those of the four earlier rows beside them.
__device__ void join_rows_of_tile(const u8* bits, i32* local) {
  i32 row = warp_number();
  for (i32 layer = 0; layer < TILE_LAYERS; layer++) {
    i32 cell = layer * TILE_THREADS + threadIdx.x;
    Three mine = three_of_row(bits[cell]);
    bool filled = __any_sync(FULL_WARP, mine.here != 0);
    for (i32 side = 0; side < 4; side++) {
      i32 dz = side < 3 ? -1 : 0, dy = side < 3 ? side - 1 : -1;
      if (filled && layer + dz >= 0 && row + dy >= 0 && row + dy < TILE_ROWS) {
        i32 other = cell + (dz * TILE_ROWS + dy) * TILE_COLUMNS;
        u32 joins = joins_to_row(mine, three_of_row(bits[other]), dy, dz);
        for (; joins != 0; joins &= joins - 1)
          unite(local, cell, other + __ffs(joins) - 2, TileOrder{bits});
      }
    }
  }
}

// Packs a tile to bits and to cells, and links each filled cell to the first cell of its part.
__device__ void label_tile(const u8* mask, const Image& image, u8* bits, i32* local, u8* cells,
                           i32* parents) {
  Tile tile = tile_of_block(image);
  i32 row = tile.row + warp_number(), column = tile.column + lane_number();
  u32 filled[TILE_LAYERS];
  for (i32 layer = 0; layer < TILE_LAYERS; layer++)
    filled[layer] = load_cell(mask, image, tile.layer + layer, row, column);
  for (i32 layer = 0; layer < TILE_LAYERS; layer++) {
    i32 cell = layer * TILE_THREADS + threadIdx.x;
    bits[cell] = filled[layer];
    local[cell] = cell - lane_number() + first_of_run(filled[layer]);
    if (image.has(tile.layer + layer, row, column))
      cells[image.cell(tile.layer + layer, row, column)] = filled[layer];
  }
  __syncthreads();
  join_rows_of_tile(bits, local);
  __syncthreads();
  for (i32 layer = 0; layer < TILE_LAYERS; layer++) {
    if (filled[layer] != 0) {
      i32 root = root_while_joining(local, layer * TILE_THREADS + threadIdx.x);
      parents[image.cell(tile.layer + layer, row, column)] =
          image.cell(tile.layer + root / TILE_THREADS, tile.row + root / TILE_COLUMNS % TILE_ROWS,
                     tile.column + root % TILE_COLUMNS);
    }
  }
}

extern "C" __global__ void __launch_bounds__(256, 4)
components_tiles(const u8* mask, u8* cells, i32* parents, i32 depth, i32 height, i32 width) {
  __shared__ u8 bits[TILE_CELLS];
  __shared__ i32 local[TILE_CELLS];
  label_tile(mask, Image{depth, height, width}, bits, local, cells, parents);
}

// Packs seeds as well: all, or only those in the mask.
extern "C" __global__ void __launch_bounds__(256, 4)
components_tiles_seeded(const u8* mask, const u8* seeds, u8* cells, u8* seed_cells, i32* parents,
                        i32 depth, i32 height, i32 width, i32 all) {
  __shared__ u8 bits[TILE_CELLS];
  __shared__ i32 local[TILE_CELLS];
  Image image = {depth, height, width};
  label_tile(mask, image, bits, local, cells, parents);
  Tile tile = tile_of_block(image);
  i32 row = tile.row + warp_number(), column = tile.column + lane_number();
  for (i32 layer = 0; layer < TILE_LAYERS; layer++) {
    u32 wanted = all ? 0xFF : bits[layer * TILE_THREADS + threadIdx.x];
    u32 found = 0;
    if (wanted != 0) found = load_cell(seeds, image, tile.layer + layer, row, column) & wanted;
    if (image.has(tile.layer + layer, row, column))
      seed_cells[image.cell(tile.layer + layer, row, column)] = found;
  }
}

// Adds the voxels of lanes that have the same root, and the sum to the root's size.
__device__ __forceinline__ void add_sizes(i32* local_sizes, i32 root, u32 bits) {
  u32 peers = __match_any_sync(FULL_WARP, root);
  i32 voxels = 0;
  for (i32 bit = 0; bit < 8; bit++)
    voxels += __popc(__ballot_sync(FULL_WARP, bits >> bit & 1) & peers);
  if (root >= 0 && (peers & lanes_before()) == 0) atomicAdd(&local_sizes[root], voxels);
}

// Counts voxels as well: sizes are those of parts of tiles, at the first cell of each, 0 elsewhere.
extern "C" __global__ void __launch_bounds__(256, 4)
components_tiles_sized(const u8* mask, u8* cells, i32* parents, i32* sizes, i32 depth, i32 height,
                       i32 width) {
  __shared__ u8 bits[TILE_CELLS];
  __shared__ i32 local[TILE_CELLS];
  __shared__ i32 local_sizes[TILE_CELLS];
  Image image = {depth, height, width};
  for (i32 cell = threadIdx.x; cell < TILE_CELLS; cell += TILE_THREADS) local_sizes[cell] = 0;
  label_tile(mask, image, bits, local, cells, parents);
  for (i32 cell = threadIdx.x; cell < TILE_CELLS; cell += TILE_THREADS)
    add_sizes(local_sizes, bits[cell] != 0 ? root_while_joining(local, cell) : -1, bits[cell]);
  __syncthreads();
  Tile tile = tile_of_block(image);
  i32 row = tile.row + warp_number(), column = tile.column + lane_number();
  for (i32 layer = 0; layer < TILE_LAYERS; layer++)
    if (image.has(tile.layer + layer, row, column))
      sizes[image.cell(tile.layer + layer, row, column)] =
          local_sizes[layer * TILE_THREADS + threadIdx.x];
}

// Borders of tiles. A row of a tile and the position of an adjacent earlier row in another tile.
struct Border {
  i32 layer, row, dy, dz;
};
constexpr i32 BELOW_TILE = 3 * TILE_ROWS;
constexpr i32 BESIDE_TILE = BELOW_TILE + TILE_LAYERS;
constexpr i32 BEFORE_TILE = BESIDE_TILE + TILE_LAYERS - 1;
constexpr i32 BORDERS = BEFORE_TILE + TILE_LAYERS - 1;

__device__ __forceinline__ Border border_of(i32 number) {
  if (number < BELOW_TILE) return {0, number / 3, number % 3 - 1, -1};
  if (number < BESIDE_TILE) return {number - BELOW_TILE, 0, -1, 0};
  if (number < BEFORE_TILE) return {number - BESIDE_TILE + 1, 0, -1, -1};
  return {number - BEFORE_TILE + 1, TILE_ROWS - 1, 1, -1};
}

__device__ __forceinline__ u32 cell_at(const u8* cells, const Image& image, i32 layer, i32 row,
                                       i32 column) {
  return image.has(layer, row, column) ? cells[image.cell(layer, row, column)] : 0;
}

__device__ void join_row(const u8* cells, i32* parents, const Image& image, const Tile& tile,
                         const Border& border) {
  i32 layer = tile.layer + border.layer, row = tile.row + border.row;
  i32 column = tile.column + lane_number();
  u32 here = cell_at(cells, image, layer, row, column);
  u32 there = cell_at(cells, image, layer + border.dz, row + border.dy, column);
  if (__any_sync(FULL_WARP, here != 0) && __any_sync(FULL_WARP, there != 0)) {
    Three mine = three_of_row(here), theirs = three_of_row(there);
    u32 joins = joins_to_row(mine, theirs, border.dy, border.dz);
    i32 other = image.cell(layer + border.dz, row + border.dy, column);
    for (; joins != 0; joins &= joins - 1)
      unite(parents, image.cell(layer, row, column), other + __ffs(joins) - 2,
            RasterOrder{image, cells});
  }
}

// Joins the first column of a tile, one lane per row, to the last one of the tiles before it.
__device__ void join_column(const u8* cells, i32* parents, const Image& image, const Tile& tile) {
  i32 layer = tile.layer + lane_number() / TILE_ROWS, row = tile.row + lane_number() % TILE_ROWS;
  u32 here = cell_at(cells, image, layer, row, tile.column);
  u32 straight = cell_at(cells, image, layer, row, tile.column - 1);
  for (i32 side = 0; side < 9; side++) {
    i32 dz = side / 3 - 1, dy = side % 3 - 1;
    u32 there = cell_at(cells, image, layer + dz, row + dy, tile.column - 1);
    bool implied = side != 4 && touch(here, straight, -1, 0, 0) &&
                   touch(straight, there, 0, dy, dz);
    if (touch(here, there, -1, dy, dz) && !implied)
      unite(parents, image.cell(layer, row, tile.column),
            image.cell(layer + dz, row + dy, tile.column - 1), RasterOrder{image, cells});
  }
}

extern "C" __global__ void __launch_bounds__(256, 4)
components_merge(const u8* cells, i32* parents, i32 depth, i32 height, i32 width) {
  Image image = {depth, height, width};
  Tile tile = tile_of_block(image);
  for (i32 number = warp_number(); number <= BORDERS; number += TILE_ROWS) {
    if (number < BORDERS)
      join_row(cells, parents, image, tile, border_of(number));
    else
      join_column(cells, parents, image, tile);
  }
}

// A bit for the first voxel of each component, and the number of bits in each chunk of voxels.
extern "C" __global__ void components_firsts(const u8* cells, const i32* parents, u64* firsts,
                                             i32* counts, i32 depth, i32 height, i32 width) {
  Image image = {depth, height, width};
  i64 cell = thread_number();
  if (cell < image.cell(image.layers(), 0, 0) && cells[cell] != 0 && parents[cell] == cell) {
    i32 voxel = first_voxel(image, cell, cells[cell]);
    atomicOr(&firsts[voxel / 64], (u64)1 << voxel % 64);
    atomicAdd(&counts[voxel / CHUNK], 1);
  }
}
