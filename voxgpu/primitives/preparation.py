"""What is done to an image before it is analyzed? Other grids, and light that is even."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.primitives.define import (
    BoolImage,
    NumberImage,
    StaticNumber,
    StaticNumbers,
    whole_image,
)
from voxgpu.primitives.primitive import ValueProblem

Array = npt.NDArray[Any]

#: Of these many voxels along an axis, half are enough for a field that varies slowly.
_HALVED = 16


@whole_image(scratch=40)
def n4(v: NumberImage, mask: BoolImage, *, grid: Grid) -> NumberImage:
    """``v`` without the slow change of brightness that a scanner's coil makes.

    The N4 algorithm (N. J. Tustison et al., IEEE Transactions on Medical Imaging 29, 2010) as ITK
    has it, with its default settings, finds the bias field within ``mask`` at half the resolution
    (along axes of 16 voxels and more); all of ``v`` is divided by the field at full resolution.
    Voxels of ``mask`` should be positive. An empty mask is an error. float32; shapes (z, y, x) or
    (y, x).

    >>> n4([1, 1, 1], [true, true, true])
    [1, 1, 1]
    """
    from voxgpu.itk.images import to_itk
    from voxgpu.itk.process import quiet, simpleitk

    if not mask.any():
        raise ValueProblem("`mask` of `n4` has no true voxel, so there is no value")
    if min(v.shape) < 4:
        # Too thin for a field of splines: there is nothing to even out.
        return v
    itk = simpleitk()
    with quiet():
        image, region = to_itk(Image(v, grid)), to_itk(Image(mask, grid))
        shrink = [2 if size >= _HALVED else 1 for size in image.GetSize()]
        corrector = itk.N4BiasFieldCorrectionImageFilter()
        # Sums over threads would depend on how many there are.
        corrector.SetNumberOfWorkUnits(1)
        try:
            corrector.Execute(itk.Shrink(image, shrink), itk.Shrink(region, shrink))
            field = corrector.GetLogBiasFieldAsImage(image)
        except RuntimeError as error:
            raise ValueProblem(f"`n4` found no field: {_last_line(error)}") from None
        bias = itk.GetArrayFromImage(field)
    corrected: Array = (v / np.exp(bias.astype(np.float32))).astype(np.float32)
    return corrected


@whole_image(scratch=16, grid_from="like")
def resample(v: NumberImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> NumberImage:
    """``v`` on the grid of ``like``: every voxel linearly interpolated at its place in mm.

    Voxels reach half their width beyond their centers; places outside all of ``v`` are 0. The
    voxels of ``like`` do not matter. float32; shapes (z, y, x) or (y, x), both of one number of
    dimensions.

    >>> resample([1, 2, 3], [0, 0])
    [1, 2]
    """
    return _on_grid(v, *grids, linear=True)


@whole_image("resample", scratch=16, grid_from="like")
def resample_like_region(
    v: NumberImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> NumberImage:
    """``v`` on the grid of a region.

    >>> resample([1, 2, 3], [true, false])
    [1, 2]
    """
    return _on_grid(v, *grids, linear=True)


@whole_image("resample", scratch=16, grid_from="like")
def resample_region(v: BoolImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> BoolImage:
    """A region on the grid of ``like``: every voxel is that of the nearest one, false outside.

    >>> resample([true, false, true], [0, 0])
    [true, false]
    """
    return _on_grid(v, *grids, linear=False)


@whole_image("resample", scratch=16, grid_from="like")
def resample_region_like_region(
    v: BoolImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> BoolImage:
    """A region on the grid of another one.

    >>> resample([true, false, true], [true, true])
    [true, false]
    """
    return _on_grid(v, *grids, linear=False)


def finer_grid(grid: Grid, mm: float | tuple[float, ...]) -> Grid:
    """The grid of the same extent whose voxels are ``mm`` wide: one number, or [x, y, z].

    Its number of voxels along an axis is the nearest whole one, and at least 1; the outer corner
    of the first voxel stays where it is. Raises ValueProblem for widths that are none.
    """
    each = (mm,) * grid.dimensions if isinstance(mm, float) else tuple(reversed(mm))
    if len(each) != grid.dimensions:
        raise ValueProblem(f"`mm` needs {grid.dimensions} numbers, got {len(each)}")
    if not all(0 < width < np.inf for width in each):
        raise ValueProblem("`mm` must be greater than 0")
    extents = [size * old for size, old in zip(grid.shape, grid.spacing, strict=True)]
    shape = tuple(
        max(1, int(np.floor(e / width + 0.5))) for e, width in zip(extents, each, strict=True)
    )
    shift = [(new - old) / 2 for new, old in zip(each, grid.spacing, strict=True)][::-1]
    turn = np.array(grid.direction).reshape(grid.dimensions, grid.dimensions)
    origin = tuple(float(o) for o in np.array(grid.origin) + turn @ np.array(shift))
    return Grid(shape, tuple(float(width) for width in each), origin, grid.direction)


@whole_image(scratch=16, grid_of=finer_grid)
def resample_to(v: NumberImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> NumberImage:
    """``v`` with voxels of ``mm`` on every side, linearly interpolated, over the same extent.

    The outer corner of the first voxel stays where it is; beyond all voxels the nearest one counts.
    float32; shapes (z, y, x) or (y, x).

    >>> resample_to([[1, 2, 3, 4], [1, 2, 3, 4]], 2)
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, linear=True, beyond=True)


@whole_image("resample_to", scratch=16, grid_of=finer_grid)
def resample_to_each(v: NumberImage, mm: StaticNumbers, *, grid: Grid, grids: Any) -> NumberImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([1, 2, 3, 4], [2, 1])
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, linear=True, beyond=True)


@whole_image("resample_to", scratch=16, grid_of=finer_grid)
def resample_region_to(v: BoolImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> BoolImage:
    """A region with voxels of ``mm`` on every side; every voxel is that of the nearest one.

    >>> resample_to([true, true, false, false], 2)
    [true, false]
    """
    return _on_grid(v, grids[0], grid, linear=False, beyond=True)


@whole_image("resample_to", scratch=16, grid_of=finer_grid)
def resample_region_to_each(
    v: BoolImage, mm: StaticNumbers, *, grid: Grid, grids: Any
) -> BoolImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([true, true, false, false], [2, 1])
    [true, false]
    """
    return _on_grid(v, grids[0], grid, linear=False, beyond=True)


def _on_grid(v: Array, source: Grid, target: Grid, *, linear: bool, beyond: bool = False) -> Array:
    """The voxels of an image on ``source`` at the places of ``target``; ITK interpolates.

    As in ITK, voxels reach half their width beyond their centers; outside of all of them is 0, or,
    with ``beyond``, the voxel nearest to the place.
    """
    from voxgpu.itk.images import place, to_itk
    from voxgpu.itk.process import quiet, simpleitk

    if source.dimensions != target.dimensions:
        raise ValueProblem("an image can only be resampled on a grid of as many dimensions")
    itk = simpleitk()
    with quiet():
        like = itk.Image(tuple(reversed(target.shape)), itk.sitkUInt8)
        place(like, target)
        interpolator = itk.sitkLinear if linear else itk.sitkNearestNeighbor
        image = to_itk(Image(v, source))
        result: Array = itk.GetArrayFromImage(
            itk.Resample(
                image, like, itk.Transform(), interpolator, 0.0, image.GetPixelID(), beyond
            )
        )
    return result if linear else result.astype(np.bool_)


def _last_line(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
