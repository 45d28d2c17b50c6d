"""The images that the rows are about: odd shapes, and three different spacings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

#: Commands that bind the names of the rows.
LOADS = """load v = "v.nii"
load w = "w.nii"
load m = "m.nii"
load l = "l.nii"
load t = "t.nii"
load f = "f.nii"
let b = m > 0
let c = w > 100
"""

_SHAPE = (15, 18, 21)  # z, y, x
_SPACING = (1.0, 1.25, 2.0)  # x, y, z in mm


def write_images(folder: Path) -> None:
    """Write ``v``, ``w``, ``m``, ``l``, ``t`` and ``f`` as ``.nii`` files of one position.

    v  float32 numbers from about -230 to 570, among them whole ones, 0 and repeated ones
    w  int16 numbers, 0 in places
    m  a region, 0 and 1: a box with a cavity and a tunnel, a ball, voxels that touch at an edge
       or at a corner only, and a part at the frame
    l  int16 labels: 0, 1, 2, 5
    t  zeros on another grid
    f  three volumes of numbers
    """
    random = np.random.default_rng(7)
    smooth = ndimage.gaussian_filter(random.random(_SHAPE), 1.5)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    v = np.round(smooth * 800 - 230 + random.normal(0, 15, _SHAPE), 1).astype(np.float32)
    v[smooth < 0.2] = 0
    _write(folder / "v.nii", v)
    w = np.round(np.roll(v, 3, axis=2) / 2).astype(np.int16)
    w[w < 0] = 0
    _write(folder / "w.nii", w)
    m = np.zeros(_SHAPE, np.uint8)
    m[2:9, 3:12, 2:11] = 1
    m[4:7, 6:9, 5:8] = 0  # a cavity
    m[5, 3:6, 6] = 0  # a tunnel into it, one voxel wide
    m[3, 4, 3] = 0  # a hole of one voxel, away from the tunnel
    z, y, x = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
    m[((z - 10) * 2) ** 2 + ((y - 13) * 1.25) ** 2 + (x - 15) ** 2 <= 16] = 1
    m[12, 2, 2] = m[12, 3, 3] = m[13, 4, 4] = 1  # touching at an edge, at a corner
    m[0:2, 14:, 0:4] = 1
    m[9, 12, 11] = 1  # touches the box at a corner
    _write(folder / "m.nii", m)
    volumes = [_image(each.astype(np.float32)) for each in (v, v + w, w)]
    sitk.WriteImage(sitk.JoinSeries(volumes), str(folder / "f.nii"))
    labels = np.zeros(_SHAPE, np.int16)
    labels[1:6, 2:9, 3:12] = 1
    labels[7:12, 3:8, 4:9] = 2
    labels[8:14, 10:16, 12:20] = 5
    _write(folder / "l.nii", labels)
    _write(folder / "t.nii", np.zeros((9, 13, 11), np.float32), (1.7, 1.6, 2.9), (3.4, 2.2, 1.1))


def _image(
    array: np.ndarray,
    spacing: tuple[float, ...] = _SPACING,
    shift: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # to the right, to the front, up: RAS
    first = (-10.0, 12.5, 7.0)
    signs = (-1, -1, 1)
    image.SetOrigin([f + s * d for f, s, d in zip(first, signs, shift, strict=True)])
    return image


def _write(path: Path, array: np.ndarray, *where: tuple[float, ...]) -> None:
    sitk.WriteImage(_image(array, *where), str(path))
