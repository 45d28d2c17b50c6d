// What do threads of a block share? Barriers, meetings of lanes, and shared memory.
#include "runtime.h"

namespace emulation {

static bool differ(const Site& one, const Site& other) {
  return one.line != other.line || (one.file != other.file && strcmp(one.file, other.file) != 0);
}

// Where it is said of what block, for all messages.
#define PLACE "block (%u, %u, %u)"
#define PLACE_OF(block) (block)->index.x, (block)->index.y, (block)->index.z

// Barriers.

unsigned threads_of_block() { return now.threads; }

void open_barrier(Block* block) {
  if (block->live != now.threads) {
    const Site& site = block->waiting ? block->waiting->site : running->site;
    fail("%s:%d: a barrier that %u of %u threads have come to: the others have ended, " PLACE,
         site.file, site.line, block->live, now.threads, PLACE_OF(block));
  }
  block->result = block->count;
  block->arrived = block->count = 0;
  block->turn ^= 1;
  make_ready(block->waiting);
  block->waiting = nullptr;
}

unsigned barrier(bool condition, Site site) {
  Silence silence;
  Block* block = running->block;
  if (block->waiting && differ(site, block->waiting->site))
    fail("%s:%d: a barrier that thread %u has come to while thread %u waits at %s:%d, " PLACE,
         site.file, site.line, running->number, block->waiting->number,
         block->waiting->site.file, block->waiting->site.line, PLACE_OF(block));
  // Two in turn: the first to leave may release the next before all have acquired this one.
  char* turn = &block->turns[block->turn];
  released(turn);
  running->site = site;
  block->count += condition;
  if (++block->arrived == block->live) {
    open_barrier(block);
  } else {
    running->next = block->waiting;
    block->waiting = running;
    park();
  }
  acquired(turn);
  return block->result;
}

static char fences;
void fence() {  // more order than a fence makes, so that none of its uses is taken for a race
  released(&fences);
  acquired(&fences);
  give_way();
}

// Meetings of lanes.

void check_exit(Block* block, unsigned number) {
  for (const Gathering* open = block->warps[number / 32].open; open; open = open->next)
    if (open->mask >> number % 32 & 1)
      fail("%s:%d: a warp operation waits for lane %u, which has ended, " PLACE ", warp %u",
           open->site.file, open->site.line, number % 32, PLACE_OF(block), number / 32);
}

static void check_mask(const Block* block, const Warp& warp, unsigned mask, Site site) {
  if (!(mask >> lane & 1))
    fail("%s:%d: lane %u calls a warp operation of the mask %08x, " PLACE, site.file, site.line,
         lane, mask, PLACE_OF(block));
  if (mask & warp.exited)
    fail("%s:%d: a warp operation of lanes that have ended: %08x, " PLACE ", warp %u", site.file,
         site.line, mask & warp.exited, PLACE_OF(block), running->number / 32);
}

static Gathering* gathering(const Block* block, Warp& warp, unsigned mask, Site site) {
  for (Gathering* open = warp.open; open; open = open->next) {
    if (!(open->mask & mask)) continue;
    if (open->mask != mask || differ(site, open->site))
      fail("%s:%d: lane %u calls a warp operation of the mask %08x while others wait in %s:%d "
           "with the mask %08x, " PLACE, site.file, site.line, lane, mask, open->site.file,
           open->site.line, open->mask, PLACE_OF(block));
    return open;
  }
  Gathering* open = warp.spare;
  if (open)
    warp.spare = open->next;
  else
    open = new Gathering;
  open->mask = mask;
  open->readers = __builtin_popcount(mask);
  open->arrived = open->not_zero = 0;
  open->sum = 0;
  open->site = site;
  open->waiting = nullptr;
  open->next = warp.open;
  warp.open = open;
  return open;
}

static void close(Warp& warp, Gathering* complete) {
  Gathering** link = &warp.open;
  while (*link != complete) link = &(*link)->next;
  *link = complete->next;
  make_ready(complete->waiting);
}

const Meeting& meet(unsigned mask, uint64_t value, Site site) {
  Silence silence;
  Block* block = running->block;
  Warp& warp = block->warps[running->number / 32];
  const unsigned bit = 1u << lane;
  check_mask(block, warp, mask, site);
  Gathering* all = gathering(block, warp, mask & warp.present, site);
  released(all);
  all->arrived |= bit;
  all->values[lane] = value;
  all->sum += value;
  if (value) all->not_zero |= bit;
  if (all->arrived == all->mask) {
    close(warp, all);
  } else {
    running->site = site;
    running->next = all->waiting;
    all->waiting = running;
    park();
  }
  acquired(all);
  if (--all->readers == 0) {  // the caller reads it at once, before anybody can use it again
    all->next = warp.spare;
    warp.spare = all;
  }
  return *all;
}

void give_up_meetings(Block* block) {
  for (Warp& warp : block->warps)
    while (Gathering* open = warp.open) {
      warp.open = open->next;
      open->next = warp.spare;
      warp.spare = open;
    }
}

void fail_stuck() {
  for (const Block* block : now.begun) {
    if (block->waiting)
      fail("%s:%d: a barrier that %u of %u threads have come to, while the others wait elsewhere "
           "for ever, " PLACE, block->waiting->site.file, block->waiting->site.line,
           block->arrived, now.threads, PLACE_OF(block));
    for (const Warp& warp : block->warps)
      if (warp.open)
        fail("%s:%d: a warp operation of the mask %08x that only lanes %08x come to, " PLACE
             ", warp %u", warp.open->site.file, warp.open->site.line, warp.open->mask,
             warp.open->arrived, PLACE_OF(block), (unsigned)(&warp - block->warps));
  }
  fail("threads wait for each other for ever");
}

// Shared memory.

static int variables = DYNAMIC + 1;

// What a block has not written is no zero.
static void* give_place(Block* block, int number, size_t size) {
  Storage& storage = block->storage[number];
  if (storage.size != size || !storage.memory) {
    free(storage.memory);
    // Of its very size, so that ASan knows where it ends.
    if (posix_memalign(reinterpret_cast<void**>(&storage.memory), 32, size)) abort();
    storage.size = size;
  }
  memset(storage.memory, 0xCD, size);
  block->claimed.push_back(number);
  return block->places[number] = storage.memory;
}

static void check_room(const Block* block) {
  size_t statics = 0;
  for (int number : block->claimed)
    if (number != DYNAMIC) statics += block->storage[number].size;
  if (statics > MOST_STATIC) fail("%zu bytes of shared variables, of at most 49152", statics);
  if (statics + now.request.dynamic_bytes > now.request.most_shared)
    fail("%zu bytes of shared memory (%zu static, %zu dynamic), of at most %zu",
         statics + (size_t)now.request.dynamic_bytes, statics,
         (size_t)now.request.dynamic_bytes, (size_t)now.request.most_shared);
}

void* claim_shared(int* number, size_t size) {
  Silence silence;
  if (!*number) {
    if (variables == VARIABLES) fail("more than %d shared variables", VARIABLES - 2);
    *number = variables++;
  }
  Block* block = running->block;
  if (void* place = block->places[*number]) return place;
  void* place = give_place(block, *number, size);
  check_room(block);
  return place;
}

void* dynamic_shared() {
  Block* block = running->block;
  if (void* place = block->places[DYNAMIC]) return place;
  Silence silence;
  if (!now.request.dynamic_bytes) fail("dynamic shared memory, in a launch with none");
  void* place = give_place(block, DYNAMIC, now.request.dynamic_bytes);
  check_room(block);
  return place;
}

void clear_shared(Block* block) {
  for (int number : block->claimed) {
    block->places[number] = nullptr;
    if (!is_watched_for_races()) continue;
    // TSan is to forget who used it: memory anew is memory nobody has used.
    free(block->storage[number].memory);
    block->storage[number].memory = nullptr;
  }
  block->claimed.clear();
}

bool is_shared(const void* address) {
  const char* byte = static_cast<const char*>(address);
  const Block* block = running->block;
  if (!block) return false;
  for (int number : block->claimed) {
    const Storage& storage = block->storage[number];
    if (byte >= storage.memory && byte < storage.memory + storage.size) return true;
  }
  return false;
}

}  // namespace emulation
