"""Runs a generated kernel over whole images, slice by slice, on the run's threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from threading import local
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integers import WHOLE
from voxgpu.codegen.interpreter import BLOCK, tree_of_blocks
from voxgpu.codegen.jit import address_of, function_at, jit_compiler
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.llvm_numbers import none_of, number_of_key
from voxgpu.codegen.llvm_renderer import render, types_of
from voxgpu.codegen.numba_kernels import kernel as library_kernel
from voxgpu.codegen.scalar import Scalar
from voxgpu.image import to_3d

Array = npt.NDArray[Any]

#: Voxels of a slice: its arrays fit in a core's cache, and the cost of the call is negligible.
SLICE = 1 << 16

#: Voxels of a slice of a neighborhood, of whole planes: each slice copies its surroundings.
NEIGHBORHOOD_SLICE = 1 << 19

#: The placeholder name of a function until the hash of its text is known.
_NAMELESS = "kernel"


class Pool(Protocol):
    """Runs pieces of work in parallel, as ``voxgpu.backends.thread_pool.ThreadPool`` does."""

    def map(self, function: Callable[[Any], Any], items: Any) -> list[Any]:
        """``[function(each) for each in items]``."""

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """A new array with uninitialized content."""


@lru_cache(maxsize=4096)
def _compiled(text: str, types: tuple[str, ...]) -> Callable[..., Any]:
    key = jit_compiler().key(text)
    address = jit_compiler().address(key, lambda name: text.replace(f"@{_NAMELESS}(", f"@{name}("))
    return function_at(address, None, types)


@lru_cache(maxsize=1024)
def _function_of(kernel: Kernel) -> Callable[..., Any]:
    return _compiled(render(kernel, _NAMELESS), tuple(types_of(kernel)))


def prepare(kernel: Kernel) -> None:
    """Compiles a kernel ahead of its first run, and stores the code in the cache."""
    _function_of(kernel.with_converted_inputs if kernel.is_neighborhood else kernel)


def run_kernel(
    kernel: Kernel,
    inputs: Sequence[Array],
    parameters: Sequence[float | bool],
    shape: tuple[int, ...],
    pool: Pool,
) -> tuple[list[Array], list[np.float64]]:
    """The output images and the reduced numbers of a kernel.

    inputs  arrays of ``shape``, (z, y, x) or (y, x), contiguous, of the kernel's elements
    """
    function = _function_of(kernel.with_converted_inputs if kernel.is_neighborhood else kernel)
    outputs = [pool.empty(shape, np.dtype(each)) for each in kernel.output_elements]
    run = _Run(kernel.exact, function, inputs, parameters, outputs, shape)
    partial = pool.map(run.piece, run.pieces())
    return outputs, [
        _reduced(g, [p[i] for p in partial]) for i, g in enumerate(kernel.exact.reductions)
    ]


class _Run:
    """One call of a kernel on whole images."""

    def __init__(
        self,
        kernel: Kernel,
        function: Callable[..., Any],
        inputs: Sequence[Array],
        parameters: Sequence[float | bool],
        outputs: Sequence[Array],
        shape: tuple[int, ...],
    ) -> None:
        self._kernel = kernel
        self._function = function
        # Arrays returned by user-defined primitives may be strided, or of the other byte order.
        self._inputs = [
            np.ascontiguousarray(each, dtype=element)
            for each, element in zip(inputs, kernel.inputs, strict=True)
        ]
        self._parameters = parameters
        self._sources = [(address_of(each), each.itemsize) for each in self._inputs]
        self._targets = [(address_of(each), each.itemsize) for each in outputs]
        self._adds_up = any(g.operation == "total" for g in kernel.reductions)
        self._outputs = outputs
        self._voxels = prod(shape)
        self._shape = to_3d(shape, 1)
        self._threads = local()
        #: The extent along missing axes is 0.
        self._depth = shape[0] if len(shape) == 3 else 0

    def pieces(self) -> list[tuple[int, int]]:
        """Ranges of voxels that are computed independently."""
        if self._kernel.is_neighborhood:
            # Whole planes, as few as keep all threads busy: each piece pads its inputs.
            plane = self._shape[1] * self._shape[2]
            step = plane * max(1, NEIGHBORHOOD_SLICE // max(1, plane))
        else:
            # A whole number of blocks, so that every block of a sum lies in one piece; and few
            # enough voxels to count them in 32 bits.
            step = (SLICE if self._adds_up else 16 * SLICE) // BLOCK * BLOCK
        total = self._voxels
        return [(each, min(total, each + step)) for each in range(0, total, max(1, step))] or [
            (0, 0)
        ]

    def piece(self, bounds: tuple[int, int]) -> list[Any]:
        """Computes a piece; returns the partial results of its reductions."""
        start, stop = bounds
        _, height, width = self._shape
        left = self._left(stop - start)
        padded, plane = width, width * height
        if self._kernel.is_neighborhood:
            inputs, padded, plane = self._padded(start // plane, -(-stop // plane))
            pointers = [address_of(each) for each in inputs]
        else:
            pointers = [place + start * size for place, size in self._sources]
        targets = [place + start * size for place, size in self._targets]
        self._function(
            *self._place_of(start, stop), width, height, self._depth, padded, plane,
            *pointers, *self._parameters, *targets, *(address_of(each) for each in left),
        )  # fmt: skip
        return [
            _blocks(each) if g.operation == "total" else each[0]
            for g, each in zip(self._kernel.reductions, left, strict=True)
        ]

    def _left(self, voxels: int) -> list[Array]:
        """Buffers for partial results of reductions: those of each thread, reused for all its
        pieces.
        """
        places: list[Array] | None = getattr(self._threads, "places", None)
        if places is None:
            most = min(SLICE // BLOCK * BLOCK, self._voxels) if self._adds_up else 1
            places = [_place(reduction.operation, most) for reduction in self._kernel.reductions]
            self._threads.places = places
        found = []
        for reduction, place in zip(self._kernel.reductions, places, strict=True):
            if reduction.operation == "total":
                # Zeros fill the last block beyond the last voxel.
                place = place[: _whole_blocks(voxels)]
                place[voxels:] = 0.0
            found.append(place)
        return found

    def _place_of(self, start: int, stop: int) -> tuple[int, int, int, int]:
        """The number of voxels or rows, the first row, and the bounds of the first and last row's
        voxels.
        """
        if not self._kernel.uses_rows or stop == start:
            return stop - start, 0, 0, 0
        width = self._shape[2]
        first, last = start // width, (stop - 1) // width
        return last - first + 1, first, start - first * width, stop - last * width

    def _padded(self, first: int, last: int) -> tuple[list[Array], int, int]:
        """The planes first … last − 1 of the inputs, padded with their surroundings, frame
        included.
        """
        depth, height, width = self._shape
        z, y, x = self._kernel.halo
        shape = (last - first + 2 * z, height + 2 * y, width + 2 * x)
        low, high = max(0, first - z), min(depth, last + z)
        result = []
        for number, source in enumerate(self._inputs):
            element = source.dtype if source.dtype.name in ("bool", *WHOLE) else np.float32
            array: Array = np.full(shape, self._kernel.boundary_value(number), element)
            planes = source.reshape(self._shape)[low:high]
            place = low - (first - z)
            with np.errstate(over="ignore"):
                array[place : place + high - low, y : y + height, x : x + width] = planes
            result.append(array)
        return result, shape[2], shape[1] * shape[2]


def _whole_blocks(voxels: int) -> int:
    """The number of voxels, rounded up to whole blocks."""
    return max(1, -(-voxels // BLOCK)) * BLOCK


def _place(operation: str, voxels: int) -> Array:
    """The buffer for a reduction's partial result in one piece."""
    return np.empty(_whole_blocks(voxels)) if operation == "total" else np.zeros(1, np.int64)


def _blocks(values: Array) -> Array:
    sums = np.empty(len(values) // BLOCK)
    library_kernel("reduction", "halve_blocks")(len(sums), BLOCK, values, sums)
    return sums


def _reduced(reduction: Scalar, parts: list[Any]) -> np.float64:
    match reduction.operation:
        case "total":
            return tree_of_blocks(np.concatenate(parts))
        case "count":
            return np.float64(sum(map(int, parts)))
        case operation:
            choose = min if operation == "smallest" else max
            key = choose([*map(int, parts), none_of(reduction)])
            return np.float64(number_of_key(key, reduction))
