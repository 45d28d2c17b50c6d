"""Smoothing and filling: filters with a neighborhood given in mm, and hole filling."""

from __future__ import annotations

from math import fsum, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberImage, NumberValue, whole_image
from voxgpu.primitives.exact_functions import exponential_of
from voxgpu.primitives.primitive import UndefinedValueError

#: Standard deviations from the center at which the weights of ``gaussian`` are cut off.
TRUNCATED_AT = 4.0

#: The largest standard deviation of ``gaussian`` along an axis, in voxels.
MOST_VOXELS = 1000.0

#: The maximum number of voxels in the box of ``median_filter``.
LARGEST_BOX = 25**3

#: Tolerance, in voxels, for a size in mm that should be a whole number of voxels.
_SLACK = 1e-3

_Array = npt.NDArray[Any]


@whole_image(scratch=12, id="gaussian", version=2)
def gaussian(v: NumberImage, mm: NumberValue, *, grid: Grid) -> NumberImage:
    """The image smoothed with a Gaussian whose standard deviation is ``mm`` along every axis.

    One axis after the other, the mean of the voxels within 4 standard deviations, weighted with
    exp(-d² / 2mm²) for a distance of d mm between centers; the weights are divided by their sum.
    Beyond the frame the edge voxels are repeated. Sums and the intermediate images between the axes
    are in float64; the result is rounded to float32 once. NaN spreads as far as the weights reach.
    ``gaussian(v, 0)`` is the image. A full width at half maximum is 2.3548 standard deviations.

    Shapes (z, y, x) or (y, x); mm. Raises UndefinedValueError for a negative or infinite ``mm``,
    and for one of more than 1000 voxels. Sums are computed by SciPy's ``correlate1d``; weights are
    computed here, because the last bits of those of ``gaussian_filter`` may differ between
    processors.

    >>> gaussian([0, 0, 0], 1)
    [0, 0, 0]
    """
    from scipy import ndimage

    sigmas = _in_voxels("gaussian", mm, v.shape, grid)
    if max(sigmas) > MOST_VOXELS:
        raise UndefinedValueError(
            f"`gaussian` takes a standard deviation of at most {MOST_VOXELS:g} voxels, "
            f"not of {max(sigmas):g} ({mm:g} mm)"
        )
    smooth = v.astype(np.float64)
    for axis, sigma in enumerate(sigmas):
        weights = _weights(sigma)
        if len(weights) > 1:
            smooth = ndimage.correlate1d(smooth, weights, axis, mode="nearest")
    return smooth.astype(np.float32)


def _weights(sigma: float) -> list[float]:
    """The weights along one axis, for a standard deviation in voxels; they sum to 1."""
    reach = int(TRUNCATED_AT * sigma + 0.5)
    if not reach:
        return [1.0]
    scaled = [step / sigma for step in range(reach + 1)]
    half = [exponential_of(-0.5 * (each * each)) for each in scaled]
    whole = [*half[:0:-1], *half]
    total = fsum(whole)
    return [each / total for each in whole]


@whole_image(scratch=16, id="median_filter")
def median_filter(v: NumberImage, mm: NumberValue, *, grid: Grid) -> NumberImage:
    """The median of the box around each voxel: of all voxels that are at most ``mm`` away along
    every axis. Beyond the frame the edge voxels are repeated. NaN if any voxel of the box is NaN.

    Shapes (z, y, x) or (y, x); mm. Raises UndefinedValueError for a negative or infinite ``mm``,
    and if the box has more than 15 625 voxels (25 along each of three axes). Computed by SciPy's
    ``median_filter``.

    >>> median_filter([1, 9, 2, 3, 4], 1)
    [1, 2, 3, 3, 4]
    """
    from scipy import ndimage

    halves = [int(each + _SLACK) for each in _in_voxels("median_filter", mm, v.shape, grid)]
    halves = [min(half, size - 1) for half, size in zip(halves, v.shape, strict=True)]
    sides = tuple(2 * half + 1 for half in halves)
    if np.prod([float(each) for each in sides]) > LARGEST_BOX:
        text = "×".join(str(each) for each in reversed(sides))
        raise UndefinedValueError(
            f"`median_filter` takes a box of at most {LARGEST_BOX} voxels, not of {text}"
        )
    missing = np.isnan(v)
    if not missing.any():
        return np.asarray(ndimage.median_filter(v, sides, mode="nearest"), np.float32)
    found = ndimage.median_filter(np.where(missing, np.float32(0), v), sides, mode="nearest")
    reached = ndimage.maximum_filter(missing, sides, mode="nearest")
    return np.where(reached, np.float32(np.nan), found).astype(np.float32)


@whole_image(scratch=8, id="fill_holes")
def fill_holes(b: BoolImage) -> BoolImage:
    """The region with its holes filled: false voxels from which no path over faces leads out of the
    image without meeting the region. In 2-D images and single slices paths stay in the slice.

    Shapes (z, y, x) or (y, x). Computed by SciPy's ``binary_fill_holes``.

    >>> fill_holes([[true, true, true], [true, false, true], [true, true, true]])
    [[true, true, true], [true, true, true], [true, true, true]]
    """
    from scipy import ndimage

    flat = np.squeeze(b)
    if flat.ndim == 0:
        return b.copy()
    return np.asarray(ndimage.binary_fill_holes(flat), np.bool_).reshape(b.shape)


def _in_voxels(name: str, mm: float, shape: tuple[int, ...], grid: Grid) -> tuple[float, ...]:
    """Converts a size in mm to voxels along each axis; 0 along axes of one voxel."""
    if not (isfinite(mm) and mm >= 0):
        raise UndefinedValueError(f"`{name}` takes a size in mm that is not negative, not {mm:g}")
    spacing = grid.spacing
    return tuple(mm / step if size > 1 else 0.0 for step, size in zip(spacing, shape, strict=True))
