// How does one fiber give way to another, and what do sanitizers have to know of it?
//
// ASan needs the bounds of the stack that comes. TSan is told that each thread of CUDA is a thread
// (a "fiber" of TSan's); nothing but barriers, meetings of lanes and fences orders them. It must
// never see two threads on one stack, since it would take that for sharing: there, each thread gets
// a stack that was mapped anew, which makes TSan forget what was on it.
#include "runtime.h"

#if !defined(__x86_64__) || defined(EMULATION_UCONTEXT)
#include <ucontext.h>
#define EMULATION_UCONTEXT 1
#endif

extern "C" {  // there only where the process has the sanitizer
#define WEAK __attribute__((weak))
WEAK void __sanitizer_start_switch_fiber(void** save, const void* bottom, size_t size);
WEAK void __sanitizer_finish_switch_fiber(void* saved, const void** bottom, size_t* size);
WEAK void __asan_unpoison_memory_region(const volatile void* address, size_t size);
WEAK void* __tsan_create_fiber(unsigned flags);
WEAK void __tsan_destroy_fiber(void* fiber);
WEAK void __tsan_switch_to_fiber(void* fiber, unsigned flags);
WEAK void* __tsan_get_current_fiber();
WEAK void __tsan_acquire(void* address);
WEAK void __tsan_release(void* address);
WEAK void AnnotateIgnoreReadsBegin(const char* file, int line);
WEAK void AnnotateIgnoreReadsEnd(const char* file, int line);
WEAK void AnnotateIgnoreWritesBegin(const char* file, int line);
WEAK void AnnotateIgnoreWritesEnd(const char* file, int line);
}

namespace emulation {

Fiber host;
Fiber* running = &host;
std::vector<Fiber*> idle;
static std::vector<Fiber*> all, retired;
static const void* host_bottom;
static size_t host_size;

static constexpr size_t PAGE = 4096;
static constexpr unsigned WITHOUT_ORDER = 1;  // switching does not make one happen before the other

bool is_watched_for_races() { return __tsan_create_fiber != nullptr; }
static bool is_watched_for_bounds() { return __sanitizer_start_switch_fiber != nullptr; }

void released(void* by) {
  if (__tsan_release) __tsan_release(by);
}
void acquired(void* by) {
  if (__tsan_acquire) __tsan_acquire(by);
}
Silence::Silence() {
  if (!AnnotateIgnoreReadsBegin) return;
  AnnotateIgnoreReadsBegin("", 0);
  AnnotateIgnoreWritesBegin("", 0);
}
Silence::~Silence() {
  if (!AnnotateIgnoreReadsBegin) return;
  AnnotateIgnoreWritesEnd("", 0);
  AnnotateIgnoreReadsEnd("", 0);
}

// Sanitizers make frames larger.
static size_t stack_size() { return is_watched_for_bounds() ? 1 << 18 : 1 << 16; }

static void* host_witness;

// The host's own witness is there between two threads; it made all others, and nothing more.
void begin_witness() {
  if (!is_watched_for_races()) return;
  running->witness = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(running->witness, WITHOUT_ORDER);
}
static char end_of_threads;
void end_witness() {
  if (!is_watched_for_races()) return;
  released(&end_of_threads);
  __tsan_switch_to_fiber(host_witness, WITHOUT_ORDER);
  __tsan_destroy_fiber(running->witness);
  running->witness = nullptr;
}

static void arrive() {
  if (!__sanitizer_finish_switch_fiber) return;
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(running->fake_stack, &bottom, &size);
  if (!host_bottom && running != &host) {  // the first fiber ever came from the host
    host_bottom = bottom;
    host_size = size;
  }
}

#if defined(EMULATION_UCONTEXT)
static void exchange_stacks(Fiber* from, Fiber* to) {
  if (!from->top) from->top = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from->top), static_cast<ucontext_t*>(to->top));
}
#else
extern "C" void emulation_exchange_stacks(void** top, void* next);
// What a called function must leave as it was is on the stack; the rest the caller has saved.
asm(R"(
.text
.hidden emulation_exchange_stacks
.globl emulation_exchange_stacks
.type emulation_exchange_stacks,@function
emulation_exchange_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulation_exchange_stacks,.-emulation_exchange_stacks
)");
static inline void exchange_stacks(Fiber* from, Fiber* to) {
  emulation_exchange_stacks(&from->top, to->top);
}
#endif

