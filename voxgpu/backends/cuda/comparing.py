"""Comparison of an image with a number on a device, and the complement of a mask."""

from __future__ import annotations

from functools import cache

from voxgpu.backends.cuda import fused_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Scalar, parameter, read
from voxgpu.image import Grid


@cache
def _comparison(operator: str) -> CudaKernel:
    v, n = read(0, "f32"), parameter(0, "f32")
    differs = (v < n) | (v > n)  # false where one is NaN
    body = differs if operator == "not_equal" else Scalar(operator, (v, n), (), "bool")
    return CudaKernel(Kernel(("float32",), ("f32",), (body,)))


@cache
def _negation() -> CudaKernel:
    return CudaKernel(Kernel(("bool",), (), (~read(0, "bool"),)))


def negated(b: Array, grid: Grid, device: CudaDevice) -> Array:
    """True where ``b`` is not."""
    return fused_kernels.launch(_negation(), [b], [], grid, device)[0][0]


def compared(v: Array, operator: str, number: float, grid: Grid, device: CudaDevice) -> Array:
    """``v operator number`` as in ``voxgpu.primitives.internal.OPERATORS``; ``v`` is float32."""
    operand = fused_kernels.parameter(number, None, "f32")
    return fused_kernels.launch(_comparison(operator), [v], [operand], grid, device)[0][0]
