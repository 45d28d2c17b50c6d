"""Exact Euclidean distances to the nearest true voxel: the least square along z, then y, then x.

Idea: two sweeps along z count steps to the nearest true voxel of each column. Then, plane after
plane and while it is in cache, to these squares are added those of offsets along y, and to the
least sums those along x. A tile of LANES neighboring voxels tries offsets 0, 1, 2, … in both
directions at once, and stops when the square of the offset is at least what each of its voxels has
already: voxels near something stop early, wherever others of the plane are. Directions that hold
nothing are not tried, and lines along z and y that hold nothing keep no tile from stopping.

Complexity: O(voxels × distance of the farthest voxel of the tile), in vector instructions.

Reference: P. Felzenszwalb, D. Huttenlocher, Distance transforms of sampled functions (2012), for
the minimum along one axis after the other. Deviation: no lower envelope, whose intersections take
divisions and branches, and round differently; where many voxels share instructions, trying the
offsets that can matter is faster.
"""

from __future__ import annotations

import math

#: Voxels along x that are worked on at once.
LANES = 32

#: Steps along z from which on there is no true voxel; no image has more planes.
NOTHING = 16383


def count_steps(
    first: "int64",
    last: "int64",
    depth: "int64",
    height: "int64",
    width: "int64",
    plane: "int64",
    mask: "uint8*",
    steps: "int16*",
    row: "int16*",
) -> "int64":
    """For rows first … last − 1 of all planes: how many voxels away along z a true one is.

    plane  elements of ``steps`` from one plane to the next
    row    scratch, one number a voxel of these rows
    """
    start, count = first * width, (last - first) * width
    for i in range(count):
        row[i] = NOTHING
    for z in range(depth):
        source, target = z * height * width + start, z * plane + start
        for i in range(count):
            row[i] = (row[i] + 1) * (1 - mask[source + i])
        for i in range(count):
            steps[target + i] = row[i]
    for i in range(count):
        row[i] = NOTHING
    for z in range(depth - 1, -1, -1):
        target = z * plane + start
        for i in range(count):
            row[i] = (row[i] + 1) * (steps[target + i] != 0)
            steps[target + i] = min(row[i], steps[target + i])
    return 0


def _lower(tile, source, squares, position, stride, below, above):
    """Lowers a tile to the least sum of a source and the square of the distance to it.

    tile          LANES numbers, the sums for offset 0
    source        numbers; that for the first voxel of the tile and offset 0 is at ``position``
    squares       of the distance, for each offset
    stride        from one offset to the next
    below, above  the greatest offsets to either side at which there are sources; negative: there
                  are none up to that offset to the other side
    """
    stop = max(below, above)
    for k in range(max(1, -below, -above), stop + 1, 2):
        square = squares[k]
        unsettled = 0
        for i in range(LANES):
            unsettled |= tile[i] > square
        if unsettled == 0:
            break
        # Two offsets at a time; beyond the last one it is tried again, which changes nothing.
        further = min(k + 1, stop)
        next_square = squares[further]
        low, high = position - k * stride, position + k * stride
        next_low, next_high = position - further * stride, position + further * stride
        if k > below:
            low = high
        if further > below:
            next_low = next_high
        if k > above:
            high = low
        if further > above:
            next_high = next_low
        for i in range(LANES):
            one = source[low + i]
            other = source[high + i]
            nearer = (other if other < one else one) + square
            one = source[next_low + i]
            other = source[next_high + i]
            farther = (other if other < one else one) + next_square
            nearer = farther if farther < nearer else nearer
            before = tile[i]
            tile[i] = nearer if nearer < before else before


def _load(steps, start, lanes, column, scale, infinity, gaps, strip, position):
    """The squares of distances along z of one row of a strip; 0 where the plane has nothing in x."""
    for i in range(lanes, LANES):
        strip[position + i] = 0
    for i in range(lanes):
        strip[position + i] = steps[start + column + i]
    for i in range(lanes):
        length = strip[position + i] * scale
        square = length * length
        square = infinity if steps[start + column + i] >= NOTHING else square
        strip[position + i] = infinity - infinity if gaps[column + i] > 0 else square


def _lower_along_y(
    start, column, height, width, steps, scale, infinity, squares, gaps, first, last, strip, rows
):
    """The least sums along y for LANES columns of the plane that starts at ``start``.

    gaps         +inf for columns along y without anything, 0 for others
    first, last  rows that have something in these columns, and none beyond them
    strip        scratch for height + 2 rows of the strip: what is in none, and a tile
    rows         where the sums go, padded by LANES numbers on the left
    """
    lanes = min(LANES, width - column)
    padded = _padded(width)
    outside = height * LANES
'''
