// The bin of each voxel, and the wanted count of each bin, by the first float32 of each bin.
//
// Idea: the bin of a number is a quotient of float64, which few GPUs divide fast. It is a monotonic
// function of the number, so a block first finds the least float32 of each bin, among the few where
// it is to be expected, and then the bin of a voxel among them, by bisection. Wanted voxels are
// counted in shared memory; the last block to finish sums up what the correlation needs of the
// counts. For more than 4095 bins, the quotient is computed and counts are in global memory.
//
// Complexity: log₂(bins) comparisons per voxel; from memory one voxel of image and mask, and one
// code. 8 bytes of shared memory per bin. Codes and counts of one image are one launch.
//
// References: the last block as in NVIDIA's threadFenceReduction sample. No deviations.

#define THREADS 256
#define WARPS (THREADS / 32)
#define MOST_BY_BOUNDS 4095

struct Bins {
  double low, high, width;
  i32 count;
};

__device__ __forceinline__ Bins bins_between(const double* low, const double* high, i32 count) {
  Bins bins = {*low, *high, 0.0, count};
  bins.width = (bins.high - bins.low) / (double)count;
  if (bins.width == 0.0) bins.width = 4.9406564584124654e-324;
  return bins;
}

// The bin of a value; count for none.
__device__ __forceinline__ i32 bin_of(double value, const Bins& bins) {
  if (!(value >= bins.low && value < bins.high)) return bins.count;
  const double place = floor((value - bins.low) / bins.width);
  return place < (double)(bins.count - 1) ? (i32)place : bins.count - 1;
}

// Keys are ordered like the numbers they represent; here −∞ and ∞ are the least and greatest.
#define LEAST_KEY 0x007fffffu
#define GREATEST_KEY 0xff800000u

__device__ __forceinline__ float number_of_key(u32 key) {
  return __int_as_float((i32)(key & 0x80000000u ? key ^ 0x80000000u : ~key));
}

__device__ __forceinline__ u32 key_of_number(float number) {
  const u32 bits = (u32)__float_as_int(number);
  const u32 key = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return min(max(key, LEAST_KEY), GREATEST_KEY);
}

__device__ __forceinline__ bool reaches(u32 key, i32 bin, const Bins& bins) {
  const double value = (double)number_of_key(key);
  return value >= bins.low && bin_of(value, bins) >= bin;
}

// The least float32 in a bin or above it; for bin `count`: at least `high`.
__device__ __forceinline__ float first_of_bin(i32 bin, const Bins& bins) {
  const u32 guess = key_of_number((float)(bins.low + (double)bin * bins.width));
  u32 from = max(guess, LEAST_KEY + 4) - 4;
  u32 to = min(guess, GREATEST_KEY - 4) + 4;
  if (reaches(from, bin, bins)) from = LEAST_KEY;
  if (!reaches(to, bin, bins)) to = GREATEST_KEY;
  while (from < to) {
    const u32 middle = from + (to - from) / 2;
    if (reaches(middle, bin, bins))
      to = middle;
    else
      from = middle + 1;
  }
  return number_of_key(to);
}

__device__ __forceinline__ i32 bin_by_bounds(float value, const float* firsts, i32 count) {
  i32 from = 0, to = count + 1;
  while (from < to) {
    const i32 middle = (from + to) / 2;
    if (firsts[middle] <= value)
      from = middle + 1;
    else
      to = middle;
  }
  return from == 0 || from > count ? count : from - 1;
}

// count · squares − sum², rounded once.
__device__ double spread_of(u64 count, u64 squares, u64 sum) {
  u64 high = count * (squares >> 32);
  u64 low = (high << 32) + count * (squares & 0xffffffffu);
  high = (high >> 32) + (low < high << 32 ? 1 : 0);
  high -= low < sum * sum ? 1 : 0;
  low -= sum * sum;
  if (high == 0) return (double)low;
  const i32 extra = 32 - __clz((i32)(u32)high);
  u64 top = high << (64 - extra) | low >> extra;
  if (low & ((1ull << extra) - 1)) top |= 1;  // not a tie
  return (double)top * (double)(1ull << extra);
}

