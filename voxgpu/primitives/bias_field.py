"""Correction of the bias field: the slow change of brightness that a scanner's coil makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Grid, Image
from voxgpu.itk.process import last_line
from voxgpu.primitives.define import BoolImage, NumberImage, whole_image
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]

#: Of these many voxels along an axis, half are enough for a field that varies slowly.
_HALVED = 16


@whole_image(scratch=40, version=3, id="n4")
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
    from voxgpu.itk.alone import computed_alone

    if min(v.shape) < 4:
        # Too thin for a field of splines: there is nothing to even out.
        return v
    try:
        # Filters within ITK's take its number of threads, and sums would depend on it.
        finite = np.where(np.isfinite(v), v, np.float32(0))
        bias = computed_alone(_log_field, finite, mask, grid)
    except RuntimeError as error:
        raise UndefinedValueError(f"`n4` found no field: {last_line(error)}") from None
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
