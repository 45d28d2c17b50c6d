"""The mock machine: its GPUs and their queues. All calls of the mock end here.

The environment describes the machine:

DOUBLE_GPUS            number of GPUs (2)
DOUBLE_GPU_MEMORY      bytes of each (256 MiB)
DOUBLE_CAPABILITY      compute capability of each, such as 6.1,9.0; the last is that of the others
                       (9.0)
DOUBLE_PINNED_LIMIT    maximum number of pinned bytes (no limit)
DOUBLE_PEER            0: GPUs cannot access each other's memory
DOUBLE_CHECK_ORDER     0: a missing event is no error, and has its real consequences
CUDA_VISIBLE_DEVICES   the GPUs visible to this process, in order: numbers, or names of NVML
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from types import TracebackType
from typing import NamedTuple

from cupy._blocks import Range, Space
from cupy._errors import (
    ILLEGAL_ADDRESS,
    INVALID_DEVICE,
    INVALID_HANDLE,
    NO_DEVICE,
    OUT_OF_MEMORY,
    CUDARuntimeError,
)
from cupy._queues import Queue, Work, complete, drain
from cupy.testing_double import (
    StreamOrderError,
    counters,
    keep_unseen,
    lifetime,
    order_is_checked,
    raise_unseen,
)

_LEGACY_STREAM = 1


def name_of(physical: int) -> str:
    """NVML's name of a GPU."""
    return f"GPU-{physical:08d}-0000-0000-0000-000000000000"


def visible_gpus() -> list[int]:
    """Numbers of the GPUs visible to this process; as in CUDA, up to the first missing one."""
    there = range(int(os.environ.get("DOUBLE_GPUS", "2")))
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is None:
        return list(there)
    names = {name_of(each): each for each in there} | {str(each): each for each in there}
    found: list[int] = []
    for each in said.split(","):
        if each.strip() not in names:
            break
        found.append(names[each.strip()])
    return found


def _capability(physical: int) -> tuple[int, int]:
    """The compute capability of a GPU."""
    said = os.environ.get("DOUBLE_CAPABILITY", "9.0").split(",")
    major, minor = said[min(physical, len(said) - 1)].split(".")
    return int(major), int(minor)


