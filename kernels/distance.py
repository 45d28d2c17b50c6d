"""Exact Euclidean distances to the nearest true voxel: the least square along z, then y, then x.

Idea: two sweeps along z count steps to the nearest true voxel of each column. Then, plane after
plane while it is in cache, the squares of offsets along y are added, and to the least sums those
along x. Both are the same problem: for each row of a plane, and each of LANES neighboring columns
at once, find the row whose number plus the square of its distance is least. The farther down a
row lies, the farther down lies the row that is nearest to it, in the same column. So the middle
row is searched first, and the rows above and below it only as far as what it found; and so on for
the middle of what remains. For the sums along x the plane is turned.

Complexity: O(voxels × (log(rows) + how far the results of neighboring columns are apart)), in
vector instructions.

The results are those of a search of all rows, bit by bit: of two rows that rounding makes equal
for one row, one is less than the other by at least twice the square of the spacing for all rows
beyond, which is more than what rounding changes (the caller sees to that).

Reference: P. Felzenszwalb, D. Huttenlocher, Distance transforms of sampled functions (2012), for
the minimum along one axis after the other; A. Aggarwal and others, Geometric applications of a
matrix-searching algorithm (1987), for monotone minima. Deviation: no lower envelope, whose
intersections take divisions and branches, and round differently.
"""

from __future__ import annotations

from math import inf, sqrt

#: Columns that are searched at once.
LANES = 32

#: Steps along z that mean there is no true voxel; images have no more planes than this.
NOTHING = 16384


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


def _square(distance, number):
    return _converted(distance * distance, number)


def _converted(value, number):
    """A value in the type of sums; ``number`` is scratch of this type."""
    number[0] = value
    return number[0]


def _search(source, stride, here, row, first, last, step, tile, number):
    """Lowers a tile to the least sums of rows first … last and their squared distances to a row.

    source  numbers; those of the tile in row 0 begin at ``here``, rows are ``stride`` apart
    number  scratch of the same type: its first is set, its second is 0
    """
    # LLVM would store only where something is lower, element by element, but for this sum.
    zero = number[1]
    for other in range(first, last + 1, 4):
        second, third, fourth = min(other + 1, last), min(other + 2, last), min(other + 3, last)
        square_a = _square((row - other) * step, number)
        square_b = _square((row - second) * step, number)
        square_c = _square((row - third) * step, number)
        square_d = _square((row - fourth) * step, number)
        a = here + other * stride
        b = here + second * stride
        c = here + third * stride
        d = here + fourth * stride
        for i in range(LANES):
            one = source[a + i] + square_a
            two = source[b + i] + square_b
            three = source[c + i] + square_c
            four = source[d + i] + square_d
            one = two if two < one else one
            three = four if four < three else three
            one = three if three < one else one
            before = tile[i]
            tile[i] = (one if one < before else before) + zero


def _search_places(source, stride, here, row, first, last, step, tile, places, number):
    """Does the same as ``_search``, and notes for each column the row that was found."""
    zero = number[1]
    for other in range(first, last + 1, 2):
        second = min(other + 1, last)
        square_a = _square((row - other) * step, number)
        square_b = _square((row - second) * step, number)
        place_a, place_b = _converted(other, number), _converted(second, number)
        a = here + other * stride
        b = here + second * stride
        for i in range(LANES):
            one = source[a + i] + square_a
            two = source[b + i] + square_b
            place = place_b if two < one else place_a
            lower = two if two < one else one
            before = tile[i]
            was = places[i]
            places[i] = (place if lower < before else was) + zero
            tile[i] = (lower if lower < before else before) + zero


