"""Comparisons: of voxels in float32, of scalars in float64; NaN compares false."""

from voxgpu.primitives.define import (
    Bool,
    Number,
    NumberValue,
    Operand,
    TextValue,
    TruthValue,
    Voxel,
    scalar,
    voxelwise,
)


@voxelwise("<", dotted="<")
def less(a: Operand, b: Operand) -> Bool:
    """True where ``a`` is less than ``b``.

    >>> <([1, 2, 3], 2)
    [true, false, false]
    """
    return a < b


@voxelwise("<=", dotted="<=")
def less_or_equal(a: Operand, b: Operand) -> Bool:
    """True where ``a`` is at most ``b``.

    >>> <=([1, 2, 3], 2)
    [true, true, false]
    """
    return a <= b


@voxelwise(">", dotted=">")
def greater(a: Operand, b: Operand) -> Bool:
    """True where ``a`` is greater than ``b``.

    >>> >([1, 2, 3], 2)
    [false, false, true]
    """
    return a > b


@voxelwise(">=", dotted=">=")
def greater_or_equal(a: Operand, b: Operand) -> Bool:
    """True where ``a`` is at least ``b``.

    >>> >=([1, 2, 3], 2)
    [false, true, true]
    """
    return a >= b


@voxelwise("==", dotted="=")
def equal(a: Operand, b: Operand) -> Bool:
    """True where both are the same number; −0 equals 0.

    >>> ==([1, 2, 3], 2)
    [false, true, false]
    """
    return a == b


@voxelwise("!=")
def not_equal(a: Operand, b: Operand) -> Bool:
    """True where both are numbers and differ; like every comparison, false where one is NaN.

    >>> !=([1, 2, 3], 2)
    [true, false, true]
    """
    return (a < b) | (a > b)


def _ordered(low: float | None, high: float | None, _: object) -> str | None:
    if low is not None and high is not None and low > high:
        return f"`between` needs its lower bound first: {low:g} is greater than {high:g}"
    return None


@voxelwise(check=_ordered)
def between(low: Number, high: Number, v: Voxel) -> Bool:
    """True where low <= v <= high.

    >>> between(1, 2, [0, 1, 2, 3])
    [false, true, true, false]
    """
    return (low <= v) & (v <= high)


@scalar(".<.", "<", id="less_number")
def less_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether ``a`` is less than ``b``.

    >>> .<.(1, 2)
    true
    """
    return a < b


@scalar(".<=.", "<=", id="less_or_equal_number")
def less_or_equal_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether ``a`` is at most ``b``.

    >>> .<=.(2, 2)
    true
    """
    return a <= b


@scalar(".>.", ">", id="greater_number")
def greater_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether ``a`` is greater than ``b``.

    >>> .>.(1, 2)
    false
    """
    return a > b


@scalar(".>=.", ">=", id="greater_or_equal_number")
def greater_or_equal_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether ``a`` is at least ``b``.

    >>> .>=.(1, 2)
    false
    """
    return a >= b


@scalar(".=.", "==", id="equal_number")
def equal_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether both are the same number.

    >>> .=.(1, 2)
    false
    """
    return a == b


@scalar("!=", id="not_equal_number")
def not_equal_number(a: NumberValue, b: NumberValue) -> TruthValue:
    """Whether both are numbers and differ; like every comparison, false where one is NaN.

    >>> !=(1, 2)
    true
    """
    return a < b or a > b


@scalar("==", id="equal_truth")
def equal_truth(a: TruthValue, b: TruthValue) -> TruthValue:
    """Whether both are true or both false.

    >>> ==(true, true)
    true
    """
    return a == b


@scalar("!=", id="not_equal_truth")
def not_equal_truth(a: TruthValue, b: TruthValue) -> TruthValue:
    """Whether exactly one is true.

    >>> !=(true, true)
    false
    """
    return a != b


@scalar("==", id="equal_text")
def equal_text(a: TextValue, b: TextValue) -> TruthValue:
    """Whether both strings are the same.

    >>> ==("a", "b")
    false
    """
    return a == b


@scalar("!=", id="not_equal_text")
def not_equal_text(a: TextValue, b: TextValue) -> TruthValue:
    """Whether the strings differ.

    >>> !=("a", "b")
    true
    """
    return a != b
