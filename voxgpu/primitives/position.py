"""Position of voxels: the index along each axis, and the frame of the grid."""

from voxgpu.codegen.scalar import Scalar, any_of, extent, position
from voxgpu.primitives.define import Bool, Place, Voxel, voxelwise


@voxelwise()
def x() -> Voxel:
    """The index of the voxel along x, from 0.

    >>> x()
    [0, 1, 2]
    """
    return position(0)


@voxelwise()
def y() -> Voxel:
    """The index of the voxel along y, from 0.

    >>> y()
    [0, 0, 0]
    """
    return position(1)


@voxelwise()
def z() -> Voxel:
    """The index of the voxel along z, from 0; 0 in a 2-D image.

    >>> z()
    [0, 0, 0]
    """
    return position(2)


def _on_frame(axis: int) -> Scalar:
    """Whether a voxel is the first or the last along an axis.

    A 2-D image has no third axis. Along an axis of one voxel a 3-D image has no frame: it is a
    slice, whose frame lies within it.
    """
    at, size = position(axis), extent(axis)
    has_frame = (size > 1.0) | ((size > 0.0) & (extent(2) == 0.0))
    return has_frame & ((at == 0.0) | (at == size - 1.0))


@voxelwise()
def border() -> Bool:
    """True on the frame of the grid: the first and the last voxel along every axis.

    In 3-D, axes of one voxel do not count: the frame of a slice lies within it.

    >>> border()
    [true, true, true]
    """
    return any_of(_on_frame(axis) for axis in range(3))


@voxelwise("x")
def x_of(v: Place) -> Voxel:
    """The index of the voxel along x, from 0, on the grid of ``v``; VoxLogicA 2's notation.

    >>> x([7, 7, 7])
    [0, 1, 2]
    """
    return position(0)


@voxelwise("y")
def y_of(v: Place) -> Voxel:
    """The index of the voxel along y, from 0, on the grid of ``v``; VoxLogicA 2's notation.

    >>> y([7, 7, 7])
    [0, 0, 0]
    """
    return position(1)


@voxelwise("z")
def z_of(v: Place) -> Voxel:
    """The index of the voxel along z, from 0, on the grid of ``v``; VoxLogicA 2's notation.

    >>> z([7, 7, 7])
    [0, 0, 0]
    """
    return position(2)


@voxelwise("border")
def border_of(v: Place) -> Bool:
    """True on the frame of the grid of ``v``; VoxLogicA 2's notation.

    >>> border([7, 7, 7])
    [true, true, true]
    """
    return any_of(_on_frame(axis) for axis in range(3))
