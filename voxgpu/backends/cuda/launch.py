"""Arrays on a device, and launches of kernels.

Everything is asynchronous: a launch and a copy only queue work, in order. Nothing here waits for
the device.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

#: An array on a device, contiguous: CuPy's, or a double of it. Of its methods these are used:
#: ``shape dtype size ndim nbytes``, ``reshape``, ``view(dtype)`` and slices of one axis.
Array = Any

#: Threads of a block where nothing speaks for another number.
THREADS = 256


class Device(Protocol):
    """One device."""

    multiprocessors: int

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Returns an uninitialized array; raises MemoryError if there is no room."""

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """An array of zeros; clearing is no launch of a kernel."""

    def constant(self, values: npt.NDArray[Any]) -> Array:
        """Copies a small array of the host to the device; equal arrays are copied once."""

    def launch(
        self,
        library: str,
        name: str,
        blocks: int | tuple[int, ...],
        threads: int | tuple[int, ...],
        *arguments: Any,
        shared: int = 0,
    ) -> None:
        """Queues the kernel ``name`` of ``kernels/<library>.cu``.

        arguments  arrays for pointers, NumPy scalars of the very type for numbers
        shared     bytes of dynamic shared memory of a block
        """


def blocks_of(count: int, threads: int = THREADS, limit: int = 1 << 30) -> int:
    """The number of blocks for ``count`` elements, one per thread; from 1 to ``limit``."""
    return max(1, min(limit, -(-count // threads)))
