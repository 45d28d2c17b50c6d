"""CUDA source text for numbers: constants, storage types and reductions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voxgpu.codegen.integers import NAMES
from voxgpu.codegen.scalar import Scalar
from voxgpu.float32 import nearest_float32

#: The CUDA types of elements.
TYPES: Mapping[str, str] = {
    "bool": "bool",
    "f32": "float",
    "f64": "double",
    **{short: short for short in NAMES},
}


#: Unary operations that are a function of CUDA, exact by IEEE 754; the name of the float32
#: version has the suffix ``f``.
ROUNDINGS: Mapping[str, str] = {
    "floor": "floor",
    "ceiling": "ceil",
    "nearest_whole": "rint",
    "square_root": "sqrt",
}


def stored_type(element: str) -> str:
    """The CUDA type of a voxel in memory, by the NumPy name of the element."""
    dtype = np.dtype(element)
    if dtype.kind == "b":
        return "u8"
    if dtype.kind == "f":
        return {4: "float", 8: "double"}[dtype.itemsize]
    return f"{dtype.kind}{8 * dtype.itemsize}"


def literal(expression: Scalar) -> str:
    """A constant; numbers by their bits, which no compiler rounds."""
    value = expression.value
    if expression.element == "bool":
        return "true" if value else "false"
    if expression.element == "f64":
        bits = int(np.float64(value).view(np.uint64))
        return f"__longlong_as_double(0x{bits:016X}LL)"
    if expression.element in NAMES:
        bits = int(value) % (1 << 64)
        return f"({expression.element})0x{bits:016X}ULL"
    bits = int(nearest_float32(value).view(np.uint32))
    return f"__int_as_float(0x{bits:08X})"


def is_whole(reduction: Scalar) -> bool:
    """Whether a reduction is the minimum or maximum of integers of 32 or 64 bits."""
    return (
        reduction.operation in ("smallest", "largest") and reduction.arguments[0].element in NAMES
    )


def key_type(reduction: Scalar) -> str:
    """The type of a thread's count, or of its greatest key so far."""
    return "u64" if is_whole(reduction) else "u32"


def reduced_number(number: int, reduction: Scalar) -> str:
    """The result of reduction ``number``, in float64."""
    word = f"load_relaxed(reduced + {number + 1})"
    if is_whole(reduction):
        key = f"~{word}" if reduction.operation == "smallest" else word
        kind = "signed" if reduction.arguments[0].element in ("i32", "i64") else "unsigned"
        return f"number_of_{kind}_key({key})"
    return {
        "count": f"(double){word}",
        "smallest": f"number_of_inverse_key((u32){word})",
        "largest": f"number_of_key((u32){word})",
        "total": f"row{number}",
    }[reduction.operation]
