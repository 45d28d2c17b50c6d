"""The histogram that Otsu's threshold is chosen from: the finite numbers of a mask, by bins.

Idea: two passes: the least and greatest finite number, then a count per bin. A number's bin is
estimated by a division and corrected by comparing with the edges, which decide. Images of 8 or 16
bits need neither: their values are counted by the kernels of ``kernels/percentiles.py``.

Complexity: two passes; there are two or three comparisons per voxel, even if all numbers and so all
edges are equal.

Reference: ITK's ``Histogram::GetIndex``: the last bin whose lower edge is at most the number.
"""

from __future__ import annotations


def range_float32(n: "int64", values: "float32*", mask: "uint8*", found: "float32*") -> "int64":
    """The least and the greatest finite number of the mask; returns the number of finite ones.

    found  +inf and −inf initially
    """
    count = 0
    least = found[0]
    greatest = found[1]
    for i in range(n):
        value = values[i]
        # A number that is not finite becomes NaN here.
        if mask[i] != 0 and value - value == 0.0:
            count += 1
            least = min(least, value)
            greatest = max(greatest, value)
    found[0] = least
    found[1] = greatest
    return count


def count_bins(
    n: "int64",
    values: "float32*",
    mask: "uint8*",
    bins: "int64",
    least: "float64",
    scale: "float64",
    lower: "float64*",
    counts: "int64*",
) -> "int64":
    """Adds the finite numbers of the mask to the counts of their bins.

    lower  the lower edges of the bins, ascending
    scale  approximate number of bins per unit
    """
    last = lower[bins - 1]
    for i in range(n):
        value = values[i] * 1.0
        if mask[i] == 0 or value - value != 0.0:
            continue
        # A mask with one distinct number has equal edges, which must not be searched linearly.
        if value >= last:
            counts[bins - 1] += 1
            continue
        place = min(max(int((value - least) * scale), 0), bins - 1)
        while place > 0 and lower[place] > value:
            place -= 1
        while place < bins - 1 and lower[place + 1] <= value:
            place += 1
        counts[place] += 1
    return 0
