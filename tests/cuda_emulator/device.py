"""A device on the host: NumPy arrays as device arrays, kernels run by the emulation.

It does not model streams and budgets (the mock CuPy does): it serves tests of kernels and of the
functions that launch them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.cuda_emulator.module import Module
from voxgpu.codegen.cuda_kernels import library_text


@cache
def emulated(library: str, sanitize: str = "") -> Any:
    """The kernels of a file, compiled for the host."""
    return Module(library_text(library), sanitize=sanitize)


class EmulatedDevice:
    """Runs kernels immediately.

    modules   the source of the kernels of a file
    launches  the names of all kernels launched, in order
    """

    multiprocessors = 4

    def __init__(self, modules: Callable[[str], Any] = emulated) -> None:
        self._modules = modules
        self.launches: list[str] = []

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        garbage = np.full(count, 0xCD, np.uint8)
        return garbage.view(dtype).reshape(shape)

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        return np.zeros(shape, dtype)

    def constant(self, values: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(values).copy()

    def launch(
        self,
        library: str,
        name: str,
        blocks: int | tuple[int, ...],
        threads: int | tuple[int, ...],
        *arguments: Any,
        shared: int = 0,
    ) -> None:
        self.launches.append(name)
        grid = (blocks,) if isinstance(blocks, int) else tuple(blocks)
        block = (threads,) if isinstance(threads, int) else tuple(threads)
        self._modules(library).get_function(name)(grid, block, arguments, shared_mem=shared)
