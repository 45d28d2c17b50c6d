"""Kernels without a GPU: compiled for the host, and queued like real ones.

A loaded file is no cubin but a text: an identifying first line, and CUDA C++. The tests' compiler
produces such files. The emulation runs them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cupy import _limits
from cupy._blocks import Range
from cupy._errors import (
    FILE_NOT_FOUND,
    INVALID_HANDLE,
    INVALID_IMAGE,
    INVALID_VALUE,
    NOT_FOUND,
    CUDADriverError,
    CUDARuntimeError,
    explained,
)
from cupy._machine import machine
from cupy._ndarray import ndarray
from cupy.cuda.stream import Stream, queue_of
from cupy.testing_double import counters, emulated

#: The first line of a mock cubin.
MARK = "// double of a cubin\n"


class Module:
    """Kernels that were loaded together."""

    def __init__(self) -> None:
        self._text: str | None = None

    def load(self, cubin: bytes) -> None:
        """Loads the text of a mock cubin. Raises CUDADriverError if it is none."""
        text = bytes(cubin).decode("utf-8", "replace")
        if not text.startswith(MARK):
            raise explained(CUDADriverError(INVALID_IMAGE), "the double runs no real cubins")
        self._text = text.removeprefix(MARK)

    def load_file(self, filename: str) -> None:
        """Loads a file. Raises CUDADriverError if it is missing, or no mock cubin."""
        path = Path(filename)
        if not path.is_file():
            raise explained(CUDADriverError(FILE_NOT_FOUND), filename)
        self.load(path.read_bytes())

    def _load_source(self, text: str) -> None:
        """Loads CUDA C++, as ``RawModule`` does with ``code``; CuPy compiles it itself."""
        self._text = text

    def get_function(self, name: str) -> Function:
        """A kernel. Raises CUDADriverError if there is none of that name."""
        return Function(self, name)


class Function:
    """A kernel of a module."""

    def __init__(self, module: Module, funcname: str) -> None:
        if module._text is None:
            raise explained(CUDADriverError(INVALID_HANDLE), "nothing was loaded")
        self.module = module
        self.name = funcname
        kernels = _emulated(module._text)
        if funcname not in kernels.kernels:
            raise explained(CUDADriverError(NOT_FOUND), funcname)
        self._constant = kernels.only_read(funcname)
        self._kernel = kernels.get_function(funcname)
        #: Dynamic shared memory that a launch may request.
        self.most_shared = _limits.SHARED_OF_BLOCK

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: Any,
        shared_mem: int = 0,
        stream: Stream | None = None,
    ) -> None:
        """Queues the kernel."""
        blocks = _extent(grid, _limits.MOST_BLOCKS)
        threads = _extent(block, _limits.MOST_THREADS)
        count = threads[0] * threads[1] * threads[2]
        if count > _limits.MOST_THREADS_OF_BLOCK or shared_mem > self.most_shared:
            raise explained(
                CUDADriverError(INVALID_VALUE),
                f"{threads} threads with {shared_mem} bytes of shared memory",
            )
        with machine.turn:
            queue = queue_of(stream)
            if queue.ordinal != machine.current:
                raise explained(
                    CUDADriverError(INVALID_HANDLE), f"{queue} is not of the device in use"
                )
            values, used = self._arguments(args)
            is_default = self.most_shared <= _limits.SHARED_OF_BLOCK
            most = _limits.SHARED_OF_BLOCK if is_default else _limits.SHARED_OF_BLOCK_AT_MOST

            def run() -> None:
                self._kernel(blocks, threads, values, shared_mem=shared_mem, most_shared=most)

            machine.issue(queue, f"kernel {self.name}", run, used)
            counters.launches.append(self.name)

    def _arguments(self, given: Any) -> tuple[list[Any], list[Range]]:
        """The arguments for the emulation, and the bytes that the kernel uses."""
        values: list[Any] = []
        used: list[Range] = []
        for place, each in enumerate(given):
            if not isinstance(each, ndarray):
                values.append(_scalar(each))
                continue
            if each.device.id != machine.current:
                raise explained(
                    CUDARuntimeError(INVALID_VALUE),
                    f"argument {place} of {self.name} is on device {each.device.id}, the kernel "
                    f"runs on device {machine.current}",
                )
            is_constant = place < len(self._constant) and self._constant[place]
            values.append(_host_view(each))
            used.append(Range(each.data.ptr, each.nbytes, not is_constant))
        return values, used


def _scalar(value: Any) -> Any:
    """A number as CuPy passes it."""
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"You are trying to pass a numpy.ndarray of shape {value.shape} as a kernel parameter. "
            "Kernels take arrays of the device."
        )
    if isinstance(value, np.generic) and value.dtype.char in "?bhilqBHILQefdFD":
        return value
    if isinstance(value, bool | int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float64(value)
    raise TypeError(f"Unsupported type {type(value)}")


def _host_view(array: ndarray) -> Any:
    if not array.size:
        return np.empty(array.shape, array.dtype)
    block = machine.space.block_at(array.data.ptr, array.nbytes)
    view = block.view(array.data.ptr, array.nbytes)
    return view.view(array.dtype).reshape(array.shape)


def _extent(given: tuple[int, ...], most: tuple[int, ...]) -> tuple[int, int, int]:
    """Three lengths; as in CuPy, none is less than one."""
    if not isinstance(given, tuple):
        raise TypeError(f"Expected tuple, got {type(given).__name__}")
    first, second, third = (max(1, int(length)) for length in (*given, 1, 1)[:3])
    if first > most[0] or second > most[1] or third > most[2]:
        raise explained(CUDADriverError(INVALID_VALUE), f"{given} of at most {most}")
    return first, second, third


@cache
def _emulated(text: str) -> Any:
    return emulated(text)
