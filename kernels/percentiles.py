"""Ranks of the numbers of a mask: histograms of small integers, radix sort of floats.

Idea: voxels of 8 or 16 bits are counted by value, and the rank of every value is looked up. Other
numbers are mapped to integer keys of the same order (for integers of 32 bits only the sign bit
changes), which are sorted with their positions by the lowest digit first; equal keys are then
adjacent and get their rank in one sweep.

Complexity: two passes over the voxels for small integers; three passes of 11 bits over the voxels
of the mask for others, with 16 bytes of scratch each. Parts of the keys are sorted side by side:
each writes keys of one digit behind those of the parts before it, which keeps the order.

Reference: D. Knuth, The art of computer programming 3, 5.2.5 (radix sorting). Deviation: the counts
of all digits are computed in the pass that makes the keys.
"""

from __future__ import annotations


def count(
    n: "int64",
    values: "uint8* | uint16*",
    mask: "uint8*",
    different: "int64",
    counts: "int64*",
) -> "int64":
    """Adds the voxels of the mask to the count of their value.

    different  how many values there are: 256 or 65 536
    counts     two tables of so many, which are used in turn
    """
    for i in range(n):
        if mask[i] != 0:
            counts[(i & 1) * different + values[i]] += 1
    return 0


def look_up(
    n: "int64",
    values: "uint8* | uint16*",
    mask: "uint8*",
    table: "float32*",
    outside: "float32",
    out: "float32*",
) -> "int64":
    """Writes the table's entry for each voxel of the mask, ``outside`` elsewhere."""
    return _write_entries(n, values, mask, table, outside, out)


def decide(
    n: "int64",
    values: "uint8* | uint16*",
    mask: "uint8*",
    table: "uint8*",
    outside: "int64",
    out: "uint8*",
) -> "int64":
    """The same with a table of truth values."""
    return _write_entries(n, values, mask, table, outside, out)


def _write_entries(n, values, mask, table, outside, out):
    for i in range(n):
        found = table[values[i]]
        out[i] = found if mask[i] != 0 else outside
    return 0


def make_keys(
    n: "int64",
    first: "int64",
    bits: "int32*",
    mask: "uint8*",
    keys: "uint32*",
    places: "uint32*",
    digits: "int64*",
) -> "int64":
    """Keys and positions of the voxels of the mask; returns their number, NaN excluded.

    first   the position of the first voxel that is given
    bits    of float32 numbers
    digits  three tables of 2048, with the frequency of each digit; initially zeros
    """
    count = 0
    for i in range(n):
        value = bits[i]
        magnitude = value & 0x7FFFFFFF
        if mask[i] == 0 or magnitude > 0x7F800000:
            continue
        if magnitude == 0:
            value = 0
        key = (value ^ ((value >> 31) & 0x7FFFFFFF)) + 0x80000000
        _add_key(key, first + i, count, keys, places, digits)
        count += 1
    return count


def make_whole_keys(
    n: "int64",
    first: "int64",
    bits: "uint32*",
    flip: "int64",
    mask: "uint8*",
    keys: "uint32*",
    places: "uint32*",
    digits: "int64*",
) -> "int64":
    """Keys and positions of integers of 32 bits, as with ``make_keys``.

    flip  0 for unsigned numbers, 2³¹ for signed ones, which gives unsigned order
    """
    count = 0
    for i in range(n):
        if mask[i] == 0:
            continue
        key = bits[i] ^ flip
        _add_key(key, first + i, count, keys, places, digits)
        count += 1
    return count


def _add_key(key, place, count, keys, places, digits):
    """Appends a key and its position, and counts its digits."""
    keys[count] = key
    places[count] = place
    digits[key & 2047] += 1
    digits[2048 + ((key >> 11) & 2047)] += 1
    digits[4096 + (key >> 22)] += 1


def count_digit(n: "int64", shift: "int64", keys: "uint32*", counts: "int64*") -> "int64":
    """Adds the frequencies of one digit to ``counts``."""
    for i in range(n):
        key = keys[i] * 1
        counts[(key >> shift) & 2047] += 1
    return 0


def sort_digit(
    n: "int64",
    shift: "int64",
    keys: "uint32*",
    places: "uint32*",
    starts: "int64*",
    sorted_keys: "uint32*",
    sorted_places: "uint32*",
) -> "int64":
    """Sorts a part of the keys by one digit, stably; ``starts`` of each digit in this part."""
    for i in range(n):
        key = keys[i] * 1
        digit = (key >> shift) & 2047
        place = starts[digit]
        starts[digit] = place + 1
        sorted_keys[place] = keys[i]
        sorted_places[place] = places[i]
    return 0


def write_ranks(
    n: "int64",
    lower: "int64",
    population: "float64",
    c: "float64",
    keys: "uint32*",
    places: "uint32*",
    out: "float32*",
) -> "int64":
    """Writes the rank of sorted keys to their positions: (lower + c · equal) / population.

    lower  the number of keys that are less than the first one given
    """
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and keys[stop] == keys[start]:
            stop += 1
        rank = (c * (stop - start) + (lower + start)) / population
        for i in range(start, stop):
            out[places[i]] = rank
        start = stop
    return 0
