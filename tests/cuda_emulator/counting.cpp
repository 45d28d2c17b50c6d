// What does a kernel move? Each access counted, as the compiler announces it.
//
// Kernels are compiled with -fsanitize=thread, which puts a call before each access, and linked
// with the functions below rather than with TSan. Counted are accesses to registered arrays, and
// to shared memory; what is a thread's own, or constant, is in no memory of the device.
//
// Lanes run one after the other here, so it is not seen which of their accesses a device would make
// together. They are taken to be one request where lanes of a warp are at the same instruction for
// the k-th time since the last barrier of their block: right wherever lanes go the same way.
#include <algorithm>
#include <unordered_map>

#include "runtime.h"

namespace emulation {

constexpr unsigned SECTOR = 32;  // bytes that a device moves at least
constexpr unsigned BANKS = 32;   // of shared memory, each with words of 4 bytes
constexpr unsigned WARPS = MOST_THREADS / 32;

enum Kind { LOAD, STORE, ATOMIC, SHARED, SHARED_ATOMIC, KINDS };

// What was counted. The same in counting.py.
struct Counts {
  uint64_t bytes[3];  // that threads loaded, stored, changed atomically
  uint64_t atomics;
  uint64_t requests[3], sectors[3];  // of warps, and what these reach, each for itself
  uint64_t shared_requests, wavefronts;
  uint64_t sectors_read, sectors_written;  // each once, read only if it was not written before
};

// Bytes of a registered array. Sectors have numbers, counted through all arrays.
struct Registered {
  uintptr_t first, size;
  uint32_t sector;
};

// Sectors that a warp reaches at once, or words of shared memory; some more than once.
using Places = std::vector<uint32_t>;

// An instruction: who was there how often, and what requests it made, by warp.
struct Instruction {
  Kind kind;
  bool is_used;  // since the last barrier
  unsigned turns[MOST_THREADS];
  unsigned made[WARPS];
  std::vector<Places> requests[WARPS];
};

static bool counts;
static Counts found;
static std::vector<Registered> registered;
static std::vector<bool> is_read, is_written;  // by number of the sector
static std::unordered_map<uintptr_t, Instruction*> instructions;
static std::vector<Instruction*> used;
static uint3 block_of_requests;
static unsigned turn_of_requests;

static constexpr unsigned REMEMBERED = 4093;  // a prime
static struct {
  uintptr_t key;
  Instruction* instruction;
} remembered[REMEMBERED];

static Instruction* instruction_at(uintptr_t place, Kind kind) {
  const uintptr_t key = place * KINDS + kind;
  auto& near = remembered[key % REMEMBERED];
  if (near.key == key) return near.instruction;
  Instruction*& instruction = instructions[key];
  if (!instruction) {
    instruction = new Instruction{};
    instruction->kind = kind;
  }
  near = {key, instruction};
  return instruction;
}

static void count_request(Kind kind, Places& places) {
  std::sort(places.begin(), places.end());
  auto end = places.end();
  // Lanes that want the same get it at once, unless they change it one after the other.
  if (kind != SHARED_ATOMIC) end = std::unique(places.begin(), places.end());
  if (kind < SHARED) {
    found.requests[kind]++;
    found.sectors[kind] += end - places.begin();
  } else {
    unsigned words[BANKS] = {};
    for (auto word = places.begin(); word != end; ++word) words[*word % BANKS]++;
    found.shared_requests++;
    found.wavefronts += *std::max_element(words, words + BANKS);
  }
  places.clear();
}

// All threads of a block have come to the same place, or ended: what they asked for is complete.
static void end_requests() {
  for (Instruction* each : used) {
    for (unsigned warp = 0; warp < WARPS; warp++) {
      for (unsigned turn = 0; turn < each->made[warp]; turn++)
        count_request(each->kind, each->requests[warp][turn]);
      each->made[warp] = 0;
    }
    memset(each->turns, 0, sizeof each->turns);
    each->is_used = false;
  }
  used.clear();
}

// A block's turn changes with each of its barriers.
static bool is_in_same_phase() {
  return blockIdx.x == block_of_requests.x && blockIdx.y == block_of_requests.y &&
         blockIdx.z == block_of_requests.z && running->block->turn == turn_of_requests;
}

static Places& request(uintptr_t place, Kind kind) {
  if (!is_in_same_phase()) {
    end_requests();
    block_of_requests = blockIdx;
    turn_of_requests = running->block->turn;
  }
  Instruction* instruction = instruction_at(place, kind);
  if (!instruction->is_used) used.push_back(instruction);
  instruction->is_used = true;
  const unsigned warp = running->number / 32, turn = instruction->turns[running->number]++;
  std::vector<Places>& requests = instruction->requests[warp];
  if (turn >= instruction->made[warp]) {
    instruction->made[warp] = turn + 1;
    if (turn >= requests.size()) requests.emplace_back();
  }
  return requests[turn];
}

static const Registered* holder(uintptr_t address) {
  static size_t last;
  if (last < registered.size() && address - registered[last].first < registered[last].size)
    return &registered[last];
  for (last = 0; last < registered.size(); last++)
    if (address - registered[last].first < registered[last].size) return &registered[last];
  return nullptr;
}

static bool is_of_thread(uintptr_t address) {
  return address - reinterpret_cast<uintptr_t>(running->stack) < 1 << 16;
}

static void count(const void* at, size_t size, Kind kind, const void* instruction) {
  if (!counts || !running->block) return;
  const uintptr_t address = reinterpret_cast<uintptr_t>(at);
  const uintptr_t place = reinterpret_cast<uintptr_t>(instruction);
  if (is_of_thread(address)) return;
  if (const Registered* array = holder(address)) {
    found.bytes[kind] += size;
    found.atomics += kind == ATOMIC;
    Places& places = request(place, kind);
    const uintptr_t first = address - array->first;
    for (uintptr_t each = first / SECTOR; each <= (first + size - 1) / SECTOR; each++) {
      const uint32_t sector = array->sector + (uint32_t)each;
      if (places.empty() || places.back() != sector) places.push_back(sector);
      // What the launch has written itself may still be on the chip.
      if (kind != STORE && !is_written[sector]) is_read[sector] = true;
      if (kind != LOAD) is_written[sector] = true;
    }
  } else if (is_shared(at)) {
    Places& places = request(place, kind == ATOMIC ? SHARED_ATOMIC : SHARED);
    for (uintptr_t word = address / 4; word <= (address + size - 1) / 4; word++)
      places.push_back((uint32_t)word);
  }
}

#define CALLER __builtin_return_address(0)

void copy_atomically(void* target, const void* source, size_t size) {
  count(source, size, ATOMIC, CALLER);
  memcpy(target, source, size);
}
void copy_uncounted(void* target, const void* source, size_t size) {
  memcpy(target, source, size);
}

}  // namespace emulation

