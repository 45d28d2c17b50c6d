"""Where do bytes lie that devices can reach, and who may touch them when?

Every device has addresses of its own, which no array of the host has; pinned memory has those of
the host. Addresses are never used twice, so what was given back is not found any more. Memory that
is fresh holds 0xCD in every byte, memory that was freed 0xDD: neither looks like a result.
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

#: Addresses of device i start at (i + 1) << 56: beyond all that a process can have.
_DEVICE_BITS = 56

#: Between two blocks there are this many addresses of nothing.
_GAP = 1 << 21

#: Bytes by which CUDA aligns.
ALIGNMENT = 512

Bytes = npt.NDArray[np.uint8]


class Range(NamedTuple):
    """Bytes that some work uses."""

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
    """Memory that was taken at once.

    address  of its first byte
    data     its bytes; only work that runs looks at them, and the host where it is pinned
    """

    def __init__(self, address: int, data: Bytes) -> None:
        self.address = address
        self.data = data
        self._accesses: list[_Access] = []

    @property
    def stop(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)

    def view(self, address: int, size: int) -> Bytes:
        """Some of its bytes."""
        return self.data[address - self.address : address - self.address + size]

    def conflict(self, used: Range, queue: Queue) -> Work | None:
        """Work that may run at the same time as a use that is queued next, and must not."""
        for each in self._overlapping(used.address, used.address + used.size):
            if (used.is_written or each.is_written) and not queue.follows(each.work):
                return each.work
        return None

    def note(self, used: Range, work: Work) -> None:
        """Some work uses some of the bytes.

        Of earlier uses those are forgotten that ran, and those that this one stands for: whoever
        comes after this one comes after them, too.
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
        """Nobody needs some of the bytes any more; they are poisoned.

        queue            in whose order they are used again; None: in the order of the host
        is_in_any_order  whoever uses them again sees to the order

        Work that comes before may still use them, so they are poisoned when it ran. Where other
        work uses them, that is returned, and they are poisoned at once.
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
    """All addresses that devices can reach."""

    def __init__(self) -> None:
        self._blocks: dict[int, Block] = {}
        self._addresses: list[int] = []
        self._next: dict[int, int] = {}

    def take(self, ordinal: int, size: int) -> Block:
        """Memory of a device."""
        address = self._next.get(ordinal, ((ordinal + 1) << _DEVICE_BITS) + _GAP)
        self._next[ordinal] = address + -(-size // ALIGNMENT) * ALIGNMENT + _GAP
        return self.add(Block(address, np.full(size, FRESH, np.uint8)))

    def add(self, block: Block) -> Block:
        """Memory that devices can reach from now on."""
        self._blocks[block.address] = block
        insort(self._addresses, block.address)
        return block

    def remove(self, block: Block) -> None:
        """Memory that is no more."""
        del self._blocks[block.address]
        self._addresses.remove(block.address)

    def holder(self, address: int, size: int) -> Block | None:
        """The block in which some bytes lie; None where they lie in no block, or not in one."""
        place = bisect_right(self._addresses, address) - 1
        if place < 0:
            return None
        block = self._blocks[self._addresses[place]]
        return block if address + size <= block.stop else None

    def block_at(self, address: int, size: int) -> Block:
        """The block in which some bytes lie. Raises CUDARuntimeError where there is none."""
        block = self.holder(address, size)
        if block is None:
            raise explained(CUDARuntimeError(ILLEGAL_ADDRESS), f"{size} bytes at {address:#x}")
        return block

    def first_conflict(self, used: Iterable[Range], queue: Queue) -> tuple[Range, Work] | None:
        """A use, of some that are queued next, that may meet other work, and which."""
        for each in used:
            work = self.block_at(each.address, each.size).conflict(each, queue)
            if work is not None:
                return each, work
        return None


def ordinal_at(address: int) -> int | None:
    """The number of the device to which an address belongs; None: it is the host's."""
    ordinal = (address >> _DEVICE_BITS) - 1
    return None if ordinal < 0 else ordinal
