"""A mock of CuPy, on which voxgpu's GPU backend runs without a GPU.

It has the calls of CuPy 14 that voxgpu uses and behaves like them, with these exceptions: nothing
runs before somebody waits (see ``_queues.py``), fresh and freed memory is full of garbage, and
mistakes that a real device would let pass are errors: work on two streams not ordered by an event,
arrays of another device, conversions of arrays to numbers without ``get``. Tests query what
happened through ``cupy.testing_double``. ``_machine.py`` lists the environment variables that
describe the machine.
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
    """The pool from which arrays get their memory by default."""
    return _memory_pool


def get_default_pinned_memory_pool() -> cuda.PinnedMemoryPool:
    """The pool from which pinned memory comes by default."""
    return _pinned_memory_pool


register()
