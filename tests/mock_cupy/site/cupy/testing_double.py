"""What happened on the double, and what is to go wrong next? What only tests ask; CuPy has no such.

``counters`` tells what was allocated, launched, copied and waited for; ``fail_allocation`` makes a
later allocation fail; ``check_order`` switches the search for missing events; ``run_kernels_by``
has others run the kernels. What goes wrong where
nothing can be raised, as when memory is given back too early, is raised by the next call that
queues or waits, and by ``raise_unseen``.
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
    """How often something was copied, and how many bytes."""

    count: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more."""
        self.count += 1
        self.bytes += size


@dataclass
class Counters:
    """What happened since ``reset``.

    allocations          requests to pools of device memory, failed ones included
    device_allocations   those that no pool could answer: they take memory of the device
    device_frees         memory given back to the device; each of these waits for the whole device
    pinned_allocations   requests for pinned memory that no pool could answer
    live, peak           bytes that pools have given out now, and at most, by number of the device
    launches             names of the kernels that were launched, in order
    synchronizations     how often the host asked to wait: for a stream, an event, a device
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
        """A pool gave out so many bytes, or took them back where ``size`` is negative."""
        self.live[ordinal] = self.live.get(ordinal, 0) + size
        self.peak[ordinal] = max(self.peak.get(ordinal, 0), self.live[ordinal])


counters = Counters()

_order_is_checked = os.environ.get("DOUBLE_CHECK_ORDER", "1") != "0"

#: How many allocations still succeed before one fails, for each that is to fail.
_failures: list[int] = []

_unseen: list[Exception] = []

_emulation: Callable[[str], Any] | None = None


def reset() -> None:
    """Counts from zero; nothing is to fail. What is given out stays so."""
    fresh = Counters(live=dict(counters.live), peak=dict(counters.live))
    for each in fields(Counters):
        setattr(counters, each.name, getattr(fresh, each.name))
    _failures.clear()
    _unseen.clear()


def fail_allocation(k: int) -> None:
    """The k-th request from now on to a pool of device memory fails; the next one is the first."""
    if k < 1:
        raise ValueError(f"allocations are counted from 1, not {k}")
    _failures.append(k)


def check_order(is_checked: bool) -> None:
    """Whether a missing event is an error; otherwise it just has its consequences."""
    global _order_is_checked
    _order_is_checked = is_checked


def order_is_checked() -> bool:
    """Whether a missing event is an error."""
    return _order_is_checked


def run_kernels_by(emulation: Callable[[str], Any]) -> None:
    """Whoever loads a text from now on has its kernels run by what this makes of it."""
    global _emulation
    _emulation = emulation


def emulated(text: str) -> Any:
    """What runs the kernels of a text."""
    if _emulation is None:
        # Only who launches kernels needs a compiler.
        from tests.cuda_emulator.module import Module

        return Module(text)
    return _emulation(text)


def raise_unseen() -> None:
    """Raises what went wrong where nothing could be raised; once."""
    if _unseen:
        first = _unseen[0]
        _unseen.clear()
        raise first


def keep_unseen(error: Exception) -> None:
    """Something went wrong where nothing can be raised."""
    _unseen.append(error)


def allocation_fails() -> bool:
    """Counts a request to a pool, and says whether it is to fail."""
    counters.allocations += 1
    _failures[:] = [left - 1 for left in _failures]
    if 0 not in _failures:
        return False
    _failures.remove(0)
    return True
