"""Where does each number stand among those of a mask? Histograms of small integers, sorted floats.

Idea: voxels of 8 or 16 bits are counted by value, and what every value comes to is looked up. Other
numbers become integer keys of the same order (whole numbers of 32 bits are that but for the sign),
which are sorted with their places by the lowest
digit first; equal keys then stand side by side and get their rank in one sweep.

Complexity: two passes over the voxels for small integers; three passes of 11 bits over the voxels
of the mask for others, with 16 bytes of scratch each.

Reference: D. Knuth, The art of computer programming 3, 5.2.5 (radix sorting). Deviation: the counts
of all digits are made in the pass that makes the keys.
"""

from __future__ import annotations


def count_uint8(n: "int64", values: "uint8*", mask: "uint8*", counts: "int64*") -> "int64":
    """Adds the voxels of the mask to the count of their value; two tables of 256 in turn."""
    for i in range(n):
        if mask[i] != 0:
            counts[(i & 1) * 256 + values[i]] += 1
    return 0


def count_uint16(n: "int64", values: "uint16*", mask: "uint8*", counts: "int64*") -> "int64":
    """Adds the voxels of the mask to the count of their value; two tables of 65 536 in turn."""
    for i in range(n):
        if mask[i] != 0:
            counts[(i & 1) * 65536 + values[i]] += 1
    return 0


def look_up_uint8(
    n: "int64",
    values: "uint8*",
    mask: "uint8*",
    table: "float32*",
    outside: "float32",
    out: "float32*",
) -> "int64":
    """What the table has for each voxel of the mask, ``outside`` elsewhere."""
    for i in range(n):
        found = table[values[i]]
        out[i] = found if mask[i] != 0 else outside
    return 0


def look_up_uint16(
    n: "int64",
    values: "uint16*",
    mask: "uint8*",
    table: "float32*",
    outside: "float32",
    out: "float32*",
) -> "int64":
    """What the table has for each voxel of the mask, ``outside`` elsewhere."""
    for i in range(n):
        found = table[values[i]]
        out[i] = found if mask[i] != 0 else outside
    return 0


def decide_uint8(
    n: "int64",
    values: "uint8*",
    mask: "uint8*",
    table: "uint8*",
    outside: "int64",
    out: "uint8*",
) -> "int64":
    """The same with a table of truth values."""
    for i in range(n):
        found = table[values[i]]
        out[i] = found if mask[i] != 0 else outside
    return 0


def decide_uint16(
    n: "int64",
    values: "uint16*",
    mask: "uint8*",
    table: "uint8*",
    outside: "int64",
    out: "uint8*",
) -> "int64":
    """The same with a table of truth values."""
    for i in range(n):
        found = table[values[i]]
        out[i] = found if mask[i] != 0 else outside
    return 0


def make_keys(
    n: "int64",
    bits: "int32*",
    mask: "uint8*",
    keys: "uint32*",
    places: "uint32*",
    digits: "int64*",
) -> "int64":
    """Keys and places of the voxels of the mask; returns how many, NaN left out.

    bits    of float32 numbers
    digits  three tables of 2048, of how often each digit occurs; begins as zeros
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
        keys[count] = key
        places[count] = i
        digits[key & 2047] += 1
        digits[2048 + ((key >> 11) & 2047)] += 1
        digits[4096 + (key >> 22)] += 1
        count += 1
    return count


def make_whole_keys(
    n: "int64",
    bits: "uint32*",
    flip: "int64",
    mask: "uint8*",
    keys: "uint32*",
    places: "uint32*",
    digits: "int64*",
) -> "int64":
    """Keys and places of whole numbers of 32 bits, as ``make_keys`` makes them.

    flip  0 for unsigned numbers, 2³¹ for signed ones, which it puts in order
    """
    count = 0
    for i in range(n):
        if mask[i] == 0:
            continue
        key = bits[i] ^ flip
        keys[count] = key
        places[count] = i
        digits[key & 2047] += 1
        digits[2048 + ((key >> 11) & 2047)] += 1
        digits[4096 + (key >> 22)] += 1
        count += 1
    return count


def sort_digit(
    n: "int64",
    shift: "int64",
    keys: "uint32*",
    places: "uint32*",
    starts: "int64*",
    sorted_keys: "uint32*",
    sorted_places: "uint32*",
) -> "int64":
    """Puts keys in the order of one digit, equal digits as they were; ``starts`` of each digit."""
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
    population: "float64",
    c: "float64",
    keys: "uint32*",
    places: "uint32*",
    out: "float32*",
) -> "int64":
    """Writes the rank of sorted keys to their places: (lower + c · equal) / population."""
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and keys[stop] == keys[start]:
            stop += 1
        rank = (c * (stop - start) + start) / population
        for i in range(start, stop):
            out[places[i]] = rank
        start = stop
    return 0
