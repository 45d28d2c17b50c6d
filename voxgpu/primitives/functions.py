"""Elementary functions: of voxels in float32, of single numbers in float64.

Those of voxels give the same bits on every device; see ``codegen/elementary.py``. Those of single
numbers return the nearest float64 on every machine; see ``exact_functions.py``.
"""

from __future__ import annotations

import numpy as np

from voxgpu.codegen import elementary
from voxgpu.primitives.define import (
    Number,
    NumberValue,
    Operand,
    Voxel,
    scalar,
    voxelwise,
)
from voxgpu.primitives.exact_functions import exponential_of, logarithm_of, power_of
from voxgpu.primitives.primitive import UndefinedValueError


@voxelwise("sqrt")
def square_roots(v: Voxel) -> Voxel:
    """The square root of every voxel, correctly rounded to float32; below 0 it is NaN.

    >>> sqrt([0, 2.25, 9])
    [0, 1.5, 3]
    """
    return elementary.square_root(v)


@voxelwise("exp")
def exponentials(v: Voxel) -> Voxel:
    """The exponential function of every voxel, with an error below 0.50001 units in the last place.

    >>> exp([0, 1])
    [1, 2.7182817459106445]
    """
    return elementary.exponential(v)


@voxelwise("log")
def logarithms(v: Voxel) -> Voxel:
    """The natural logarithm of every voxel, with an error below 0.50001 units in the last place:
    -inf of 0, NaN below.

    >>> log([1, 10])
    [0, 2.3025851249694824]
    """
    return elementary.logarithm(v)


@voxelwise("pow", "^", "**", dotted="^")
def powers(a: Operand, b: Operand) -> Voxel:
    """The first to the power of the second, voxel by voxel, with an error below 0.50001 units in
    the last place. Of a negative number it is NaN unless the exponent is a whole number; anything
    to the power 0 is 1.

    ``a ^ b`` and ``a ** b`` bind tighter than every other operator, from the right:
    ``-v ^ 2`` is ``-(v ^ 2)``.

    >>> ^([1, 2, 3], 2)
    [1, 4, 9]
    """
    return elementary.power(a, b)


@voxelwise("floor")
def floors(v: Voxel) -> Voxel:
    """The greatest integer less than or equal to the voxel.

    >>> floor([-1.5, 2])
    [-2, 2]
    """
    return elementary.floor(v)


@voxelwise("ceil")
def ceilings(v: Voxel) -> Voxel:
    """The least integer greater than or equal to the voxel.

    >>> ceil([-1.5, 2])
    [-1, 2]
    """
    return elementary.ceiling(v)


@voxelwise("round")
def rounded(v: Voxel) -> Voxel:
    """The integer nearest to the voxel; ties go to the even one, as in NumPy and Python.

    >>> round([0.5, 1.5, 1.7])
    [0, 2, 2]
    """
    return elementary.round_to_even(v)


@voxelwise("clamp")
def clamped(v: Voxel, low: Number, high: Number) -> Voxel:
    """The voxel limited to the range from ``low`` to ``high``; NaN stays NaN.

    >>> clamp([1, 5, 9], 2, 7)
    [2, 5, 7]
    """
    return elementary.clamp(v, low, high)


@voxelwise("sign")
def signs(v: Voxel) -> Voxel:
    """-1, 0 or 1 where the voxel is below, at or above 0; NaN stays NaN.

    >>> sign([-3, 0, 2])
    [-1, 0, 1]
    """
    return elementary.sign(v)


@scalar("exp", id="exponential of a number", version=2)
def exponential(x: NumberValue) -> NumberValue:
    """The exponential function of a number, the nearest float64.

    >>> exp(0)
    1
    """
    return exponential_of(x)


@scalar("log", id="logarithm of a number", version=2)
def logarithm(x: NumberValue) -> NumberValue:
    """The natural logarithm of a number, the nearest float64: -inf of 0, NaN below.

    >>> log(1)
    0
    """
    return logarithm_of(x)


@scalar("pow", "^", "**", ".^.", id="power of numbers", version=2)
def power(a: NumberValue, b: NumberValue) -> NumberValue:
    """The first number to the power of the second, the nearest float64. Of a negative number it is
    NaN unless the exponent is a whole number; anything to the power 0 is 1.

    >>> ^(2, 10)
    1024
    """
    return power_of(a, b)


@scalar("round", id="rounded number")
def rounded_number(x: NumberValue) -> NumberValue:
    """The nearest integer; ties go to the even one.

    >>> round(2.5)
    2
    """
    return float(np.rint(x))


@scalar("clamp", id="clamped number")
def clamped_number(x: NumberValue, low: NumberValue, high: NumberValue) -> NumberValue:
    """The number limited to the range from ``low`` to ``high``; NaN stays NaN.

    Raises UndefinedValueError if ``low`` exceeds ``high``.

    >>> clamp(9, 2, 7)
    7
    """
    if low > high:
        raise UndefinedValueError(f"`clamp` takes the lower bound first, not {low:g} and {high:g}")
    return low if x < low else high if x > high else x


@scalar("sign", id="sign of a number")
def sign(x: NumberValue) -> NumberValue:
    """-1, 0 or 1 for a number below, at or above 0; NaN of NaN.

    >>> sign(-3)
    -1
    """
    return float(np.sign(x)) + 0.0
