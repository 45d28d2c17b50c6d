"""A memory pool: it reuses the smallest fitting chunk that the same stream freed.

Chunks that are too large are split, and adjacent free chunks are joined. Memory freed on one stream
is not given to another: work that still uses it is queued on the first. Only if the device is out
of memory, or the pool has reached its limit, is idle memory returned to the device.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from cupy._blocks import ALIGNMENT
from cupy._errors import OUT_OF_MEMORY, CUDARuntimeError, OutOfMemoryError
from cupy._machine import machine
from cupy._queues import Queue
from cupy.testing_double import allocation_fails, counters

if TYPE_CHECKING:
    from cupy.cuda.memory import BaseMemory, MemoryPointer


class Chunk:
    """A part of memory that was allocated from the device at once.

    queue             the stream for which it was allocated
    previous, following   its neighbors in the same allocation
    """

    def __init__(self, memory: BaseMemory, address: int, size: int, queue: Queue) -> None:
        self.memory = memory
        self.address = address
        self.size = size
        self.queue = queue
        self.previous: Chunk | None = None
        self.following: Chunk | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is a complete allocation."""
        return self.previous is None and self.following is None

    def split(self, size: int) -> Chunk | None:
        """Keeps its first bytes; returns the rest as another chunk, if there is any."""
        if self.size == size:
            return None
        rest = Chunk(self.memory, self.address + size, self.size - size, self.queue)
        rest.previous, rest.following = self, self.following
        if self.following is not None:
            self.following.previous = rest
        self.following = rest
        self.size = size
        return rest

    def join_following(self) -> None:
        """Joins the following chunk."""
        other = self.following
        assert other is not None
        self.size += other.size
        self.following = other.following
        if other.following is not None:
            other.following.previous = self


class DevicePool:
    """The pool of one device.

    used   bytes in use
    total  bytes allocated from the device
    limit  of the total; 0: none
    """

    def __init__(self, ordinal: int, allocator: Callable[[int], MemoryPointer]) -> None:
        self._ordinal = ordinal
        self._allocator = allocator
        self._idle: dict[int, set[Chunk]] = {}
        self.used = self.total = self.limit = 0

    @property
    def idle_count(self) -> int:
        """The number of unused chunks."""
        return sum(map(len, self._idle.values()))

    def take(self, size: int, queue: Queue) -> Chunk:
        """Allocates memory for work of a stream. Raises OutOfMemoryError."""
        rounded = -(-size // ALIGNMENT) * ALIGNMENT
        if allocation_fails():
            raise OutOfMemoryError(rounded, self.total, self.limit)
        chunk = self._reused(rounded, queue)
        if chunk is None:
            memory = self._taken(rounded)
            chunk = Chunk(memory, memory.ptr, rounded, queue)
        self.used += chunk.size
        counters.given_out(self._ordinal, chunk.size)
        return chunk

    def put(self, chunk: Chunk) -> None:
        """Marks a chunk as free."""
        self.used -= chunk.size
        counters.given_out(self._ordinal, -chunk.size)
        machine.free(chunk.address, chunk.size, chunk.queue)
        idle = self._idle.setdefault(chunk.queue.pointer, set())
        if chunk.following in idle:
            idle.remove(chunk.following)
            chunk.join_following()
        if chunk.previous is not None and chunk.previous in idle:
            chunk = chunk.previous
            idle.remove(chunk)
            chunk.join_following()
        idle.add(chunk)

    def give_back(self, pointer: int | None = None) -> None:
        """Returns unused complete allocations to the device; those of one stream, or all."""
        # Release objects that the caller has just dropped first.
        machine.turn.settle()
        for each in [pointer] if pointer is not None else list(self._idle):
            idle = self._idle.get(each, set())
            whole = [chunk for chunk in idle if chunk.is_whole]
            idle.difference_update(whole)
            self.total -= sum(chunk.size for chunk in whole)
            del whole
        machine.turn.settle()

    def _reused(self, size: int, queue: Queue) -> Chunk | None:
        idle = self._idle.get(queue.pointer, set())
        fitting = min(
            (chunk for chunk in idle if chunk.size >= size),
            key=lambda chunk: (chunk.size, chunk.address),
            default=None,
        )
        if fitting is not None:
            idle.remove(fitting)
            rest = fitting.split(size)
            if rest is not None:
                idle.add(rest)
        return fitting

    def _taken(self, size: int) -> BaseMemory:
        """Memory from the device, if necessary after idle memory has been returned to it."""
        callbacks: list[Callable[[], None]] = [machine.turn.settle, self.give_back, self._collect]
        for free_memory in callbacks:
            free_memory()
            if self.limit and self.total + size > self.limit:
                continue
            try:
                memory = self._allocator(size).mem
            except CUDARuntimeError as error:
                if error.status != OUT_OF_MEMORY:
                    raise
                continue
            self.total += size
            return memory
        raise OutOfMemoryError(size, self.total, self.limit)

    def _collect(self) -> None:
        gc.collect()
        self.give_back()
