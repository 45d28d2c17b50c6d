"""Copies: work that reads at one address and writes at another, of devices or the host.

Pinned host memory is read and written when the copy runs. Pageable memory is read at once, as the
driver does, which copies it to its own buffer; copies into pageable memory block.
"""

from __future__ import annotations

import ctypes

import numpy as np

from cupy._blocks import Bytes, Range, ordinal_at
from cupy._errors import INVALID_VALUE, CUDARuntimeError, explained
from cupy._machine import machine
from cupy._queues import Queue, complete
from cupy.testing_double import Copies, counters

HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE, ANY = 1, 2, 3, 4


def copy(target: int, source: int, size: int, kind: int, queue: Queue) -> None:
    """Queues a copy between two addresses. Raises CUDARuntimeError if ``kind`` does not match."""
    if not size:
        return
    where = ordinal_at(source), ordinal_at(target)
    if kind not in (ANY, _kind(where)):
        raise explained(
            CUDARuntimeError(INVALID_VALUE), f"a copy of kind {_kind(where)}, said to be {kind}"
        )
    ends = [_end(source, size, is_written=False), _end(target, size, is_written=True)]
    (read, _), (written, _) = ends
    is_pageable = any(used is None for _, used in ends)
    if is_pageable and where[0] is None:
        read = read.copy()

    def run() -> None:
        written[:] = read

    used = [used for _, used in ends if used is not None]
    work = machine.issue(queue, f"a copy of {size} bytes", run, used)
    _count(where, size)
    counters.pageable_copies += is_pageable
    if is_pageable and where[1] is None:
        complete(work)


def fill(address: int, value: int, size: int, queue: Queue) -> None:
    """Queues setting some bytes to one value."""
    if not size:
        return
    view = machine.space.block_at(address, size).view(address, size)

    def run() -> None:
        view[:] = value & 0xFF

    machine.issue(queue, f"a fill of {size} bytes", run, [Range(address, size, is_written=True)])


def _kind(where: tuple[int | None, int | None]) -> int:
    source, target = where
    if source is None:
        return 0 if target is None else HOST_TO_DEVICE
    return DEVICE_TO_HOST if target is None else DEVICE_TO_DEVICE


def _end(address: int, size: int, is_written: bool) -> tuple[Bytes, Range | None]:
    """The bytes at one end of a copy, and the used range if the mock tracks this memory."""
    if ordinal_at(address) is None:
        block = machine.space.holder(address, size)
        if block is None:
            plain = (ctypes.c_uint8 * size).from_address(address)
            return np.ctypeslib.as_array(plain), None
    else:
        block = machine.space.block_at(address, size)
    return block.view(address, size), Range(address, size, is_written)


def _count(where: tuple[int | None, int | None], size: int) -> None:
    by_kind: dict[int, Copies] = {
        HOST_TO_DEVICE: counters.host_to_device,
        DEVICE_TO_HOST: counters.device_to_host,
        DEVICE_TO_DEVICE: counters.device_to_device,
    }
    kind = _kind(where)
    if kind in by_kind:
        by_kind[kind].add(size)
    if kind == DEVICE_TO_DEVICE and where[0] != where[1]:
        counters.peer.add(size)
