"""Pinned memory: host memory that devices can access, counted, and poisoned when freed."""

from __future__ import annotations

import ctypes
import os
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from cupy._blocks import FRESH, Block
from cupy._errors import OUT_OF_MEMORY, CUDARuntimeError
from cupy._machine import machine
from cupy.testing_double import counters

_taken = [0]


def taken() -> int:
    """Bytes that are taken from the system."""
    with machine.turn:
        return _taken[0]


class PinnedMemory:
    """Pinned memory. Raises CUDARuntimeError if the limit is reached."""

    def __init__(self, size: int, flags: int = 0) -> None:
        self.size = size
        self.ptr = 0
        self._block: Block | None = None
        if not size:
            return
        limit = os.environ.get("DOUBLE_PINNED_LIMIT")
        with machine.turn:
            machine.begin()
            if limit is not None and _taken[0] + size > int(limit):
                raise CUDARuntimeError(OUT_OF_MEMORY)
            data = np.full(size, FRESH, np.uint8)
            self._block = machine.space.add(Block(data.ctypes.data, data))
            _taken[0] += size
            counters.pinned_allocations += 1
        self.ptr = self._block.address

    def __int__(self) -> int:
        return self.ptr

    def __del__(self) -> None:
        block = getattr(self, "_block", None)
        if block is not None:
            machine.turn.later(lambda: _given_back(block))


class PinnedMemoryPointer:
    """A position in pinned memory, which NumPy can wrap.

    Python 3.11 accepts only types defined in C as buffers, so every size has its own type.
    """

    mem: Any
    ptr: int

    def __new__(cls, mem: Any, offset: int) -> PinnedMemoryPointer:
        made: PinnedMemoryPointer = _buffer_of(mem.size - offset).from_address(mem.ptr + offset)
        return made

    def __init__(self, mem: Any, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset

    def __int__(self) -> int:
        return self.ptr

    def size(self) -> int:
        """Bytes from here to the end."""
        return int(self.mem.size - (self.ptr - self.mem.ptr))


@cache
def _buffer_of(size: int) -> Any:
    bases = (PinnedMemoryPointer, ctypes.Array)
    return type("PinnedMemoryPointer", bases, {"_type_": ctypes.c_byte, "_length_": size})


class PooledPinnedMemory(PinnedMemory):
    """Pinned memory that returns to its pool."""

    def __init__(self, mem: PinnedMemory, pool: PinnedMemoryPool) -> None:
        self.ptr = mem.ptr
        self.size = mem.size
        self._mem: PinnedMemory | None = mem
        self._pool = pool

    def free(self) -> None:
        """Returns it to the pool."""
        memory, self._mem = self._mem, None
        if memory is not None:
            self.ptr = self.size = 0
            pool = self._pool
            machine.turn.later(lambda: pool._put(memory))

    def __del__(self) -> None:
        self.free()


class PinnedMemoryPool:
    """A cache of pinned memory for later requests of the same size.

    allocator  its source of new memory
    """

    def __init__(self, allocator: Callable[[int], PinnedMemoryPointer] | None = None) -> None:
        self._allocator = allocator or _malloc
        self._idle: dict[int, list[PinnedMemory]] = defaultdict(list)

    def malloc(self, size: int) -> PinnedMemoryPointer:
        """Pinned memory. Raises CUDARuntimeError if the limit is reached."""
        if not size:
            return PinnedMemoryPointer(PinnedMemory(0), 0)
        rounded = 1 << (size - 1).bit_length()  # a power of two, as CuPy does
        with machine.turn:
            idle = self._idle[rounded]
            memory = idle.pop() if idle else self._taken(rounded)
        return PinnedMemoryPointer(PooledPinnedMemory(memory, self), 0)

    def free_all_blocks(self) -> None:
        """Returns unused memory to the system."""
        with machine.turn:
            self._idle.clear()
            machine.turn.settle()

    def n_free_blocks(self) -> int:
        with machine.turn:
            return sum(map(len, self._idle.values()))

    def _taken(self, size: int) -> PinnedMemory:
        try:
            memory: PinnedMemory = self._allocator(size).mem
        except CUDARuntimeError as error:
            if error.status != OUT_OF_MEMORY:
                raise
            self.free_all_blocks()
            memory = self._allocator(size).mem
        return memory

    def _put(self, memory: PinnedMemory) -> None:
        machine.free(memory.ptr, memory.size, None)
        self._idle[memory.size].append(memory)


def _given_back(block: Block) -> None:
    """Returns memory to the system, which synchronizes all devices."""
    try:
        for gpu in machine.gpus:
            machine.drain(gpu)
    finally:
        _taken[0] -= len(block.data)
        machine.space.remove(block)


def _malloc(size: int) -> PinnedMemoryPointer:
    return PinnedMemoryPointer(PinnedMemory(size), 0)


_allocators: list[Callable[[int], PinnedMemoryPointer]] = [_malloc]


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    """Pinned memory from the current allocator."""
    return _allocators[-1](size)


def set_pinned_memory_allocator(
    allocator: Callable[[int], PinnedMemoryPointer] | None = None,
) -> None:
    """Sets the source of pinned memory; None: the system."""
    _allocators[-1] = allocator or _malloc
