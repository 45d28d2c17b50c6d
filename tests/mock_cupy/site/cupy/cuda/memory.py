"""Device memory as users see it: pointers into blocks, and their owners."""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from cupy import _copies
from cupy._blocks import Block, ordinal_at
from cupy._errors import (
    ILLEGAL_ADDRESS,
    INVALID_VALUE,
    CUDARuntimeError,
    OutOfMemoryError,
    explained,
)
from cupy._machine import machine
from cupy.cuda import _pool
from cupy.cuda.device import Device
from cupy.cuda.stream import Stream, queue_of
from cupy.testing_double import counters

__all__ = [
    "BaseMemory",
    "Memory",
    "MemoryPointer",
    "MemoryPool",
    "OutOfMemoryError",
    "UnownedMemory",
    "alloc",
    "get_allocator",
    "set_allocator",
]


class BaseMemory:
    """Some bytes of a device."""

    ptr: int
    size: int
    device_id: int

    def __int__(self) -> int:
        return self.ptr

    @property
    def device(self) -> Device:
        return Device(self.device_id)


class Memory(BaseMemory):
    """Memory allocated on the current device. Raises CUDARuntimeError if it has too little."""

    def __init__(self, size: int) -> None:
        self.ptr = 0
        self.size = size
        self.device_id = machine.current
        self._block: Block | None = None
        if size > 0:
            with machine.turn:
                machine.begin()
                gpu = machine.gpu()
                machine.reserve(gpu, size)
                self._block = machine.space.take(gpu.ordinal, size)
                counters.device_allocations += 1
            self.ptr = self._block.address

    def __del__(self) -> None:
        block = getattr(self, "_block", None)
        if block is not None:
            ordinal = self.device_id
            machine.turn.later(lambda: _given_back(ordinal, block))


class UnownedMemory(BaseMemory):
    """Memory that somebody else frees.

    owner  keeps it alive. If nothing else references the owner, the bytes belong to it alone,
           and end with it: they are poisoned, like freed ones
    """

    #: The number of instances per owner, by which the mock detects the last one.
    _owned: ClassVar[Counter[int]] = Counter()

    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        if device_id < 0:
            if not ptr:
                raise RuntimeError("UnownedMemory requires explicit device ID for a null pointer.")
            holder = ordinal_at(ptr)
            if holder is None:
                raise explained(CUDARuntimeError(INVALID_VALUE), "the pointer is none of a device")
            device_id = holder
        self.ptr = ptr
        self.size = size
        self.device_id = device_id
        self._owner = owner
        with machine.turn:
            UnownedMemory._owned[id(owner)] += 1

    def __del__(self) -> None:
        if not hasattr(self, "_owner"):
            return
        owned, owner = UnownedMemory._owned, id(self._owner)
        with machine.turn:
            owned[owner] -= 1
            if owned[owner]:
                return
            del owned[owner]
        # Two references: the attribute, and the argument of the function.
        if sys.getrefcount(self._owner) <= 2 and self.size:
            address, size = self.ptr, self.size
            machine.turn.later(lambda: machine.free(address, size, None, is_in_any_order=True))


class MemoryPointer:
    """A position in some memory, which it keeps alive."""

    def __init__(self, mem: BaseMemory, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset
        self.device_id = mem.device_id

    def __int__(self) -> int:
        return self.ptr

    def __repr__(self) -> str:
        return f"<MemoryPointer {self.ptr:#x} device={self.device_id} mem={self.mem!r}>"

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)

    def __sub__(self, offset: int) -> MemoryPointer:
        return self + -offset

    @property
    def device(self) -> Device:
        return Device(self.device_id)

    def copy_from_device_async(
        self, src: MemoryPointer, size: int, stream: Stream | None = None
    ) -> None:
        """Queues a copy from a device, this one or another."""
        self._copy(self.ptr, src.ptr, size, _copies.ANY, stream)

    def copy_from_host_async(
        self, mem: int | ctypes.c_void_p, size: int, stream: Stream | None = None
    ) -> None:
        """Queues a copy from an address of the host."""
        self._copy(self.ptr, _address(mem), size, _copies.HOST_TO_DEVICE, stream)

    def copy_to_host_async(
        self, mem: int | ctypes.c_void_p, size: int, stream: Stream | None = None
    ) -> None:
        """Queues a copy to an address of the host."""
        self._copy(_address(mem), self.ptr, size, _copies.DEVICE_TO_HOST, stream)

    def memset_async(self, value: int, size: int, stream: Stream | None = None) -> None:
        """Queues setting all bytes to one value."""
        with machine.turn:
            _copies.fill(self.ptr, value, size, queue_of(stream))

    @staticmethod
    def _copy(target: int, source: int, size: int, kind: int, stream: Stream | None) -> None:
        with machine.turn:
            _copies.copy(target, source, size, kind, queue_of(stream))


