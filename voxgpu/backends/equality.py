"""Equality of computed values: bit for bit, except for the bits of NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.image import Image


def same_values(first: Any, second: Any) -> bool:
    """Whether two values, or what two primitives raised, are the same.

    Numbers are compared to the bit, 0 and −0 being two; NaN is NaN whatever its bits, which are no
    part of any meaning. Images are compared by elements and voxels, exceptions by type and text,
    sequences item by item.
    """
    if isinstance(first, Exception) or isinstance(second, Exception):
        return type(first) is type(second) and str(first) == str(second)
    if isinstance(first, Image) or isinstance(second, Image):
        return (
            isinstance(first, Image)
            and isinstance(second, Image)
            and are_comparable(first.array, second.array)
            and not differing_voxels(first.array, second.array).any()
        )
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(same_values, first, second))
    return bool(first == second or (first != first and second != second))


def are_comparable(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> bool:
    """Whether two arrays have the same elements, of either byte order, and the same shape."""
    return first.dtype == second.dtype and first.shape == second.shape


def differing_voxels(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where two arrays of the same elements and shape differ."""
    differs = np.asarray(first != second)
    if first.dtype.kind == "f":
        differs &= ~(np.isnan(first) & np.isnan(second))
        differs |= (first == 0) & (second == 0) & (np.signbit(first) != np.signbit(second))
    return differs
