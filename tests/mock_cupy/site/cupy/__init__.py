"""What does voxgpu's GPU backend run on where there is no GPU? A double of CuPy.

It has the calls of CuPy 14 that voxgpu uses and behaves as they do, but for this: nothing runs
before somebody waits (see ``_queues.py``), memory that is fresh or freed is full of garbage, and
what a real device would let pass is an error: work on two streams that no event orders, arrays of
another device, numbers made of arrays without ``get``. ``cupy.testing_double`` tells tests what
happened. ``_machine.py`` says by which environment variables the machine is described.
"""

from __future__ import annotations

from numpy import (
    bool_,
    dtype,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

from cupy import cuda, testing_double
from cupy._creation import asarray, asnumpy, empty, zeros
from cupy._ndarray import ndarray
from cupy._raw import RawKernel, RawModule
from cupy._travel import register

__all__ = [
    "RawKernel",
    "RawModule",
    "asarray",
    "asnumpy",
    "bool_",
    "cuda",
    "dtype",
    "empty",
    "float32",
    "float64",
    "get_default_memory_pool",
    "get_default_pinned_memory_pool",
    "int8",
    "int16",
    "int32",
    "int64",
    "ndarray",
    "testing_double",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "zeros",
]

__version__ = "14.2.0+double"

_memory_pool = cuda.MemoryPool()
_pinned_memory_pool = cuda.PinnedMemoryPool()
cuda.set_allocator(_memory_pool.malloc)
cuda.set_pinned_memory_allocator(_pinned_memory_pool.malloc)


def get_default_memory_pool() -> cuda.MemoryPool:
    """Where arrays get their memory unless something else was said."""
    return _memory_pool


def get_default_pinned_memory_pool() -> cuda.PinnedMemoryPool:
    """Where pinned memory comes from unless something else was said."""
    return _pinned_memory_pool


register()