class MemoryPool:
    """A cache of memory of all devices for later requests.

    allocator  its source of new memory; None: the device
    """

    def __init__(self, allocator: Callable[[int], MemoryPointer] | None = None) -> None:
        self._allocator = allocator or _malloc
        self._pools: dict[int, _pool.DevicePool] = {}

    def malloc(self, size: int) -> MemoryPointer:
        """Memory of the current device, for the current stream. Raises OutOfMemoryError."""
        with machine.turn:
            pool = self._of_device()
            if not size:
                return MemoryPointer(Memory(0), 0)
            chunk = pool.take(size, queue_of(None))
            return MemoryPointer(PooledMemory(chunk, pool), 0)

    def free_all_blocks(self, stream: Stream | None = None) -> None:
        """Returns allocations without any used part to the device."""
        with machine.turn:
            self._of_device().give_back(None if stream is None else stream.ptr)

    def n_free_blocks(self) -> int:
        return self._of_device().idle_count

    def used_bytes(self) -> int:
        return self._of_device().used

    def free_bytes(self) -> int:
        return self._of_device().total - self._of_device().used

    def total_bytes(self) -> int:
        return self._of_device().total

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        """Limits the memory of the pool on the current device; 0: no limit."""
        if size is not None and fraction is not None:
            raise ValueError("size and fraction cannot be specified at one time")
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"memory limit fraction out of range: {fraction}")
        if size is not None and size < 0:
            raise ValueError(f"memory limit size out of range: {size}")
        limit = int((fraction or 0) * machine.gpu().total) if size is None else size
        self._of_device().limit = limit

    def get_limit(self) -> int:
        return self._of_device().limit

    def _of_device(self) -> _pool.DevicePool:
        ordinal = machine.gpu().ordinal
        with machine.turn:
            if ordinal not in self._pools:
                self._pools[ordinal] = _pool.DevicePool(ordinal, self._allocator)
            return self._pools[ordinal]


class PooledMemory(BaseMemory):
    """Memory that returns to its pool."""

    def __init__(self, chunk: _pool.Chunk, pool: _pool.DevicePool) -> None:
        self.ptr = chunk.address
        self.size = chunk.size
        self.device_id = chunk.memory.device_id
        self._chunk: _pool.Chunk | None = chunk
        self._pool = pool

    def free(self) -> None:
        """Returns it to the pool."""
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            self.ptr = 0
            pool = self._pool
            machine.turn.later(lambda: pool.put(chunk))

    def __del__(self) -> None:
        self.free()


def _given_back(ordinal: int, block: Block) -> None:
    """Returns memory to the device, which first finishes all its work."""
    gpu = machine.gpus[ordinal]
    counters.device_frees += 1
    try:
        machine.drain(gpu)
    finally:
        gpu.used -= len(block.data)
        machine.space.remove(block)


def _address(place: int | ctypes.c_void_p) -> int:
    address = place if isinstance(place, int) else place.value
    if not address:
        raise explained(CUDARuntimeError(ILLEGAL_ADDRESS), "a null pointer")
    return address


def _malloc(size: int) -> MemoryPointer:
    return MemoryPointer(Memory(size), 0)


_allocators: list[Callable[[int], MemoryPointer]] = [_malloc]


def alloc(size: int) -> MemoryPointer:
    """Memory from the current allocator."""
    return _allocators[-1](size)


def get_allocator() -> Callable[[int], MemoryPointer]:
    return _allocators[-1]


def set_allocator(allocator: Callable[[int], MemoryPointer] | None = None) -> None:
    """Sets the source of memory for arrays; None: the device."""
    _allocators[-1] = allocator or _malloc


@contextmanager
def using_allocator(
    allocator: Callable[[int], MemoryPointer] | None = None,
) -> Iterator[None]:
    """Sets the source of memory for arrays temporarily."""
    _allocators.append(allocator or _malloc)
    try:
        yield
    finally:
        _allocators.pop()
