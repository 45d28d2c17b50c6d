"""Regions for a montage: a mask as one, labels as one each, in colors that can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voxgpu.files.formats import suffix_of
from voxgpu.image import Image
from voxgpu.report.montage import Outline
from voxgpu.report.region_colors import MORE_COLORS

#: Images with more different labels are one region each.
MOST_LABELS = len(MORE_COLORS)


def outlines_of(masks: Sequence[tuple[Path, Image]]) -> list[Outline]:
    """The regions of masks with their names, each in the next color.

    An image of integers with 2 to 12 different values besides 0 has labels: each is a region, named
    by the file and its value. Of other images every voxel that is neither 0 nor NaN is in the
    region.
    """
    outlines: list[Outline] = []
    for path, image in masks:
        name = path.name.removesuffix(path.name[-len(suffix_of(path)) :] if suffix_of(path) else "")
        values = labels_of(image)
        if len(values) < 2:
            regions = [(name, image)]
            if image.array.dtype.kind == "f":
                regions = [(name, Image(np.nan_to_num(image.array, nan=0.0), image.grid))]
        else:
            regions = [(f"{name} {x}", Image(image.array == x, image.grid)) for x in values]
        for each, mask in regions:
            outlines.append(Outline(each, mask, MORE_COLORS[len(outlines) % len(MORE_COLORS)]))
    return outlines


def labels_of(image: Image) -> list[int]:
    """The labels in an image of integers, without 0; empty if there are more than MOST_LABELS."""
    if image.channels > 1 or image.array.dtype.kind not in "iu":
        return []
    # Thinned out first: images of intensities have too many values in a part of them already.
    step = max(1, image.array.size // 100_000)
    if len(np.unique(image.array.reshape(-1)[::step])) > MOST_LABELS + 1:
        return []
    values = [int(each) for each in np.unique(image.array) if each]
    return values if len(values) <= MOST_LABELS else []
