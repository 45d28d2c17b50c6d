// How are many threads of CUDA run on one of the host? What the files of the runtime share.
//
// Each thread of CUDA that has to wait is a fiber: a stack of its own. One that never waits needs
// none: fibers run thread after thread in a loop, and only when a thread waits, another fiber goes
// on. A kernel without barriers is so run on one fiber, without a single switch.
//
// The runtime is compiled without sanitizers, also for kernels that have them: what it does itself
// is no access of the kernel's. Functions that sanitizers intercept (memset, malloc) still report
// to TSan; see Silence.
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vector>

#include "emulation.h"

namespace emulation {

struct Block;

// A stack, and the thread of CUDA that is on it.
struct Fiber {
  void* top = nullptr;    // of the stack while another fiber runs
  char* stack = nullptr;  // its lowest byte; null: the host's own
  Block* block = nullptr; // null: between two threads
  unsigned number = 0;    // of the thread in its block
  Site site{};            // where it waits,
  Fiber* next = nullptr;  // and who was there before
  void* fake_stack = nullptr;  // ASan's
  void* witness = nullptr;     // TSan's idea of the thread
  size_t serial = 0;
};

// A meeting of lanes that are still coming or still reading.
struct Gathering : Meeting {
  unsigned arrived, readers;
  Site site;
  Fiber* waiting;
  Gathering* next;
};

struct Warp {
  unsigned present = 0, exited = 0;  // lanes
  Gathering* open = nullptr;         // lanes are missing
  Gathering* spare = nullptr;        // for the next one
};

struct Storage {
  char* memory = nullptr;
  size_t size = 0;
};

constexpr int DYNAMIC = 1;  // the number of dynamic shared memory among the variables
constexpr int VARIABLES = 256;
constexpr unsigned MOST_THREADS = 1024;
constexpr size_t MOST_STATIC = 48 << 10;  // bytes of shared variables of a block

// A block that has begun and not ended. The objects are used again for further blocks.
struct Block {
  uint3 index;
  unsigned next;                // thread to begin, in order
  unsigned live;                // threads that have not ended
  std::vector<unsigned> order;  // of threads; empty: by number
  // Barriers: one cannot end before all have left the one before.
  unsigned arrived, count, result, turn;
  Fiber* waiting;
  char turns[2];  // tells TSan one barrier from the next
  Warp warps[MOST_THREADS / 32];
  void* places[VARIABLES];
  Storage storage[VARIABLES];
  std::vector<int> claimed;  // variables with a place
};

// The launch that runs.
struct Launch {
  Body body;
  const uint64_t* arguments;
  Request request;
  unsigned threads;  // of a block
  uint64_t blocks, next_block;
  std::vector<uint64_t> order;  // of blocks; empty: by number
  std::vector<Block*> begun;
  std::vector<uint3> indices;   // of the threads of a block
  char error[1024];
};
extern Launch now;
extern Fiber* running;

// runtime_fibers.cpp
void switch_to(Fiber* next);
Fiber* idle_fiber();
void retire(Fiber* fiber);     // its stack is begun anew before it is used again
void give_up_fibers();         // what is on them is never finished
void begin_host();
void end_host();
void begin_witness();
void end_witness();
bool is_watched_for_races();
void released(void* by);       // to TSan: what was before this is before what acquires it
void acquired(void* by);
extern Fiber host;
extern std::vector<Fiber*> idle;

// While one lives, TSan does not count what the running thread does.
struct Silence {
  Silence();
  ~Silence();
};

// runtime_schedule.cpp
void work();                    // what fibers do
void park();                    // until the running thread is ready again
void make_ready(Fiber* chain);  // all that wait there

// runtime_meetings.cpp
void check_exit(Block* block, unsigned number);
void open_barrier(Block* block);
void give_up_meetings(Block* block);
void clear_shared(Block* block);
bool is_shared(const void* address);
[[noreturn]] void fail_stuck();

}  // namespace emulation
