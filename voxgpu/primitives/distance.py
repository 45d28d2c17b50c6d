"""Exact Euclidean distances to a region, between voxel centers, in mm.

With the offset (i, j, k) from one voxel to another along (z, y, x) and the spacing (a, b, c) in mm,
the square of their distance is, in float64 and in this order, ``((a·i)² + (b·j)²) + (c·k)²``; the
distance to a region is the float32 nearest to the root of the least of these squares. Since
rounding is monotonic, the least sum is found one axis at a time: the least square along z is
extended by each square along y, the least of these sums is kept, and then the same along x. The
result is bitwise identical to that of an exhaustive search.

Reference: A. Meijster, J. Roerdink, W. Hesselink, A general algorithm for computing distance
transforms in linear time (2000). Deviation: along y and x the minimum is taken over all offsets
that can still be the least, not over a lower envelope, which would round differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberImage, whole_image

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, ...]

#: Number of offsets to try before checking again whether a larger one could be the least.
PATIENCE = 8


@whole_image("dt", scratch=14, id="signed_distance")
def signed_distance(b: BoolImage, grid: Grid) -> NumberImage:
    """The distance in mm to the region ``b``: positive outside, negative inside.

    Outside ``b``: to the nearest true voxel. Inside: minus the distance to the nearest voxel of
    ``b`` that has a false voxel among its 26 neighbors (8 in 2-D) within the image; those voxels
    themselves are −0.0, and the frame of the image is not part of the contour. An empty ``b`` is
    +inf everywhere, a full one −inf. Distances are float32; shapes (z, y, x) or (y, x).

    >>> dt([true, false, false])
    [0, 1, 2]
    >>> dt([true, true, true, false])
    [-2, -1, 0, 1]
    >>> dt([false, false])
    [inf, inf]
    """
    result = _distance(b, grid.spacing)
    inside = bounding_box(b)
    if inside is not None:
        contour = b & ~_interior(b)
        # All inner voxels and the contour lie in this box; the rest need not be examined.
        depth = _distance(contour[inside], grid.spacing)
        np.negative(depth, out=result[inside], where=b[inside])
    return result


@whole_image("pdt", scratch=14, id="distance")
def distance(b: BoolImage, grid: Grid) -> NumberImage:
    """The distance in mm to the nearest true voxel of ``b``: ``dt``, but 0 inside.

    An empty ``b`` is +inf everywhere. Distances are float32; shapes (z, y, x) or (y, x).

    >>> pdt([true, true, true, false, false])
    [0, 0, 0, 1, 2]
    >>> pdt([false, false])
    [inf, inf]
    """
    outside = bounding_box(~b)
    result = np.zeros(b.shape, dtype=np.float32)
    if outside is not None:
        # Between a false voxel and a true one outside the bounding box of the false ones, widened
        # by one voxel, lies a nearer true one, on the rim of that box.
        box = _widened(outside, b.shape)
        result[box] = _distance(b[box], grid.spacing)
    return result


def _distance(b: Mask, spacing: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """The distance from each voxel to the nearest true one; +inf if there is none."""
    result = np.full(b.shape, np.inf, dtype=np.float32)
    steps = _steps_along_first_axis(b) if b.ndim == 3 else None
    for z in range(len(b) if steps is not None else 1):
        if steps is None:
            squares = np.where(b, 0.0, np.inf)
        else:
            squares = np.where(steps[z] < 0, np.inf, (steps[z] * spacing[0]) ** 2)
        for step in spacing[-2:]:
            # The transpose puts the next axis first; after both, the axes are in their original
            # order.
            squares = _least_along_first_axis(squares, step).T
        result[z if steps is not None else ...] = np.sqrt(squares)
    return result


def _steps_along_first_axis(b: Mask) -> npt.NDArray[np.int32]:
    """The number of voxels to the nearest true one along the first axis; −1 if there is none."""
    size = len(b)
    place = np.arange(size, dtype=np.int32).reshape(-1, *[1] * (b.ndim - 1))
    far = np.int32(2 * size)
    before = np.where(b, place, -far)
    np.maximum.accumulate(before, axis=0, out=before)
    after = np.where(b, place, far + size)
    np.minimum.accumulate(after[::-1], axis=0, out=after[::-1])
    np.subtract(place, before, out=before)
    np.subtract(after, place, out=after)
    steps = np.minimum(before, after, out=before)
    steps[steps >= size] = -1
    return steps


def _least_along_first_axis(squares: Any, step: float) -> npt.NDArray[np.float64]:
    """For each voxel the least sum of a square along the first axis and its squared distance.

    squares  float64, +inf where there is no source
    step     mm between neighbors
    """
    size = len(squares)
    least = np.array(squares, order="C")
    occupied = np.flatnonzero(np.isfinite(least).any(axis=1))
    if not occupied.size:
        return least
    source = np.ascontiguousarray(squares)
    first, last = int(occupied[0]), int(occupied[-1]) + 1
    for offset in range(1, size):
        away = offset * step
        # Not `** 2`, which for a scalar is C's pow and may round differently from the product.
        square = away * away
        if offset % PATIENCE == 1 and square >= least.max():
            break
        stop = min(last, size - offset)
        start = max(first, offset)
        _lower(least[first + offset : stop + offset], source[first:stop], square)
        _lower(least[start - offset : last - offset], source[start:last], square)
    return least


def _lower(target: Any, source: Any, square: float) -> None:
    if len(source):
        np.minimum(target, source + square, out=target)


def _interior(b: Mask) -> Mask:
    """True where the whole 3×3(×3) box, as far as it lies within the image, is true."""
    result = b
    for axis in range(b.ndim):
        result = _eroded(result, axis)
    return result


def _eroded(b: Mask, axis: int) -> Mask:
    result = b.copy()
    lower = tuple(slice(None, -1) if each == axis else slice(None) for each in range(b.ndim))
    upper = tuple(slice(1, None) if each == axis else slice(None) for each in range(b.ndim))
    result[lower] &= b[upper]
    result[upper] &= b[lower]
    return result


def bounding_box(b: Mask) -> Box | None:
    """The smallest box that contains all true voxels; None if there are none."""
    slices = []
    for axis in range(b.ndim):
        others = tuple(each for each in range(b.ndim) if each != axis)
        occupied = np.flatnonzero(b.any(axis=others))
        if not occupied.size:
            return None
        slices.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(slices)


def _widened(box: Box, shape: tuple[int, ...]) -> Box:
    """The box grown by one voxel on each side, clipped to the image."""
    return tuple(
        slice(max(0, side.start - 1), min(size, side.stop + 1))
        for side, size in zip(box, shape, strict=True)
    )
