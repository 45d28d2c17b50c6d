"""Which GPUs are there, and what is queued for them? All calls of the double end here.

The environment says what the machine is:

DOUBLE_GPUS            how many GPUs it has (2)
DOUBLE_GPU_MEMORY      bytes of each (256 MiB)
DOUBLE_PINNED_LIMIT    bytes that may be pinned at most (no limit)
DOUBLE_PEER            0: GPUs cannot reach each other's memory
DOUBLE_CHECK_ORDER     0: a missing event is no error, and just has its consequences
CUDA_VISIBLE_DEVICES   which GPUs this process sees, in which order: numbers, or names of NVML
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
from cupy._errors import INVALID_DEVICE, INVALID_HANDLE, NO_DEVICE, OUT_OF_MEMORY, CUDARuntimeError
from cupy._queues import Queue, Work, complete, drain
from cupy.testing_double import (
    StreamOrderError,
    counters,
    keep_unseen,
    order_is_checked,
    raise_unseen,
)

_LEGACY_STREAM = 1


def name_of(physical: int) -> str:
    """What NVML calls a GPU."""
    return f"GPU-{physical:08d}-0000-0000-0000-000000000000"


def visible_gpus() -> list[int]:
    """Numbers of the GPUs this process sees; as CUDA does, up to the first that is not there."""
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


class Turn:
    """Lets one thread in at a time; what must not happen inside happens when it leaves.

    Memory is given back whenever the interpreter pleases, also while a thread is inside.
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
        """Does something as soon as nobody is inside."""
        self._later.append(act)
        with self:
            pass

    def settle(self) -> None:
        """Does what waits, now; what goes wrong in that is raised later."""
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
    used      bytes of it that were taken
    peers     devices whose memory it was told to reach
    """

    def __init__(self, ordinal: int, physical: int, total: int) -> None:
        self.ordinal = ordinal
        self.physical = physical
        self.total = total
        self.used = 0
        self.peers: set[int] = set()
        self.null = Queue(ordinal, 0, is_blocking=False)
        self.queues = [self.null]


class Mark(NamedTuple):
    """A point of a queue: the work that ends there, and what comes before."""

    work: Work
    clock: dict[Queue, int]


class Machine:
    """All GPUs of this process."""

    def __init__(self) -> None:
        total = int(os.environ.get("DOUBLE_GPU_MEMORY", str(256 << 20)))
        self.gpus = [Gpu(i, physical, total) for i, physical in enumerate(visible_gpus())]
        self.can_reach_peers = os.environ.get("DOUBLE_PEER", "1") != "0"
        self.turn = Turn()
        self.space = Space()
        self._queues: dict[int, Queue] = {}
        self._pointers = count(0x10000, 0x100)
        self._of_thread = threading.local()

    @property
    def current(self) -> int:
        """The device that this thread uses."""
        return int(getattr(self._of_thread, "ordinal", 0))

    def use(self, ordinal: int) -> None:
        """This thread uses a device from now on. Raises CUDARuntimeError where it is not there."""
        self.gpu(ordinal)
        self._of_thread.ordinal = ordinal

    def gpu(self, ordinal: int | None = None) -> Gpu:
        """A device; the one in use where nothing is said. Raises CUDARuntimeError."""
        wanted = self.current if ordinal is None else ordinal
        if not self.gpus:
            raise CUDARuntimeError(NO_DEVICE)
        if not 0 <= wanted < len(self.gpus):
            raise CUDARuntimeError(INVALID_DEVICE)
        return self.gpus[wanted]

    def reserve(self, gpu: Gpu, size: int) -> None:
        """Memory of a device is taken. Raises CUDARuntimeError where it does not have as much."""
        if gpu.used + size > gpu.total:
            raise CUDARuntimeError(OUT_OF_MEMORY)
        gpu.used += size

    def open_queue(self, is_blocking: bool) -> Queue:
        """A new stream of the device in use."""
        gpu = self.gpu()
        queue = Queue(gpu.ordinal, next(self._pointers), is_blocking)
        gpu.queues.append(queue)
        self._queues[queue.pointer] = queue
        return queue

    def close_queue(self, pointer: int) -> None:
        """Nothing is queued there any more; what was queued still runs."""
        queue = self._queues.pop(pointer, None)
        if queue is not None and queue.last is None:
            self.gpus[queue.ordinal].queues.remove(queue)

    def queue(self, pointer: int) -> Queue:
        """The stream of that number. Raises CUDARuntimeError where there is none."""
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
        """Queues work that uses some bytes. Raises StreamOrderError where an event is missing."""
        raise_unseen()
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
        """The point behind all that is queued."""
        work = self.issue(queue, what, run)
        return Mark(work, dict(queue.clock()))

    def follow(self, queue: Queue, mark: Mark) -> None:
        """All that is queued from now on comes after a point of another queue."""
        queue.follow(mark.clock)
        self.issue(queue, "waiting for an event", lambda: None, after=[mark.work])

    def wait(self, work: Work | None) -> None:
        """The host waits until some work ran."""
        counters.synchronizations += 1
        raise_unseen()
        if work is not None:
            complete(work)

    def wait_for_device(self, gpu: Gpu) -> None:
        """The host waits until all work of a device ran."""
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
        """Nobody needs some bytes any more; see ``Block.free``."""
        block = self.space.holder(address, size)
        if block is None:
            return
        met = block.free(address, size, queue, is_in_any_order)
        if met is not None and order_is_checked():
            again = f"on {queue}" if queue else "by the host"
            keep_unseen(
                StreamOrderError(
                    f"{size} bytes at {address:#x} were freed, to be used again {again}, while "
                    f"{met.what} on {met.queue} may still be using them"
                )
            )

    def _implied(self, queue: Queue) -> list[Work]:
        """Work that comes before what is queued next because the null stream is one of the two."""
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
