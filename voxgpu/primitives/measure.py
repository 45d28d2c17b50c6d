"""What number does an image amount to? Counts, extremes and averages over all voxels."""

from voxgpu.codegen.scalar import count, largest, smallest, total, where
from voxgpu.primitives.define import Bool, Number, Voxel, reduction


@reduction("volume", "count")
def volume(b: Bool) -> Number:
    """The number of true voxels.

    >>> volume([true, false, true])
    2
    """
    return count(b)


@reduction("min")
def minimum(v: Voxel) -> Number:
    """The least voxel; NaN voxels do not count.

    >>> min([3, 1, 2])
    1
    """
    return smallest(v)


@reduction("max")
def maximum(v: Voxel) -> Number:
    """The greatest voxel; NaN voxels do not count.

    >>> max([3, 1, 2])
    3
    """
    return largest(v)


@reduction("avg", nonempty="mask")
def average(v: Voxel, mask: Bool) -> Number:
    """The mean of ``v`` where ``mask`` is true, in float64; an empty mask is an error.

    >>> avg([1, 2, 30], [true, true, false])
    1.5
    """
    return total(where(mask, v, 0.0)) / count(mask)
