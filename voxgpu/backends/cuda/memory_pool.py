"""The memory of arrays on a device, in blocks that are used again.

A block comes back by itself when the last array in it is gone, while kernels that use it may still
be queued. All work of the run is queued on one stream, so that whoever computes with the block next
does so after them. Copies run on streams of their own: a block that is to be filled by one of these
carries an event, after which nobody looks at what was in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voxgpu.byte_sizes import memory_text

#: Sizes are rounded up to this, as CuPy's pool does.
ALIGNMENT = 512


class OutOfDeviceMemory(MemoryError):
    """The device has too little memory, even after evicting everything."""


@dataclass(eq=False, slots=True)
class Block:
    """Memory of a device.

    pointer   CuPy's
    free      an event after which nobody uses what was in it; None: nobody has used it
    arrival   an event after which a copy into it is over; None: nothing is copied into it
    """

    pointer: Any
    size: int
    free: Any = None
    arrival: Any = None


class _Owner:
    """Returns a block to the pool when nothing refers to it any more."""

    __slots__ = ("_returned", "block")

    def __init__(self, block: Block, returned: deque[Block]) -> None:
        self.block = block
        self._returned = returned

    def __del__(self) -> None:
        # Any thread may be here, at any time; a deque takes that.
        self._returned.append(self.block)


class DeviceMemory:
    """The memory of one device, for one thread that queues work.

    api      CuPy
    budget   bytes that may be taken
    stream   on which all work is queued
    """

    def __init__(self, api: Any, ordinal: int, budget: int, stream: Any) -> None:
        self._api = api
        self._ordinal = ordinal
        self._stream = stream
        # Without a limit of its own: at a limit it looks for garbage before every refusal.
        self._pool = api.cuda.MemoryPool()
        self._idle: dict[int, list[Block]] = {}
        self._returned: deque[Block] = deque()
        #: All blocks: what only garbage refers to would be collected together with its owner.
        self._blocks: set[Block] = set()
        self.budget = budget
        #: Callbacks that free the given number of bytes, tried in order; each returns whether it
        #: did.
        self.on_memory_pressure: list[Callable[[int], bool]] = []
        #: How often memory was used again.
        self.reused = 0

    @property
    def used(self) -> int:
        """Bytes that arrays take."""
        self._reap()
        idle = sum(size * len(blocks) for size, blocks in self._idle.items())
        return int(self._pool.used_bytes()) - idle

    def array(self, shape: tuple[int, ...], dtype: Any, size: int) -> tuple[Any, Block]:
        """Returns an uninitialized array of ``size`` bytes, and the block that contains it.

        Raises OutOfDeviceMemory.
        """
        block = self._taken(max(1, -(-size // ALIGNMENT)) * ALIGNMENT)
        owner = _Owner(block, self._returned)
        cuda = self._api.cuda
        place = cuda.UnownedMemory(block.pointer.ptr, block.size, owner, self._ordinal)
        return self._api.ndarray(shape, dtype, memptr=cuda.MemoryPointer(place, 0)), block

    def release(self) -> None:
        """Returns idle memory to the system."""
        self._reap()
        idle = {block for blocks in self._idle.values() for block in blocks}
        self._blocks -= idle
        self._idle.clear()
        idle.clear()
        self._pool.free_all_blocks()

    def _taken(self, size: int) -> Block:
        self._reap()
        blocks = self._idle.get(size)
        if blocks:
            self.reused += 1
            return blocks.pop()
        # What is idle goes first, then what is kept for later, then what will be needed.
        callbacks = deque(self.on_memory_pressure)
        block = self._fresh(size)
        may_retry = True
        while block is None and may_retry:
            self.release()
            block = self._fresh(size)
            may_retry = block is None and self._freed_some(size, callbacks)
        if block is None:
            raise OutOfDeviceMemory(self._shortage(size))
        return block

    def _freed_some(self, size: int, callbacks: deque[Callable[[int], bool]]) -> bool:
        while callbacks:
            if callbacks[0](size):
                return True
            callbacks.popleft()
        return False

    def _fresh(self, size: int) -> Block | None:
        """Allocates memory from the pool; None if it has none."""
        before = self._pool.total_bytes()
        if before + size > self.budget:
            return None
        try:
            with self._stream:
                pointer = self._pool.malloc(size)
        except self._api.cuda.memory.OutOfMemoryError:
            return None
        block = Block(pointer, size)
        self._blocks.add(block)
        if self._pool.total_bytes() == before:
            block.free = self._stream.record()
        return block

    def _reap(self) -> None:
        """Takes back blocks that nothing refers to."""
        event = None
        while self._returned:
            block = self._returned.popleft()
            if block.arrival is not None:
                self._stream.wait_event(block.arrival)
                block.arrival = None
                event = None
            event = event or self._stream.record()
            block.free = event
            self._idle.setdefault(block.size, []).append(block)

    def _shortage(self, size: int) -> str:
        free = self.budget - self.used
        return (
            f"{memory_text(size)} are needed on the device, and of the "
            f"{memory_text(self.budget)} that may be taken {memory_text(max(0, free))} are left"
        )
