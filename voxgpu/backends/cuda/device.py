"""Work queued for one GPU: a stream for computing and one for each direction of copying.

Nothing here waits for the device but ``download``, which threads call that write files or print.
What is copied goes through pinned memory, without which copies and kernels do not overlap.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cuda.current_device import CurrentDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.cuda.memory_pool import DeviceMemory
from voxgpu.backends.cuda.module_cache import Compile, Modules, Submit
from voxgpu.backends.cuda.pinned_memory import PinnedMemory
from voxgpu.deferred import DeviceLost

#: The part of the free memory of a device that is taken where nobody says how much.
SHARE = 0.7

#: Small arrays that are kept on the device because programs use the same ones again.
MOST_CONSTANTS = 512


class CudaDevice:
    """One GPU. One thread queues work; any thread may download.

    api       CuPy
    budget    bytes that may be taken; None: 70 % of what is free
    compile_text, submit  see ``Modules``
    """

    def __init__(
        self,
        api: Any,
        ordinal: int,
        budget: int | None,
        compile_text: Compile,
        submit: Submit,
    ) -> None:
        self._api = api
        self.ordinal = ordinal
        self._device = CurrentDevice(api, ordinal)
        properties = api.cuda.runtime.getDeviceProperties(ordinal)
        self.name = properties["name"].decode()
        self.multiprocessors = int(properties["multiProcessorCount"])
        with self._device:
            self.compute, self._copies_in, self._copies_out = (
                api.cuda.Stream(non_blocking=True) for _ in range(3)
            )
            most = int(api.cuda.Device(ordinal).mem_info[0] * SHARE) if budget is None else budget
        self.memory = DeviceMemory(api, ordinal, most, self.compute)
        self.modules = Modules(compile_text, self._loaded, submit)
        self.pinned = PinnedMemory(api, self._device)
        self._under_way: deque[tuple[Any, Any]] = deque()
        self._constants: dict[tuple[Any, ...], Array] = {}
        self._out = Lock()
        #: How often somebody waited for the device, and kernels that were queued.
        self.waits = self.launches = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Returns an uninitialized array; raises OutOfDeviceMemory."""
        element = np.dtype(dtype)
        with self._device:
            size = int(np.prod(shape, dtype=np.int64)) * element.itemsize
            return self.memory.array(tuple(shape), element, size)[0]

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """An array of zeros."""
        array = self.empty(shape, dtype)
        with self._device:
            array.data.memset_async(0, array.nbytes, self.compute)
        return array

    def constant(self, values: npt.NDArray[Any]) -> Array:
        """Copies a small array of the host to the device; equal arrays are copied once."""
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            if len(self._constants) >= MOST_CONSTANTS:
                self._constants.clear()
            array = self.empty(values.shape, values.dtype)
            with self._device:
                array.set(np.ascontiguousarray(values), stream=self.compute)
            self._constants[key] = array
        return self._constants[key]

    def launch(
        self,
        library: str,
        name: str,
        blocks: int | tuple[int, ...],
        threads: int | tuple[int, ...],
        *arguments: Any,
        shared: int = 0,
    ) -> None:
        """Queues a hand-written kernel."""
        function = self._in_context(lambda: self.modules.library(library, name))
        self.queue(function, blocks, threads, arguments, shared)

    def queue(
        self,
        function: Any,
        blocks: int | tuple[int, ...],
        threads: int | tuple[int, ...],
        arguments: tuple[Any, ...],
        shared: int = 0,
    ) -> None:
        """Queues a kernel."""
        self.launches += 1
        grid = (blocks,) if isinstance(blocks, int) else tuple(blocks)
        block = (threads,) if isinstance(threads, int) else tuple(threads)
        with self._device:
            function(grid, block, arguments, shared_mem=shared, stream=self.compute)

    def record_event(self) -> Any:
        """Records an event after all work queued so far."""
        with self._device:
            return self.compute.record()

    def staged(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Returns a copy in pinned memory, for a fast upload; any thread may call it."""
        if self._is_pinned(array):
            return array
        return self._copied_to_pinned(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))

    def upload(self, array: npt.NDArray[Any]) -> tuple[Array, Any]:
        """Starts an upload; returns the array on the device and the event that marks its end."""
        source = self.staged(array)
        with self._device:
            target, block = self.memory.array(source.shape, source.dtype, source.nbytes)
            if block.free is not None:
                self._copies_in.wait_event(block.free)
            target.set(source, stream=self._copies_in)
            block.arrival = self._copies_in.record()
        self._under_way.append((block.arrival, source))
        while self._under_way and self.is_done(self._under_way[0][0]):
            self._under_way.popleft()
        return target, block.arrival

    def receive(self, array: Array, source: CudaDevice, event: Any) -> tuple[Array, Any]:
        """Copies an array from another device after ``event``; returns the copy and its event."""
        with self._device:
            target, block = self.memory.array(array.shape, array.dtype, array.nbytes)
            if block.free is not None:
                self._copies_in.wait_event(block.free)
            self._copies_in.wait_event(event)
            self._api.cuda.runtime.memcpyPeerAsync(
                target.data.ptr,
                self.ordinal,
                array.data.ptr,
                source.ordinal,
                array.nbytes,
                self._copies_in.ptr,
            )
            block.arrival = self._copies_in.record()
        self._under_way.append((block.arrival, array))
        return target, block.arrival

    def wait_for(self, event: Any) -> None:
        """Makes all work queued from now on wait for an event."""
        with self._device:
            self.compute.wait_event(event)

    def is_done(self, event: Any) -> bool:
        """Whether all work before an event has ended."""
        with self._device:
            return bool(event.done)

    def download(self, array: Array, event: Any, pinned: bool = False) -> npt.NDArray[Any]:
        """Waits for ``event`` and returns the array in host memory; any thread may call it.

        pinned  return it in pinned memory, if available
        """
        with self._out, self._device:
            self.waits += 1
            self._copies_out.wait_event(event)
            host = self.pinned.array(array.shape, array.dtype)
            target = np.empty(array.shape, array.dtype) if host is None else host
            array.get(stream=self._copies_out, out=target, blocking=False)
            self._copies_out.record().synchronize()
        # Plain memory may stay in use for long; pinned memory is taken from everybody.
        return target if host is None or pinned else np.array(target)

    def settle(self) -> None:
        """Waits for all queued work, and frees what only that work needed."""
        with suppress(DeviceLost), self._device:  # on a lost device nothing goes on
            self.compute.synchronize()
            self._copies_in.synchronize()
        self._under_way.clear()
        self._constants.clear()

    def close(self) -> None:
        """Frees the memory; that of a lost device is freed when the process ends."""
        self.settle()
        with suppress(DeviceLost):
            with self._device:
                self.memory.release()
            self.pinned.release()

    def _in_context(self, make: Any) -> Any:
        with self._device:
            return make()

    def _loaded(self, code: bytes) -> Any:
        module = self._api.cuda.Module()
        with self._device:
            module.load(code)
        return module

    def _copied_to_pinned(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        target = self.pinned.array(array.shape, array.dtype)
        if target is None:
            return array
        np.copyto(target, array)
        return target

    def _is_pinned(self, array: npt.NDArray[Any]) -> bool:
        """Whether the array is contiguous in pinned memory."""
        memory: Any = array
        while isinstance(memory, np.ndarray):
            memory = memory.base
        if isinstance(memory, memoryview):  # between them where the buffer is to be released
            memory = memory.obj
        return isinstance(memory, self._api.cuda.PinnedMemoryPointer) and array.flags.c_contiguous
