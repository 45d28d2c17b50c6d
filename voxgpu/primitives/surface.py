"""Distances between the surfaces of two regions.

The surface of a region consists of its voxels that share a face with a voxel outside it, or with
the outside of the image (6 neighbors in 3-D, 4 in 2-D). Distances are exact, in mm, between voxel
centers, from every surface voxel of one region to the nearest of the other. Definitions after
L. Maier-Hein et al., "Metrics reloaded", Nature Methods 21 (2024). Distances to an empty region are
undefined: the value is NaN, with a warning.
"""

from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid
from voxgpu.primitives.define import BoolImage, NumberValue, whole_image
from voxgpu.primitives.primitive import UndefinedValueError, ValueWithWarning

_Mask = npt.NDArray[np.bool_]
_Distances = npt.NDArray[np.float64]


@whole_image(scratch=32, version=2, id="hd")
def hd(a: BoolImage, b: BoolImage, *, grid: Grid) -> NumberValue:
    """The Hausdorff distance in mm: how far the farthest surface voxel of either region is from
    the surface of the other.

    For an empty region it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> hd([true, false, false, false], [true, false, false, true])
    3
    """
    distances = _between(a, b, grid)
    if distances is None:
        return _nothing("hd")
    return float(max(each.max() for each in distances))


@whole_image(scratch=32, version=2, id="hd95")
def hd95(a: BoolImage, b: BoolImage, *, grid: Grid) -> NumberValue:
    """The greater of the two 95th percentiles of surface distances in mm, from ``a`` to ``b`` and
    from ``b`` to ``a``, each linearly interpolated.

    For an empty region it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> hd95([true, false, false], [false, false, true])
    2
    """
    distances = _between(a, b, grid)
    if distances is None:
        return _nothing("hd95")
    return float(max(np.percentile(each, 95) for each in distances))


@whole_image(scratch=32, version=2, id="assd")
def assd(a: BoolImage, b: BoolImage, *, grid: Grid) -> NumberValue:
    """The average symmetric surface distance in mm: the mean over all surface voxels of both.

    For an empty region it is NaN, with a warning. Shapes (z, y, x) or (y, x).

    >>> assd([true, false, false, false], [true, false, false, true])
    1
    """
    distances = _between(a, b, grid)
    return _nothing("assd") if distances is None else float(np.concatenate(distances).mean())


@whole_image(scratch=32, version=2, id="nsd")
def nsd(a: BoolImage, b: BoolImage, mm: NumberValue, *, grid: Grid) -> NumberValue:
    """The normalized surface distance: the proportion of the surface voxels of both regions that
    lie within ``mm`` of the surface of the other.

    For an empty region it is NaN, with a warning; a negative tolerance is an error. Shapes
    (z, y, x) or (y, x).

    >>> nsd([true, false, false, false], [true, false, false, true], 1)
    0.6666666666666666
    """
    if not mm >= 0:
        raise UndefinedValueError(f"`nsd` needs a tolerance of 0 mm or more, got {mm:g}")
    distances = _between(a, b, grid)
    return _nothing("nsd") if distances is None else float((np.concatenate(distances) <= mm).mean())


def _nothing(name: str) -> float:
    why = f"`{name}` of an empty region has no value: it is nan"
    return ValueWithWarning(nan, why)  # type: ignore[return-value]


def _between(a: _Mask, b: _Mask, grid: Grid) -> tuple[_Distances, _Distances] | None:
    """The distances from the surface voxels of ``a`` to the surface of ``b``, and back; None if
    either is empty.
    """
    if not a.any() or not b.any():
        return None
    surfaces = _cropped(_surface(a), _surface(b))
    first, second = surfaces
    return _to(second, grid)[first], _to(first, grid)[second]


def _surface(region: _Mask) -> _Mask:
    inside = region.copy()
    # In a slice, the axis of one voxel does not count as a border of the image.
    axes = [axis for axis, size in enumerate(region.shape) if region.ndim < 3 or size > 1]
    if not axes:
        return region
    for axis in axes:
        lower, upper = (_half(region.ndim, axis, end) for end in (slice(None, -1), slice(1, None)))
        inside[upper] &= region[lower]
        inside[lower] &= region[upper]
        inside[_half(region.ndim, axis, slice(0, 1))] = False
        inside[_half(region.ndim, axis, slice(-1, None))] = False
    surface: _Mask = region & ~inside
    return surface


def _half(dimensions: int, axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if each == axis else slice(None) for each in range(dimensions))


def _cropped(first: _Mask, second: _Mask) -> tuple[_Mask, _Mask]:
    """Both regions cropped to their common bounding box, which preserves the distances between
    them.
    """
    either = first | second
    box = []
    for axis in range(either.ndim):
        others = tuple(each for each in range(either.ndim) if each != axis)
        places = np.flatnonzero(either.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return first[tuple(box)], second[tuple(box)]


def _to(surface: _Mask, grid: Grid) -> _Distances:
    """The distance from every voxel to the nearest surface voxel, in mm."""
    from scipy.ndimage import distance_transform_edt

    distances: _Distances = distance_transform_edt(~surface, sampling=grid.spacing)
    return distances
