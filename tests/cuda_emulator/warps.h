// What do the lanes of a warp tell each other? All lanes of the mask meet, each with a value.
#pragma once

namespace emulation {

extern unsigned lane;  // of the running thread

// What the lanes of a mask have brought, once all have come; to be read at once.
struct Meeting {
  unsigned mask;      // of the lanes that there are
  unsigned not_zero;  // lanes whose value is not zero
  uint64_t sum;
  uint64_t values[32];
};
const Meeting& meet(unsigned mask, uint64_t value, Site site);

template <class T> inline T exchange(unsigned mask, T value, int source, Site site) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "lanes exchange numbers");
  uint64_t word = 0;
  memcpy(&word, &value, sizeof value);
  const Meeting& all = meet(mask, word, site);
  // A lane that did not come has brought anything: here, what is sure to stand out.
  word = all.mask >> source & 1 ? all.values[source] : 0xCDCDCDCDCDCDCDCDull;
  memcpy(&value, &word, sizeof value);
  return value;
}

inline unsigned votes(unsigned mask, bool vote, Site site) { return meet(mask, vote, site).not_zero; }

}  // namespace emulation

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32,
                     emulation::Site site = emulation::Site::here()) {
  const int first = (int)emulation::lane & -width;
  return emulation::exchange(mask, value, first + (source & (width - 1)), site);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                        emulation::Site site = emulation::Site::here()) {
  const int own = (int)emulation::lane, source = own - (int)distance;
  return emulation::exchange(mask, value, source < (own & -width) ? own : source, site);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                          emulation::Site site = emulation::Site::here()) {
  const int own = (int)emulation::lane, source = own + (int)distance;
  return emulation::exchange(mask, value, source > (own | (width - 1)) ? own : source, site);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int difference, int width = 32,
                         emulation::Site site = emulation::Site::here()) {
  const int own = (int)emulation::lane, source = own ^ difference;
  return emulation::exchange(mask, value, source > (own | (width - 1)) ? own : source, site);
}

inline unsigned __ballot_sync(unsigned mask, int vote,
                              emulation::Site site = emulation::Site::here()) {
  return emulation::votes(mask, vote != 0, site);
}
inline int __any_sync(unsigned mask, int vote, emulation::Site site = emulation::Site::here()) {
  return emulation::votes(mask, vote != 0, site) != 0;
}
inline int __all_sync(unsigned mask, int vote, emulation::Site site = emulation::Site::here()) {
  const emulation::Meeting& all = emulation::meet(mask, vote != 0, site);
  return all.not_zero == all.mask;
}
template <class T>
inline unsigned __match_any_sync(unsigned mask, T value,
                                 emulation::Site site = emulation::Site::here()) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "lanes compare 4 or 8 bytes");
  uint64_t word = 0;
  memcpy(&word, &value, sizeof value);
  const emulation::Meeting& all = emulation::meet(mask, word, site);
  unsigned same = 0;
  for (unsigned other = 0; other < 32; other++)
    same |= (unsigned)(all.values[other] == word) << other;
  return same & all.mask;
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value,
                                  emulation::Site site = emulation::Site::here()) {
  return (unsigned)emulation::meet(mask, value, site).sum;
}
inline unsigned __activemask() = delete;  // whoever needs it does not know its mask
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       emulation::Site site = emulation::Site::here()) {
  emulation::meet(mask, 0, site);
}
