"""Helper kernels for hand-written implementations.

They count true voxels, compare an image with a number, negate a mask, and pack device scalars into
one array.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from voxgpu.backends.cuda import fused_kernels, scalar_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Scalar, count, parameter, read
from voxgpu.image import Grid

#: Times 1 a number stays what it is, −0 included.
MULTIPLY = 2


@cache
def _counting_one() -> CudaKernel:
    counted = count(read(0, "bool"))
    return CudaKernel(Kernel(("bool",), (), (), (counted,)), ((counted, None),))


@cache
def _counting_two() -> CudaKernel:
    a, b = read(0, "bool"), read(1, "bool")
    counted = (count(a), count(b), count(a & b))
    kernel = Kernel(("bool", "bool"), (), (), counted)
    return CudaKernel(kernel, tuple((each, None) for each in counted))


@cache
def _comparison(operator: str) -> CudaKernel:
    v, n = read(0, "f32"), parameter(0, "f32")
    differs = (v < n) | (v > n)  # false where one is NaN
    body = differs if operator == "not_equal" else Scalar(operator, (v, n), (), "bool")
    return CudaKernel(Kernel(("float32",), ("f32",), (body,)))


@cache
def _negation() -> CudaKernel:
    return CudaKernel(Kernel(("bool",), (), (~read(0, "bool"),)))


def count_of(b: Array, grid: Grid, device: CudaDevice) -> Array:
    """Counts the true voxels: a float64."""
    return fused_kernels.launch(_counting_one(), [b], [], grid, device)[1]


def counts_of_two(a: Array, b: Array, grid: Grid, device: CudaDevice) -> Array:
    """Counts the true voxels of the first, the second, and both: float64."""
    return fused_kernels.launch(_counting_two(), [a, b], [], grid, device)[1]


def negated(b: Array, grid: Grid, device: CudaDevice) -> Array:
    """The negation of ``b``."""
    return fused_kernels.launch(_negation(), [b], [], grid, device)[0][0]


def compared(v: Array, operator: str, number: float, grid: Grid, device: CudaDevice) -> Array:
    """``v operator number`` as in ``voxgpu.primitives.internal.OPERATORS``; ``v`` is float32."""
    operand = fused_kernels.parameter(number, None, "f32")
    return fused_kernels.launch(_comparison(operator), [v], [operand], grid, device)[0][0]


def stack_scalars(values: tuple[Any, ...], device: CudaDevice) -> Array:
    """Packs numbers of the host or the device into one float64 array on the device."""
    result = device.empty((len(values),), np.float64)
    for place, value in enumerate(values):
        operand = (value, None) if isinstance(value, float | int) else (0.0, value)
        scalar_kernels.apply(MULTIPLY, [operand, (1.0, None)], device, result[place : place + 1])
    return result


def to_host(value: Any, device: CudaDevice) -> float:
    """Returns a number on the host; waits for it if it is on the device."""
    if isinstance(value, float | int):
        return float(value)
    return float(device.download(value, device.record_event())[0])
