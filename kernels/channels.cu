// Color channels, brightness, and boxes of voxels: kernels that rearrange memory.
//
// Idea: each is one pass. Colors store their channels side by side, so a thread computes four
// neighboring voxels, whose float32 values are one load or store of 16 bytes if no other channels
// lie between them. The element type is the same for all threads, so one kernel branches on it. A
// box is copied in the largest units of 1, 2, 4 or 8 bytes that its rows consist of.
//
// Complexity: one pass; the bytes that are read and written.
//
// References: none. Deviations: none.

// Element types; in the order of ELEMENTS in voxgpu/backends/cuda/channels.py.
__device__ __forceinline__ float number_at(const u8* base, i32 element, i64 i) {
  switch (element) {
    case 0: return (float)base[i];
    case 1: return (float)((const i8*)base)[i];
    case 2: return (float)((const u16*)base)[i];
    case 3: return (float)((const i16*)base)[i];
    case 4: return (float)((const u32*)base)[i];
    case 5: return (float)((const i32*)base)[i];
    case 6: return (float)((const u64*)base)[i];
    case 7: return (float)((const i64*)base)[i];
    case 8: return ((const float*)base)[i];
    default: return (float)((const double*)base)[i];
  }
}

// One channel of n colors; 255 if they have no such channel.
extern "C" __global__ void __launch_bounds__(256) channels_channel(
    const u8* colors, i32 element, i64 n, i32 channels, i32 number, float* out) {
  const i64 first = 4 * thread_number();
  if (first >= n) return;
  Four<float> some;
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++) {
    some.values[lane] = 255.0f;
    if (number < channels && first + lane < n)
      some.values[lane] = number_at(colors, element, (first + lane) * channels + number);
  }
  store_four(out, first, n, some);
}

// The brightness of n colors (ITU-R BT.709), from the left.
extern "C" __global__ void __launch_bounds__(256) channels_intensity(
    const u8* colors, i32 element, i64 n, i32 channels, float* out) {
  const i64 first = 4 * thread_number();
  if (first >= n) return;
  Four<float> some;
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++) {
    const i64 color = min(first + lane, n - 1) * channels;
    const float red = 0.2126f * number_at(colors, element, color);
    const float green = 0.7152f * number_at(colors, element, color + 1);
    const float blue = 0.0722f * number_at(colors, element, color + 2);
    some.values[lane] = (red + green) + blue;
  }
  store_four(out, first, n, some);
}

// The colors of 3 or 4 images; each thread writes four neighboring numbers of the result. Without a
// fourth channel, alpha is any image.
extern "C" __global__ void __launch_bounds__(256) channels_join(
    const u8* red, i32 red_element, const u8* green, i32 green_element, const u8* blue,
    i32 blue_element, const u8* alpha, i32 alpha_element, i64 n, i32 channels, float* out) {
  const i64 first = 4 * thread_number();
  if (first >= n * channels) return;
  Four<float> some;
  i64 voxel = first / channels;
  i32 channel = (i32)(first - voxel * channels);
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++) {
    const i64 place = min(voxel, n - 1);
    if (channel == 0) some.values[lane] = number_at(red, red_element, place);
    if (channel == 1) some.values[lane] = number_at(green, green_element, place);
    if (channel == 2) some.values[lane] = number_at(blue, blue_element, place);
    if (channel == 3) some.values[lane] = number_at(alpha, alpha_element, place);
    if (++channel == channels) {
      channel = 0;
      voxel++;
    }
  }
  store_four(out, first, n * channels, some);
}

// Unit i of a box of n units that begins at `start`; its rows are `wide` units, its planes `high`
// rows; the image's are `width` and `height`.
template <class T>
__device__ __forceinline__ void copy_unit(
    const T* source, i64 start, i64 width, i64 height, i64 n, i64 wide, i64 high, T* out) {
  const i64 i = thread_number();
  if (i >= n) return;
  i64 row, column, plane, line;
  if (n <= 0x7fffffffLL) {  // division of 32 bits is far faster
    row = (u32)i / (u32)wide;
    column = (u32)i - (u32)row * (u32)wide;
    plane = (u32)row / (u32)high;
    line = (u32)row - (u32)plane * (u32)high;
  } else {
    row = i / wide;
    column = i - row * wide;
    plane = row / high;
    line = row - plane * high;
  }
  out[i] = source[start + (plane * height + line) * width + column];
}

extern "C" __global__ void __launch_bounds__(256) channels_box_1(
    const u8* source, i64 start, i64 width, i64 height, i64 n, i64 wide, i64 high, u8* out) {
  copy_unit(source, start, width, height, n, wide, high, out);
}

extern "C" __global__ void __launch_bounds__(256) channels_box_2(
    const u16* source, i64 start, i64 width, i64 height, i64 n, i64 wide, i64 high, u16* out) {
  copy_unit(source, start, width, height, n, wide, high, out);
}

extern "C" __global__ void __launch_bounds__(256) channels_box_4(
    const u32* source, i64 start, i64 width, i64 height, i64 n, i64 wide, i64 high, u32* out) {
  copy_unit(source, start, width, height, n, wide, high, out);
}

extern "C" __global__ void __launch_bounds__(256) channels_box_8(
    const u64* source, i64 start, i64 width, i64 height, i64 n, i64 wide, i64 high, u64* out) {
  copy_unit(source, start, width, height, n, wide, high, out);
}
