"""LLVM source text for numbers: constants, comparisons and conversions."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from voxgpu.codegen.scalar import Scalar
from voxgpu.float32 import nearest_float32

#: The LLVM types of elements.
TYPES: Mapping[str, str] = {
    "bool": "i1",
    "f32": "float",
    "f64": "double",
    "i32": "i32",
    "u32": "i32",
    "i64": "i64",
    "u64": "i64",
}

#: Operations on numbers and on truth values.
FLOAT_OPERATIONS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_COMPARE_FLOATS = {
    "less": "olt",
    "less_equal": "ole",
    "greater": "ogt",
    "greater_equal": "oge",
    "equal": "oeq",
    "not_equal": "une",
}
_COMPARE_SIGNED = {
    "less": "slt",
    "less_equal": "sle",
    "greater": "sgt",
    "greater_equal": "sge",
    "equal": "eq",
    "not_equal": "ne",
}
_COMPARE_UNSIGNED = {
    "less": "ult",
    "less_equal": "ule",
    "greater": "ugt",
    "greater_equal": "uge",
    "equal": "eq",
    "not_equal": "ne",
}
#: Unary operations that are an intrinsic function of LLVM, exact by IEEE 754.
ROUNDINGS = {
    "floor": "floor",
    "ceiling": "ceil",
    "nearest_whole": "rint",
    "square_root": "sqrt",
}
LOGIC = {"and": "and", "or": "or", "xor": "xor"}
#: Comparisons used to select the lesser and the greater of two integers.
CHOOSE = ("smin", "smax")

#: Initial keys of ``smallest`` and ``largest``: for float32 they mean that no number was found;
#: integers, of which there is always at least one, have no such key.
NO_LEAST, NO_GREATEST = 0x7FFFFFFF, -0x80000000
LAST, FIRST = (1 << 63) - 1, -(1 << 63)


def comparison(operation: str, element: str) -> str:
    """The instruction that compares two operands of an element; it is false for NaN."""
    if element in ("f32", "f64"):
        return f"fcmp {_COMPARE_FLOATS[operation]}"
    is_signed = element in ("i32", "i64")
    return f"icmp {(_COMPARE_SIGNED if is_signed else _COMPARE_UNSIGNED)[operation]}"


def conversion(source: str, target: str) -> str:
    """The instruction that converts a number from one element to another."""
    sign = "s" if source in ("i32", "i64") else "u"
    if target not in ("f32", "f64"):
        return "sext" if sign == "s" else "zext"
    if source in ("f32", "f64"):
        return "fpext" if target == "f64" else "fptrunc"
    return f"{sign}itofp"


def stored_type(element: np.dtype[np.generic]) -> str:
    """The type of a voxel in memory."""
    if element.kind == "f":
        return {4: "float", 8: "double"}[element.itemsize]
    return f"i{8 * element.itemsize}"


def literal(expression: Scalar) -> str:
    """A constant; numbers as the bits of the float64 that equals the float32."""
    value = expression.value
    if expression.element == "bool":
        return "true" if value else "false"
    if expression.element not in ("f32", "f64"):
        return str(value)
    number = float(value)
    if expression.element == "f32":
        number = float(nearest_float32(number))
    return f"0x{struct.unpack('>Q', struct.pack('>d', number))[0]:016X}"


def number_of_key(key: int, reduction: Scalar) -> float:
    """The number that a key of ``smallest`` or ``largest`` represents; NaN if none was found."""
    element = reduction.arguments[0].element
    if element != "f32":
        return float(key + (1 << 63) if element == "u64" else key)
    if key == none_of(reduction):
        return float("nan")
    bits = np.int32(key)
    flipped = bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
    return float(flipped.view(np.float32)) + 0.0


def none_of(reduction: Scalar) -> int:
    """The initial key of ``smallest`` or ``largest``: no number found."""
    is_least = reduction.operation == "smallest"
    if reduction.arguments[0].element == "f32":
        return NO_LEAST if is_least else NO_GREATEST
    return LAST if is_least else FIRST
