"""Correlation of the histogram of the box around each voxel with a given one: sums bin by bin.

Idea: Pearson's correlation of two histograms needs three integers of each box: the voxels n, the
sum of squared counts, and the sum of counts times wanted counts. The first and the last are box
sums of a number per voxel. For the squares each bin has its own counts: along z a count per column
is updated from plane to plane, along y a row of counts from row to row, and along x sums of 1, 2,
4, … neighbors are combined; the last two are additions of whole rows of small integers. A tile of
rows is processed at a time, so that the counts of all its bins stay in the cache; bins that do not
occur in any row of the box are skipped, which is most of them in most places.

Complexity: bins that occur nearby × voxels × (3 + log₂ of the width of the box) additions of small
integers in vector instructions, and one multiplication. Memory: bins × columns of a tile counts.

References: M. J. McDonnell, Box-filtering techniques (1981); S. Perreault, P. Hébert, Median
filtering in constant time (2007). Deviation from the latter, whose column histograms have the same
counts: rows are processed bin by bin, not histogram by histogram, so that a vector holds neighbors
regardless of the number of bins, and absent bins cost nothing.
"""

from __future__ import annotations

from math import floor, sqrt


def look_up(n: "int64", values: "uint8* | uint16*", table: "uint16*", codes: "uint16*") -> "int64":
    """Looks up the bin of each voxel in a table."""
    for i in range(n):
        codes[i] = table[values[i]]
    return 0


def bin_float32(
    n: "int64",
    values: "float32*",
    low: "float64",
    high: "float64",
    width: "float64",
    bins: "int64",
    codes: "uint16*",
) -> "int64":
    """The bin of each voxel, ``bins`` if it falls into none."""
    for i in range(n):
        value = values[i] * 1.0
        place = bins
        if value >= low and value < high:
            place = min(int(floor((value - low) / width)), bins - 1)
        codes[i] = place
    return 0


def count_codes(n: "int64", codes: "uint16*", mask: "uint8*", counts: "int64*") -> "int64":
    """Adds the bins of the voxels of a mask to ``counts``."""
    for i in range(n):
        counts[codes[i]] += mask[i]
    return 0


def _clear(n, values):
    for i in range(n):
        values[i] = 0


def _sum_along_x(width, half, line, block, other, result):
    """Sums of 2 · half + 1 neighbors; ``line`` has ``half`` zeros before its voxels and after.

    The sum is composed of sums of 1, 2, 4, … neighbors.
    """
    total = width + 2 * half
    for x in range(total):
        block[x] = line[x]
    for x in range(width):
        result[x] = line[x]
    done = 1
    length = 1
    missing = half
    while missing > 0:
        for x in range(total - 2 * length + 1):
            other[x] = block[x] + block[x + length]
        length *= 2
        for x in range(total - length + 1):
            block[x] = other[x]
        if missing & 1 == 1:
            for x in range(width):
                result[x] += block[x + done]
            done += length
        missing >>= 1


def _count_plane(sign, first, last, width, plane, codes, bins, columns, occupied):
    """Adds the voxels of a plane to the counts of their columns and bins, or subtracts them."""
    rows = last - first
    for y in range(first, last):
        base = plane + y * width
        row = y - first
        for x in range(width):
            code = codes[base + x]
            if code < bins:
                place = code * rows + row
                columns[place * width + x] += sign
                occupied[place] += sign


def _weigh_plane(sign, first, last, width, plane, codes, weights, columns):
    """Adds the weights of the bins of the voxels of a plane to their columns."""
    for y in range(first, last):
        base = plane + y * width
        row = (y - first) * width
        for x in range(width):
            columns[row + x] += sign * weights[codes[base + x]]


def _square_bin(
    y_first,
    y_last,
    first,
    last,
    half_y,
    half_x,
    width,
    bin,
    columns,
    occupied,
    line,
    block,
    other,
    boxes,
    squares,
):
    """Adds the squared counts of one bin in the boxes around the rows of a tile."""
    rows = last - first
    for x in range(width + 2 * half_x):
        line[x] = 0
    reached = first
    present = 0
    for y in range(y_first, y_last):
        while reached < min(last, y + half_y + 1):
            place = bin * rows + reached - first
            if occupied[place] > 0:
                present += 1
                for x in range(width):
                    line[half_x + x] += columns[place * width + x]
            reached += 1
        if y - half_y - 1 >= first:
            place = bin * rows + y - half_y - 1 - first
            if occupied[place] > 0:
                present -= 1
                for x in range(width):
                    line[half_x + x] -= columns[place * width + x]
        if present > 0:
            _sum_along_x(width, half_x, line, block, other, boxes)
            target = (y - y_first) * width
            for x in range(width):
                squares[target + x] += boxes[x] * boxes[x]


