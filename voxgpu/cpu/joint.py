"""How are several values computed that share most of the work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from voxgpu.cpu.percentile import compared_percentiles
from voxgpu.cpu.thresholds import count_thresholds
from voxgpu.cpu.workers import Workers
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.rewritten import COMPARED_PERCENTILE, COMPARED_VOLUME


def _percentiles(arguments: list[list[Any]], workers: Workers) -> list[Any]:
    """Comparisons of the percentiles of one image, mask and c."""
    v, mask, c = arguments[0][:3]
    comparisons = [(operator, number) for *_, number, operator in arguments]
    return list(compared_percentiles(v, mask, c, comparisons, workers))


def _volumes(arguments: list[list[Any]], workers: Workers) -> list[Any]:
    """Volumes of comparisons of one image with numbers."""
    comparisons = [(operator, number) for _, number, operator in arguments]
    return count_thresholds(arguments[0][0], comparisons, workers)


#: From the arguments of each node, with arrays for images, to the results.
JOINTS: Mapping[Primitive, Callable[[list[list[Any]], Workers], list[Any]]] = {
    COMPARED_PERCENTILE: _percentiles,
    COMPARED_VOLUME: _volumes,
}

#: Bytes per voxel that they take besides inputs and results.
SCRATCH: Mapping[Primitive, int] = {COMPARED_PERCENTILE: 20, COMPARED_VOLUME: 1}
