"""Gradient magnitude: half the differences of neighbors, squared and summed.

Idea: row by row, with pointers to the five rows that a row reads; on the frame the row itself
replaces the missing one.

Complexity: one pass; each voxel is read seven times, mostly from the cache.

Reference: ITK's ``GradientImageFilter`` with derivative operators of the first order, whose
operations, in float64 and in this order, are the same.
"""

from __future__ import annotations

from math import nan, sqrt


def magnitude_float32(
    first: "int64",
    last: "int64",
    depth: "int64",
    height: "int64",
    width: "int64",
    axes: "int64",
    weight_z: "float64",
    weight_y: "float64",
    weight_x: "float64",
    values: "float32*",
    out: "float32*",
) -> "int64":
    """The magnitude of the gradient in the rows first … last − 1; ``axes`` is 2 or 3."""
    for number in range(first, last):
        z = number // height
        y = number % height
        row = number * width
        before = row - width if y > 0 else row
        after = row + width if y < height - 1 else row
        lower = row - height * width if z > 0 else row
        upper = row + height * width if z < depth - 1 else row
        for x in range(width):
            left = values[row + max(x - 1, 0)] * weight_x
            right = values[row + min(x + 1, width - 1)] * weight_x
            slope = right - left
            total = slope * slope
            slope = values[after + x] * weight_y - values[before + x] * weight_y
            total += slope * slope
            if axes == 3:
                slope = values[upper + x] * weight_z - values[lower + x] * weight_z
                total += slope * slope
            here = values[row + x]
            total = total if here - here == 0.0 else nan
            out[row + x] = sqrt(total)
    return 0
