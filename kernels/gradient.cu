// Gradient magnitude: half the differences of neighbors, squared and summed.
//
// Idea: a warp walks along y over 32 columns, so that the rows before and after have already been
// read; neighbors along x are exchanged between lanes, those along z come from the cache. Each is
// multiplied by its weight once, as float64 is slow on many devices. Lanes beyond the image read
// the last voxel of the row, which is the rule at the frame.
//
// Complexity: one pass; a voxel is read once from memory, and 4 bytes are written; about 20
// operations in float64 and one root each.
//
// Reference: ITK's ``GradientImageFilter`` with derivative operators of the first order, whose
// operations, in float64 and in this order, are the same. Deviations: none.

constexpr i32 LANES = 32, WARPS = 8;

// Rows that a warp walks over; as in voxgpu/backends/cuda/gradient.py.
constexpr i32 STEPS = 16;

struct Image {
  i32 depth, height, width;
};

struct Weights {
  double z, y, x;
};

// Numbers are rounded to float32 before anything else.
template <class Element>
__device__ __forceinline__ double number_at(const Element* values, i64 place) {
  return (double)(float)values[place];
}

// The difference of a lane's left and right neighbors along x, each multiplied by its weight.
template <class Element>
__device__ __forceinline__ double gradient_along_x(const Element* row, const Image& image, i32 x,
                                                double here, double weight) {
  const i32 lane = threadIdx.x;
  const double product = here * weight;
  double left = __shfl_up_sync(FULL_WARP, product, 1);
  double right = __shfl_down_sync(FULL_WARP, product, 1);
  if (lane == 0 || lane == LANES - 1) {
    const i32 beside = lane == 0 ? max(x - 1, 0) : x + 1;
    const double other = number_at(row, min(beside, image.width - 1)) * weight;
    left = lane == 0 ? other : left;
    right = lane == 0 ? right : other;
  }
  return right - left;
}

template <class Element>
__device__ __forceinline__ void walk(const Element* values, float* out, const Image& image,
                                     const Weights& weights, i32 z, i32 first, i32 x, bool deep) {
  const i64 width = image.width, plane = width * image.height;
  const i64 lower = z > 0 ? -plane : 0, upper = z < image.depth - 1 ? plane : 0;
  const i32 last = min(first + STEPS, image.height);
  const i32 column = min(x, image.width - 1);
  const Element* row = values + z * plane + first * width;
  double here = number_at(row, column);
  double before = (first > 0 ? number_at(row - width, column) : here) * weights.y;
  double product = here * weights.y;
  for (i32 y = first; y < last; y++, row += width) {
    const double next = y < image.height - 1 ? number_at(row + width, column) : here;
    const double after = next * weights.y;
    double slope = gradient_along_x(row, image, x, here, weights.x);
    double total = slope * slope;
    slope = after - before;
    total += slope * slope;
    if (deep) {
      slope = number_at(row + upper, column) * weights.z;
      slope -= number_at(row + lower, column) * weights.z;
      total += slope * slope;
    }
    const bool finite = here - here == 0.0;
    if (x < image.width)
      out[z * plane + y * width + x] = finite ? (float)sqrt(total) : __int_as_float(0x7fc00000);
    before = product;
    product = after;
    here = next;
  }
}

// A block has WARPS warps, with lanes along x; each of them walks over rows of its own.
template <class Element>
__device__ __forceinline__ void gradient_magnitude(const Element* values, float* out,
                                                const Image& image, const Weights& weights,
                                                i32 axes) {
  const u32 along_x = ((u32)image.width + LANES - 1) / LANES;
  const u32 along_y = ((u32)image.height + STEPS - 1) / STEPS;
  const i64 walks = (i64)along_x * along_y * image.depth;
  const i64 number = (i64)blockIdx.x * WARPS + threadIdx.y;
  const i64 line = number / along_x;
  const i32 x = (i32)(number - line * along_x) * LANES + (i32)threadIdx.x;
  const i32 z = (i32)(line / along_y), first = (i32)(line - (i64)z * along_y) * STEPS;
  if (number < walks) walk(values, out, image, weights, z, first, x, axes == 3);
}

#define ARGUMENTS(ELEMENT)                                                                       \
  const ELEMENT *values, float *out, i32 depth, i32 height, i32 width, i32 axes, double weight_z, \
      double weight_y, double weight_x
#define BODY                                                                                      \
  {                                                                                               \
    gradient_magnitude(values, out, {depth, height, width}, {weight_z, weight_y, weight_x}, axes);   \
  }

extern "C" __global__ void gradient_magnitude_f32(ARGUMENTS(float)) BODY
extern "C" __global__ void gradient_magnitude_f64(ARGUMENTS(double)) BODY
extern "C" __global__ void gradient_magnitude_i8(ARGUMENTS(i8)) BODY
extern "C" __global__ void gradient_magnitude_u8(ARGUMENTS(u8)) BODY
extern "C" __global__ void gradient_magnitude_i16(ARGUMENTS(i16)) BODY
extern "C" __global__ void gradient_magnitude_u16(ARGUMENTS(u16)) BODY
extern "C" __global__ void gradient_magnitude_i32(ARGUMENTS(i32)) BODY
extern "C" __global__ void gradient_magnitude_u32(ARGUMENTS(u32)) BODY
extern "C" __global__ void gradient_magnitude_i64(ARGUMENTS(i64)) BODY
extern "C" __global__ void gradient_magnitude_u64(ARGUMENTS(u64)) BODY
