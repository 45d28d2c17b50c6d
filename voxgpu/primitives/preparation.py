"""What is done to an image before it is analyzed? Other grids, and light that is even."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.primitives.define import (
    BoolImage,
    NumberImage,
    PlaceImage,
    StaticNumber,
    StaticNumbers,
    StaticText,
    whole_image,
)
from voxgpu.primitives.primitive import ValueProblem

Array = npt.NDArray[Any]

#: Of these many voxels along an axis, half are enough for a field that varies slowly.
_HALVED = 16


@whole_image(scratch=40, version=3)
def n4(v: NumberImage, mask: BoolImage, *, grid: Grid) -> NumberImage:
    """``v`` without the slow change of brightness that a scanner's coil makes.

    The N4 algorithm (N. J. Tustison et al., IEEE Transactions on Medical Imaging 29, 2010) as ITK
    has it, with its default settings, finds the bias field within ``mask`` at half the resolution
    (along axes of 16 voxels and more); all of ``v`` is divided by the field at full resolution.
    It is computed by one thread, in a process of its own, so that no machine changes it. A slice
    one voxel thick is taken for a 2-D image. Voxels of ``mask`` should be positive; NaN and
    infinite ones do not bear on the field, and stay what they are. A mask without a finite voxel
    is an error. float32; shapes (z, y, x) or (y, x).

    >>> n4([1, 1, 1], [true, true, true])
    [1, 1, 1]
    """
    if not mask.any():
        raise ValueProblem("`mask` of `n4` has no true voxel, so there is no value")
    usable = mask & np.isfinite(v)
    if not usable.any():
        raise ValueProblem("no voxel in `mask` of `n4` has a finite value, so there is no field")
    axis = grid.thin_axis
    if axis is None:
        return _corrected(v, usable, grid)
    flat = _corrected(v.squeeze(axis), usable.squeeze(axis), grid.without_axis(axis))
    return np.expand_dims(flat, axis)


def _corrected(v: Array, mask: Array, grid: Grid) -> Array:
    from voxgpu.itk.alone import computed_alone

    if min(v.shape) < 4:
        # Too thin for a field of splines: there is nothing to even out.
        return v
    try:
        # Filters within ITK's take its number of threads, and sums would depend on it.
        finite = np.where(np.isfinite(v), v, np.float32(0))
        bias = computed_alone(_log_field, finite, mask, grid)
    except RuntimeError as error:
        raise ValueProblem(f"`n4` found no field: {_last_line(error)}") from None
    corrected: Array = (v / np.exp(bias.astype(np.float32))).astype(np.float32)
    return corrected


def _log_field(v: Array, mask: Array, grid: Grid) -> Array:
    """The logarithm of the bias field, by ITK."""
    from voxgpu.itk.images import to_itk
    from voxgpu.itk.process import quiet, simpleitk

    itk = simpleitk()
    with quiet():
        image, region = to_itk(Image(v, grid)), to_itk(Image(mask, grid))
        shrink = [2 if size >= _HALVED else 1 for size in image.GetSize()]
        corrector = itk.N4BiasFieldCorrectionImageFilter()
        corrector.Execute(itk.Shrink(image, shrink), itk.Shrink(region, shrink))
        field: Array = itk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image))
    return field


_METHODS = ("nearest", "linear", "bspline")


def default_method(element: str) -> str:
    """How images of this element are interpolated where a program does not say."""
    return "linear" if element.startswith("float") else "nearest"


def resampled_element(element: str, *static: object) -> str:
    """The element of a resampled image: its own for the nearest voxel, else float32.

    The method is the last of the static arguments, if it is a text.
    """
    given = static[-1] if static and isinstance(static[-1], str) else default_method(element)
    return element if given == "nearest" else "float32"


def _method_problem(*arguments: Any) -> str | None:
    """What is wrong with the method, the last argument, for an image of numbers."""
    method = arguments[-1]
    if method is None or method in _METHODS:
        return None
    known = ", ".join(f'"{each}"' for each in _METHODS)
    return f'there is no method of resampling "{method}"; there are {known}'


def _region_method_problem(*arguments: Any) -> str | None:
    """What is wrong with the method for a region."""
    if arguments[-1] in ("linear", "bspline"):
        return (
            f'a region has nothing between true and false for "{arguments[-1]}": take "nearest", '
            "or make numbers of it with booleanToNumber(1, b)"
        )
    return _method_problem(*arguments)


@whole_image(scratch=16, grid_from="like", version=2, element_from=resampled_element)
def resample(v: NumberImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> NumberImage:
    """``v`` on the grid of ``like``: every voxel has the value of ``v`` at its place in mm.

    Images of whole numbers, such as labels, take the nearest voxel and keep their element; others
    are interpolated linearly, to float32. Voxels reach half their width beyond their centers;
    places outside all of ``v`` are 0. The voxels of ``like`` do not matter. A value that is made of
    a NaN voxel is NaN. Shapes (z, y, x) or (y, x), both of one number of dimensions.

    >>> resample([1, 2, 3], [0, 0])
    [1, 2]
    """
    return _on_grid(v, *grids)


@whole_image("resample", scratch=16, grid_from="like", version=2, element_from=resampled_element)
def resample_like_region(
    v: NumberImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> NumberImage:
    """``v`` on the grid of a region.

    >>> resample([1, 2, 3], [true, false])
    [1, 2]
    """
    return _on_grid(v, *grids)


@whole_image("resample", scratch=16, grid_from="like")
def resample_region(v: BoolImage, like: NumberImage, *, grids: tuple[Grid, ...]) -> BoolImage:
    """A region on the grid of ``like``: every voxel is that of the nearest one, false outside.

    >>> resample([true, false, true], [0, 0])
    [true, false]
    """
    return _on_grid(v, *grids)


@whole_image("resample", scratch=16, grid_from="like")
def resample_region_like_region(
    v: BoolImage, like: BoolImage, *, grids: tuple[Grid, ...]
) -> BoolImage:
    """A region on the grid of another one.

    >>> resample([true, false, true], [true, true])
    [true, false]
    """
    return _on_grid(v, *grids)


@whole_image(
    "resample",
    scratch=32,
    grid_from="like",
    check=_method_problem,
    element_from=resampled_element,
)
def resample_by(
    v: NumberImage, like: PlaceImage, method: StaticText, *, grids: tuple[Grid, ...]
) -> NumberImage:
    """``v`` on the grid of ``like`` by ``"nearest"``, ``"linear"`` or ``"bspline"``.

    The nearest voxel keeps the element, for labels in images of floats, too; the others give
    float32: between two voxels along every axis, or a cubic spline through all of them, which is
    NaN everywhere where a voxel is.

    >>> resample([1, 2, 3], [0, 0], "nearest")
    [1, 2]
    """
    return _on_grid(v, *grids, method=method)


@whole_image("resample", scratch=16, grid_from="like", check=_region_method_problem)
def resample_region_by(
    v: BoolImage, like: PlaceImage, method: StaticText, *, grids: tuple[Grid, ...]
) -> BoolImage:
    """A region on the grid of ``like`` by ``"nearest"``, the only method that regions have.

    >>> resample([true, false, true], [0, 0], "nearest")
    [true, false]
    """
    return _on_grid(v, *grids, method=method)


def finer_grid(grid: Grid, mm: float | tuple[float, ...], _method: str = "") -> Grid:
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


@whole_image(scratch=16, grid_of=finer_grid, version=2, element_from=resampled_element)
def resample_to(v: NumberImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> NumberImage:
    """``v`` with voxels of ``mm`` on every side, over the same extent.

    Images of whole numbers, such as labels, take the nearest voxel and keep their element; others
    are interpolated linearly, to float32. The outer corner of the first voxel stays where it is;
    beyond all voxels the nearest one counts. A value that is made of a NaN voxel is NaN. Shapes
    (z, y, x) or (y, x).

    >>> resample_to([[1, 2, 3, 4], [1, 2, 3, 4]], 2)
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@whole_image(
    "resample_to", scratch=16, grid_of=finer_grid, version=2, element_from=resampled_element
)
def resample_to_each(v: NumberImage, mm: StaticNumbers, *, grid: Grid, grids: Any) -> NumberImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([1, 2, 3, 4], [2, 1])
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@whole_image("resample_to", scratch=16, grid_of=finer_grid)
def resample_region_to(v: BoolImage, mm: StaticNumber, *, grid: Grid, grids: Any) -> BoolImage:
    """A region with voxels of ``mm`` on every side; every voxel is that of the nearest one.

    >>> resample_to([true, true, false, false], 2)
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@whole_image("resample_to", scratch=16, grid_of=finer_grid)
def resample_region_to_each(
    v: BoolImage, mm: StaticNumbers, *, grid: Grid, grids: Any
) -> BoolImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([true, true, false, false], [2, 1])
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True)


@whole_image(
    "resample_to",
    scratch=32,
    grid_of=finer_grid,
    check=_method_problem,
    element_from=resampled_element,
)
def resample_to_by(
    v: NumberImage, mm: StaticNumber, method: StaticText, *, grid: Grid, grids: Any
) -> NumberImage:
    """``v`` with voxels of ``mm`` by ``"nearest"``, ``"linear"`` or ``"bspline"``.

    With ``"bspline"`` one NaN voxel makes all NaN.

    >>> resample_to([[1, 2, 3, 4], [1, 2, 3, 4]], 2, "linear")
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@whole_image(
    "resample_to",
    scratch=32,
    grid_of=finer_grid,
    check=_method_problem,
    element_from=resampled_element,
)
def resample_to_each_by(
    v: NumberImage, mm: StaticNumbers, method: StaticText, *, grid: Grid, grids: Any
) -> NumberImage:
    """The same with a width for every axis, [x, y, z] or [x, y].

    >>> resample_to([1, 2, 3, 4], [2, 1], "linear")
    [1.5, 3.5]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@whole_image("resample_to", scratch=16, grid_of=finer_grid, check=_region_method_problem)
def resample_region_to_by(
    v: BoolImage, mm: StaticNumber, method: StaticText, *, grid: Grid, grids: Any
) -> BoolImage:
    """A region with voxels of ``mm`` by ``"nearest"``, the only method that regions have.

    >>> resample_to([true, true, false, false], 2, "nearest")
    [true, false]
    """
    return _on_grid(v, grids[0], grid, beyond=True, method=method)


@whole_image("resample_to", scratch=16, grid_of=finer_grid, check=_region_method_problem)
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
    """The voxels of an image on ``source`` at the places of ``target``; ITK interpolates.

    As in ITK, voxels reach half their width beyond their centers; outside of all of them is 0, or,
    with ``beyond``, the voxel nearest to the place.
    """
    from voxgpu.itk.images import place, to_itk
    from voxgpu.itk.process import quiet, simpleitk

    if source.dimensions != target.dimensions:
        raise ValueProblem("an image can only be resampled on a grid of as many dimensions")
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
            raise ValueProblem(f"`resample` failed: {_last_line(error)}") from None
        result: Array = itk.GetArrayFromImage(found)
    return result.view(np.bool_) if v.dtype == np.bool_ else result


def _last_line(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
