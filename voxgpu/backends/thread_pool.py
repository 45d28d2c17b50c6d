"""The threads of a run, on which pieces of one task are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import numpy.typing as npt

from voxgpu.backends.buffer_pool import BufferPool
from voxgpu.cancellation import cancelled_by, current, raise_if_cancelled
from voxgpu.forking import renew_in_child
from voxgpu.limits.process import core_limits
from voxgpu.spans import current as current_span
from voxgpu.spans import span

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Voxels of a piece of work: its arrays fit in a core's cache with room for others.
SLAB_VOXELS = 1 << 20


class ThreadPool:
    """A fixed number of threads; the caller of ``map`` helps instead of waiting."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._buffers = BufferPool()
        self._pool = ThreadPoolExecutor(count, "voxgpu") if count > 1 else None
        self._is_abandoned = False
        renew_in_child(self)

    def after_fork(self) -> None:
        """Starts again in a forked process, which has none of the threads."""
        self._buffers = BufferPool()
        if self._pool is not None:
            self._pool = ThreadPoolExecutor(self.count, "voxgpu")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Returns ``[function(each) for each in items]``, computed concurrently.

        The caller takes pieces as the threads do and waits only for pieces being computed,
        so that pieces may have pieces, too. The first exception is raised once all have ended.
        """
        todo = list(items)
        if self._pool is None or len(todo) < 2:
            return [_performed(function, each) for each in todo]
        pieces = _Pieces(function, todo)
        helpers = min(self.count, len(todo)) - 1
        futures = [self._pool.submit(pieces.help) for _ in range(helpers)]
        pieces.work()
        for future in futures:
            future.cancel() or future.result()
        return pieces.results()

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Returns an uninitialized array from reused memory; see ``BufferPool``."""
        return self._buffers.empty(shape, dtype)

    def free_unused(self) -> None:
        """Frees memory held for reuse."""
        self._buffers.free_unused()

    def submit(self, function: Callable[[], Result]) -> Future[Result]:
        """Runs a function on a thread, or immediately if there are no threads."""
        if self._pool is not None:
            return self._pool.submit(function)
        future: Future[Result] = Future()
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)
        return future

    def abandon(self) -> None:
        """Gives up on the running functions: ``close`` does not wait for them."""
        self._is_abandoned = True

    def close(self, wait: bool = False) -> None:
        """Ends the threads; functions not started are dropped.

        wait  until they have ended, even if they were abandoned
        """
        self._buffers.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=wait or not self._is_abandoned, cancel_futures=True)


def _performed(function: Callable[[Item], Result], item: Item) -> Result:
    raise_if_cancelled()
    return function(item)


class _Pieces:
    """Pieces of work, each taken by one thread."""

    def __init__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self._function = function
        self._items = items
        self._results: list[Any] = [None] * len(items)
        self._errors: dict[int, BaseException] = {}
        self._next = 0
        self._stop = current()
        self._span = current_span()
        self._lock = Lock()

    def help(self) -> None:
        """Takes pieces on another thread than the caller's."""
        if self._span is None:
            self.work()
            return
        name, details = self._span
        with span("computing", name, **details):
            self.work()

    def work(self) -> None:
        """Takes pieces until there are none left, or one has failed."""
        while True:
            with self._lock:
                index = self._next
                if index >= len(self._items) or self._errors:
                    return
                self._next += 1
            try:
                with cancelled_by(self._stop):
                    self._results[index] = _performed(self._function, self._items[index])
            except BaseException as error:
                with self._lock:
                    self._errors[index] = error
                return

    def results(self) -> list[Any]:
        """Returns the results; raises the first exception in the order of the pieces."""
        if self._errors:
            raise self._errors[min(self._errors)]
        return self._results


def slabs(length: int, voxels: int, at_once: int = SLAB_VOXELS) -> list[tuple[int, int]]:
    """Ranges of the planes (or rows) 0 … length − 1, of about ``at_once`` voxels each.

    voxels  in one plane
    """
    step = max(1, at_once // max(1, voxels))
    return [(start, min(length, start + step)) for start in range(0, length, step)]


def usable_cores() -> int:
    """Returns the number of cores that this process may use."""
    return core_limits()[0].cores
