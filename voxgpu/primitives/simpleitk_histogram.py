"""Limits for SimpleITK's threshold searches: images without a threshold, and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voxgpu.itk.process import simpleitk
from voxgpu.primitives.simpleitk_signature import Signature

#: Seconds that any search for a threshold may take, and in addition for each voxel and pair of
#: bins: ten times the measured time.
_AT_LEAST = 20
_A_VOXEL = 1e-6
_A_PAIR_OF_BINS = 1e-7


def histogram_problem(signature: Signature, values: Sequence[Any]) -> str | None:
    """The error message for images of SimpleITK whose histograms only occupy the first bin.

    ITK's Renyi entropy searches downwards for the last occupied bin and continues below the first.
    """
    if signature.name != "RenyiEntropyThreshold":
        return None
    given = _by_name(signature, values)
    bins = _bins(given)
    voxels = simpleitk().GetArrayViewFromImage(given["image"])
    if "maskImage" in given:
        mask = simpleitk().GetArrayViewFromImage(given["maskImage"])
        if mask.shape != voxels.shape:
            return None  # SimpleITK reports this itself
        voxels = voxels[mask == given.get("maskValue", 255)]
    if bins < 2 or voxels.size == 0 or not _all_in_first(voxels, bins):
        return None
    return (
        f"finds no threshold: all voxels that count are in the first of {bins:,} bins, from "
        f"{voxels.min():g} to {voxels.max():g}"
    )


def seconds_for(signature: Signature, values: Sequence[Any]) -> int:
    """The time limit, in seconds, for a search for a threshold on one processor."""
    given = _by_name(signature, values)
    voxels, bins = values[0].GetNumberOfPixels(), _bins(given)
    return int(_AT_LEAST + _A_VOXEL * voxels + _A_PAIR_OF_BINS * bins**2)


def is_finite(image: Any) -> bool:
    """Whether all voxels of an image of SimpleITK are finite."""
    voxels = simpleitk().GetArrayViewFromImage(image)
    if voxels.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        # If a sum is finite, so are its terms; this takes no memory per voxel.
        total = voxels.sum(dtype=np.float64)
    return bool(np.isfinite(total)) or bool(np.isfinite(voxels).all())


def _all_in_first(voxels: np.ndarray[Any, Any], bins: int) -> bool:
    """Whether all voxels fall into the first bin.

    Bins of 8-bit voxels divide the range of the type; others divide the range from the least to the
    greatest voxel, so the last bin is never empty.
    """
    if voxels.dtype.kind not in "iu" or voxels.dtype.itemsize > 1:
        return False
    return bool(voxels.max() < np.iinfo(voxels.dtype).min - 0.5 + 256 / bins)


def _by_name(signature: Signature, values: Sequence[Any]) -> dict[str, Any]:
    pairs = zip(signature.arguments, values, strict=False)
    return {each.name: value for each, value in pairs if value is not None}


def _bins(arguments: dict[str, Any]) -> int:
    return int(arguments.get("numberOfHistogramBins", 256))
