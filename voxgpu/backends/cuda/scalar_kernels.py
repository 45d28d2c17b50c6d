"""Arithmetic of single numbers on a device, see ``kernels/scalar_kernels.cu``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from voxgpu.backends.cuda.launch import Array, Device
from voxgpu.primitives import arithmetic, comparison, logic
from voxgpu.primitives.primitive import Primitive

#: A number of the host's, or where one is on the device.
Operand = tuple[float, Array | None]

#: What stands for no place on the device.
NOWHERE = np.uint64(0)


@cache
def operations() -> Mapping[Primitive, int]:
    """The number of each operation in the kernel."""
    definitions = {
        0: arithmetic.add_numbers,
        1: arithmetic.subtract_numbers,
        2: arithmetic.multiply_numbers,
        3: arithmetic.divide_numbers,
        4: arithmetic.negate_number,
        5: arithmetic.absolute_number,
        6: comparison.less_number,
        7: comparison.less_or_equal_number,
        8: comparison.greater_number,
        9: comparison.greater_or_equal_number,
        10: comparison.equal_number,
        11: comparison.not_equal_number,
        12: logic.both,
        13: logic.either,
        14: logic.opposite,
    }
    return {each: number for number, made in definitions.items() for each in made.overloads}


def apply(
    operation: int, operands: list[Operand], device: Device, result: Array | None = None
) -> Array:
    """Computes a float64, in a new array if none is given; truth values are 1 and 0."""
    result = device.empty((1,), np.float64) if result is None else result
    pairs = [*operands, (0.0, None)][:2]
    arguments = [
        each
        for value, place in pairs
        for each in (np.float64(value), NOWHERE if place is None else place)
    ]
    device.launch(
        "scalar_kernels", "scalar_kernels_apply", 1, 1, np.int32(operation), *arguments, result
    )
    return result
