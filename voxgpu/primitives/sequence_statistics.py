"""Statistics of the numbers of a sequence, and functions of single numbers and strings."""

from __future__ import annotations

import re
from collections import Counter
from math import floor as floor_of
from math import isnan, sqrt

from voxgpu.primitives.define import (
    NumberPairs,
    NumberValue,
    NumberValues,
    TextValue,
    TruthValue,
    scalar,
)
from voxgpu.primitives.primitive import UndefinedValueError

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)")


def _nonempty(name: str, xs: tuple[float, ...]) -> tuple[float, ...]:
    if not xs:
        raise UndefinedValueError(f"`{name}` of an empty sequence has no value")
    return xs


def _mean(xs: tuple[float, ...]) -> float:
    """The mean, correctly rounded if it is finite; otherwise following IEEE 754."""
    try:
        from statistics import fmean

        return fmean(xs)
    except (OverflowError, ValueError):
        # The sum overflows, but the mean need not.
        return sum(x / len(xs) for x in xs)


@scalar(id="argmax")
def argmax(xs: NumberValues) -> NumberValue:
    """The index of the greatest number, the first one in case of a tie; NaN counts as least.

    >>> argmax([3, 7, 1, 7])
    1
    """
    _nonempty("argmax", xs)
    return float(max(range(len(xs)), key=lambda i: (not isnan(xs[i]), xs[i], -i)))


@scalar(id="argmin")
def argmin(xs: NumberValues) -> NumberValue:
    """The index of the least number, the first one in case of a tie; NaN counts as greatest.

    >>> argmin([3, 7, 1, 7])
    2
    """
    _nonempty("argmin", xs)
    return float(min(range(len(xs)), key=lambda i: (isnan(xs[i]), xs[i], i)))


@scalar(id="argsort")
def argsort(xs: NumberValues) -> NumberValues:
    """The indices of the numbers in ascending order, NaN last; ties keep their order.

    >>> argsort([3, 7, 1])
    [2, 0, 1]
    """
    return tuple(float(i) for i in sorted(range(len(xs)), key=lambda i: (isnan(xs[i]), xs[i])))


@scalar("max", id="greatest")
def maximum_of(xs: NumberValues) -> NumberValue:
    """The greatest number of a sequence; NaN does not count.

    >>> max([3, 7, 1])
    7
    """
    return max((x for x in _nonempty("max", xs) if not isnan(x)), default=xs[0])


@scalar("min", id="least")
def minimum_of(xs: NumberValues) -> NumberValue:
    """The least number of a sequence; NaN does not count.

    >>> min([3, 7, 1])
    1
    """
    return min((x for x in _nonempty("min", xs) if not isnan(x)), default=xs[0])


@scalar("max", id="greater")
def maximum(a: NumberValue, b: NumberValue) -> NumberValue:
    """The greater of two numbers; if one is NaN, the other. Suitable for ``fold``.

    >>> max(3, 7)
    7
    """
    return b if isnan(a) or b > a else a


@scalar("min", id="lesser")
def minimum(a: NumberValue, b: NumberValue) -> NumberValue:
    """The lesser of two numbers; if one is NaN, the other. Suitable for ``fold``.

    >>> min(3, 7)
    3
    """
    return b if isnan(a) or b < a else a


@scalar("mean", id="mean")
def mean(xs: NumberValues) -> NumberValue:
    """The mean of the numbers; NaN if any of them is NaN.

    For images of numbers it is the image `fold(+, xs) / length(xs)`.

    >>> mean([1, 2, 6])
    3
    """
    return _mean(_nonempty("mean", xs))


@scalar("median", version=2, id="median")
def median(xs: NumberValues) -> NumberValue:
    """The middle number of the sorted sequence, or the mean of the two in the middle.

    NaN if any of the numbers is NaN.

    >>> median([9, 1, 2, 4])
    3
    """
    from statistics import median as median_of

    return float("nan") if any(map(isnan, _nonempty("median", xs))) else median_of(xs)


@scalar("stdev", version=2, id="standard_deviation")
def standard_deviation(xs: NumberValues) -> NumberValue:
    """The sample standard deviation: the sum of squares is divided by one less than the number of
    items; for a single number it is 0. NaN if any of the numbers is NaN.

    >>> stdev([1, 2, 3])
    1
    """
    center = _mean(_nonempty("stdev", xs))
    squares = sum((x - center) * (x - center) for x in xs)
    if len(xs) == 1:
        return xs[0] if isnan(xs[0]) else 0.0
    return sqrt(squares / (len(xs) - 1))


@scalar("tally", version=2, id="tally")
def count_values(xs: NumberValues) -> NumberPairs:
    """Every distinct number, ascending, with the number of its occurrences; NaN last.

    >>> tally([2, 5, 2])
    [[2, 2], [5, 1]]
    """
    # NaN is not equal to itself, so NaNs are counted separately.
    counts = sorted(Counter(x for x in xs if not isnan(x)).items())
    found = [(x, float(count)) for x, count in counts]
    no_numbers = len(xs) - sum(count for _, count in counts)
    return (*found, *([(float("nan"), float(no_numbers))] if no_numbers else []))


@scalar("floor", id="floor")
def floor(x: NumberValue) -> NumberValue:
    """The greatest integer less than or equal to ``x``.

    >>> floor(-1.5)
    -2
    """
    return float(floor_of(x)) if abs(x) < 2**53 else x


@scalar("ceil", id="ceiling")
def ceiling(x: NumberValue) -> NumberValue:
    """The least integer greater than or equal to ``x``.

    >>> ceil(-1.5)
    -1
    """
    return -float(floor_of(-x)) + 0.0 if abs(x) < 2**53 else x


@scalar("sqrt", id="square_root")
def square_root(x: NumberValue) -> NumberValue:
    """The square root; NaN for a negative number.

    >>> sqrt(9)
    3
    """
    return sqrt(x) if x >= 0 else float("nan")


@scalar("number", id="number_of")
def parse_number(text: TextValue) -> NumberValue:
    """The number that a string represents, such as a part of a file name.

    >>> number("0.5")
    0.5
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise UndefinedValueError(f'"{text}" does not read as a number')
    return float(text)


@scalar("replace", id="replaced")
def replace(text: TextValue, old: TextValue, new: TextValue) -> TextValue:
    """The string with every ``old`` in it replaced by ``new``.

    >>> replace("case_flair.nii", "flair", "seg")
    "case_seg.nii"
    """
    return text.replace(old, new)


@scalar("contains", id="contains")
def contains(text: TextValue, part: TextValue) -> TruthValue:
    """Whether a string contains another one.

    >>> contains("case_flair.nii", "flair")
    true
    """
    return part in text
