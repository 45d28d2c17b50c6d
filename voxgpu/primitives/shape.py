"""Shape of regions and labels: bounding boxes, centers, tables of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid
from voxgpu.primitives.define import (
    BoolImage,
    NumberImage,
    NumberPairs,
    NumberValues,
    whole_image,
)
from voxgpu.primitives.primitive import UndefinedValueError, empty_mask
from voxgpu.primitives.runs import spread_by_run

#: The most labels that a table may have.
MOST_LABELS = 1 << 20

_Array = npt.NDArray[Any]


@whole_image(scratch=8, id="bounding_box")
def bounding_box(b: BoolImage) -> NumberPairs:
    """The smallest box around a region: [[x, y, z], [width, height, depth]] in voxels, the first
    voxel counted from 0, or [[x, y], [width, height]] in 2-D.

    ``extract(v, box[1], box[0])`` crops to it. Raises UndefinedValueError for an empty region.

    >>> bounding_box([[false, false, false], [false, true, true]])
    [[1, 1], [2, 1]]
    """
    bounds = []
    for axis in range(b.ndim):
        others = tuple(each for each in range(b.ndim) if each != axis)
        places = np.flatnonzero(b.any(axis=others))
        if not places.size:
            raise empty_mask("b")
        bounds.append((float(places[0]), float(places[-1] - places[0] + 1)))
    first, size = zip(*reversed(bounds), strict=True)
    return first, size


@whole_image(scratch=8, id="center_of_mass")
def center_of_mass(b: BoolImage) -> NumberValues:
    """The mean position of the true voxels, in voxels counted from 0: [x, y, z], or [x, y] in 2-D.

    Raises UndefinedValueError for an empty region.

    >>> center_of_mass([[false, false, false], [false, true, true]])
    [1.5, 1]
    """
    return tuple(reversed(_center(b)))


@whole_image(scratch=8, id="center_of_mass_mm")
def center_of_mass_mm(b: BoolImage, *, grid: Grid) -> NumberValues:
    """The mean position of the true voxels in space, in mm: [x, y, z], or [x, y] in 2-D.

    The axes are those of DICOM and SimpleITK, to the patient's left, back and head (LPS); those of
    NIfTI and nibabel point to the right and front (RAS), with the opposite sign of x and y. Raises
    UndefinedValueError for an empty region.

    >>> center_of_mass_mm([[false, false, false], [false, true, true]])
    [1.5, 1]
    """
    return tuple(float(each) for each in grid.position(_center(b)))


def _center(b: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    """The mean index of the true voxels along each axis, (z, y, x) or (y, x)."""
    count = int(np.count_nonzero(b))
    if not count:
        raise empty_mask("b")
    center = []
    for axis, size in enumerate(b.shape):
        others = tuple(each for each in range(b.ndim) if each != axis)
        counts = np.count_nonzero(b, axis=others).astype(np.int64)
        center.append(int(counts @ np.arange(size, dtype=np.int64)) / count)
    return tuple(center)


@whole_image(scratch=80, id="label_statistics", version=2, is_exact=True)
def label_statistics(labels: NumberImage, v: NumberImage) -> NumberPairs:
    """A row for each label but 0, ascending: [label, voxels, mean, standard deviation, least,
    greatest] of ``v`` in the voxels with this label.

    All labels are handled in one pass over the image. Standard deviations are of a sample, as with
    ``stdev``; least and greatest ignore NaN, as do ``min`` and ``max``; the mean and standard
    deviation are NaN if any voxel is NaN. Labels are integers. Shapes (z, y, x) or (y, x). Raises
    UndefinedValueError for labels that are not integers, NaN included, and for more than 1 048 576
    of them.

    >>> label_statistics([0, 1, 1, 2], [9, 3, 5, 7])
    [[1, 2, 4, 1.4142135623730951, 3, 5], [2, 1, 7, 0, 7, 7]]
    """
    names, order, starts = _sorted_by_label(labels)
    described = spread_by_run(v.reshape(-1)[order].astype(np.float64), starts)
    rows = np.column_stack([names.astype(np.float64), *described])
    return tuple(map(tuple, rows[names != 0].tolist()))


@whole_image(element="int32", scratch=40, id="relabel", is_exact=True)
def relabel(labels: NumberImage) -> NumberImage:
    """The labels renumbered from 1, the largest region first; 0 stays 0. Of regions of the same
    size the one with the lesser label comes first.

    Shapes (z, y, x) or (y, x); int32. Raises UndefinedValueError for labels that are not integers,
    NaN included, and for more than 1 048 576 of them.

    >>> relabel([0, 7, 3, 3])
    [0, 2, 1, 1]
    """
    names, order, starts = _sorted_by_label(labels)
    sizes = np.diff([*starts.tolist(), labels.size])
    by_size = sorted(
        (each for each in range(len(names)) if names[each] != 0),
        key=lambda each: (-int(sizes[each]), each),
    )
    new = np.zeros(len(names), np.int32)
    new[by_size] = np.arange(1, len(by_size) + 1)
    result = np.zeros(labels.size, np.int32)
    result[order] = np.repeat(new, sizes)
    return result.reshape(labels.shape)


def _sorted_by_label(labels: _Array) -> tuple[_Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The labels that occur, ascending; the indices of all voxels, sorted by label and then in
    image order; and the start of each label among them.
    """
    flat = labels.reshape(-1)
    if flat.dtype.kind == "f" and not (np.isfinite(flat) & (flat == np.floor(flat))).all():
        raise UndefinedValueError("labels are whole numbers, and some voxels are not")
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if len(starts) > MOST_LABELS:
        raise UndefinedValueError(
            f"{len(starts)} labels are more than the {MOST_LABELS} that fit a table"
        )
    return ordered[starts], order, starts
