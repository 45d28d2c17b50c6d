"""Single operators on one image, such as a head."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voxgpu.backends.base import Backend
from voxgpu.bench.expressions import Operations
from voxgpu.bench.operators import DEFINITIONS, INPUTS
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image


def operations_on(image: Path, backend: Backend) -> Operations:
    """The operators' inputs, made of an image of numbers.

    Raises FileError if it cannot be read, and ValueError if no operator can be applied to it.
    """
    return Operations(
        DEFINITIONS.format(flair=image, bright=bright_threshold(image)), INPUTS, backend
    )


def bright_threshold(image: Path) -> float:
    """A threshold that leaves some percent of a head: blobs, and noise about them.

    Raises FileError if the image cannot be read, and ValueError if no voxel is above 0.
    """
    voxels = read_image(read_header(image)).array
    positive = voxels[voxels > 0]
    if voxels.ndim != 3 or not positive.size:
        raise ValueError(f"`{image}` is no image in 3-D with voxels above 0")
    return float(np.round(np.percentile(positive, 93)))
