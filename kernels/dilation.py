"""Dilation of a mask by a ball, a box, or any such symmetric shape.

Idea: rows along x are packed to words of 64 voxels. A shape is a list of neighboring rows, each
with its half-width along x: first every row is widened by 0, 1, 2, … voxels, by shifting words;
then, for each row of the shape, whole planes of widened words are joined by "or", one plane shifted
against the other. For a ball these half-widths are computed exactly, so that the result is that of
comparing exact distances; no distance is computed per voxel.

Complexity: voxels / 64 × (largest half-width + rows of the shape), in vector instructions; memory
voxels / 8 × (largest half-width + 1) bytes. Planes without a true voxel cost nothing.

Reference: R. van den Boomgaard, R. van Balen, Methods for fast morphological image transforms using
bitmapped binary images (1992). Deviation: shapes are decomposed into rows, not into smaller shapes.
"""

from __future__ import annotations


def widen_rows(
    first_row: "int64",
    last_row: "int64",
    rows: "int64",
    words: "int64",
    widest: "int64",
    flip: "int64",
    tail: "int64",
    packed: "int64*",
    widened: "int64*",
    occupied: "uint8*",
) -> "int64":
    """Widens rows by 0 … ``widest`` voxels along x.

    flip      0, or −1 to exchange true and false voxels
    tail      the bits that are voxels in the last word of a row
    widened   (widest + 1, rows, words)
    occupied  1 for each row that has a true voxel
    """
    for row in range(first_row, last_row):
        base = row * words
        found = 0
        for word in range(words):
            value = packed[base + word] ^ flip
            if word == words - 1:
                value &= tail
            widened[base + word] = value
            found |= value
        occupied[row] = 1 if found != 0 else 0
        for width in range(1, widest + 1):
            source = ((width - 1) * rows + row) * words
            target = (width * rows + row) * words
            before = 0
            for word in range(words):
                value = widened[source + word]
                after = widened[source + word + 1] if word + 1 < words else 0
                carried = (before >> 63) & 1
                right = ((value >> 1) & 0x7FFFFFFFFFFFFFFF) | (after << 63)
                spread = value | (value << 1) | carried | right
                if word == words - 1:
                    spread &= tail
                widened[target + word] = spread
                before = value
    return 0


def join_planes(
    first: "int64",
    last: "int64",
    depth: "int64",
    height: "int64",
    words: "int64",
    count: "int64",
    steps_z: "int32*",
    steps_y: "int32*",
    halves: "int32*",
    widened: "int64*",
    lowest: "int32*",
    highest: "int32*",
    flip: "int64",
    out: "int64*",
) -> "int64":
    """The planes first … last − 1 of the dilation, as packed rows.

    count            rows of the shape; each is ``steps_z``, ``steps_y`` rows away and reaches
                     ``halves`` voxels to both sides
    lowest, highest  the first and the last occupied row of each plane; highest < lowest: none
    """
    for z in range(first, last):
        base = z * height * words
        for word in range(height * words):
            out[base + word] = 0
        for each in range(count):
            other = z + steps_z[each]
            if other < 0 or other >= depth:
                continue
            step = steps_y[each]
            low = max(lowest[other], step)
            high = min(highest[other], height - 1 + step)
            if low > high:
                continue
            plane = (halves[each] * depth + other) * height * words
            source = plane + low * words
            target = base + (low - step) * words
            for word in range((high - low + 1) * words):
                out[target + word] |= widened[source + word]
        if flip != 0:
            for word in range(height * words):
                out[base + word] ^= flip
    return 0