void switch_to(Fiber* next) {
  Fiber* previous = running;
  if (is_watched_for_bounds())
    __sanitizer_start_switch_fiber(&previous->fake_stack, next->stack ? next->stack : host_bottom,
                                   next->stack ? stack_size() : host_size);
  running = next;
  if (is_watched_for_races())
    __tsan_switch_to_fiber(next->witness ? next->witness : host_witness, WITHOUT_ORDER);
  exchange_stacks(previous, next);
  arrive();
}

static void enter() {
  arrive();
  work();
  abort();
}

// Stacks one after the other would all have their hot ends in the same few sets of the caches:
// they are an odd number of pages apart, and begin at different lines of their page.
static void begin_stack(Fiber* fiber) {
  const size_t size = stack_size();
  const size_t shift = (fiber->serial * 5 % 32) * 128;
  if (!fiber->stack) {
    char* memory = static_cast<char*>(mmap(nullptr, size + PAGE, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED) abort();
    mprotect(memory, PAGE, PROT_NONE);  // a stack that overflows ends the process, and no other
    fiber->stack = memory + PAGE;
  } else if (is_watched_for_races()) {
    Silence silence;
    mmap(fiber->stack, size, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  } else if (__asan_unpoison_memory_region) {
    __asan_unpoison_memory_region(fiber->stack, size);
  }
#if defined(EMULATION_UCONTEXT)
  if (!fiber->top) fiber->top = new ucontext_t;
  ucontext_t* context = static_cast<ucontext_t*>(fiber->top);
  getcontext(context);
  context->uc_stack.ss_sp = fiber->stack;
  context->uc_stack.ss_size = size - shift;
  context->uc_link = nullptr;
  makecontext(context, enter, 0);
#else
  uintptr_t end = (reinterpret_cast<uintptr_t>(fiber->stack) + size - shift) & ~(uintptr_t)15;
  void** top = reinterpret_cast<void**>(end);
  *--top = nullptr;  // where enter would return to: it never does
  *--top = reinterpret_cast<void*>(enter);
  for (int kept = 0; kept < 6; kept++) *--top = nullptr;
  fiber->top = top;
#endif
  fiber->block = nullptr;
  fiber->fake_stack = nullptr;
}

// One that would take the next thread: suspended in its loop, or a new one.
Fiber* idle_fiber() {
  Fiber* fiber;
  if (!idle.empty()) {
    fiber = idle.back();
    idle.pop_back();
    return fiber;
  }
  size_t last = retired.size();
  if (last && retired[last - 1] == running) last--;  // it has yet to leave its stack
  if (last) {
    fiber = retired[last - 1];
    retired.erase(retired.begin() + (last - 1));
  } else {
    fiber = new Fiber;
    fiber->serial = all.size();
    all.push_back(fiber);
  }
  begin_stack(fiber);
  return fiber;
}

void retire(Fiber* fiber) { retired.push_back(fiber); }

void give_up_fibers() {
  idle.clear();
  // TSan ends the process if it is to forget a thread in the midst of a Silence: it keeps them.
  for (Fiber* fiber : all) fiber->witness = nullptr;
  retired = all;
}

static size_t stacks() {
  size_t count = 0;
  for (const Fiber* fiber : all) count += fiber->stack != nullptr;
  return count;
}

static void give_back_stacks() {
  if (is_watched_for_bounds() || is_watched_for_races()) return;  // they remember what was there
  give_up_fibers();
  for (Fiber* fiber : all) {
    if (fiber->stack) munmap(fiber->stack - PAGE, stack_size() + PAGE);
    fiber->stack = nullptr;
  }
}

void begin_host() {
  if (__tsan_get_current_fiber) host_witness = __tsan_get_current_fiber();
  host_bottom = nullptr;  // another thread may launch this time
  running = &host;
}
void end_host() { acquired(&end_of_threads); }

}  // namespace emulation

// What module.py calls between launches.
extern "C" __attribute__((visibility("default"))) size_t emulation_stacks() {
  return emulation::stacks();
}
extern "C" __attribute__((visibility("default"))) void emulation_give_back_stacks() {
  emulation::give_back_stacks();
}
