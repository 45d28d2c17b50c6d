"""Counts memory traffic of kernels, access by access, as announced by the compiler: counting.cpp.

It answers three questions about the arrays of a device: how much threads request (bytes), how much
must be moved at least (sectors of 32 bytes, once per launch), and how well warps coalesce (sectors
and wavefronts per request)? Caches are not modeled: they lie between the second and the third.
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

#: The smallest unit, in bytes, that a device moves.
SECTOR = 32

#: A library counts one thing at a time.
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Counts:
    """Accesses of launches to registered arrays, and to shared memory.

    loaded, stored, changed     bytes that threads requested: loads, stores, atomic operations
    atomics                     number of atomic operations
    load_requests, store_requests, atomic_requests
                                of warps: simultaneous accesses of lanes at the same instruction
    load_sectors, store_sectors, atomic_sectors
                                touched by requests, each request separately
    shared_requests, wavefronts of warps to shared memory, and the turns these take: more than one
                                per 4 bytes if lanes need different words of one bank
    sectors_read, sectors_written
                                of a launch, each once; reads exclude what it wrote before
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
        """The minimum number of bytes moved through memory if nothing is cached from earlier
        launches.
        """
        return SECTOR * (self.sectors_read + self.sectors_written)

    @property
    def requested(self) -> int:
        """The number of bytes moved if every request goes to memory."""
        return SECTOR * (self.load_sectors + self.store_sectors + self.atomic_sectors)


class _Found(ctypes.Structure):
    """As in ``counting.cpp``."""

    _fields_ = tuple((each.name, ctypes.c_uint64) for each in fields(Counts))


def counted(module: Module, run: Callable[[], Any], arrays: Iterable[npt.NDArray[Any]]) -> Counts:
    """Counts accesses of a module's kernels to arrays and to shared memory while ``run`` runs.

    module  created with ``counting=True``; blocks run one after the other (``configure()``)
    arrays  other memory is not counted; arrays of one buffer may overlap
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
    """Kernels with counting: reports the kernel's name and counts for each launch."""

    def __init__(self, text: str, tell: Callable[[str, Counts], None]) -> None:
        self._module = Module(text, counting=True)
        self._tell = tell
        self.kernels = self._module.kernels
        self.only_read = self._module.only_read

    def get_function(self, name: str) -> Kernel:
        """The kernel of this name; accesses to its array arguments are counted."""
        function = self._module.get_function(name)

        def launch(
            grid: Sequence[int], block: Sequence[int], args: Sequence[Any], **shared: int
        ) -> None:
            arrays = [each for each in args if isinstance(each, np.ndarray)]
            found = counted(self._module, lambda: function(grid, block, args, **shared), arrays)
            self._tell(name, found)

        return launch


def _sectors(array: npt.NDArray[Any]) -> tuple[int, int]:
    """The start of an array's sectors, and its end: memory begins with a sector."""
    memory = array
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    origin, first = (int(each.__array_interface__["data"][0]) for each in (memory, array))
    return first - (first - origin) % SECTOR, first + array.nbytes


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of ranges, without overlaps, in order."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found


def _columns(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [start for start, _ in ranges], [stop - start for start, stop in ranges]
