"""Exact Euclidean distances to the nearest true voxel: the least square along z, then y, then x.

Idea: two sweeps along z count steps to the nearest true voxel of each column. Then, plane after
plane and while it is in cache, to these squares are added those of offsets along y, and to the
least sums those along x. A tile of LANES neighboring voxels tries offsets 0, 1, 2, … in both
directions at once, and stops when the square of the offset is at least what each of its voxels has
already: voxels near something stop early, wherever others of the plane are. Directions and columns
that hold nothing are not tried.

Complexity: O(voxels × distance of the farthest voxel of the tile), in vector instructions.

Reference: P. Felzenszwalb, D. Huttenlocher, Distance transforms of sampled functions (2012), for
the minimum along one axis after the other. Deviation: no lower envelope, whose intersections take
divisions and branches, and round differently; where many voxels share instructions, trying the
offsets that can matter is faster.
"""

from __future__ import annotations

#: Voxels along x that are worked on at once.
LANES = 32

#: Steps along z from which on there is no true voxel; no more planes than this.
NOTHING = 16384

#: Offsets that are tried before asking again whether a larger one can matter.
PATIENCE = 4


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
    """For rows first … last − 1 of all planes: voxels along z to the nearest true one.

    plane  how many elements of ``steps`` one plane is after the other
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
            further = (row[i] + 1) * (steps[target + i] != 0)
            row[i] = further
            steps[target + i] = min(row[i], steps[target + i])
    return 0


def _lower(tile, source, position, stride, below, above, step):
    """Lowers a tile to the least sum of a source and the square of the distance to it.

    tile          LANES numbers, the sums for offset 0
    source        holds squares; that for the first voxel of the tile and offset 0 is at ``position``
    stride        from one offset to the next
    below, above  the greatest offsets to either side at which there are sources; negative: there
                  are none up to that offset to the other side
    """
    for k in range(max(1, -below, -above), max(below, above) + 1):
        distance = k * step
        square = distance * distance
        if k % PATIENCE == 1:
            unsettled = 0
            for i in range(LANES):
                unsettled |= tile[i] > square
            if unsettled == 0:
                break
        lower, upper = position - k * stride, position + k * stride
        if k > below:
            lower = upper
        elif k > above:
            upper = lower
        for i in range(LANES):
            nearer = source[lower + i]
            other = source[upper + i]
            nearer = other if other < nearer else nearer
            nearer = nearer + square
            before = tile[i]
            tile[i] = nearer if nearer < before else before
