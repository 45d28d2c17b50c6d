// Which thread runs next?
//
// Without a seed, block after block in order and thread after thread; threads that are ready again
// go first, in order, so that a warp whose lanes exchange values stays in the caches. With a seed,
// blocks and threads begin in an order of the seed's, any ready thread may be next, and threads
// give way at relaxed accesses and atomic operations: whatever a kernel relies on and a device does
// not promise, some seed breaks.
#include "runtime.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulation {

Launch now;
unsigned lane;
long long patience;
void** shared_places;

static std::vector<Fiber*> ready;
static std::vector<Block*> spare_blocks;
static uint64_t random_state;
static long long last_patience, waited;

// Of relaxed accesses, before a thread that makes nothing else is taken to spin.
static constexpr long long PATIENCE = 1 << 20, MOST_PATIENCE = PATIENCE << 12;

static uint64_t random_number() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state >> 11;
}
static bool is_shuffled() { return now.request.seed != 0; }

template <class T> static void shuffle(std::vector<T>& order, uint64_t count) {
  order.clear();
  if (!is_shuffled()) return;
  for (uint64_t i = 0; i < count; i++) order.push_back((T)i);
  for (uint64_t i = count; i > 1; i--) std::swap(order[i - 1], order[random_number() % i]);
}

static void draw_patience() {
  patience = PATIENCE;
  if (is_shuffled() && now.request.yield_per_mille)
    for (patience = 0; random_number() % 1000 >= now.request.yield_per_mille;) patience++;
  last_patience = patience + 1;
}

void fail(const char* format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(now.error, sizeof now.error, format, values);
  va_end(values);
  switch_to(&host);
  abort();
}

// Blocks.

static void begin_block(Block* block) {
  const uint64_t at = now.next_block++;
  const uint64_t number = now.order.empty() ? at : now.order[at];
  const unsigned* grid = now.request.grid;
  block->index = {(unsigned)(number % grid[0]), (unsigned)(number / grid[0] % grid[1]),
                  (unsigned)(number / grid[0] / grid[1])};
  block->next = 0;
  block->live = now.threads;
  shuffle(block->order, now.threads);
  block->arrived = block->count = 0;
  block->waiting = nullptr;
  for (unsigned first = 0; first < now.threads; first += 32) {
    const unsigned lanes = now.threads - first;
    block->warps[first / 32].present = lanes < 32 ? (1u << lanes) - 1 : ~0u;
    block->warps[first / 32].exited = 0;
  }
  clear_shared(block);
}

static void begin_blocks() {
  while (now.begun.size() < now.request.resident_blocks && now.next_block < now.blocks) {
    if (spare_blocks.empty()) spare_blocks.push_back(new Block{});
    now.begun.push_back(spare_blocks.back());
    spare_blocks.pop_back();
    begin_block(now.begun.back());
  }
}

static void end_block(Block* block) {
  if (now.next_block < now.blocks) return begin_block(block);
  for (Block*& other : now.begun)
    if (other == block) {
      other = now.begun.back();
      now.begun.pop_back();
      break;
    }
  spare_blocks.push_back(block);
}

static Block* block_with_more_threads() {
  const size_t count = now.begun.size();
  const size_t first = is_shuffled() && count > 1 ? random_number() % count : 0;
  for (size_t i = 0; i < count; i++) {
    Block* block = now.begun[(first + i) % count];
    if (block->next < now.threads) return block;
  }
  return nullptr;
}
static bool has_more_threads() {
  for (const Block* block : now.begun)
    if (block->next < now.threads) return true;
  return false;
}

// Threads.

static inline void settle() {
  Block* block = running->block;
  threadIdx = now.indices[running->number];
  blockIdx = block->index;
  lane = running->number % 32;
  shared_places = block->places;
}

static inline void begin_thread(Block* block) {
  const unsigned at = block->next++;
  running->block = block;
  running->number = block->order.empty() ? at : block->order[at];
  settle();
}

static inline void end_thread() {
  Block* block = running->block;
  const unsigned number = running->number;
  running->block = nullptr;
  waited = 0;
  block->warps[number / 32].exited |= 1u << number % 32;
  block->live--;
  if (block->warps[number / 32].open) check_exit(block, number);
  if (block->arrived && block->arrived == block->live) open_barrier(block);
  if (!block->live) end_block(block);
}

void make_ready(Fiber* chain) {  // the last that came is the first of the chain, and runs last
  for (; chain; chain = chain->next) ready.push_back(chain);
}

