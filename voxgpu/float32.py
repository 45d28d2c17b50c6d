"""Rounding to float32: numbers beyond its range become infinite, without a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_float32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The values as a contiguous array of float32, at least 1-D; not copied if it is one."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def nearest_float32(number: Any) -> np.float32:
    """The float32 that is nearest to a number."""
    with np.errstate(over="ignore"):
        return np.float32(number)
