"""Elementary functions for bodies: roots, exponentials, logarithms, powers, rounding.

Square roots and roundings are those of IEEE 754, exact in every rendering. Exponentials, logarithms
and powers are written out in float64, as one sequence of additions, multiplications, divisions and
exponent shifts, so that every rendering computes the same bits; the result is rounded to float32
once. The relative error of the float64 values is below 2^-43, so a result is the float32 nearest to
the true value, unless that lies within 2^-43 of the midpoint between two of them: the error is
below 0.50001 units in the last place.

Algorithms: argument reduction and polynomials after J.-M. Muller, "Elementary Functions", 3rd
edition, Birkhäuser 2016, chapters 5 and 11, with Taylor coefficients of exp and atanh. Special
values are those of C's Annex F.
"""

from __future__ import annotations

from math import factorial, inf, nan

from voxgpu.codegen.scalar import (
    Operand,
    Scalar,
    ceiling_of,
    constant,
    double,
    exponent_of,
    floor_of,
    nearest_whole,
    root_of,
    scaled,
    single,
    where,
)

#: ln 2 in two parts; the first has so few digits that its products with integers are exact.
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
LOG2_E = 1.44269504088896340736
SQRT_2 = 1.41421356237309504880

#: Beyond these exponents, float32 only has infinity and 0.
_LARGEST, _LEAST = 128.0, -128.0


def square_root(v: Operand) -> Scalar:
    """The square root, correctly rounded; NaN of negative numbers, -0 of -0."""
    return root_of(constant(v))


def floor(v: Operand) -> Scalar:
    """The greatest integer less than or equal to ``v``."""
    return floor_of(constant(v))


def ceiling(v: Operand) -> Scalar:
    """The least integer greater than or equal to ``v``."""
    return ceiling_of(constant(v))


def round_to_even(v: Operand) -> Scalar:
    """The nearest integer; ties go to the even one, as in NumPy and Python."""
    return nearest_whole(constant(v))


def sign(v: Operand) -> Scalar:
    """-1, 0 or 1 for a number below, at or above 0; NaN of NaN."""
    number = constant(v)
    return where(number > 0.0, 1.0, where(number < 0.0, -1.0, number))


def clamp(v: Operand, low: Operand, high: Operand) -> Scalar:
    """The number limited to the range from ``low`` to ``high``; NaN stays NaN."""
    number, least, most = constant(v), constant(low), constant(high)
    return where(number < least, least, where(number > most, most, number))


def exponential(v: Operand) -> Scalar:
    """The exponential function of ``v``, rounded to float32 once."""
    return single(_exponential(double(constant(v))))


def logarithm(v: Operand) -> Scalar:
    """The natural logarithm, rounded to float32 once: -inf of 0, NaN of negative numbers."""
    return single(_logarithm(double(constant(v))))


def power(base: Operand, exponent: Operand) -> Scalar:
    """``base`` to the power ``exponent``, rounded to float32 once; NaN of a negative base unless
    the exponent is integral. ``power(v, 0)`` and ``power(1, v)`` are 1, of NaN too.
    """
    x, y = double(constant(base)), double(constant(exponent))
    size = abs(x)
    result = _exponential(y * _logarithm(size))
    result = where((size == 1.0) & (y == y), 1.0, result)
    is_whole = floor_of(y) == y
    is_odd = is_whole & (floor_of(y * 0.5) * 2.0 != y)
    is_negative = (x < 0.0) | ((x == 0.0) & (1.0 / x < 0.0))
    result = where(is_negative & is_odd, -result, result)
    result = where((x < 0.0) & (x > -inf) & ~is_whole, nan, result)
    return single(where((y == 0.0) | (x == 1.0), 1.0, result))


def _exponential(x: Scalar) -> Scalar:
    """The exponential function of a float64.

    Numbers beyond ±128 are treated as ±128, whose result float32 rounds to infinity or 0.
    """
    within = where(x < _LARGEST, where(x > _LEAST, x, _LEAST), _LARGEST)
    count = nearest_whole(within * LOG2_E)
    rest = (within - count * LN2_HIGH) - count * LN2_LOW
    value = constant(1.0 / factorial(13))
    for degree in range(12, -1, -1):
        value = value * rest + 1.0 / factorial(degree)
    return where(x == x, scaled(value, count), x)


def _logarithm(x: Scalar) -> Scalar:
    """The natural logarithm of a float64 that is representable in float32."""
    is_normal = (x > 0.0) & (x < inf)
    number = where(is_normal, x, 1.0)
    whole = exponent_of(number)
    part = scaled(number, -whole)
    is_large = part > SQRT_2
    part = where(is_large, part * 0.5, part)
    whole = where(is_large, whole + 1.0, whole)
    ratio = (part - 1.0) / (part + 1.0)
    square = ratio * ratio
    value = constant(1.0 / 23.0)
    for degree in range(21, 1, -2):
        value = value * square + 1.0 / degree
    twice = ratio * 2.0
    result = whole * LN2_HIGH + (twice + (twice * square * value + whole * LN2_LOW))
    special = where(x == 0.0, -inf, where(x > 0.0, x, nan))
    return where(is_normal, result, special)
