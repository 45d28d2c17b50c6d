"""Exponentials, logarithms and powers of numbers return the nearest float64."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.primitives.exact_functions import exponential_of, logarithm_of, power_of

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, -2.5, 1e300, -1e300, 5e-324]
ODD += [math.inf, -math.inf, math.nan, 1023.0, -1075.0, -1074.0, 710.0, -746.0, 709.782712893384]

finite = st.floats(allow_nan=False, allow_infinity=False)


def _same(a: float, b: float) -> bool:
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)


def _near(found: float, wanted: float) -> bool:
    """Whether two numbers are equal or adjacent: libraries err by less than one place."""
    return _same(found, wanted) or math.nextafter(found, wanted) == wanted


@pytest.mark.parametrize("x", ODD)
def test_special_values_are_those_of_c(x: float) -> None:
    with np.errstate(all="ignore"):
        assert _near(exponential_of(x), float(np.exp(np.float64(x))))
        assert _near(logarithm_of(x), float(np.log(np.float64(x))))
        for y in ODD:
            # For the power 0.5 NumPy takes the square root; for -inf, C does not.
            infinite = (x, y) == (-math.inf, 0.5)
            wanted = math.inf if infinite else float(np.power(np.float64(x), np.float64(y)))
            assert _near(power_of(x, y), wanted), (x, y)


@given(st.floats(-750, 720), st.floats(min_value=5e-324, allow_infinity=False))
def test_results_are_beside_those_of_the_library(x: float, y: float) -> None:
    with np.errstate(all="ignore"):
        assert _near(exponential_of(x), float(np.exp(np.float64(x))))
        assert _near(logarithm_of(y), math.log(y))


@given(finite, st.integers(-40, 40))
def test_whole_powers_are_rounded_once(base: float, exponent: int) -> None:
    if base == 0 and exponent < 0:
        return
    exact = Fraction(base) ** exponent
    try:
        wanted = exact.numerator / exact.denominator
    except OverflowError:
        wanted = -math.inf if exact < 0 else math.inf
    assert power_of(base, float(exponent)) == wanted


@given(st.integers(1, 2**26))
def test_roots_are_exact_where_there_are_any(root: int) -> None:
    assert power_of(float(root) ** 2, 0.5) == root
    assert power_of(float(root), 2.0) == float(root * root)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # Digits of e, ln 10, √2 and of 1.1 (the float64) to the power 1000.5, from other sources.
        (exponential_of(1.0), 2.718281828459045235360287),
        (logarithm_of(10.0), 2.302585092994045684017991),
        (power_of(2.0, 0.5), 1.414213562373095048801689),
        (power_of(94906267.0, 2.0), float(94906267**2)),
        (power_of(2.0, -1075.0), 0.0),
        (power_of(2.0, -1074.0), 5e-324),
        (power_of(-2.0, 1023.0), -(2.0**1023)),
        (exponential_of(-745.0), 5e-324),
    ],
)
def test_known_values(found: float, expected: float) -> None:
    assert _same(found, expected)
