// Definitions shared by the files of components: cells of 2×2×2 voxels, and their positions.

constexpr i32 LANES = 32;

// A cell's voxels are the bits x + 2 y + 4 z of a byte; these are its halves.
constexpr u32 LEFT = 0x55, RIGHT = 0xAA, FRONT = 0x33, BACK = 0xCC, BELOW = 0x0F, ABOVE = 0xF0;

struct Image {
  i32 depth, height, width;
  __device__ i32 layers() const { return (depth + 1) / 2; }
  __device__ i32 rows() const { return (height + 1) / 2; }
  __device__ i32 columns() const { return (width + 1) / 2; }
  __device__ i64 cells() const { return (i64)layers() * rows() * columns(); }
  __device__ i64 cell(i32 layer, i32 row, i32 column) const {
    return ((i64)layer * rows() + row) * columns() + column;
  }
  __device__ bool has(i32 layer, i32 row, i32 column) const {
    return (u32)layer < (u32)layers() && (u32)row < (u32)rows() && (u32)column < (u32)columns();
  }
  __device__ i32 cell_of(i32 voxel) const {
    u32 line = (u32)voxel / (u32)width, z = line / (u32)height;
    i32 x = (u32)voxel - line * width, y = line - z * height;
    return (i32)cell(z / 2, y / 2, x / 2);
  }
};
