"""How many voxels are true, and numbers side by side: small generated kernels that calls need."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from voxgpu.codegen.cuda_source import CudaKernel
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import count, read
from voxgpu.gpu import generated, numbers
from voxgpu.gpu.device import CudaDevice
from voxgpu.gpu.launching import Array
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


def count_of(b: Array, grid: Grid, device: CudaDevice) -> Array:
    """How many voxels are true: a float64."""
    return generated.launch(_counting_one(), [b], [], grid, device)[1]


def counts_of_two(a: Array, b: Array, grid: Grid, device: CudaDevice) -> Array:
    """How many voxels are true in the first, the second, and in both: float64."""
    return generated.launch(_counting_two(), [a, b], [], grid, device)[1]


def together(values: tuple[Any, ...], device: CudaDevice) -> Array:
    """Numbers, here or on the device, in one array on the device: float64."""
    result = device.empty((len(values),), np.float64)
    for place, value in enumerate(values):
        operand = (value, None) if isinstance(value, float | int) else (0.0, value)
        numbers.apply(MULTIPLY, [operand, (1.0, None)], device, result[place : place + 1])
    return result


def fetched(value: Any, device: CudaDevice) -> float:
    """A number that must be known here; waits for it where it is on the device."""
    if isinstance(value, float | int):
        return float(value)
    return float(device.download(value, device.mark())[0])
