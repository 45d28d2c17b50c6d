"""Generated CUDA kernels: derived from steps, and launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.cuda.scalar_kernels import NOWHERE
from voxgpu.codegen.cuda_renderer import THREADS, CudaKernel
from voxgpu.codegen.scalar import Element, Scalar, topological_order
from voxgpu.float32 import nearest_float32
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.step import FusedStep, ReducedScalar

#: What parameters of kernels are.
_ELEMENTS: Mapping[Element, Any] = {
    "bool": lambda value: np.uint8(bool(value)),
    "f32": nearest_float32,
    "f64": np.float64,
}


@lru_cache(maxsize=1024)
def kernel_of(step: FusedStep) -> CudaKernel:
    """Return the kernel of a step, with the numbers computed from its reductions."""
    return CudaKernel(
        step.kernel, tuple((each.body, each.required_nonzero) for each in step.reduced_scalars)
    )


def bodies_of(number: ReducedScalar, step: FusedStep) -> list[Scalar]:
    """Returns the expression of a number, and the count that must not be 0 for it."""
    if number.required_nonzero is None:
        return [number.body]
    return [number.body, step.kernel.reductions[number.required_nonzero]]


def looked_at(bodies: Sequence[Scalar], step: FusedStep) -> list[ValueId]:
    """The inputs of a step that these bodies read."""
    found: dict[ValueId, None] = {}
    for each in topological_order(bodies):
        if each.operation in ("read", "parameter"):
            inputs = step.images if each.operation == "read" else step.scalars
            found[inputs[each.number]] = None
    return list(found)


def parameter(value: Any, address: Array | None, element: Element) -> tuple[Any, Any]:
    """A parameter as kernels take it: its value, and its device address or a null pointer."""
    number = _ELEMENTS[element](value)
    return number, NOWHERE if address is None else address


def launch(
    kernel: CudaKernel,
    images: Sequence[Array],
    parameters: Sequence[tuple[Any, Any]],
    grid: Grid,
    device: CudaDevice,
    into: Array | None = None,
) -> tuple[list[Array], Array]:
    """Launches a kernel; returns its images, and its numbers (float64) followed by mask counts.

    images      arrays of the kernel's very elements
    parameters  as ``parameter`` makes them
    into        the array for the numbers; None: a new one
    """
    shape = grid.shape
    outputs = [device.empty(shape, np.dtype(each)) for each in kernel.kernel.output_elements]
    depth = shape[0] if len(shape) == 3 else 0
    sizes = (np.int64(grid.voxels), *map(np.int32, (shape[-1], shape[-2], depth)))
    blocks = -(-grid.voxels // kernel.voxels_a_block)
    reductions, numbers = _places(kernel, blocks, device, into)
    flat = [each for pair in parameters for each in pair]
    arguments = (*sizes, *images, *flat, *outputs, *reductions)
    device.queue(device.modules.generated(kernel), blocks, THREADS, arguments)
    return outputs, numbers


def _places(
    kernel: CudaKernel, blocks: int, device: CudaDevice, into: Array | None
) -> tuple[tuple[Array, ...], Array]:
    """Return the accumulators and the results of a kernel, and the results alone."""
    count = len(kernel.kernel.reductions)
    if not count:
        return (), None
    reduced = device.zeros((count + 1,), np.uint64)
    sums = device.empty((max(1, kernel.totals * blocks),), np.float64)
    numbers = into
    if numbers is None:
        numbers = device.empty((len(kernel.numbers) + len(kernel.checks),), np.float64)
    return (reduced, sums, numbers), numbers
