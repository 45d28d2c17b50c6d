// Otsu's threshold, bitwise identical to ITK's, and the mask of voxels above it.
//
// Idea: one pass finds the least and the greatest finite number of the mask, one counts the bins,
// one block finds the threshold, and one pass compares. The lower edges of bins are rounded up to
// float32, so that voxels are assigned by comparisons of float32: a division estimates the bin, the
// edges decide. Each bin has several counters in shared memory, to reduce contention between lanes.
// Images of 8 or 16 bits are counted by value (percentiles.cu), and the same block assigns each
// value that occurs once. Means of the lower class depend on each other through the order of
// roundings: one thread computes them serially, and one of another warp the overall mean; the rest
// is parallel.
//
// Complexity: three passes of 5, 5 and 6 bytes per voxel; in addition some hundred clock cycles per
// bin. Up to 4095 bins are counted in shared memory, more in global memory.
//
// References: kernels/otsu.py and voxgpu/primitives/otsu_reference.py, which define the roundings.
// Deviations: none.

#define THREADS 512
#define CHUNK 512  // bins that the block computing the threshold keeps in shared memory

__device__ __forceinline__ bool is_finite(float value) { return value - value == 0.0f; }

// Keys are ordered like the numbers they represent.
__device__ __forceinline__ u32 key_of(float number) {
  const u32 bits = (u32)__float_as_int(number);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float number_of(u32 key) {
  return __int_as_float((i32)(key & 0x80000000u ? key ^ 0x80000000u : ~key));
}

// Finite numbers of the mask: their number, the greatest complement of a key, and the greatest key;
// initially zeros.
extern "C" __global__ void __launch_bounds__(THREADS) otsu_range(
    const float* values, const u8* mask, i64 n, u64* range) {
  __shared__ u32 counts[THREADS / 32];
  __shared__ u32 complements[THREADS / 32];
  __shared__ u32 keys[THREADS / 32];
  u32 count = 0, complement = 0, greatest = 0;
  for (i64 first = 4 * thread_number(); first < n; first += 4 * thread_count()) {
    const Four<float> some = load_four(values, first, n);
    const Four<u8> truth = load_four(mask, first, n);
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      if (!truth.values[lane] || !is_finite(some.values[lane])) continue;
      const u32 key = key_of(some.values[lane]);
      count++;
      complement = max(complement, ~key);
      greatest = max(greatest, key);
    }
  }
  for (i32 step = 1; step < 32; step *= 2) {
    count += __shfl_xor_sync(FULL_WARP, count, step);
    complement = max(complement, __shfl_xor_sync(FULL_WARP, complement, step));
    greatest = max(greatest, __shfl_xor_sync(FULL_WARP, greatest, step));
  }
  if (threadIdx.x % 32 == 0) {
    counts[threadIdx.x / 32] = count;
    complements[threadIdx.x / 32] = complement;
    keys[threadIdx.x / 32] = greatest;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  u64 all = 0;
  for (i32 warp = 0; warp < THREADS / 32; warp++) {
    all += counts[warp];
    complement = max(complement, complements[warp]);
    greatest = max(greatest, keys[warp]);
  }
  if (!all) return;
  atomicAdd(range, all);
  atomicMax(range + 1, (u64)complement);
  atomicMax(range + 2, (u64)greatest);
}

// Bins of equal width between the least and the greatest number, the last one a little longer.
struct Bins {
  double least, greatest, end;
  float width;  // not finite if there can be no bins
  float rate;   // bins per unit, approximately
  i64 count;

  __device__ __forceinline__ bool exist() const { return is_finite(width); }
  __device__ __forceinline__ double lower(i64 bin) const {
    return least + (double)((float)bin * width);
  }
  __device__ __forceinline__ double upper(i64 bin) const {
    return bin < count - 1 ? lower(bin + 1) : end;
  }
};

__device__ __forceinline__ Bins bins_between(float least, float greatest, i64 count) {
  Bins bins = {(double)least, (double)greatest, 0.0, 0.0f, 0.0f, count};
  bins.end = bins.greatest + (bins.greatest - bins.least) / (double)count / 100.0;
  bins.width = ((float)bins.end - least) / (float)(double)count;
  const double span = bins.lower(count - 1) - bins.least;
  bins.rate = span > 0.0 ? (float)((double)(count - 1) / span) : 0.0f;
  return bins;
}

// The bins for the range found by otsu_range; arbitrary if there is none.
__device__ __forceinline__ Bins bins_in(const u64* range, i64 count) {
  if (range[0] == 0) return bins_between(0.0f, 0.0f, count);
  return bins_between(number_of(~(u32)range[1]), number_of((u32)range[2]), count);
}

// The last bin whose lower edge a number reaches, according to reaches(bin).
template <class Reaches>
__device__ __forceinline__ i64 bin_of(float value, const Bins& bins, Reaches reaches) {
  // If all edges are equal they must not be searched linearly.
  if (reaches(bins.count - 1)) return bins.count - 1;
  const float guess = (value - (float)bins.least) * bins.rate;
  i64 bin = guess > 0.0f ? guess < (float)bins.count ? (i64)guess : bins.count - 1 : 0;
  bin = min(bin, bins.count - 1);
  while (bin > 0 && !reaches(bin)) bin--;
  while (bin < bins.count - 1 && reaches(bin + 1)) bin++;
  return bin;
}

// The least float32 greater than or equal to a number.
__device__ __forceinline__ float rounded_up(double number) {
  const float near = (float)number;
  return (double)near >= number ? near : number_of(key_of(near) + 1);
}

// Calls count(bin) for the finite numbers of the mask, or with −1 for others; all threads of a warp
// call it equally often.
template <class Reaches, class Count>
__device__ __forceinline__ void each_bin(
    const float* values, const u8* mask, i64 n, const Bins& bins, Reaches reaches, Count count) {
  for (i64 warp = 4 * (thread_number() & ~31LL); warp < n; warp += 4 * thread_count()) {
    const i64 first = warp + 4 * (threadIdx.x % 32);
    const Four<float> some = load_four(values, first, n);
    const Four<u8> truth = load_four(mask, first, n);
#pragma unroll
    for (i32 lane = 0; lane < 4; lane++) {
      const float value = some.values[lane];
      const bool counts = truth.values[lane] && is_finite(value);
      count(counts ? bin_of(value, bins, [&](i64 bin) { return reaches(bin, value); }) : -1);
    }
  }
}

// Counts in global memory, equal bins of a warp at once.
__device__ __forceinline__ void count_in_memory(
    const float* values, const u8* mask, i64 n, const Bins& bins, u64* frequencies) {
  const u32 lower_lanes = (1u << threadIdx.x % 32) - 1;
  each_bin(
      values, mask, n, bins, [&](i64 bin, float value) { return bins.lower(bin) <= value; },
      [&](i64 bin) {
        const u32 peers = __match_any_sync(FULL_WARP, bin);
        if (bin >= 0 && (peers & lower_lanes) == 0)
          atomicAdd(frequencies + bin, (u64)__popc(peers));
      });
}

// Counts in shared memory: `copies`, a power of two, of each bin's counter.
__device__ __forceinline__ void count_in_shared(
    const float* values, const u8* mask, i64 n, const Bins& bins, float* edges, u32* counts,
    i32 copies, u64* frequencies) {
  const i32 amount = (i32)bins.count;
  for (i32 bin = threadIdx.x; bin < amount; bin += THREADS)
    edges[bin] = rounded_up(bins.lower(bin));
  for (i32 i = threadIdx.x; i < amount * copies; i += THREADS) counts[i] = 0;
  __syncthreads();
  u32* mine = counts + threadIdx.x % copies;
  each_bin(
      values, mask, n, bins, [&](i64 bin, float value) { return edges[bin] <= value; },
      [&](i64 bin) {
        if (bin >= 0) atomicAdd(mine + bin * copies, 1u);
      });
  __syncthreads();
  for (i32 bin = threadIdx.x; bin < amount; bin += THREADS) {
    u32 sum = 0;
    for (i32 copy = 0; copy < copies; copy++)
      sum += counts[bin * copies + (copy + threadIdx.x) % copies];
    if (sum) atomicAdd(frequencies + bin, (u64)sum);
  }
}

// Adds the finite numbers of the mask to the counts of their bins. The pool has `amount` words for
// edges and copies · amount words for counts; without copies they are in global memory.
extern "C" __global__ void __launch_bounds__(THREADS) otsu_bins(
    const float* values, const u8* mask, i64 n, const u64* range, i64 amount, i32 copies,
    u64* frequencies) {
  extern __shared__ u32 pool[];
  const bool has_any = range[0] != 0;
  const Bins bins = bins_in(range, amount);
  if (has_any && bins.exist() && copies)
    count_in_shared(values, mask, n, bins, (float*)pool, pool + amount, copies, frequencies);
  if (has_any && bins.exist() && !copies) count_in_memory(values, mask, n, bins, frequencies);
}

// A class of numbers: their number and mean, with the roundings of ITK.
struct Lower {
  double count, mean;

  __device__ __forceinline__ void grow(double frequency, double center) {
    const double moment = mean * count + center * frequency;
    count += frequency;
    mean = count != 0.0 ? moment / count : 0.0;
  }
  // The mean of the squares of the means of both classes.
  __device__ __forceinline__ double spread(double total, double mean_of_all) const {
    const double rest = total - count;
    const double upper = rest != 0.0 ? (mean_of_all * total - mean * count) / rest : 0.0;
    return (count * (mean * mean) + rest * (upper * upper)) / total;
  }
};

// The bits of a number.
union Bits {
  double number;
  i64 integer;
};

// The split with the greatest spread so far. ITK treats those that hardly differ as equal.
struct Best {
  i64 split;
  double spread;

  __device__ __forceinline__ void meet(i64 other, double its) {
    if (other != 0 && !(its > spread)) return;
    if (other != 0 && is_same(its, spread)) return;
    split = other;
    spread = its;
  }
  static __device__ __forceinline__ bool is_same(double a, double b) {
    if (fabs(a - b) <= 0.1 * 2.220446049250313e-16) return true;
    const i64 apart = Bits{a}.integer - Bits{b}.integer;
    return apart >= -1 && apart <= 1;
  }
};

// The mean of all numbers; classes[bin] gets the lower class of each split. One block.
__device__ double grow_classes(
    const Bins& bins, const u64* frequencies, double total, Lower* classes) {
  __shared__ double amounts[CHUNK];
  __shared__ double centers[CHUNK];
  __shared__ double grown[CHUNK][2];
  __shared__ double mean;
  Lower lower = {0.0, 0.0};
  double moment = 0.0;
  for (i64 start = 0; start < bins.count; start += CHUNK) {
    const i32 here = (i32)min(bins.count - start, (i64)CHUNK);
    for (i32 i = threadIdx.x; i < here; i += THREADS) {
      amounts[i] = (double)frequencies[start + i];
      centers[i] = (bins.lower(start + i) + bins.upper(start + i)) / 2.0;
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (i32 i = 0; i < here; i++) {
        if (start + i == 0)
          lower = {amounts[0], amounts[0] != 0.0 ? centers[0] : 0.0};
        else
          lower.grow(amounts[i], centers[i]);
        grown[i][0] = lower.count;
        grown[i][1] = lower.mean;
      }
    if (threadIdx.x == 32)
      for (i32 i = 0; i < here; i++) moment += centers[i] * amounts[i];
    __syncthreads();
    for (i32 i = threadIdx.x; i < here; i += THREADS)
      classes[start + i] = {grown[i][0], grown[i][1]};
  }
  if (threadIdx.x == 32) mean = moment / total;
  __syncthreads();
  return mean;
}

// The last bin of the lower class where the classes differ most, in thread 0. One block.
__device__ i64 best_split(const Bins& bins, const u64* frequencies, double total, Lower* classes) {
  __shared__ double spreads[CHUNK];
  const double mean = grow_classes(bins, frequencies, total, classes);
  Best best = {0, 0.0};
  for (i64 start = 0; start < bins.count - 1; start += CHUNK) {
    const i32 here = (i32)min(bins.count - 1 - start, (i64)CHUNK);
    for (i32 i = threadIdx.x; i < here; i += THREADS)
      spreads[i] = classes[start + i].spread(total, mean);
    __syncthreads();
    if (threadIdx.x == 0)
      for (i32 i = 0; i < here; i++) best.meet(start + i, spreads[i]);
    __syncthreads();
  }
  return best.split;
}

// The threshold for given counts, and numbers that determine whether it is defined: the number of
// finite voxels, the least, the greatest, and the number of bins. One block.
//
// classes  space for a Lower per bin, two float64
__device__ void choose_threshold(
    const Bins& bins, u64 total, const u64* frequencies, Lower* classes, double* numbers,
    float* threshold) {
  if (threadIdx.x == 0) {
    numbers[0] = (double)total;
    numbers[1] = bins.least;
    numbers[2] = bins.greatest;
    numbers[3] = (double)bins.count;
    *threshold = 0.0f;
  }
  if (total && bins.exist()) {  // the same for all threads
    const i64 split = best_split(bins, frequencies, (double)total, classes);
    if (threadIdx.x == 0) *threshold = (float)bins.upper(split);
  }
}

// For the counts of otsu_bins.
extern "C" __global__ void __launch_bounds__(THREADS) otsu_split(
    const u64* range, i64 amount, const u64* frequencies, double* classes, double* numbers,
    float* threshold) {
  const Bins bins = bins_in(range, amount);
  choose_threshold(bins, range[0], frequencies, (Lower*)classes, numbers, threshold);
}

// For the frequencies of values of 8 or 16 bits, beginning with the value `first`; table says for
// each value whether it is above the threshold. One block; frequencies are initially zeros.
extern "C" __global__ void __launch_bounds__(THREADS) otsu_split_values(
    const u64* counts, i32 values, i32 first, i64 amount, u64* frequencies, double* classes,
    double* numbers, float* threshold, u8* table) {
  __shared__ i32 least;
  __shared__ i32 greatest;
  __shared__ u64 total;
  if (threadIdx.x == 0) {
    least = values;
    greatest = -1;
    total = 0;
  }
  __syncthreads();
  i32 low = values, high = -1;
  u64 own = 0;
#pragma unroll 8
  for (i32 i = threadIdx.x; i < values; i += THREADS) {
    const u64 count = counts[i];
    own += count;
    low = min(low, count ? i : values);
    high = count ? i : high;
  }
  atomicMin(&least, low);
  atomicMax(&greatest, high);
  atomicAdd(&total, own);
  __syncthreads();
  const bool has_any = total != 0;
  const Bins bins = bins_between(has_any ? (float)(least + first) : 0.0f,
                                 has_any ? (float)(greatest + first) : 0.0f, amount);
  for (i32 i = least + threadIdx.x; i <= greatest; i += THREADS) {
    if (!counts[i]) continue;
    const float value = (float)(i + first);
    const i64 bin = bin_of(value, bins, [&](i64 bin) { return bins.lower(bin) <= value; });
    atomicAdd(frequencies + bin, counts[i]);
  }
  __threadfence();
  __syncthreads();
  choose_threshold(bins, total, frequencies, (Lower*)classes, numbers, threshold);
  __syncthreads();
  for (i32 i = threadIdx.x; i < values; i += THREADS) table[i] = (float)(i + first) > *threshold;
}

// The voxels of the mask above the threshold. A thread has four voxels.
extern "C" __global__ void __launch_bounds__(THREADS) otsu_above(
    const float* values, const u8* mask, i64 n, const float* threshold, u8* out) {
  const i64 first = 4 * thread_number();
  if (first >= n) return;
  const float least = *threshold;
  const Four<float> some = load_four(values, first, n);
  Four<u8> truth = load_four(mask, first, n);
#pragma unroll
  for (i32 lane = 0; lane < 4; lane++)
    truth.values[lane] = truth.values[lane] && some.values[lane] > least;
  store_four(out, first, n, truth);
}
