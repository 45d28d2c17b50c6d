"""What do kernels move? Counted access by access, as the compiler announces them: counting.cpp.

Three questions, of the arrays of a device: what do threads ask for (bytes), what has to be moved at
least (sectors of 32 bytes, once a launch), and how well do warps ask (sectors and wavefronts a
request)? Of caches nothing is known: they are what lies between the second and the third.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.cuda_emulator.module import Kernel, Module

#: Bytes that a device moves at least.
SECTOR = 32

#: A library counts one thing at a time.
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Counts:
    """What launches did with arrays that were registered, and with shared memory.

    loaded, stored, changed     bytes that threads asked for: loads, stores, atomic operations
    atomics                     atomic operations
    load_requests, store_requests, atomic_requests
                                of warps: what lanes do at the same instruction at once
    load_sectors, store_sectors, atomic_sectors
                                that requests reach, each request for itself
    shared_requests, wavefronts of warps to shared memory, and the turns these take: where lanes
                                want different words of one bank, more than one for 4 bytes
    sectors_read, sectors_written
                                of a launch, each once; not read is what it wrote itself before
    """

    loaded: int = 0
    stored: int = 0
    changed: int = 0
    atomics: int = 0
    load_requests: int = 0
    store_requests: int = 0
    atomic_requests: int = 0
    load_sectors: int = 0
    store_sectors: int = 0
    atomic_sectors: int = 0
    shared_requests: int = 0
    wavefronts: int = 0
    sectors_read: int = 0
    sectors_written: int = 0

    def __add__(self, other: Counts) -> Counts:
        names = [each.name for each in fields(Counts)]
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def compulsory(self) -> int:
        """Bytes that move through memory at least, if nothing is left of earlier launches."""
        return SECTOR * (self.sectors_read + self.sectors_written)

    @property
    def requested(self) -> int:
        """Bytes that move if every request goes to memory."""
        return SECTOR * (self.load_sectors + self.store_sectors + self.atomic_sectors)


class _Found(ctypes.Structure):
    """As in ``counting.cpp``."""

    _fields_ = tuple((each.name, ctypes.c_uint64) for each in fields(Counts))


def counted(module: Module, run: Callable[[], Any], arrays: Iterable[npt.NDArray[Any]]) -> Counts:
    """What kernels of a module do to some arrays, and to shared memory, while ``run`` runs.

    module  made with ``counting=True``, its blocks one after the other as ``configure()`` has them
    arrays  what else kernels reach is not counted; arrays of one memory may overlap
    """
    ranges = _merged(_sectors(each) for each in arrays if each.nbytes)
    firsts, sizes = ((ctypes.c_uint64 * len(ranges))(*column) for column in _columns(ranges))
    functions, found = module.library.functions, _Found()
    with _lock:
        functions.emulation_begin_counting(firsts, sizes, ctypes.c_size_t(len(ranges)))
        try:
            run()
        finally:
            functions.emulation_end_counting(ctypes.byref(found))
    return Counts(**{each.name: getattr(found, each.name) for each in fields(Counts)})


class CountingModule:
    """Kernels that are counted: told is, for each launch, the kernel's name and what it did."""

    def __init__(self, text: str, tell: Callable[[str, Counts], None]) -> None:
        self._module = Module(text, counting=True)
        self._tell = tell
        self.kernels = self._module.kernels
        self.only_read = self._module.only_read

    def get_function(self, name: str) -> Kernel:
        """The kernel of this name; the arrays among its arguments are what is counted."""
        function = self._module.get_function(name)

        def launch(
            grid: Sequence[int], block: Sequence[int], args: Sequence[Any], shared_mem: int = 0
        ) -> None:
            arrays = [each for each in args if isinstance(each, np.ndarray)]
            found = counted(
                self._module, lambda: function(grid, block, args, shared_mem=shared_mem), arrays
            )
            self._tell(name, found)

        return launch


def _sectors(array: npt.NDArray[Any]) -> tuple[int, int]:
    """Where the sectors of an array start, and where it stops: memory begins with a sector."""
    memory = array
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    origin, first = (int(each.__array_interface__["data"][0]) for each in (memory, array))
    return first - (first - origin) % SECTOR, first + array.nbytes


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges without overlaps, in order."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found


def _columns(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [start for start, _ in ranges], [stop - start for start, stop in ranges]
