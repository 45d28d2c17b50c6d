"""Connected components: 26 neighbors in 3-D, 8 in 2-D."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.primitives.define import BoolImage, NumberImage, whole_image

Labels = npt.NDArray[np.int32]


@whole_image(scratch=9, id="through")
def through(a: BoolImage, b: BoolImage) -> BoolImage:
    """The components of ``b`` that contain a voxel of ``a``.

    Voxels are connected if they share a face, an edge or a corner: 26 neighbors in 3-D, 8 in
    2-D. The result is thus everything reachable from ``a`` through ``b``; voxels of ``a`` outside
    ``b`` reach nothing. Shapes (z, y, x) or (y, x). The labels used internally are those of
    ``scipy.ndimage.label``.

    >>> through([true, false, false, true], [true, true, false, true])
    [true, true, false, true]
    >>> through([false, true, true, false], [true, true, false, true])
    [true, true, false, false]
    """
    labels, count = labeled(b)
    touched = np.zeros(count + 1, dtype=np.bool_)
    touched[labels[a & b]] = True
    return touched[labels]


@whole_image("lcc", "Lcc", element="int32", scratch=12, id="labels")
def labels(b: BoolImage) -> NumberImage:
    """The number of the component that each voxel of ``b`` belongs to, 0 outside ``b``.

    Components are those of ``through``; they are numbered from 1 in raster order (x fastest, then
    y, then z) of their first voxels. Labels are int32. Shapes (z, y, x) or (y, x).

    >>> lcc([true, false, true, true])
    [1, 0, 2, 2]
    """
    labels, count = labeled(b)
    return in_raster_order(labels, count)


@whole_image("maxvol", scratch=12, id="largest_component")
def largest_component(b: BoolImage) -> BoolImage:
    """The component of ``b`` with the most voxels; all such components in case of a tie.

    Components are those of ``through``. An empty ``b`` stays empty. Shapes (z, y, x) or (y, x).

    >>> maxvol([true, false, true, true, false, true, true])
    [false, false, true, true, false, true, true]
    >>> maxvol([false, false])
    [false, false]
    """
    labels, count = labeled(b)
    volumes = np.bincount(labels.ravel(), minlength=count + 1)
    volumes[0] = 0
    is_largest: npt.NDArray[np.bool_] = (volumes == volumes.max()) & (volumes > 0)
    return is_largest[labels]


def labeled(b: npt.NDArray[np.bool_]) -> tuple[Labels, int]:
    """Labels 1… of the components in unspecified order, 0 outside, and the number of components."""
    from scipy.ndimage import label

    labels = np.empty(b.shape, dtype=np.int32)
    count: Any = label(b, structure=np.ones((3,) * b.ndim, dtype=np.bool_), output=labels)
    return labels, int(count)


def in_raster_order(labels: Labels, count: int) -> Labels:
    """The same labels, renumbered by the position of each component's first voxel.

    SciPy already numbers components this way, but does not guarantee it.
    """
    first = np.zeros(count + 1, dtype=np.int64)
    places = np.flatnonzero(labels)[::-1]
    # If an element is assigned several times the last value wins: the first voxel's position.
    first[labels.ravel()[places]] = places
    number = np.zeros(count + 1, dtype=np.int32)
    number[1 + np.argsort(first[1:])] = np.arange(1, count + 1, dtype=np.int32)
    return number[labels]
