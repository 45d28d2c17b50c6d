"""Sums of float64 in an order that neither threads nor devices can change.

Idea: numbers are summed in blocks of a given size (a power of two); in each block the second half
is added to the first until one number is left. Every step adds two arrays of half the size, which
vectorizes.

Complexity: one addition per number. Error: that of pairwise summation, O(log n) roundings.

Reference: N. Higham, The accuracy of floating point summation (1993).
"""

from __future__ import annotations


def halve_blocks(blocks: "int64", size: "int64", values: "float64*", sums: "float64*") -> "int64":
    """The sum of each block; ``values`` is overwritten."""
    for block in range(blocks):
        base = block * size
        half = size // 2
        while half > 0:
            for i in range(half):
                values[base + i] += values[base + half + i]
            half //= 2
        sums[block] = values[base]
    return 0