def _sum_boxes(y_first, y_last, first, last, half_y, half_x, width, columns, line, out):
    """Box sums around the rows of a tile of the values summed per column."""
    for x in range(width + 2 * half_x):
        line[x] = 0
    reached = first
    for y in range(y_first, y_last):
        while reached < min(last, y + half_y + 1):
            base = (reached - first) * width
            for x in range(width):
                line[half_x + x] += columns[base + x]
            reached += 1
        if y - half_y - 1 >= first:
            base = (y - half_y - 1 - first) * width
            for x in range(width):
                line[half_x + x] -= columns[base + x]
        target = (y - y_first) * width
        running = 0
        for x in range(2 * half_x):
            running += line[x]
        for x in range(width):
            running += line[x + 2 * half_x]
            out[target + x] = running
            running -= line[x]


def _correlate(n, start, bins, sum_wanted, spread_wanted, counted, squares, products, out):
    """The correlation of the rows of a tile, with the operations of the reference."""
    root = sqrt(spread_wanted)
    for i in range(n):
        total = counted[i] * 1.0
        spread = bins * (squares[i] * 1.0) - total * total
        covariance = bins * (products[i] * 1.0) - total * sum_wanted
        value = covariance / (sqrt(spread) * root)
        if spread_wanted == 0.0:
            value = 1.0 if spread == 0.0 else 0.0
        elif not spread > 0.0:
            value = 0.0
        out[start + i] = value


def correlate_tile(
    z_first: "int64",
    z_last: "int64",
    y_first: "int64",
    y_last: "int64",
    depth: "int64",
    height: "int64",
    width: "int64",
    half_z: "int64",
    half_y: "int64",
    half_x: "int64",
    bins: "int64",
    codes: "uint16*",
    ones: "int64*",
    weights: "int64*",
    sum_wanted: "float64",
    spread_wanted: "float64",
    columns: "uint16* | uint32*",
    occupied: "int32*",
    line: "uint16* | uint32*",
    block: "uint16* | uint32*",
    other: "uint16* | uint32*",
    boxes: "uint16* | uint32*",
    squares: "uint32* | int64*",
    count_columns: "int64*",
    weight_columns: "int64*",
    wide: "int64*",
    counted: "int64*",
    products: "int64*",
    out: "float32*",
) -> "int64":
    """The correlation of a tile of rows; boxes of less than 65 536 voxels, or larger ones.

    ones, weights  1 for a bin, and its wanted count; 0 for the code of no bin
    others         scratch; ``squares``, ``counted``, ``products`` of the voxels of a plane of the
                   tile, columns of its rows and their neighbors, lines of a row with its padding
    """
    first = max(0, y_first - half_y)
    last = min(height, y_last + half_y)
    rows = last - first
    _clear(bins * rows * width, columns)
    _clear(bins * rows, occupied)
    _clear(rows * width, count_columns)
    _clear(rows * width, weight_columns)
    bottom = max(0, z_first - half_z)
    for z in range(z_first - half_z - half_z - 1, z_last):
        enters = z + half_z
        if enters >= bottom and enters < depth:
            plane = enters * height * width
            _count_plane(1, first, last, width, plane, codes, bins, columns, occupied)
            _weigh_plane(1, first, last, width, plane, codes, ones, count_columns)
            _weigh_plane(1, first, last, width, plane, codes, weights, weight_columns)
        if z < z_first:
            continue
        leaves = z - half_z - 1
        if leaves >= bottom:
            plane = leaves * height * width
            _count_plane(-1, first, last, width, plane, codes, bins, columns, occupied)
            _weigh_plane(-1, first, last, width, plane, codes, ones, count_columns)
            _weigh_plane(-1, first, last, width, plane, codes, weights, weight_columns)
        n = (y_last - y_first) * width
        _clear(n, squares)
        for bin in range(bins):
            _square_bin(
                y_first, y_last, first, last, half_y, half_x, width, bin, columns, occupied,
                line, block, other, boxes, squares,
            )  # fmt: skip
        _sum_boxes(
            y_first, y_last, first, last, half_y, half_x, width, count_columns, wide, counted
        )  # fmt: skip
        _sum_boxes(
            y_first, y_last, first, last, half_y, half_x, width, weight_columns, wide, products
        )  # fmt: skip
        start = (z * height + y_first) * width
        _correlate(n, start, bins, sum_wanted, spread_wanted, counted, squares, products, out)
    return 0
