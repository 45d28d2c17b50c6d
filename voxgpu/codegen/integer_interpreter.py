"""Exact comparisons of integers in the reference interpreter, with NumPy on whole arrays.

Images of 32- and 64-bit integers are compared exactly; the other side may be integers of another
element, float32 voxels, or one float64 number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integers import WHOLE
from voxgpu.frozen import frozen

Array = npt.NDArray[Any]


def is_whole(value: Any) -> bool:
    """Whether a value has integers that float32 cannot represent."""
    if isinstance(value, Mixed):
        return True
    return isinstance(value, np.ndarray | np.generic) and value.dtype.name in WHOLE


@frozen
class Mixed:
    """Integers read beyond the frame, where the boundary value is no number of their element.

    inside          whether the voxel is inside the image
    whole           its value inside
    boundary_value  its value outside
    """

    inside: Array
    whole: Array
    boundary_value: float

    def rounded(self) -> Array:
        """All values as float32."""
        return np.where(self.inside, self.whole.astype(np.float32), np.float32(self.boundary_value))


def to_kernel_dtype(array: Array) -> Array:
    """The voxels of an image as bodies read them: truth values, integers, or float32."""
    if array.dtype.kind == "b" or is_whole(array):
        return array
    with np.errstate(all="ignore"):
        return array.astype(np.float32, copy=False)


def compared(operation: str, left: Any, right: Any) -> Any:
    """``left operation right``, without any rounding; at least one side has integers.

    NaN compares false, except that it is not equal to anything.
    """
    for value in (left, right):
        if isinstance(value, Mixed):
            sides = [
                _compared_anyhow(
                    operation, *(part if each is value else each for each in (left, right))
                )
                for part in (value.whole, np.float64(value.boundary_value))
            ]
            return np.where(value.inside, *sides)
    if is_whole(left) and is_whole(right):
        # NumPy compares integers of any elements by value.
        result: Any = getattr(np, operation)(left, right)
        return result
    less, equal = _parts(left, right) if is_whole(left) else _parts(right, left)
    is_number = np.equal(right, right) & np.equal(left, left)
    if not is_whole(left):
        less = is_number & ~less & ~equal
    return {
        "less": less,
        "less_equal": less | equal,
        "greater": is_number & ~less & ~equal,
        "greater_equal": is_number & ~less,
        "equal": equal,
        "not_equal": ~equal,
    }[operation]


def _compared_anyhow(operation: str, left: Any, right: Any) -> Any:
    if is_whole(left) or is_whole(right):
        return compared(operation, left, right)
    return getattr(np, operation)(np.asarray(left, np.float32), np.asarray(right, np.float32))


def _parts(whole: Any, numbers: Any) -> tuple[Any, Any]:
    """Two masks: where integers are less than others, and where they are equal."""
    bounds = np.iinfo(whole.dtype)
    numbers = np.asarray(numbers, np.float64)
    is_above = numbers >= float(int(bounds.max) + 1)
    is_within = (numbers >= float(bounds.min)) & ~is_above
    down = np.floor(np.where(is_within, numbers, 0.0))
    floors = down.astype(whole.dtype)
    has_fraction = is_within & (down != numbers)
    less = is_above | (is_within & ((whole < floors) | ((whole == floors) & has_fraction)))
    return less, is_within & ~has_fraction & (whole == floors)
