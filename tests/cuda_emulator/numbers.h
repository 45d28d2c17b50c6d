// What do kernels compute with? Functions of single numbers, to the bit as a device has them.
//
// Left out is what a device computes only about, such as rsqrtf: the host would tell another bit.
#pragma once

namespace emulation {

// The least and the greatest as PTX has them: a number rather than NaN, and −0 is less than 0.
template <class T> inline T least(T a, T b) {
  if (a != a || b != b) return a == a ? a : b;
  return a < b || (a == b && __builtin_signbit(a)) ? a : b;
}
template <class T> inline T greatest(T a, T b) {
  if (a != a || b != b) return a == a ? a : b;
  return a > b || (a == b && __builtin_signbit(b)) ? a : b;
}

template <class To, class From> inline To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace emulation

// One of each type: with two types it is ambiguous which is meant, and the compiler says so.
#define EMULATION_EXTREMES(T)                         \
  inline T min(T a, T b) { return a < b ? a : b; }    \
  inline T max(T a, T b) { return a > b ? a : b; }
EMULATION_EXTREMES(int)
EMULATION_EXTREMES(unsigned)
EMULATION_EXTREMES(long)
EMULATION_EXTREMES(unsigned long)
EMULATION_EXTREMES(long long)
EMULATION_EXTREMES(unsigned long long)
inline float min(float a, float b) { return emulation::least(a, b); }
inline float max(float a, float b) { return emulation::greatest(a, b); }
inline double min(double a, double b) { return emulation::least(a, b); }
inline double max(double a, double b) { return emulation::greatest(a, b); }
#define fminf emulation::least<float>
#define fmaxf emulation::greatest<float>
#define fmin emulation::least
#define fmax emulation::greatest

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }
inline int __clz(int bits) { return bits ? __builtin_clz((unsigned)bits) : 32; }
inline int __clzll(long long bits) {
  return bits ? __builtin_clzll((unsigned long long)bits) : 64;
}
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }
inline unsigned __brev(unsigned bits) {
  bits = __builtin_bswap32(bits);
  bits = (bits >> 4 & 0x0f0f0f0fu) | (bits & 0x0f0f0f0fu) << 4;
  bits = (bits >> 2 & 0x33333333u) | (bits & 0x33333333u) << 2;
  return (bits >> 1 & 0x55555555u) | (bits & 0x55555555u) << 1;
}
inline unsigned long long __brevll(unsigned long long bits) {
  return (unsigned long long)__brev((unsigned)bits) << 32 | __brev((unsigned)(bits >> 32));
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((unsigned long long)a * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}

inline int __float_as_int(float number) { return emulation::same_bits<int>(number); }
inline unsigned __float_as_uint(float number) { return emulation::same_bits<unsigned>(number); }
inline float __int_as_float(int bits) { return emulation::same_bits<float>(bits); }
inline float __uint_as_float(unsigned bits) { return emulation::same_bits<float>(bits); }
inline long long __double_as_longlong(double number) {
  return emulation::same_bits<long long>(number);
}
inline double __longlong_as_double(long long bits) { return emulation::same_bits<double>(bits); }

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float number) { return sqrtf(number); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double number) { return sqrt(number); }
