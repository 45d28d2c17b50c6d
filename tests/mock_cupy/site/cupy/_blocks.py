"""Blocks of memory that devices can access, with a record of their uses by queued work.

Every device has its own address range, disjoint from the host's; pinned memory has host addresses.
Addresses are never reused, so accesses to freed memory are detected. Fresh memory contains 0xCD in
every byte, freed memory 0xDD: neither looks like a result.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cupy._errors import ILLEGAL_ADDRESS, CUDARuntimeError, explained
from cupy._queues import Queue, Work

FRESH = 0xCD
FREED = 0xDD

#: Addresses of device i start at (i + 1) << 56: beyond all addresses of a process.
_DEVICE_BITS = 56

#: The number of unused addresses between two blocks.
_GAP = 1 << 21

#: CUDA's alignment in bytes.
ALIGNMENT = 512

Bytes = npt.NDArray[np.uint8]


class Range(NamedTuple):
    """A range of bytes used by some work."""

    address: int
    size: int
    is_written: bool


@dataclass(slots=True)
class _Access:
    """One use of some bytes by queued work."""

    start: int
    stop: int
    work: Work
    is_written: bool


class Block:
    """Memory that was allocated at once.

    address  of its first byte
    data     its bytes; only running work accesses them, and the host if it is pinned
    """

    def __init__(self, address: int, data: Bytes) -> None:
        self.address = address
        self.data = data
        self._accesses: list[_Access] = []

    @property
    def stop(self) -> int:
        """The first address after it."""
        return self.address + len(self.data)

    def view(self, address: int, size: int) -> Bytes:
        """A view of some of its bytes."""
        return self.data[address - self.address : address - self.address + size]

    def conflict(self, used: Range, queue: Queue) -> Work | None:
        """Work that conflicts with a use queued next, since it may run concurrently."""
        for each in self._overlapping(used.address, used.address + used.size):
            if (used.is_written or each.is_written) and not queue.follows(each.work):
                return each.work
        return None

    def note(self, used: Range, work: Work) -> None:
        """Records that work uses some of the bytes.

        Earlier uses are dropped if they have run, or are implied by this one: work ordered after
        this one is ordered after them, too.
        """
        start, stop = used.address, used.address + used.size
        self._accesses = [
            each
            for each in self._accesses
            if not each.work.is_done
            and not (
                start <= each.start
                and each.stop <= stop
                and work.queue.follows(each.work)
                and (used.is_written or (each.work.queue is work.queue and not each.is_written))
            )
        ]
        self._accesses.append(_Access(start, stop, work, used.is_written))

    def free(
        self, address: int, size: int, queue: Queue | None, is_in_any_order: bool = False
    ) -> Work | None:
        """Frees some of the bytes; they are poisoned.

        queue            in whose order they are reused; None: in the order of the host
        is_in_any_order  whoever reuses them ensures the order

        Preceding work may still use them, so they are poisoned once it has run. If other work uses
        them, it is returned, and they are poisoned at once.
        """
        waiting = {
            id(each.work): each.work
            for each in self._overlapping(address, address + size)
            if not each.work.is_done
        }
        for work in waiting.values():
            if not is_in_any_order and (queue is None or not queue.follows(work)):
                self.view(address, size)[:] = FREED
                return work

        def poison_after_last() -> None:
            if all(work.is_done for work in waiting.values()):
                self.view(address, size)[:] = FREED

        for work in waiting.values():
            work.afterwards.append(poison_after_last)
        poison_after_last()
        return None

    def _overlapping(self, start: int, stop: int) -> Iterator[_Access]:
        return (each for each in self._accesses if each.start < stop and start < each.stop)


class Space:
    """The address space of devices."""

    def __init__(self) -> None:
        self._blocks: dict[int, Block] = {}
        self._addresses: list[int] = []
        self._next: dict[int, int] = {}

    def take(self, ordinal: int, size: int) -> Block:
        """Allocates memory of a device."""
        address = self._next.get(ordinal, ((ordinal + 1) << _DEVICE_BITS) + _GAP)
        self._next[ordinal] = address + -(-size // ALIGNMENT) * ALIGNMENT + _GAP
        return self.add(Block(address, np.full(size, FRESH, np.uint8)))

    def add(self, block: Block) -> Block:
        """Adds memory that devices can access."""
        self._blocks[block.address] = block
        insort(self._addresses, block.address)
        return block

    def remove(self, block: Block) -> None:
        """Removes memory."""
        del self._blocks[block.address]
        self._addresses.remove(block.address)

    def holder(self, address: int, size: int) -> Block | None:
        """The block that contains some bytes; None if no single block does."""
        place = bisect_right(self._addresses, address) - 1
        if place < 0:
            return None
        block = self._blocks[self._addresses[place]]
        return block if address + size <= block.stop else None

    def block_at(self, address: int, size: int) -> Block:
        """The block that contains some bytes. Raises CUDARuntimeError if there is none."""
        block = self.holder(address, size)
        if block is None:
            raise explained(CUDARuntimeError(ILLEGAL_ADDRESS), f"{size} bytes at {address:#x}")
        return block

    def first_conflict(self, used: Iterable[Range], queue: Queue) -> tuple[Range, Work] | None:
        """The first of some uses queued next that conflicts with other work, and that work."""
        for each in used:
            work = self.block_at(each.address, each.size).conflict(each, queue)
            if work is not None:
                return each, work
        return None


def ordinal_at(address: int) -> int | None:
    """The number of the device that owns an address; None: it is the host's."""
    ordinal = (address >> _DEVICE_BITS) - 1
    return None if ordinal < 0 else ordinal
