"""Arithmetic: of voxels in float32, of scalars in float64."""

import numpy as np

from voxgpu.codegen.scalar import where
from voxgpu.primitives.define import (
    Number,
    NumberImage,
    NumberValue,
    Operand,
    Voxel,
    scalar,
    voxelwise,
    whole_image,
)

#: The result of a division by zero in VoxLogicA 1: the largest float32.
LARGEST = float(np.finfo(np.float32).max)


@voxelwise("+", dotted="+")
def add(a: Operand, b: Operand) -> Voxel:
    """The sum, voxel by voxel.

    >>> +([1, 2], [10, 20])
    [11, 22]
    """
    return a + b


@voxelwise("-", dotted="-")
def subtract(a: Operand, b: Operand) -> Voxel:
    """The difference, voxel by voxel.

    >>> -([1, 2], 3)
    [-2, -1]
    """
    return a - b


@voxelwise("*", dotted="*")
def multiply(a: Operand, b: Operand) -> Voxel:
    """The product, voxel by voxel.

    >>> *([1, 2], 3)
    [3, 6]
    """
    return a * b


@voxelwise("/", dotted="/")
def divide(a: Operand, b: Operand) -> Voxel:
    """The quotient, voxel by voxel, following IEEE 754: x / 0 is ±inf, 0 / 0 is NaN.

    >>> /([1, 3], 2)
    [0.5, 1.5]
    """
    return a / b


@voxelwise("/", dialect="imgql1")
def divide_imgql1(a: Voxel, b: Voxel) -> Voxel:
    """The quotient as VoxLogicA 1 computes it: x / 0 is the largest float32, for every x.

    >>> /([1, 3], [2, 4])
    [0.5, 0.75]
    """
    return where(b == 0.0, LARGEST, a / b)


@whole_image("/", "/.", dialect="imgql1", scratch=0, id="divide_by_number_imgql1")
def divide_by_number_imgql1(v: NumberImage, n: NumberValue) -> NumberImage:
    """The quotient as VoxLogicA 1 computes it: the product with the float32 nearest to 1 / n.

    >>> /.([1, 3], 2)
    [0.5, 1.5]
    """
    return v * np.float32(np.float64(1.0) / np.float64(n))


@voxelwise("-")
def negate(v: Voxel) -> Voxel:
    """The negative of every voxel.

    >>> -([1, -2])
    [-1, 2]
    """
    return -v


@voxelwise("abs")
def absolute(v: Voxel) -> Voxel:
    """The magnitude of every voxel.

    >>> abs([1, -2])
    [1, 2]
    """
    return abs(v)


@voxelwise("constant")
def constant_image(n: Number) -> Voxel:
    """The number everywhere, rounded to float32, on the grid of the images it is combined with.

    >>> constant(7)
    [7, 7, 7]
    """
    return where(True, n, n)


@scalar(".+.", "+", id="add_numbers")
def add_numbers(a: NumberValue, b: NumberValue) -> NumberValue:
    """The sum.

    >>> .+.(1, 2)
    3
    """
    return a + b


@scalar(".-.", "-", id="subtract_numbers")
def subtract_numbers(a: NumberValue, b: NumberValue) -> NumberValue:
    """The difference.

    >>> .-.(1, 2)
    -1
    """
    return a - b


@scalar(".*.", "*", id="multiply_numbers")
def multiply_numbers(a: NumberValue, b: NumberValue) -> NumberValue:
    """The product.

    >>> .*.(2, 3)
    6
    """
    return a * b


@scalar("./.", "/", id="divide_numbers")
def divide_numbers(a: NumberValue, b: NumberValue) -> NumberValue:
    """The quotient, following IEEE 754: 1 / 0 is inf, 0 / 0 is NaN.

    >>> ./.(1, 4)
    0.25
    """
    if b:
        return a / b
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


@scalar("-", id="negate_number")
def negate_number(a: NumberValue) -> NumberValue:
    """The negative.

    >>> -(3)
    -3
    """
    return -a


@scalar("abs", id="absolute_number")
def absolute_number(a: NumberValue) -> NumberValue:
    """The magnitude.

    >>> abs(-3)
    3
    """
    return abs(a)
