"""Correction of the bias field: the slow variation in brightness caused by a scanner's coil."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.itk.process import last_line
from voxgpu.primitives.define import BoolImage, NumberImage, whole_image
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]

#: Axes of at least this many voxels are halved; a slowly varying field needs no more.
_HALVED = 16


@whole_image(scratch=40, version=3, id="n4")
def n4(v: NumberImage, mask: BoolImage, *, grid: Grid) -> NumberImage:
    """``v`` without the slow variation in brightness caused by a scanner's coil.

    The N4 algorithm (N. J. Tustison et al., IEEE Transactions on Medical Imaging 29, 2010), as
    implemented in ITK with its default settings, estimates the bias field within ``mask`` at half
    the resolution (along axes of 16 voxels and more); all of ``v`` is divided by the field at full
    resolution. It runs on one thread in a process of its own, so that results are the same on
    every machine. A slice one voxel thick is treated as a 2-D image. Voxels of ``mask`` should be
    positive; NaN and infinite ones do not influence the field and remain unchanged. A mask without
    a finite voxel is an error. float32; shapes (z, y, x) or (y, x).

    >>> n4([1, 1, 1], [true, true, true])
    [1, 1, 1]
    """
    if not mask.any():
        raise UndefinedValueError("`mask` of `n4` has no true voxel, so there is no value")
    usable = mask & np.isfinite(v)
    if not usable.any():
        raise UndefinedValueError(
            "no voxel in `mask` of `n4` has a finite value, so there is no field"
        )
    axis = grid.thin_axis
    if axis is None:
        return _corrected(v, usable, grid)
    flat = _corrected(v.squeeze(axis), usable.squeeze(axis), grid.without_axis(axis))
    return np.expand_dims(flat, axis)


def _corrected(v: Array, mask: Array, grid: Grid) -> Array:
    from voxgpu.itk.alone import compute_isolated

    if min(v.shape) < 4:
        # Too thin for a spline field: there is nothing to correct.
        return v
    try:
        # Filters nested in ITK's use its global number of threads, and sums would depend on it.
        finite = np.where(np.isfinite(v), v, np.float32(0))
        bias = compute_isolated(_log_field, finite, mask, grid)
    except RuntimeError as error:
        raise UndefinedValueError(f"`n4` found no field: {last_line(error)}") from None
    corrected: Array = (v / np.exp(bias.astype(np.float32))).astype(np.float32)
    return corrected


def _log_field(v: Array, mask: Array, grid: Grid) -> Array:
    """Returns the logarithm of the bias field, computed by ITK."""
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
