"""Integer images saved as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image


def test_png_holds_sixteen_bits_where_they_are_needed(tmp_path: Path) -> None:
    grid = Grid.regular((2, 3))
    wide = np.array([[0, 300, 65535], [1, 2, 3]], dtype=np.uint16)
    path = tmp_path / "wide.png"
    assert not write_image(path, Image(wide, grid)).warnings
    back = sitk.ReadImage(str(path))
    assert back.GetPixelID() == sitk.sitkUInt16
    assert np.array_equal(sitk.GetArrayFromImage(back), wide)
    narrow = tmp_path / "narrow.png"
    assert not write_image(narrow, Image((wide % 256).astype(np.uint16), grid)).warnings
    assert sitk.ReadImage(str(narrow)).GetPixelID() == sitk.sitkUInt8


def test_other_integers_are_clipped_and_told(tmp_path: Path) -> None:
    image = Image(np.array([[0, 300, -5]], dtype=np.int16), Grid.regular((1, 3)))
    (warning,) = write_image(tmp_path / "clipped.png", image).warnings
    assert "2 of 3 voxels" in warning
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "clipped.png")))
    assert back.tolist() == [[0, 255, 0]]
