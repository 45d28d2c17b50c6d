"""Resampling of images and regions to other grids."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.itk.process import last_line
from voxgpu.primitives.define import (
    BoolImage,
    Decorator,
    NumberImage,
    PlaceImage,
    StaticNumber,
    StaticNumbers,
    StaticText,
    whole_image,
)
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]

_METHODS = ("nearest", "linear", "bspline")


def default_method(element: str) -> str:
    """The interpolation method for images of this element if a program gives none."""
    return "linear" if element.startswith("float") else "nearest"


def resampled_element(element: str, *static: object) -> str:
    """The element of a resampled image: unchanged for nearest-neighbor, else float32.

    The method is the last of the static arguments, if it is a string.
    """
    given = static[-1] if static and isinstance(static[-1], str) else default_method(element)
    return element if given == "nearest" else "float32"


def _method_problem(*arguments: Any) -> str | None:
    """The error message for the method, the last argument, for an image of numbers."""
    method = arguments[-1]
    if method is None or method in _METHODS:
        return None
    known = ", ".join(f'"{each}"' for each in _METHODS)
    return f'there is no method of resampling "{method}"; there are {known}'


def _region_method_problem(*arguments: Any) -> str | None:
    """The error message for the method, for a region."""
    if arguments[-1] in ("linear", "bspline"):
        return (
            f'a region has nothing between true and false for "{arguments[-1]}": take "nearest", '
            "or make numbers of it with booleanToNumber(1, b)"
        )
    return _method_problem(*arguments)


def finer_grid(grid: Grid, mm: float | tuple[float, ...], _method: str = "") -> Grid:
    """The grid of the same extent whose voxels are ``mm`` wide: one number, or [x, y, z].

    The number of voxels along an axis is rounded to the nearest integer, at least 1; the outer
    corner of the first voxel stays where it is. Raises UndefinedValueError for invalid widths.
    """
    each = (mm,) * grid.dimensions if isinstance(mm, float) else tuple(reversed(mm))
    if len(each) != grid.dimensions:
        raise UndefinedValueError(f"`mm` needs {grid.dimensions} numbers, got {len(each)}")
    if not all(0 < width < np.inf for width in each):
        raise UndefinedValueError("`mm` must be greater than 0")
    extents = [size * old for size, old in zip(grid.shape, grid.spacing, strict=True)]
    shape = tuple(
        max(1, int(np.floor(e / width + 0.5))) for e, width in zip(extents, each, strict=True)
    )
    shift = [(new - old) / 2 for new, old in zip(each, grid.spacing, strict=True)][::-1]
    turn = np.array(grid.direction).reshape(grid.dimensions, grid.dimensions)
    origin = tuple(float(o) for o in np.array(grid.origin) + turn @ np.array(shift))
    return Grid(shape, tuple(float(width) for width in each), origin, grid.direction)


def _decorators(common: Callable[..., Decorator]) -> tuple[Callable[..., Decorator], ...]:
    """The decorators of overloads of images of numbers and of regions; and of both by a method."""
    return (
        partial(common, version=2, element_from=resampled_element),
        common,
        partial(common, scratch=32, check=_method_problem, element_from=resampled_element),
        partial(common, check=_region_method_problem),
    )


_like, _region_like, _like_by, _region_like_by = _decorators(
    partial(whole_image, "resample", grid_from="like")
)
_to, _region_to, _to_by, _region_to_by = _decorators(
    partial(whole_image, "resample_to", grid_of=finer_grid)
)


@_like(id="resample")
def resample(v: NumberImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> NumberImage:
    """``v`` on the grid of ``like``: every voxel has the value of ``v`` at its position in mm.

    Images of integers, such as labels, use the nearest voxel and keep their element; others are
    interpolated linearly, to float32. Voxels extend half their width beyond their centers;
    positions outside all voxels of ``v`` are 0. The voxels of ``like`` are not read. A value
    interpolated from a NaN voxel is NaN. Shapes (z, y, x) or (y, x), with equal dimensions.

    >>> resample([1, 2, 3], [0, 0])
    [1, 2]
    """
    return _on_grid(v, *grids)


@_like(id="resample_like_region")
def resample_like_region(
    v: NumberImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> NumberImage:
    """``v`` on the grid of a region.

    >>> resample([1, 2, 3], [true, false])
    [1, 2]
    """
    return _on_grid(v, *grids)


@_region_like(id="resample_region")
def resample_region(v: BoolImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> BoolImage:
    """A region on the grid of ``like``: every voxel is that of the nearest one, false outside.

    >>> resample([true, false, true], [0, 0])
    [true, false]
    """
    return _on_grid(v, *grids)


@_region_like(id="resample_region_like_region")
def resample_region_like_region(
    v: BoolImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> BoolImage:
    """A region on the grid of another one.

    >>> resample([true, false, true], [true, true])
    [true, false]
    """
    return _on_grid(v, *grids)


@_like_by(id="resample_by")
def resample_by(
    v: NumberImage, like: PlaceImage, method: StaticText, *, grids: tuple[Grid, ...]
) -> NumberImage:
    """``v`` on the grid of ``like`` by ``"nearest"``, ``"linear"`` or ``"bspline"``.

    ``"nearest"`` keeps the element, also for labels stored in float images; the others give
    float32. ``"linear"`` interpolates between two voxels along every axis; ``"bspline"`` is a cubic
    spline through all voxels, which is NaN everywhere if any voxel is NaN.

    >>> resample([1, 2, 3], [0, 0], "nearest")
    [1, 2]
    """
    return _on_grid(v, *grids, method=method)


@_region_like_by(id="resample_region_by")
def resample_region_by(
    v: BoolImage, like: PlaceImage, method: StaticText, *, grids: tuple[Grid, ...]
) -> BoolImage:
    """A region on the grid of ``like`` by ``"nearest"``, the only method available for regions.

    >>> resample([true, false, true], [0, 0], "nearest")
    [true, false]
    """
    return _on_grid(v, *grids, method=method)


@_to(id="resample_to")
def resample_to(v: NumberImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> NumberImage:
    """``v`` with voxels of ``mm`` on every side, over the same extent.

    Images of integers, such as labels, use the nearest voxel and keep their element; others are
    interpolated linearly, to float32. The outer corner of the first voxel stays where it is;
    beyond all voxels the nearest one is used. A value interpolated from a NaN voxel is NaN. Shapes
    (z, y, x) or (y, x).

    >>> resample_to([[1, 2, 3, 4], [1, 2, 3, 4]], 2)
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@_to(id="resample_to_each")
def resample_to_each(v: NumberImage, mm: StaticNumbers, *, grid: Grid, grids: Any) -> NumberImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([1, 2, 3, 4], [2, 1])
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@_region_to(id="resample_region_to")
def resample_region_to(v: BoolImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> BoolImage:
    """A region with voxels of ``mm`` on every side; every voxel is that of the nearest one.

    >>> resample_to([true, true, false, false], 2)
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@_region_to(id="resample_region_to_each")
def resample_region_to_each(
    v: BoolImage, mm: StaticNumbers, *, grid: Grid, grids: Any
) -> BoolImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([true, true, false, false], [2, 1])
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@_to_by(id="resample_to_by")
def resample_to_by(
    v: NumberImage, mm: StaticNumber, method: StaticText, *, grid: Grid, grids: Any
) -> NumberImage:
    """``v`` with voxels of ``mm`` by ``"nearest"``, ``"linear"`` or ``"bspline"``.

    With ``"bspline"`` one NaN voxel makes every voxel NaN.

    >>> resample_to([[1, 2, 3, 4], [1, 2, 3, 4]], 2, "linear")
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@_to_by(id="resample_to_each_by")
def resample_to_each_by(
    v: NumberImage, mm: StaticNumbers, method: StaticText, *, grid: Grid, grids: Any
) -> NumberImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([1, 2, 3, 4], [2, 1], "linear")
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@_region_to_by(id="resample_region_to_by")
def resample_region_to_by(
    v: BoolImage, mm: StaticNumber, method: StaticText, *, grid: Grid, grids: Any
) -> BoolImage:
    """A region with voxels of ``mm`` by ``"nearest"``, the only method available for regions.

    >>> resample_to([true, true, false, false], 2, "nearest")
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@_region_to_by(id="resample_region_to_each_by")
def resample_region_to_each_by(
    v: BoolImage, mm: StaticNumbers, method: StaticText, *, grid: Grid, grids: Any
) -> BoolImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([true, true, false, false], [2, 1], "nearest")
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


def _on_grid(
    v: Array, source: Grid, target: Grid, *, beyond: bool = False, method: str = ""
) -> Array:
    """The voxels of an image on ``source`` at the positions of ``target``, interpolated by ITK.

    As in ITK, voxels extend half their width beyond their centers; outside of all of them the value
    is 0, or, with ``beyond``, that of the nearest voxel.
    """
    from voxgpu.itk.images import place, to_itk
    from voxgpu.itk.process import quiet, simpleitk

    if source.dimensions != target.dimensions:
        raise UndefinedValueError("an image can only be resampled on a grid of as many dimensions")
    method = method or default_method(str(v.dtype))
    itk = simpleitk()
    interpolators = {
        "nearest": itk.sitkNearestNeighbor,
        "linear": itk.sitkLinear,
        "bspline": itk.sitkBSpline3,
    }
    given = v if method == "nearest" else v.astype(np.float32, copy=False)
    with quiet():
        like = itk.Image(tuple(reversed(target.shape)), itk.sitkUInt8)
        place(like, target)
        image = to_itk(Image(given, source))
        try:
            found = itk.Resample(
                image,
                like,
                itk.Transform(),
                interpolators[method],
                0.0,
                image.GetPixelID(),
                beyond,
            )
        except RuntimeError as error:
            raise UndefinedValueError(f"`resample` failed: {last_line(error)}") from None
        result: Array = itk.GetArrayFromImage(found)
    return result.view(np.bool_) if v.dtype == np.bool_ else result
