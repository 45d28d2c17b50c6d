"""How are several values computed that share most of the work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from voxgpu.cpu.thresholds import count_thresholds
from voxgpu.cpu.workers import Workers
from voxgpu.primitives.primitive import Primitive
from voxgpu.primitives.rewritten import COMPARED_PERCENTILE, COMPARED_VOLUME, compared_percentile


def _percentiles(arguments: list[list[Any]], workers: Workers) -> list[Any]:
    """Comparisons of the percentiles of one image, mask and c."""
    return [
        compared_percentile.function(v.astype(np.float32), *rest) for v, *rest in arguments
    ]


def _volumes(arguments: list[list[Any]], workers: Workers) -> list[Any]:
    """Volumes of comparisons of one image with numbers."""
    comparisons = [(operator, number) for _, number, operator in arguments]
    return count_thresholds(arguments[0][0], comparisons, workers)


#: From the arguments of each node, with arrays for images, to the results.
JOINTS: Mapping[Primitive, Callable[[list[list[Any]], Workers], list[Any]]] = {
    COMPARED_PERCENTILE: _percentiles,
    COMPARED_VOLUME: _volumes,
}
