"""Creation of arrays on a device: empty, of zeros, or copied; and copies to the host."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cupy._machine import machine
from cupy._ndarray import Shape, ndarray
from cupy.cuda.device import Device
from cupy.cuda.memory import MemoryPointer, UnownedMemory
from cupy.cuda.pinned_memory import alloc_pinned_memory
from cupy.cuda.stream import Stream, get_current_stream, queue_of


def empty(shape: Shape, dtype: npt.DTypeLike = float, order: str = "C") -> ndarray:
    """An uninitialized array."""
    return ndarray(shape, dtype, order=order)


def zeros(shape: Shape, dtype: npt.DTypeLike = float, order: str = "C") -> ndarray:
    """An array of zeros, filled in the order of the current stream."""
    made = ndarray(shape, dtype, order=order)
    made.data.memset_async(0, made.nbytes)
    return made


def asarray(
    a: Any,
    dtype: npt.DTypeLike | None = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    blocking: bool = False,
) -> ndarray:
    """The array on the current device, copied in the order of the current stream if necessary."""
    if isinstance(a, ndarray):
        if dtype not in (None, a.dtype):
            raise NotImplementedError("the double converts no elements")
        if a.device == Device() and not copy:
            return a
        moved = ndarray(a.shape, a.dtype)
        moved.data.copy_from_device_async(a.data, a.nbytes)
        return moved
    if hasattr(a, "__cuda_array_interface__"):
        return _of_interface(a, dtype, copy)
    host = np.ascontiguousarray(a, dtype).reshape(np.shape(a))
    made = ndarray(host.shape, host.dtype)
    if host.size:
        _through_pinned(host, made)
    if blocking:
        get_current_stream().synchronize()
    return made


def _of_interface(a: Any, dtype: npt.DTypeLike | None, copy: bool | None) -> ndarray:
    """The array of another library in its own memory, which keeps that object."""
    said = a.__cuda_array_interface__
    element = np.dtype(said["typestr"])
    if dtype not in (None, element) or copy or said["strides"] is not None:
        raise NotImplementedError("the double takes arrays of other libraries as they are")
    memory = UnownedMemory(said["data"][0], prod(said["shape"]) * element.itemsize, a)
    return ndarray(said["shape"], element, MemoryPointer(memory, 0))


def _through_pinned(host: npt.NDArray[Any], target: ndarray) -> None:
    """Queues a copy through pinned memory, which is released once the copy has run."""
    pinned: Any = alloc_pinned_memory(host.nbytes)
    np.frombuffer(pinned, host.dtype, host.size)[:] = host.reshape(-1)
    with machine.turn:
        target.data.copy_from_host_async(pinned.ptr, host.nbytes)
        work = queue_of(None).last
        if work is not None:
            work.afterwards.append(partial(_let_go, pinned))


def asnumpy(
    a: Any,
    stream: Stream | None = None,
    order: str = "C",
    out: npt.NDArray[Any] | None = None,
    *,
    blocking: bool = True,
) -> npt.NDArray[Any]:
    """The array on the host."""
    if isinstance(a, ndarray):
        return a.get(stream, order, out, blocking)
    if out is None:
        return np.asarray(a)
    out[...] = a
    return out


def _let_go(pinned: object) -> None:
    """Does nothing; queued as a callback, it keeps the memory alive until then."""
