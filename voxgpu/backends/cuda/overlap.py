"""Overlap measures of two regions, and volumes in mm³, computed on the host from counts."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from voxgpu.backends.cuda import small_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.cuda.registry import FinishedNumber, implements
from voxgpu.image import Grid
from voxgpu.primitives import overlap


@implements(overlap.volume_in_mm, scratch=0)
def volume_in_mm(b: Array, grid: Grid, device: CudaDevice) -> FinishedNumber:
    """The volume of a region in mm³."""
    counted = small_kernels.count_of(b, grid, device)
    return FinishedNumber(counted, lambda numbers: float(numbers[0]) * prod(grid.spacing))


def _measure(
    a: Array,
    b: Array,
    meaning: Callable[[overlap.Counts], float],
    grid: Grid,
    device: CudaDevice,
) -> FinishedNumber:
    """A measure of two regions, of which ``meaning`` is the definition."""
    counted = small_kernels.counts_of_two(a, b, grid, device)
    return FinishedNumber(
        counted,
        lambda n: meaning(overlap.Counts(int(n[0]), int(n[1]), int(n[2]), grid.voxels)),
    )


for _definition, _meaning in overlap.MEASURES:
    implements(_definition, scratch=0, meaning=_meaning)(_measure)