static Fiber* take_ready() {
  const size_t at = is_shuffled() ? random_number() % ready.size() : ready.size() - 1;
  Fiber* fiber = ready[at];
  ready[at] = ready.back();
  ready.pop_back();
  return fiber;
}

// With a seed, threads also begin while others could go on.
static bool prefers_to_begin() {
  return ready.empty() || (is_shuffled() && random_number() % 4 == 0 && has_more_threads());
}

void work() {
  for (;;) {
    if (!prefers_to_begin()) {
      idle.push_back(running);
      switch_to(take_ready());
    } else if (Block* block = block_with_more_threads()) {
      begin_thread(block);
      begin_witness();
      now.body(now.arguments);
      end_witness();
      end_thread();
      if (!is_watched_for_races()) continue;
      retire(running);
      switch_to(!prefers_to_begin()    ? take_ready()
                : has_more_threads()   ? idle_fiber()
                : now.begun.empty()    ? &host
                                       : (fail_stuck(), nullptr));
    } else if (now.begun.empty()) {
      idle.push_back(running);
      switch_to(&host);
    } else {
      fail_stuck();
    }
  }
}

void park() {
  if (!prefers_to_begin())
    switch_to(take_ready());
  else if (has_more_threads())
    switch_to(idle_fiber());
  else
    fail_stuck();
  settle();
}

// The running thread has made many accesses: others have a turn.
void run_out_of_patience() {
  Silence silence;
  waited += last_patience;
  if (waited > MOST_PATIENCE)
    fail("thread (%u, %u, %u) of block (%u, %u, %u) waits for what no thread does",
         threadIdx.x, threadIdx.y, threadIdx.z, blockIdx.x, blockIdx.y, blockIdx.z);
  draw_patience();
  if (ready.empty() && !has_more_threads()) return;
  const bool begins = prefers_to_begin();
  ready.insert(is_shuffled() ? ready.end() : ready.begin(), running);
  Fiber* next = begins ? idle_fiber() : take_ready();
  if (next == running) return;
  switch_to(next);
  settle();
}

void give_way_unseen() { give_way(); }

static const char* refusal(const Request& request, unsigned bound) {
  const unsigned *grid = request.grid, *block = request.block;
  const uint64_t threads = (uint64_t)block[0] * block[1] * block[2];
  for (int axis = 0; axis < 3; axis++)
    if (!grid[axis] || !block[axis]) return "a launch of no threads";
  if (threads > MOST_THREADS || block[0] > 1024 || block[1] > 1024 || block[2] > 64)
    return "more threads a block than 1024 (1024, 1024, 64)";
  if (threads > bound) return "more threads a block than its launch bounds allow";
  if (grid[0] > 0x7fffffffu || grid[1] > 65535 || grid[2] > 65535)
    return "more blocks than (2147483647, 65535, 65535)";
  if (request.dynamic_bytes > request.most_shared)
    return "more dynamic shared memory than a block may have";
  return nullptr;
}

static void prepare(Body body, const uint64_t* arguments, const Request& request) {
  const unsigned *grid = request.grid, *block = request.block;
  now.body = body;
  now.arguments = arguments;
  now.request = request;
  now.threads = block[0] * block[1] * block[2];
  now.blocks = (uint64_t)grid[0] * grid[1] * grid[2];
  now.next_block = request.last_blocks && request.last_blocks < now.blocks && !request.seed
                       ? now.blocks - request.last_blocks : 0;
  now.error[0] = 0;
  gridDim = dim3(grid[0], grid[1], grid[2]);
  blockDim = dim3(block[0], block[1], block[2]);
  now.indices.clear();
  for (unsigned z = 0; z < block[2]; z++)
    for (unsigned y = 0; y < block[1]; y++)
      for (unsigned x = 0; x < block[0]; x++) now.indices.push_back({x, y, z});
  random_state = request.seed * 0x9E3779B97F4A7C15ull + 88172645463325252ull;
  shuffle(now.order, now.blocks);
  waited = 0;
  draw_patience();
}

static void clean_up() {
  give_up_fibers();
  ready.clear();
  for (Block* block : now.begun) {
    give_up_meetings(block);
    spare_blocks.push_back(block);
  }
  now.begun.clear();
}

const char* launch(Body body, const uint64_t* arguments, const Request& request,
                   unsigned bound) {
  if (const char* reason = refusal(request, bound)) return reason;
  Silence silence;
  begin_host();
  prepare(body, arguments, request);
  begin_blocks();
  switch_to(idle_fiber());
  if (now.error[0]) clean_up();
  end_host();
  return now.error[0] ? now.error : nullptr;
}

}  // namespace emulation
