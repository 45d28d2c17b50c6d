"""Reductions of an image to one number: counts, extremes and averages over all voxels."""

from voxgpu.codegen.scalar import count, largest, smallest, total, where
from voxgpu.primitives.define import Bool, Number, Voxel, reduction


@reduction("volume", "count")
def volume(b: Bool) -> Number:
    """The number of true voxels. Comparisons with NaN are false, so regions made by comparisons
    contain no NaN voxels.

    >>> volume([true, false, true])
    2
    """
    return count(b)


@reduction("min")
def minimum(v: Voxel) -> Number:
    """The least voxel; NaN voxels do not count. NaN if all voxels are NaN.

    >>> min([3, 1, 2])
    1
    """
    return smallest(v)


@reduction("max")
def maximum(v: Voxel) -> Number:
    """The greatest voxel; NaN voxels do not count. NaN if all voxels are NaN.

    >>> max([3, 1, 2])
    3
    """
    return largest(v)


@reduction("avg", nonempty="mask")
def average(v: Voxel, mask: Bool) -> Number:
    """The mean of ``v`` where ``mask`` is true, in float64; an empty mask is an error.

    NaN if a voxel in the mask is NaN, or both +inf and −inf are in it; voxels outside do not count.

    >>> avg([1, 2, 30], [true, true, false])
    1.5
    """
    return total(where(mask, v, 0.0)) / count(mask)
