"""Components of a region by size."""

from __future__ import annotations

import numpy as np

from voxgpu.primitives.components import in_raster_order, labeled
from voxgpu.primitives.define import BoolImage, NumberImage, NumberValue, whole_image


@whole_image(scratch=5, id="component_count")
def component_count(b: BoolImage) -> NumberValue:
    """The number of components of a region; components are those of ``through``.

    Shapes (z, y, x) or (y, x).

    >>> component_count([true, false, true, true])
    2
    """
    return float(labeled(b)[1])


@whole_image(element="int32", scratch=16, id="ranked_components")
def ranked_components(b: BoolImage) -> NumberImage:
    """The rank of the component that a voxel belongs to: 1 for the largest, 0 outside ``b``.

    Components are those of ``through``; of several of the same size the one whose first voxel
    comes first in raster order (x fastest, then y, then z) ranks first. Labels are int32. Shapes
    (z, y, x) or (y, x).

    >>> ranked_components([true, false, true, true, false, true])
    [2, 0, 1, 1, 0, 3]
    """
    labels = in_raster_order(*labeled(b))
    volumes = np.bincount(labels.ravel())[1:]
    rank = np.zeros(volumes.size + 1, dtype=np.int32)
    rank[1 + np.argsort(-volumes, kind="stable")] = np.arange(1, volumes.size + 1, dtype=np.int32)
    return rank[labels]
