"""A kernel of reductions only that counts integers for several comparisons with numbers."""

from __future__ import annotations

from functools import lru_cache

from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Element, Scalar, count, parameter, read

#: The number of comparisons that one kernel counts.
AT_ONCE = 32


@lru_cache(maxsize=256)
def counting(element: str, operators: tuple[str, ...]) -> Kernel:
    """The kernel that counts, for each operator, the voxels that satisfy the comparison.

    element    of the image, which is on the left
    operators  names of ``voxgpu.primitives.internal.OPERATORS``
    """
    voxel = read(0, "f32")
    reductions = []
    for number, operator in enumerate(operators):
        other = parameter(number, "f32")
        # The language's `not_equal` is false if an operand is NaN.
        differs = (voxel < other) | (voxel > other)
        truth = Scalar(operator, (voxel, other), (), "bool")
        reductions.append(count(differs if operator == "not_equal" else truth))
    numbers: list[Element] = ["f32"] * len(operators)
    return Kernel((element,), tuple(numbers), (), tuple(reductions))
