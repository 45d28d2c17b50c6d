"""Images in the Python interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu import image as plain
from voxgpu.image import Grid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Image(plain.Image):
    """Voxels and their geometry.

    ``array`` has the voxels along (z, y, x), or (y, x) in 2-D; colors have a last axis of 3 or 4
    channels. ``grid`` gives their geometry in mm as ITK does (left, posterior, superior);
    ``affine`` gives it as NIfTI does. ``numpy.asarray(image)`` is the array.

    Create one with ``from_array``, ``from_nibabel`` or ``from_sitk``, or from an array and a grid.
    Raises ValueError if the array does not fit the grid, TypeError if its element type is not one
    of images.
    """

    __slots__ = ()

    def __init__(self, array: npt.NDArray[Any], grid: Grid) -> None:
        from voxgpu.python.arrays import check_voxels

        check_voxels(array, grid)
        super().__init__(array, grid)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array: (z, y, x) or (y, x), and channels of colors."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of the array."""
        return self.array.dtype

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distances of voxel centers in mm, in the order of the array: (z, y, x) or (y, x)."""
        return self.grid.spacing

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """The 4×4 matrix from voxel (x, y, z) to mm to the right, anterior and superior (RAS)."""
        from voxgpu.python.affine import affine_of

        return affine_of(self.grid)

    @classmethod
    def from_array(
        cls,
        array: object,
        *,
        spacing: Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
        direction: object = None,
        affine: object = None,
        like: plain.Image | None = None,
        channels: bool = False,
    ) -> Image:
        """Create an image from an array, which is copied: NumPy's, CuPy's, or convertible by NumPy.

        array     numbers or booleans along (z, y, x) or (y, x); half floats become float32
        spacing   mm between voxel centers, in the order of the array; default 1
        origin    mm, the center of the first voxel as (x, y, z) in LPS, as in ITK; default 0
        direction  matrix of direction cosines as in ITK; default: the axes of the array
        affine    the 4×4 matrix from voxel (x, y, z) to mm (RAS), instead of these three
        like      an image of the same shape, whose grid is used
        channels  whether the last axis has 3 or 4 channels of colors

        Raises TypeError for element types that images do not have, ValueError for invalid shapes
        and axes.
        """
        from voxgpu.python.arrays import grid_for, voxels_of

        voxels = voxels_of(array, channels)
        shape = voxels.shape[:-1] if channels else voxels.shape
        return cls(voxels, grid_for(shape, spacing, affine, like, origin, direction))

    @classmethod
    def from_nibabel(cls, image: object) -> Image:
        """Create an image from one of nibabel's, which is copied; placed as its file would be.

        Problems of its header are Python warnings. Raises ValueError for images of several
        volumes, sheared axes and the like.
        """
        from voxgpu.python.nibabel import from_nibabel

        return cls._of(from_nibabel(image))

    @classmethod
    def from_sitk(cls, image: object) -> Image:
        """Create an image from one of SimpleITK's, which is copied."""
        from voxgpu.python.sitk import from_sitk

        return cls._of(from_sitk(image))

    def to_nibabel(self) -> Any:
        """Convert to the ``nibabel.Nifti1Image`` of a NIfTI file with this image.

        Voxels are along (x, y, z); booleans become uint8 1 and 0. Needs nibabel. Raises ValueError
        for more voxels along an axis than NIfTI can hold.
        """
        from voxgpu.python.nibabel import to_nibabel

        return to_nibabel(self)

    def to_sitk(self) -> Any:
        """Convert to a ``SimpleITK.Image``; booleans become uint8 1 and 0."""
        from voxgpu.itk.images import to_itk

        return to_itk(self)

    def save(self, path: str | Path) -> Path:
        """Write a file as ``save`` in a program does; the suffix selects the format, ``~`` is home.

        Returns the path. A Python warning lists the properties that the file cannot hold. Raises
        OSError if it cannot be written, ValueError if the format cannot hold the image.
        """
        from voxgpu.python.saving import save

        return save(self, Path(path))

    @classmethod
    def _of(cls, image: plain.Image) -> Image:
        """The same image, with the methods of this class."""
        return image if isinstance(image, cls) else cls(image.array, image.grid)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The array, for NumPy; converted if another element type is requested."""
        if dtype is not None and self.array.dtype != dtype:
            if copy is False:
                raise ValueError(f"an image of {self.dtype} has no view as {dtype}")
            return self.array.astype(dtype)
        return self.array.copy() if copy else self.array

    def __repr__(self) -> str:
        size = "×".join(map(str, reversed(self.grid.shape)))
        spacing = "×".join(f"{each:.6g}" for each in reversed(self.grid.spacing))
        colors = f", {self.channels} channels" if self.channels > 1 else ""
        return f"<voxgpu.Image {size} of {self.dtype}{colors}, {spacing} mm>"

    def _repr_html_(self) -> str:
        """Slices and statistics, for notebooks."""
        from voxgpu.python.html import html_of

        return html_of(self)

    def _repr_png_(self) -> bytes:
        """Slices, for consoles and notebooks that show no HTML."""
        from voxgpu.python.html import png_of

        return png_of(self)