// The last block to finish: the sum of the wanted counts, and k·Σww − N².
__device__ void sum_wanted(const u64* wanted, i32 count, double* moments) {
  __shared__ u64 sums[WARPS];
  __shared__ u64 squares[WARPS];
  u64 sum = 0, square = 0;
  for (i32 bin = threadIdx.x; bin < count; bin += THREADS) {
    const u64 each = load_relaxed(wanted + bin);
    sum += each;
    square += each * each;
  }
  for (i32 half = 16; half > 0; half /= 2) {
    sum += __shfl_down_sync(FULL_WARP, sum, half);
    square += __shfl_down_sync(FULL_WARP, square, half);
  }
  if (threadIdx.x % 32 == 0) {
    sums[threadIdx.x / 32] = sum;
    squares[threadIdx.x / 32] = square;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (i32 warp = 1; warp < WARPS; warp++) {
    sum += sums[warp];
    square += squares[warp];
  }
  moments[0] = (double)sum;
  moments[1] = spread_of((u64)count, square, sum);
}

// The destination of an image's bins, with code_bytes 1 or 2 (0: none).
struct Codes {
  u8* codes;
  i32 code_bytes;

  __device__ __forceinline__ void put(i64 first, i32 here, const u32* found) const {
    if (code_bytes == 1 && here == 4) {
      *(u32*)(codes + first) = found[0] | found[1] << 8 | found[2] << 16 | found[3] << 24;
      return;
    }
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      if (lane >= here) break;
      if (code_bytes == 1) codes[first + lane] = (u8)found[lane];
      if (code_bytes == 2) ((u16*)codes)[first + lane] = (u16)found[lane];
    }
  }
};

// The frequency of each bin in a mask: a count per bin, and one of the finished blocks.
struct Wanted {
  const u8* mask;
  u64* counts;
  u32* tally;  // of this block; null if there is none
  i32 bins;

  __device__ __forceinline__ void count(i64 first, i32 here, const u32* found) const {
    const u32 truth = here == 4 ? *(const u32*)(mask + first) : 0;
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      if (lane >= here) break;
      if (!(here == 4 ? truth >> 8 * lane & 1 : mask[first + lane])) continue;
      if (found[lane] == (u32)bins) continue;
      if (tally)
        atomicAdd(tally + found[lane], 1u);
      else
        atomicAdd(counts + found[lane], 1ull);
    }
  }

  // Adds the tally to the total; the last block to do so sums up. Must be called by all threads.
  __device__ __forceinline__ void finish(double* moments) const {
    __shared__ u32 is_last;
    __syncthreads();
    if (tally)
      for (i32 bin = threadIdx.x; bin < bins; bin += THREADS)
        if (tally[bin]) atomicAdd(counts + bin, (u64)tally[bin]);
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicAdd(counts + bins, 1ull) == gridDim.x - 1;
    __syncthreads();
    if (is_last) {
      __threadfence();
      sum_wanted(counts, bins, moments);
    }
  }
};

template <class T>
__device__ __forceinline__ void bin_image(
    const T* values, i64 n, const Bins& bins, const float* firsts, const Codes& codes, bool counts,
    const Wanted& wanted) {
  for (i64 first = 4 * thread_number(); first < n; first += 4 * thread_count()) {
    const i32 here = (i32)min(n - first, 4LL);
    const Four<T> some = load_four(values, first, n);
    u32 found[4];
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      const float value = (float)some.values[lane];
      found[lane] = firsts ? bin_by_bounds(value, firsts, bins.count) : bin_of(value, bins);
    }
    codes.put(first, here, found);
    if (counts) wanted.count(first, here, found);
  }
}

// The bins of an image and, if `counts`, their frequency in the mask: wanted has bins + 1 zeros,
// moments gets Σw and k·Σww − (Σw)². The pool has 2 · bins + 1 words for up to 4095 bins.
template <class T>
__device__ __forceinline__ void bin_and_count(
    const T* values, i64 n, const double* low, const double* high, i32 count, const Codes& codes,
    i32 counts, const u8* mask, u64* wanted, double* moments) {
  extern __shared__ u32 pool[];
  const Bins bins = bins_between(low, high, count);
  const bool by_bounds = count <= MOST_BY_BOUNDS;
  float* firsts = (float*)pool;
  u32* tally = pool + count + 1;
  if (by_bounds)
    for (i32 bin = threadIdx.x; bin <= count; bin += THREADS) {
      firsts[bin] = first_of_bin(bin, bins);
      if (bin < count) tally[bin] = 0;
    }
  __syncthreads();
  const Wanted histogram = {mask, wanted, by_bounds ? tally : 0, count};
  bin_image<T>(values, n, bins, by_bounds ? firsts : 0, codes, counts, histogram);
  if (counts) histogram.finish(moments);
}

#define ARGUMENTS(T)                                                                           \
  const T *values, i64 n, const double *low, const double *high, i32 bins, i32 code_bytes,     \
      u8 *codes, i32 counts, const u8 *mask, u64 *wanted, double *moments
#define BODY                                                                                   \
  {                                                                                            \
    const Codes target = {codes, code_bytes};                                                  \
    bin_and_count(values, n, low, high, bins, target, counts, mask, wanted, moments);          \
  }

extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_uint8(ARGUMENTS(u8)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_int8(ARGUMENTS(i8)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_uint16(ARGUMENTS(u16)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_int16(ARGUMENTS(i16)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_uint32(ARGUMENTS(u32)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_int32(ARGUMENTS(i32)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_uint64(ARGUMENTS(u64)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_int64(ARGUMENTS(i64)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_float32(ARGUMENTS(float)) BODY
extern "C" __global__ void __launch_bounds__(256, 4) local_histogram_bins_float64(ARGUMENTS(double)) BODY
