"""Exponentials, logarithms and powers of single numbers: the nearest float64, on every machine.

The last bits of C's library may differ between machines, but a value must have one id everywhere.
Here functions are evaluated with 50 decimal digits, by Python's ``decimal``, and rounded once;
powers that could lie exactly between two float64 numbers are computed exactly. Special values are
those of C's Annex F.
"""

from __future__ import annotations

from math import copysign, frexp, inf, isinf, ldexp, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Context

#: Beyond these exponents, float64 only has infinity and 0.
_LARGEST, _LEAST = 710.0, -746.0

#: Integral exponents up to this are computed exactly. With a greater one, a number that is not a
#: power of two has more than 54 digits, so it never lies exactly between two float64 numbers.
_EXACT = 64

#: Digits: 17 of a float64, 3 of the greatest exponent, and ample guard digits.
_DIGITS = 50


def exponential_of(x: float) -> float:
    """The exponential function of a number."""
    if not _LEAST < x < _LARGEST:
        return inf if x > 0 else 0.0 if x < 0 else x
    from decimal import Decimal

    return float(_context().exp(Decimal(x)))


def logarithm_of(x: float) -> float:
    """The natural logarithm of a number: -inf of 0, NaN of negative numbers."""
    if not (0 < x < inf):
        return -inf if x == 0 else x if x > 0 else nan
    from decimal import Decimal

    return float(_context().ln(Decimal(x)))


def power_of(base: float, exponent: float) -> float:
    """The first number to the power of the second; NaN of a negative base unless the exponent is
    integral. Anything to the power 0, and 1 to any power, is 1.
    """
    if exponent == 0 or base == 1:
        return 1.0
    if base != base or exponent != exponent:
        return nan
    if isinf(exponent):
        size = abs(base)
        return 1.0 if size == 1 else inf if (size > 1) == (exponent > 0) else 0.0
    is_whole = exponent.is_integer()
    is_odd = is_whole and exponent % 2 == 1
    sign = -1.0 if is_odd and _is_negative(base) else 1.0
    if base == 0 or isinf(base):
        return sign * (0.0 if (base == 0) == (exponent > 0) else inf)
    if base < 0 and not is_whole:
        return nan
    return sign * _power_of_size(abs(base), exponent)


def _is_negative(x: float) -> bool:
    """Whether the sign bit of a number is set, also that of −0."""
    return copysign(1.0, x) < 0


def _power_of_size(base: float, exponent: float) -> float:
    """The power of a positive finite number."""
    from decimal import Decimal
    from fractions import Fraction

    part, two = frexp(base)
    if part == 0.5 and exponent.is_integer():
        return _scaled((two - 1) * int(exponent))
    if exponent.is_integer() and abs(exponent) <= _EXACT:
        power = Fraction(base) ** int(exponent)
        try:
            return power.numerator / power.denominator
        except OverflowError:
            return inf
    context = _context()
    logarithm = context.multiply(Decimal(exponent), context.ln(Decimal(base)))
    if not _LEAST < logarithm < _LARGEST:
        return inf if logarithm > 0 else 0.0
    return float(context.exp(logarithm))


def _scaled(two: int) -> float:
    """2 to an integral power."""
    if two > 1023:
        return inf
    return ldexp(1.0, max(two, -2000))


def _context() -> Context:
    from decimal import MAX_EMAX, MIN_EMIN, Context

    return Context(prec=_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