def _lower_tile(
    rows, count, low, high, source, stride, here, occupied, step, lows, highs, tile, places, number,
    least,
):  # fmt: skip
    """Writes, for some rows of a tile, the least sums of a number and its squared distance.

    rows         the numbers of those rows, in order; there are ``count``
    low, high    the range of rows with finite numbers
    occupied     for each column 1 if it has a finite number and is wanted; others are arbitrary
    step         mm from row to row
    lows, highs  scratch: for each of ``rows``, from 1, the range of rows that was found
    least        where the sums go: LANES for each row of the plane
    """
    span = 1
    while span * 2 <= count:
        span *= 2
    while span > 0:
        for index in range(span, count + 1, 2 * span):
            row = rows[index - 1]
            first = low if index == span else lows[index - span]
            last = highs[index + span] if index + span <= count else high
            most = number[1]
            for i in range(LANES):
                square = source[row * stride + here + i]
                tile[i] = square
                places[i] = row
                square = square if occupied[i] != 0 else number[1]
                most = square if square > most else most
            if most < inf:
                reach = int(sqrt(most) / step) + 1
                first = max(first, row - reach)
                last = min(last, row + reach)
            if span == 1:
                _search(source, stride, here, row, first, last, step, tile, number)
            else:
                _search_places(source, stride, here, row, first, last, step, tile, places, number)
                lowest, highest = high, low
                for i in range(LANES):
                    place = int(places[i])
                    lowest = min(lowest, place if occupied[i] != 0 else high)
                    highest = max(highest, place if occupied[i] != 0 else low)
                lows[index], highs[index] = lowest, highest
            for i in range(LANES):
                least[row * LANES + i] = tile[i]
        span //= 2


def lower_planes(
    first: "int64",
    last: "int64",
    height: "int64",
    width: "int64",
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
    squares: "float32* | float64*",
    turned: "float32* | float64*",
    least: "float32* | float64*",
    roots: "float32*",
    rows: "int32*",
    lows: "int32*",
    highs: "int32*",
    lanes: "uint8*",
    tile: "float32* | float64*",
    places: "float32* | float64*",
    number: "float32* | float64*",
    out: "float32*",
) -> "int64":
    """Writes the distances of the wanted voxels of planes first … last − 1.

    Squares and their sums are of either type; in float32 they must be exact.

    step_z, …        mm between voxels
    low_y, high_y    for each tile of LANES columns the range of rows with true voxels in some plane
    occupied         for each column of all tiles 1 if it has a true voxel in some row and plane
    low_x, high_x    the range of those columns
    negative         1 to write negated distances
    squares, turned  scratch: all columns of all tiles for each row; the same of the turned plane;
                     +inf where nothing is written
    least, roots     scratch: LANES numbers for each row of the plane and of the turned plane
    rows, …          scratch: a number for each row or column, and two more
    lanes, …         scratch: LANES numbers
    number           two numbers, the second of which is 0
    """
    padded = (width + LANES - 1) // LANES * LANES
    turned_padded = (height + LANES - 1) // LANES * LANES
    for z in range(first, last):
        plane = z * height * width
        count = 0
        for y in range(height):
            place = plane + y * width
            for x in range(width):
                distance = steps[place + x] * step_z
                near = steps[place + x] < NOTHING
                squares[y * padded + x] = distance * distance if near else inf
            # Voxels of a row that are not wanted here are not wanted in any other row.
            asked = 0
            for x in range(width):
                asked |= wanted[place + x]
            if asked != 0:
                rows[count] = y
                count += 1
        if count == 0:
            continue
        for begin in range(0, padded, LANES):
            low, high = low_y[begin // LANES], high_y[begin // LANES]
            if high < 0:
                continue
            for i in range(LANES):
                lanes[i] = occupied[begin + i]
            _lower_tile(
                rows, count, low, high, squares, padded, begin, lanes, step_y, lows, highs, tile,
                places, number, least,
            )  # fmt: skip
            for index in range(count):
                row = rows[index]
                for i in range(LANES):
                    turned[(begin + i) * turned_padded + row] = least[row * LANES + i]
        for begin in range(0, height, LANES):
            end = min(begin + LANES, height)
            for i in range(LANES):
                lanes[i] = 0
            for x in range(width):
                lows[x] = 0
            for y in range(begin, end):
                some = 0
                place = plane + y * width
                for x in range(width):
                    some |= wanted[place + x]
                    lows[x] |= wanted[place + x]
                lanes[y - begin] = some
            count = 0
            for x in range(width):
                if lows[x] != 0:
                    rows[count] = x
                    count += 1
            if count > 0 and high_x >= 0:
                _lower_tile(
                    rows, count, low_x, high_x, turned, turned_padded, begin, lanes, step_x, lows,
                    highs, tile, places, number, least,
                )  # fmt: skip
            for index in range(count):
                x = rows[index]
                for i in range(LANES):
                    roots[x * LANES + i] = sqrt(least[x * LANES + i])
            for y in range(begin, end):
                place = plane + y * width
                for x in range(width):
                    if wanted[place + x] != 0:
                        root = roots[x * LANES + y - begin]
                        out[place + x] = -root if negative == 1 else root
    return 0