// What the compiler calls.
#define ANNOUNCED(name, kind)                                   \
  extern "C" void __tsan_##name(void* at, size_t size) {        \
    emulation::count(at, size, emulation::kind, CALLER);        \
  }
#define ANNOUNCED_OF_SIZE(name, size, kind)                     \
  extern "C" void __tsan_##name##size(void* at) {               \
    emulation::count(at, size, emulation::kind, CALLER);        \
  }
#define ANNOUNCED_OF_SIZES(name, kind)                                                        \
  ANNOUNCED_OF_SIZE(name, 1, kind) ANNOUNCED_OF_SIZE(name, 2, kind)                           \
  ANNOUNCED_OF_SIZE(name, 4, kind) ANNOUNCED_OF_SIZE(name, 8, kind)                           \
  ANNOUNCED_OF_SIZE(name, 16, kind)
ANNOUNCED_OF_SIZES(read, LOAD)
ANNOUNCED_OF_SIZES(write, STORE)
ANNOUNCED_OF_SIZES(unaligned_read, LOAD)
ANNOUNCED_OF_SIZES(unaligned_write, STORE)
ANNOUNCED(read_range, LOAD)
ANNOUNCED(write_range, STORE)
extern "C" void __tsan_init() {}

// What counting.py calls. Arrays do not overlap, and their first bytes begin sectors.
#define SEEN extern "C" __attribute__((visibility("default")))
SEEN void emulation_begin_counting(const uint64_t* firsts, const uint64_t* sizes, size_t number) {
  using namespace emulation;
  uint32_t sectors = 0;
  registered.clear();
  for (size_t i = 0; i < number; i++) {
    registered.push_back({(uintptr_t)firsts[i], (uintptr_t)sizes[i], sectors});
    sectors += (uint32_t)((sizes[i] + SECTOR - 1) / SECTOR);
  }
  is_read.assign(sectors, false);
  is_written.assign(sectors, false);
  found = Counts{};
  counts = true;
}

SEEN void emulation_end_counting(emulation::Counts* result) {
  using namespace emulation;
  end_requests();
  found.sectors_read = std::count(is_read.begin(), is_read.end(), true);
  found.sectors_written = std::count(is_written.begin(), is_written.end(), true);
  counts = false;
  *result = found;
}
