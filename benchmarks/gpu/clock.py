"""Measures the time a device computes, using events between which it is never idle.

A device that finishes work faster than it is queued idles in between, and events before and after
would include that time. Therefore the device is kept busy clearing memory until everything is
queued. That also empties its caches: whatever is timed reads from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from statistics import median
from time import perf_counter
from typing import Any

#: Bytes cleared at a time; more than any cache holds.
PAUSE = 256 << 20

#: The maximum number of such clears before a measurement.
MOST_PAUSES = 400


class Clock:
    """Measures work queued on one stream.

    api     CuPy
    stream  on which all measured work is queued
    """

    def __init__(self, api: Any, stream: Any) -> None:
        self._api = api
        self._stream = stream
        size = max(1, min(PAUSE, int(api.cuda.Device().mem_info[0]) // 8))
        with stream:
            self._cleared = api.empty((size,), "uint8")
        self._clear(1)
        self._pause_seconds = max(1e-6, self._between(lambda: self._clear(4), 1)[0] / 4)

    def seconds(self, works: Sequence[Callable[[], Any]], runs: int) -> float:
        """Seconds of the device, the median of the runs; ``works`` are called in turn.

        works  each does the same with other inputs
        """
        for work in works:
            self._queueing(work)  # warm-up: kernels are compiled, memory is allocated
        longest = max(map(self._queueing, works))
        pauses = min(MOST_PAUSES, 1 + ceil(1.5 * longest / self._pause_seconds))
        times = max(runs, len(works))
        return median(self._between(works[n % len(works)], pauses)[0] for n in range(times))

    def bandwidth(self, size: int) -> float:
        """Bytes per second, read and written, of a copy of this size."""
        with self._stream:
            source = self._api.empty((size,), "uint8")
            target = self._api.empty((size,), "uint8")

        def copy() -> None:
            target.data.copy_from_device_async(source.data, size, self._stream)

        copy()
        return 2 * size / max(1e-9, self.seconds([copy], 9))

    def _queueing(self, work: Callable[[], Any]) -> float:
        """Seconds that queueing takes."""
        self._stream.synchronize()
        start = perf_counter()
        result = work()
        found = perf_counter() - start
        self._stream.synchronize()
        del result
        return found

    def _clear(self, times: int) -> None:
        for _ in range(times):
            self._cleared.data.memset_async(0, self._cleared.nbytes, self._stream)

    def _between(self, work: Callable[[], Any], pauses: int) -> tuple[float, Any]:
        """Seconds between two events, and the result of the work, which must be kept until then."""
        before, after = self._api.cuda.Event(), self._api.cuda.Event()
        self._clear(pauses)
        before.record(self._stream)
        result = work()
        after.record(self._stream)
        after.synchronize()
        return self._api.cuda.get_elapsed_time(before, after) / 1e3, result
