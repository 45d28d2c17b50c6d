"""How are several values computed that share most of the work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from voxgpu.gpu.device import CudaDevice
from voxgpu.gpu.percentile import compared_percentiles
from voxgpu.gpu.thresholds import count_thresholds
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.rewritten import COMPARED_PERCENTILE, COMPARED_VOLUME


def _percentiles(arguments: list[list[Any]], device: CudaDevice) -> Any:
    """Comparisons of the percentiles of one image, mask and c: an image each."""
    v, mask, c = arguments[0][:3]
    comparisons = [(operator, number) for *_, number, operator in arguments]
    return compared_percentiles(v, mask, c, comparisons, device)


def _volumes(arguments: list[list[Any]], device: CudaDevice) -> Any:
    """Volumes of comparisons of one image with numbers: an array of float64."""
    comparisons = [(operator, number) for _, number, operator in arguments]
    return count_thresholds(arguments[0][0], comparisons, device)


#: From the arguments of each node, with arrays for images, to the images, or to numbers in a row.
JOINTS: Mapping[Primitive, Callable[[list[list[Any]], CudaDevice], Any]] = {
    COMPARED_PERCENTILE: _percentiles,
    COMPARED_VOLUME: _volumes,
}

#: Bytes per voxel that they take besides inputs and results.
SCRATCH: Mapping[Primitive, int] = {COMPARED_PERCENTILE: 24, COMPARED_VOLUME: 4}

#: The files of kernels that they launch from.
LIBRARIES: Mapping[Primitive, tuple[str, ...]] = {
    COMPARED_PERCENTILE: ("percentile",),
    COMPARED_VOLUME: ("thresholds", "percentile"),
}
