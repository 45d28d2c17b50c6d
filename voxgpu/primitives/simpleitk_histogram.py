"""Which images can SimpleITK find no threshold for, and how long may it look for one?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voxgpu.itk.process import simpleitk
from voxgpu.primitives.simpleitk_signature import Signature

#: Seconds that any search for a threshold may take, and more for each voxel and pair of bins: ten
#: times what they do take.
_AT_LEAST = 20
_A_VOXEL = 1e-6
_A_PAIR_OF_BINS = 1e-7


def histogram_problem(signature: Signature, values: Sequence[Any]) -> str | None:
    """What is wrong with images of SimpleITK whose histograms have nothing but their first bin.

    Looking for the last bin that has voxels, ITK's Renyi entropy goes on below the first one.
    """
    if signature.name != "RenyiEntropyThreshold":
        return None
    given = _by_name(signature, values)
    bins = _bins(given)
    voxels = simpleitk().GetArrayViewFromImage(given["image"])
    if "maskImage" in given:
        mask = simpleitk().GetArrayViewFromImage(given["maskImage"])
        if mask.shape != voxels.shape:
            return None  # which SimpleITK tells
        voxels = voxels[mask == given.get("maskValue", 255)]
    if bins < 2 or voxels.size == 0 or not _all_in_first(voxels, bins):
        return None
    return (
        f"finds no threshold: all voxels that count are in the first of {bins:,} bins, from "
        f"{voxels.min():g} to {voxels.max():g}"
    )


def seconds_for(signature: Signature, values: Sequence[Any]) -> int:
    """The most seconds that the search for a threshold may take on one processor."""
    given = _by_name(signature, values)
    voxels, bins = values[0].GetNumberOfPixels(), _bins(given)
    return int(_AT_LEAST + _A_VOXEL * voxels + _A_PAIR_OF_BINS * bins**2)


def is_finite(image: Any) -> bool:
    """Whether all voxels of an image of SimpleITK are finite numbers."""
    voxels = simpleitk().GetArrayViewFromImage(image)
    if voxels.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        # Where a sum is finite, so are its terms: that takes no memory for each voxel.
        total = voxels.sum(dtype=np.float64)
    return bool(np.isfinite(total)) or bool(np.isfinite(voxels).all())


def _all_in_first(voxels: np.ndarray[Any, Any], bins: int) -> bool:
    """Whether the first bin has all voxels.

    Bins of 8-bit voxels are shares of all the values of the type; others of those from the least
    voxel to the greatest, of which the last bin has one.
    """
    if voxels.dtype.kind not in "iu" or voxels.dtype.itemsize > 1:
        return False
    return bool(voxels.max() < np.iinfo(voxels.dtype).min - 0.5 + 256 / bins)


def _by_name(signature: Signature, values: Sequence[Any]) -> dict[str, Any]:
    pairs = zip(signature.arguments, values, strict=False)
    return {each.name: value for each, value in pairs if value is not None}


def _bins(given: dict[str, Any]) -> int:
    return int(given.get("numberOfHistogramBins", 256))
