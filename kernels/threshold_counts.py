"""Counts of numbers below each of many thresholds, in one pass regardless of their number.

Idea: an int32 key orders like the float32 it represents. A table over the upper 16 bits of keys
holds how many thresholds lie below all numbers with these bits, and how many below some; only
thresholds that share their upper bits with a number are compared with it. Images of 8 or 16 bits
need no keys: their histogram answers every threshold.

Complexity: one increment per voxel, and comparisons with thresholds of the same upper bits.
"""

from __future__ import annotations


def histogram_uint8(n: "int64", values: "uint8*", counts: "int64*") -> "int64":
    """Adds to the count of each value; ``counts`` holds four tables of 256."""
    for i in range(n // 4):
        counts[values[4 * i]] += 1
        counts[256 + values[4 * i + 1]] += 1
        counts[512 + values[4 * i + 2]] += 1
        counts[768 + values[4 * i + 3]] += 1
    for i in range(n // 4 * 4, n):
        counts[values[i]] += 1
    return 0


def histogram_uint16(n: "int64", values: "uint16*", counts: "int64*") -> "int64":
    """Adds to the count of each value; ``counts`` holds two tables of 65 536."""
    for i in range(n // 2):
        counts[values[2 * i]] += 1
        counts[65536 + values[2 * i + 1]] += 1
    if n % 2 == 1:
        counts[values[n - 1]] += 1
    return 0


def rank_keys(
    n: "int64",
    bits: "int32*",
    lows: "int32*",
    highs: "int32*",
    keys: "int32*",
    counts: "int64*",
) -> "int64":
    """Counts the floats by the number of thresholds at or below them.

    bits         of float32 numbers; NaN is ignored
    lows, highs  for the upper 16 bits of a key, +32 768: the number of thresholds at or below all
                 such keys, and at or below some
    keys         of the thresholds, ascending
    """
    for i in range(n):
        value = bits[i]
        magnitude = value & 0x7FFFFFFF
        if magnitude > 0x7F800000:
            continue
        if magnitude == 0:
            value = 0
        key = value ^ ((value >> 31) & 0x7FFFFFFF)
        place = (key >> 16) + 32768
        rank = lows[place]
        high = highs[place]
        while rank < high and keys[rank] <= key:
            rank += 1
        counts[rank] += 1
    return 0
