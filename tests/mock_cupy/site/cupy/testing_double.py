"""Counters and fault injection of the mock, for tests only; CuPy has no such module.

``counters`` counts allocations, launches, copies and waits; ``fail_allocation`` makes a later
allocation fail; ``check_order`` switches the detection of missing events; ``run_kernels_by`` sets
the emulation that runs kernels. Errors that cannot be raised when they occur, such as memory freed
too early, are raised by the next call that queues or waits, and by ``raise_unseen``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any


class StreamOrderError(AssertionError):
    """Work on a stream uses memory that work on another may still be using: an event is missing."""


@dataclass
class Copies:
    """Number of copies, and of bytes copied."""

    count: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Adds one copy."""
        self.count += 1
        self.bytes += size


@dataclass
class Counters:
    """Events since ``reset``.

    allocations          requests to pools of device memory, failed ones included
    device_allocations   those that no pool could serve: they allocate memory of the device
    device_frees         memory returned to the device; each of these synchronizes the device
    pinned_allocations   requests for pinned memory that no pool could serve
    live, peak           bytes in use of pools, now and at most, by number of the device
    launches             names of the kernels that were launched, in order
    synchronizations     number of waits of the host: for a stream, an event, a device
    pageable_copies      copies from or to memory that is not pinned: real ones wait
    host_to_device, device_to_host, device_to_device   copies, when they were queued
    peer                 the part of ``device_to_device`` that went to another device
    """

    allocations: int = 0
    device_allocations: int = 0
    device_frees: int = 0
    pinned_allocations: int = 0
    live: dict[int, int] = field(default_factory=dict)
    peak: dict[int, int] = field(default_factory=dict)
    launches: list[str] = field(default_factory=list)
    synchronizations: int = 0
    pageable_copies: int = 0
    host_to_device: Copies = field(default_factory=Copies)
    device_to_host: Copies = field(default_factory=Copies)
    device_to_device: Copies = field(default_factory=Copies)
    peer: Copies = field(default_factory=Copies)

    def given_out(self, ordinal: int, size: int) -> None:
        """Records memory that a pool gave out, or took back if ``size`` is negative."""
        self.live[ordinal] = self.live.get(ordinal, 0) + size
        self.peak[ordinal] = max(self.peak.get(ordinal, 0), self.live[ordinal])


counters = Counters()

_order_is_checked = os.environ.get("DOUBLE_CHECK_ORDER", "1") != "0"

#: The number of allocations that succeed before one fails, for each planned failure.
_failures: list[int] = []

_unseen: list[Exception] = []

_emulation: Callable[[str], Any] | None = None


def reset() -> None:
    """Resets counters and planned failures, but not memory in use."""
    fresh = Counters(live=dict(counters.live), peak=dict(counters.live))
    for each in fields(Counters):
        setattr(counters, each.name, getattr(fresh, each.name))
    _failures.clear()
    _unseen.clear()


def fail_allocation(k: int) -> None:
    """Makes the k-th request from now on to a pool of device memory fail; the next one is the
    first.
    """
    if k < 1:
        raise ValueError(f"allocations are counted from 1, not {k}")
    _failures.append(k)


def check_order(is_checked: bool) -> None:
    """Sets whether a missing event is an error; otherwise it has its real consequences."""
    global _order_is_checked
    _order_is_checked = is_checked


def order_is_checked() -> bool:
    """Whether a missing event is an error."""
    return _order_is_checked


def run_kernels_by(emulation: Callable[[str], Any]) -> None:
    """Sets the function that creates the emulation of kernels from a loaded text."""
    global _emulation
    _emulation = emulation


def emulated(text: str) -> Any:
    """The emulation of the kernels of a text."""
    if _emulation is None:
        # A compiler is needed only when kernels are launched.
        from tests.cuda_emulator.module import Module

        return Module(text)
    return _emulation(text)


def pinned_bytes() -> int:
    """Bytes of pinned memory that are taken from the system."""
    from cupy.cuda.pinned_memory import taken

    return taken()


@dataclass
class Lifetime:
    """How long devices work.

    calls  of work, or waits, after which every other one fails as after an illegal access of a
           kernel; None: no end
    """

    calls: int | None = None

    def is_over(self) -> bool:
        """Counts a call; returns whether it fails."""
        if self.calls is None:
            return False
        self.calls -= 1
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether devices work no longer."""
        return self.calls is not None and self.calls < 0


lifetime = Lifetime()


def contexts() -> list[int]:
    """The devices on which this process has a context."""
    from cupy._machine import machine

    return [gpu.ordinal for gpu in machine.gpus if gpu.has_context]


def raise_unseen() -> None:
    """Raises an error that could not be raised when it occurred; once."""
    if _unseen:
        first = _unseen[0]
        _unseen.clear()
        raise first


def keep_unseen(error: Exception) -> None:
    """Records an error that cannot be raised here."""
    _unseen.append(error)


def allocation_fails() -> bool:
    """Counts a request to a pool; returns whether it must fail."""
    counters.allocations += 1
    _failures[:] = [left - 1 for left in _failures]
    if 0 not in _failures:
        return False
    _failures.remove(0)
    return True
