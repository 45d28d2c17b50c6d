"""Dilation and erosion by the 3×3×3 box (3×3 in 2-D)."""

from voxgpu.codegen.scalar import all_of, any_of, box_offsets
from voxgpu.primitives.define import Bool, neighborhood


@neighborhood("near", "N", outside=False)
def near(b: Bool) -> Bool:
    """True where ``b`` is true somewhere in the 3×3(×3) box around; outside the image is false.

    >>> near([false, true, false, false])
    [true, true, true, false]
    """
    return any_of(b[offset] for offset in box_offsets(1))


@neighborhood("interior", "I", outside=True)
def interior(b: Bool) -> Bool:
    """True where ``b`` is true in the whole 3×3(×3) box around; outside the image is true.

    >>> interior([true, true, true, false])
    [true, true, false, false]
    """
    return all_of(b[offset] for offset in box_offsets(1))
