"""Exact Euclidean distances to the nearest true voxel: the least square along z, then y, then x.

Idea: two sweeps along z count steps to the nearest true voxel of each column. Then, plane after
plane while it is in cache, the squares of offsets along y are added, and to the least sums those
along x. A tile of LANES neighboring voxels tries offsets 1, 2, 3, … in both directions at once, and
stops when the square of the offset is at least the current value of each of its voxels: voxels near
the region stop early, regardless of others in the plane. Offsets that lead to rows or columns
without any true voxel are not tried.

Complexity: O(voxels × distance of the farthest voxel of the tile), in vector instructions.

Reference: P. Felzenszwalb, D. Huttenlocher, Distance transforms of sampled functions (2012), for
the minimum along one axis after the other. Deviation: no lower envelope, whose intersections take
divisions and branches, and round differently; if many voxels share instructions, trying the
offsets that can matter is faster.
"""

from __future__ import annotations

from math import inf, sqrt

#: Voxels along x that are processed at once.
LANES = 32

#: Steps along z that mean there is no true voxel; images have no more planes than this.
NOTHING = 16384

#: Offsets to try before checking again whether a larger one can matter.
PATIENCE = 4


def count_steps(
    first: "int64",
    last: "int64",
    depth: "int64",
    plane: "int64",
    mask: "uint8*",
    steps: "int16*",
    row: "int16*",
) -> "int64":
    """For voxels first … last − 1 of all planes: voxels along z to the nearest true one.

    plane  voxels of a plane
    row    scratch, one number a voxel of these
    """
    count = last - first
    for i in range(count):
        row[i] = NOTHING
    for z in range(depth):
        place = z * plane + first
        for i in range(count):
            row[i] = (row[i] + 1) * (1 - mask[place + i])
        for i in range(count):
            steps[place + i] = row[i]
    for i in range(count):
        row[i] = NOTHING
    for back in range(depth):
        place = (depth - 1 - back) * plane + first
        for i in range(count):
            row[i] = (row[i] + 1) * (1 - mask[place + i])
        for i in range(count):
            steps[place + i] = min(row[i], steps[place + i])
    return 0


def _lower(tile, wanted, source, position, stride, least, below, above, step):
    """Lowers a tile to the least sum of a source and the square of the distance to it.

    tile          LANES sums of squares, those for offset 0
    wanted        1 for the voxels of the tile that influence when to stop
    source        squares; that for the first voxel of the tile and offset 0 is at ``position``
    stride        from one offset to the next
    least         the first offset that is tried
    below, above  how far the sources extend to either side
    """
    for k in range(least, max(below, above) + 1):
        distance = k * step
        square = distance * distance
        if (k - least) % PATIENCE == 0:
            unsettled = 0
            for i in range(LANES):
                unsettled |= wanted[i] & (tile[i] > square)
            if unsettled == 0:
                break
        lower = position - k * stride
        upper = position + k * stride
        if k > below:
            lower = upper
        elif k > above:
            upper = lower
        for i in range(LANES):
            one = source[lower + i]
            other = source[upper + i]
            nearer = (other if other < one else one) + square
            before = tile[i]
            tile[i] = nearer if nearer < before else before


def lower_planes(
    first: "int64",
    last: "int64",
    height: "int64",
    width: "int64",
    tiles: "int64",
    step_z: "float64",
    step_y: "float64",
    step_x: "float64",
    steps: "int16*",
    low_y: "int32*",
    high_y: "int32*",
    occupied: "uint8*",
    low_x: "int64",
    high_x: "int64",
    wanted: "uint8*",
    negative: "int64",
    squares: "float64*",
    line: "float64*",
    tile: "float64*",
    chosen: "uint8*",
    out: "float32*",
) -> "int64":
    """Writes the distances of the wanted voxels of planes first … last − 1.

    tiles           of LANES voxels in a row
    step_z, …       mm between voxels
    low_y, high_y   for each tile the range of rows with true voxels in some plane
    occupied        tiles × LANES numbers: 1 where the column has a true voxel in some row and plane
    low_x, high_x   the range of those columns
    negative        1 to write negated distances
    squares         scratch: (height, tiles × LANES)
    line            scratch: 3 × tiles × LANES numbers, all +inf
    tile, chosen    scratch: LANES numbers
    """
    padded = tiles * LANES
    for z in range(first, last):
        for y in range(height):
            place = (z * height + y) * width
            for x in range(width):
                distance = steps[place + x] * step_z
                near = steps[place + x] < NOTHING
                squares[y * padded + x] = distance * distance if near else inf
            for x in range(width, padded):
                squares[y * padded + x] = inf
        for y in range(height):
            place = (z * height + y) * width
            # Voxels of a row that are not wanted here are not wanted in any other row.
            asked = 0
            for x in range(width):
                asked |= wanted[place + x]
            if asked == 0:
                continue
            for number in range(tiles):
                begin = number * LANES
                for i in range(LANES):
                    tile[i] = squares[y * padded + begin + i]
                    chosen[i] = occupied[begin + i]
                below = y - low_y[number]
                above = high_y[number] - y
                if high_y[number] >= 0:
                    least = max(1, -below, -above)
                    position = y * padded + begin
                    _lower(tile, chosen, squares, position, padded, least, below, above, step_y)
                for i in range(LANES):
                    line[padded + begin + i] = tile[i]
            for number in range(tiles):
                begin = number * LANES
                some = 0
                for i in range(LANES):
                    chosen[i] = 0
                for i in range(min(LANES, width - begin)):
                    chosen[i] = wanted[place + begin + i]
                    some |= chosen[i]
                if some == 0:
                    continue
                for i in range(LANES):
                    tile[i] = line[padded + begin + i]
                if high_x >= 0:
                    below = begin + LANES - 1 - low_x
                    above = high_x - begin
                    least = max(1, -below, -above)
                    _lower(tile, chosen, line, padded + begin, 1, least, below, above, step_x)
                for i in range(min(LANES, width - begin)):
                    if chosen[i] != 0:
                        root = sqrt(tile[i])
                        out[place + begin + i] = -root if negative == 1 else root
    return 0
