// What do kernels do with memory that others use at the same time? Relaxed accesses and atomics.
//
// Threads take turns on one thread of the host, so an atomic operation is an ordinary one, unless
// TSan is to be told that it is none of the races. Each of them is a point where a schedule may let
// others go first, which is what finds out that two operations are no one operation.
#pragma once

namespace emulation {

// How many more such accesses the running thread makes before others have a turn.
extern long long patience;
void run_out_of_patience();

// In the runtime, where TSan does not see that all threads write to patience.
void give_way_unseen();

__forceinline__ void give_way() {
#if defined(__SANITIZE_THREAD__)
  give_way_unseen();
#else
  if (__builtin_expect(--patience < 0, 0)) run_out_of_patience();
#endif
}

#if defined(EMULATION_COUNTS)
// Copies and counts an atomic operation, which no compiler announces.
void copy_atomically(void* target, const void* source, size_t size);
void copy_uncounted(void* target, const void* source, size_t size);
#endif

// Replaces what is there by what change makes of it; what was there.
template <class T, class Change> inline T update(T* place, Change change) {
  give_way();
#if defined(EMULATION_RACES)
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  Bits* bits = reinterpret_cast<Bits*>(place);
  Bits old = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    T before;
    memcpy(&before, &old, sizeof before);
    const T after = change(before);
    Bits next;
    memcpy(&next, &after, sizeof next);
    if (__atomic_compare_exchange_n(
            bits, &old, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return before;
  }
#elif defined(EMULATION_COUNTS)
  T before;
  copy_atomically(&before, place, sizeof before);
  const T after = change(before);
  copy_uncounted(place, &after, sizeof after);
  return before;
#else
  const T before = *place;
  *place = change(before);
  return before;
#endif
}

}  // namespace emulation

template <class T> inline T load_relaxed(const T* place) {
  emulation::give_way();
#if defined(EMULATION_RACES)
  T value;
  __atomic_load(const_cast<T*>(place), &value, __ATOMIC_RELAXED);
  return value;
#else
  return *(const volatile T*)place;
#endif
}

template <class T> inline void store_relaxed(T* place, T value) {
  emulation::give_way();
#if defined(EMULATION_RACES)
  __atomic_store(place, &value, __ATOMIC_RELAXED);
#else
  *(volatile T*)place = value;
#endif
}

template <class T> inline T __ldg(const T* place) { return *place; }

// Sums wrap around, as on a device, so they are computed without a sign.
#define EMULATION_ATOMIC(name, T, after)                                   \
  inline T name(T* place, T value) {                                       \
    return emulation::update(place, [value](T old) { return (T)(after); }); \
  }
#define EMULATION_ATOMICS(T)                                                         \
  EMULATION_ATOMIC(atomicAdd, T, (std::make_unsigned_t<T>)old + (std::make_unsigned_t<T>)value) \
  EMULATION_ATOMIC(atomicMin, T, old < value ? old : value)                          \
  EMULATION_ATOMIC(atomicMax, T, old > value ? old : value)                          \
  EMULATION_ATOMIC(atomicAnd, T, old & value)                                        \
  EMULATION_ATOMIC(atomicOr, T, old | value)                                         \
  EMULATION_ATOMIC(atomicXor, T, old ^ value)                                        \
  EMULATION_ATOMIC(atomicExch, T, value)                                             \
  inline T atomicCAS(T* place, T expected, T value) {                                \
    return emulation::update(                                                        \
        place, [expected, value](T old) { return old == expected ? value : old; });  \
  }
EMULATION_ATOMICS(int)
EMULATION_ATOMICS(unsigned)
EMULATION_ATOMICS(unsigned long long)
EMULATION_ATOMIC(atomicSub, int, (unsigned)old - (unsigned)value)
EMULATION_ATOMIC(atomicSub, unsigned, old - value)
EMULATION_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
EMULATION_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
EMULATION_ATOMIC(atomicMin, long long, old < value ? old : value)
EMULATION_ATOMIC(atomicMax, long long, old > value ? old : value)
EMULATION_ATOMIC(atomicAnd, long long, old & value)
EMULATION_ATOMIC(atomicOr, long long, old | value)
EMULATION_ATOMIC(atomicXor, long long, old ^ value)
EMULATION_ATOMIC(atomicAdd, float, old + value)
EMULATION_ATOMIC(atomicAdd, double, old + value)
EMULATION_ATOMIC(atomicExch, float, value)
