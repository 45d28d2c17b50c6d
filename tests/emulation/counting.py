"""How many bytes does a launch move? Counted in the emulation, access by access.

From it follows what memory at best takes, and whether the accesses of a warp are to neighbors.
Never a time: a device has caches, and latencies that it hides or does not.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.emulation.module import Module

#: Bytes that memory is moved by.
SECTOR = 32


@dataclass(frozen=True)
class Counts:
    """What the launches have touched of the arrays, and of shared memory.

    loaded_bytes         over all threads, without atomic operations
    unique_loaded_bytes  each byte once, with atomic operations
    load_requests        of warps: what its lanes load at once is one
    load_sectors         32 bytes each, over the requests; 4 a request where lanes load neighboring
                         numbers of 4 bytes, 32 where they are far apart
    atomics              operations of threads in the arrays
    shared_wavefronts    over the requests; 1 a request where no two words are in the same bank
    """

    loaded_bytes: int
    stored_bytes: int
    unique_loaded_bytes: int
    unique_stored_bytes: int
    load_requests: int
    store_requests: int
    atomic_requests: int
    shared_requests: int
    load_sectors: int
    store_sectors: int
    atomic_sectors: int
    shared_wavefronts: int
    atomics: int
    shared_atomics: int

    @property
    def least_traffic(self) -> int:
        """Bytes that must go between memory and the chip, whatever its caches."""
        return self.unique_loaded_bytes + self.unique_stored_bytes

    @property
    def requested_traffic(self) -> int:
        """Bytes that would go if nothing were in a cache."""
        return SECTOR * (self.load_sectors + self.store_sectors + self.atomic_sectors)


def counted(module: Module, arrays: Sequence[Any], run: Callable[[], Any]) -> Counts:
    """What ``run`` touches of the arrays by launches of the module's kernels.

    module  made with ``counting=True``; its blocks run one by one meanwhile
    """
    functions = module.library.functions
    if not hasattr(functions, "emulation_count_begin"):
        raise ValueError("the module has been made without counting=True")
    for array in arrays:
        address = array.__array_interface__["data"][0]
        functions.emulation_count_array(ctypes.c_void_p(address), ctypes.c_size_t(array.nbytes))
    totals = np.zeros(len(Counts.__dataclass_fields__), np.uint64)
    functions.emulation_count_begin()
    try:
        with module.configured():
            run()
    finally:
        functions.emulation_count_end(ctypes.c_void_p(totals.ctypes.data))
    return Counts(*map(int, totals))
