"""How are several values computed that share most of the work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from voxgpu.backends.cpu.percentiles import compared_percentiles
from voxgpu.backends.cpu.threshold_counts import count_thresholds
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.primitives.internal import PERCENTILE_COMPARE, THRESHOLD_COUNT
from voxgpu.primitives.primitive import Primitive


def _percentiles(arguments: list[list[Any]], workers: ThreadPool) -> list[Any]:
    """Comparisons of the percentiles of one image, mask and c."""
    v, mask, c = arguments[0][:3]
    comparisons = [(operator, number) for *_, number, operator in arguments]
    return list(compared_percentiles(v, mask, c, comparisons, workers))


def _volumes(arguments: list[list[Any]], workers: ThreadPool) -> list[Any]:
    """Volumes of comparisons of one image with numbers."""
    comparisons = [(operator, number) for _, number, operator in arguments]
    return count_thresholds(arguments[0][0], comparisons, workers)


#: From the arguments of each node, with arrays for images, to the results.
JOINTS: Mapping[Primitive, Callable[[list[list[Any]], ThreadPool], list[Any]]] = {
    PERCENTILE_COMPARE: _percentiles,
    THRESHOLD_COUNT: _volumes,
}

#: Bytes per voxel that they take besides inputs and results.
SCRATCH: Mapping[Primitive, int] = {PERCENTILE_COMPARE: 20, THRESHOLD_COUNT: 1}
