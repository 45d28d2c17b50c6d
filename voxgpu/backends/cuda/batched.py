"""How are several values computed that share most of the work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from voxgpu.backends.cuda import fused_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.percentiles import ON_HOST, compared_percentiles
from voxgpu.backends.cuda.threshold_counts import count_thresholds
from voxgpu.codegen.count_kernel import AT_ONCE, counting
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.codegen.integers import WHOLE
from voxgpu.image import Grid, Image
from voxgpu.primitives.intensity_ranks import percentiles
from voxgpu.primitives.internal import PERCENTILE_COMPARE, THRESHOLD_COUNT
from voxgpu.primitives.primitive import Primitive


def _percentiles(arguments: list[list[Any]], device: CudaDevice) -> Any:
    """Comparisons of the percentiles of one image, mask and c: an image each."""
    v, mask, c = arguments[0][:3]
    comparisons = [(operator, number) for *_, number, operator in arguments]
    return compared_percentiles(v, mask, c, comparisons, device)


def _volumes(arguments: list[list[Any]], device: CudaDevice) -> Any:
    """Volumes of comparisons of one image with numbers: an array of float64."""
    comparisons = [(operator, number) for _, number, operator in arguments]
    v = arguments[0][0]
    if np.dtype(v.dtype).name in WHOLE:
        return _counted(v, comparisons, device)
    return count_thresholds(v, comparisons, device)


def _counted(v: Any, comparisons: list[tuple[str, float]], device: CudaDevice) -> Any:
    """The same for whole numbers, by kernels that count many comparisons in a pass."""
    counts = device.empty((len(comparisons),), np.float64)
    for start in range(0, len(comparisons), AT_ONCE):
        some = comparisons[start : start + AT_ONCE]
        kernel = counting(np.dtype(v.dtype).name, tuple(operator for operator, _ in some))
        wanted = CudaKernel(kernel, tuple((each, None) for each in kernel.gathers))
        operands = [fused_kernels.parameter(number, None, "f64") for _, number in some]
        into = counts[start : start + AT_ONCE]
        fused_kernels.launch(wanted, [v], operands, Grid.regular(v.shape), device, into)
    return counts


def is_for_host(primitive: Primitive, arguments: Sequence[Any]) -> bool:
    """Whether devices have no kernel of a primitive for such images."""
    if primitive not in (PERCENTILE_COMPARE, *percentiles.overloads):
        return False
    images = [each for each in arguments if isinstance(each, Image)]
    return any(np.dtype(each.array.dtype).name in ON_HOST for each in images)


#: From the arguments of each node, with arrays for images, to the images, or to numbers in a row.
JOINTS: Mapping[Primitive, Callable[[list[list[Any]], CudaDevice], Any]] = {
    PERCENTILE_COMPARE: _percentiles,
    THRESHOLD_COUNT: _volumes,
}

#: Bytes per voxel that they take besides inputs and results.
SCRATCH: Mapping[Primitive, int] = {PERCENTILE_COMPARE: 24, THRESHOLD_COUNT: 4}

#: The files of kernels that they launch from.
LIBRARIES: Mapping[Primitive, tuple[str, ...]] = {
    PERCENTILE_COMPARE: ("percentiles",),
    THRESHOLD_COUNT: ("threshold_counts", "percentiles"),
}