class Turn:
    """Admits one thread at a time; actions not allowed inside are postponed until it leaves.

    The interpreter may release memory at any time, also while a thread is inside.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._later: deque[Callable[[], None]] = deque()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._depth == 1:
                self.settle()
        finally:
            self._depth -= 1
            self._lock.release()

    def later(self, act: Callable[[], None]) -> None:
        """Runs a function as soon as no thread is inside."""
        self._later.append(act)
        with self:
            pass

    def settle(self) -> None:
        """Runs postponed functions now; their errors are raised later."""
        while self._later:
            try:
                self._later.popleft()()
            except Exception as error:
                keep_unseen(error)


class Gpu:
    """One GPU.

    ordinal   its number in this process
    physical  its number in the machine
    total     bytes of its memory
    version   compute capability: major and minor number
    used      bytes allocated
    peers     devices whose memory it was enabled to access
    has_context  whether this process uses it: since CUDA 12 also once it was made current
    """

    def __init__(
        self, ordinal: int, physical: int, total: int, version: tuple[int, int] = (9, 0)
    ) -> None:
        self.ordinal = ordinal
        self.physical = physical
        self.total = total
        self.version = version
        self.used = 0
        self.has_context = False
        self.peers: set[int] = set()
        self.null = Queue(ordinal, 0, is_blocking=False)
        self.queues = [self.null]


class Mark(NamedTuple):
    """A point of a queue: the work that ends there, and its predecessors."""

    work: Work
    clock: dict[Queue, int]


class Machine:
    """All GPUs of this process."""

    def __init__(self) -> None:
        total = int(os.environ.get("DOUBLE_GPU_MEMORY", str(256 << 20)))
        self.gpus = [
            Gpu(i, physical, total, _capability(physical))
            for i, physical in enumerate(visible_gpus())
        ]
        self.can_reach_peers = os.environ.get("DOUBLE_PEER", "1") != "0"
        self.turn = Turn()
        self.space = Space()
        self._queues: dict[int, Queue] = {}
        self._pointers = count(0x10000, 0x100)
        self._of_thread = threading.local()

    @property
    def current(self) -> int:
        """The current device of this thread."""
        return int(getattr(self._of_thread, "ordinal", 0))

    def use(self, ordinal: int) -> None:
        """Sets this thread's device. Raises CUDARuntimeError if it does not exist."""
        self.gpu(ordinal).has_context = True
        self._of_thread.ordinal = ordinal

    @property
    def uses_device(self) -> bool:
        """Whether this thread has a current context."""
        return hasattr(self._of_thread, "ordinal")

    def begin(self) -> None:
        """Makes the context of the current device, as whatever needs one does."""
        self.use(self.current)

    def gpu(self, ordinal: int | None = None) -> Gpu:
        """A device, by default the current one. Raises CUDARuntimeError."""
        wanted = self.current if ordinal is None else ordinal
        if not self.gpus:
            raise CUDARuntimeError(NO_DEVICE)
        if not 0 <= wanted < len(self.gpus):
            raise CUDARuntimeError(INVALID_DEVICE)
        return self.gpus[wanted]

    def reserve(self, gpu: Gpu, size: int) -> None:
        """Allocates memory of a device. Raises CUDARuntimeError if it has too little."""
        if gpu.used + size > gpu.total:
            raise CUDARuntimeError(OUT_OF_MEMORY)
        gpu.used += size

    def open_queue(self, is_blocking: bool) -> Queue:
        """Creates a stream on the current device."""
        self.begin()
        gpu = self.gpu()
        queue = Queue(gpu.ordinal, next(self._pointers), is_blocking)
        gpu.queues.append(queue)
        self._queues[queue.pointer] = queue
        return queue

    def close_queue(self, pointer: int) -> None:
        """Closes a stream; queued work still runs."""
        queue = self._queues.pop(pointer, None)
        if queue is not None and queue.last is None:
            self.gpus[queue.ordinal].queues.remove(queue)

    def queue(self, pointer: int) -> Queue:
        """The stream of that number. Raises CUDARuntimeError if there is none."""
        if pointer in (0, _LEGACY_STREAM):
            return self.gpu().null
        try:
            return self._queues[pointer]
        except KeyError:
            raise CUDARuntimeError(INVALID_HANDLE) from None

    def issue(
        self,
        queue: Queue,
        what: str,
        run: Callable[[], None],
        used: Iterable[Range] = (),
        after: Iterable[Work] = (),
    ) -> Work:
        """Queues work that uses some bytes. Raises StreamOrderError if an event is missing."""
        raise_unseen()
        self._fail_if_lost()
        ranges = [each for each in used if each.size]
        implied = self._implied(queue)
        met = self.space.first_conflict(ranges, queue)
        if met is not None and order_is_checked():
            raise StreamOrderError(_meeting(what, queue, *met))
        work = queue.issue(what, run, (*implied, *after))
        for each in ranges:
            self.space.block_at(each.address, each.size).note(each, work)
        return work

    def mark(self, queue: Queue, what: str, run: Callable[[], None]) -> Mark:
        """The point after all queued work."""
        work = self.issue(queue, what, run)
        return Mark(work, dict(queue.clock()))

    def follow(self, queue: Queue, mark: Mark) -> None:
        """Orders all work queued from now on after a point of another queue."""
        queue.follow(mark.clock)
        self.issue(queue, "waiting for an event", lambda: None, after=[mark.work])

    def _fail_if_lost(self) -> None:
        """Raises a sticky error, once the work until which a test lets devices live is queued."""
        if lifetime.is_over():
            raise CUDARuntimeError(ILLEGAL_ADDRESS)

    def wait(self, work: Work | None) -> None:
        """Blocks the host until some work has run."""
        counters.synchronizations += 1
        raise_unseen()
        self._fail_if_lost()
        if work is not None:
            complete(work)

    def wait_for_device(self, gpu: Gpu) -> None:
        """Blocks the host until all work of a device has run."""
        counters.synchronizations += 1
        raise_unseen()
        self.drain(gpu)

    def drain(self, gpu: Gpu) -> None:
        """Runs all work of a device."""
        for queue in list(gpu.queues):
            drain(queue)
        gpu.queues = [
            each for each in gpu.queues if each is gpu.null or each.pointer in self._queues
        ]

    def free(
        self, address: int, size: int, queue: Queue | None, is_in_any_order: bool = False
    ) -> None:
        """Frees some bytes; see ``Block.free``."""
        block = self.space.holder(address, size)
        if block is None:
            return
        met = block.free(address, size, queue, is_in_any_order)
        # Nothing runs any more on a device that was lost, and no event of it can be waited for.
        if met is not None and order_is_checked() and not lifetime.has_ended:
            again = f"on {queue}" if queue else "by the host"
            keep_unseen(
                StreamOrderError(
                    f"{size} bytes at {address:#x} were freed, to be used again {again}, while "
                    f"{met.what} on {met.queue} may still be using them"
                )
            )

    def _implied(self, queue: Queue) -> list[Work]:
        """Work that precedes the next because of the implicit order with the null stream."""
        gpu = self.gpus[queue.ordinal]
        if queue is gpu.null:
            others = [each for each in gpu.queues if each.is_blocking]
        else:
            others = [gpu.null] if queue.is_blocking else []
        for each in others:
            queue.follow(each.clock())
        return [each.last for each in others if each.last is not None]


def _meeting(what: str, queue: Queue, used: Range, other: Work) -> str:
    use = "writes" if used.is_written else "reads"
    return (
        f"{what} on {queue} {use} {used.size} bytes at {used.address:#x} that {other.what} on "
        f"{other.queue} may still be using: no event makes the one wait for the other"
    )


machine = Machine()
