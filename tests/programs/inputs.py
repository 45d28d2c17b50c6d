"""The small images that the programs in ``cases/`` load, and what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk


def write_inputs(folder: Path) -> None:
    """Writes every input into ``folder``.

    ramp.nii.gz     int16, 5×4×3 (x y z), 1 mm: x + 10 y + 100 z
    spread.nii.gz   float32, 5×4×3, 2×1×3 mm: (x + 10 y + 100 z) / 8
    blocks.nii.gz   uint8, 7×6×5: 1 in a 2×2×2 box at the origin, 2 in a 3×1×1 bar that begins at
                    (4, 4, 2), 3 at the last voxel; else 0
    shifted.nii.gz  int16, 5×4×3 like ramp, its origin 10 mm away
    wide.nii.gz     int16, 3×4×5: as many voxels as ramp, another shape
    grey.png        uint8, 4×3: 0 10 20 30 / 40 … 110
    color.png       uint8 RGB, 3×2: red, green, blue / black, white, (10, 20, 30)
    notes.nii.gz    a text file
    cut.nii.gz      ramp.nii.gz without its second half
    four.nii.gz     int16, 3×3×3×2
    latin.imgql     a program that is not UTF-8
    shared.imgql    a program to import: let twice(v) = v *. 2, let ++(a, b) = (a | b)
    """
    z, y, x = np.mgrid[0:3, 0:4, 0:5]
    ramp = (x + 10 * y + 100 * z).astype(np.int16)
    _write(folder / "ramp.nii.gz", ramp)
    _write(folder / "spread.nii.gz", (ramp / 8).astype(np.float32), (2.0, 1.0, 3.0))
    blocks = np.zeros((5, 6, 7), np.uint8)
    blocks[:2, :2, :2] = 1
    blocks[2, 4, 4:7] = 2
    blocks[4, 5, 6] = 3
    _write(folder / "blocks.nii.gz", blocks)
    _write(folder / "shifted.nii.gz", ramp, origin=(10.0, 0.0, 0.0))
    _write(folder / "wide.nii.gz", np.arange(60, dtype=np.int16).reshape(5, 4, 3))
    _write(folder / "grey.png", np.arange(0, 120, 10, dtype=np.uint8).reshape(3, 4))
    colors = [[(255, 0, 0), (0, 255, 0), (0, 0, 255)], [(0, 0, 0), (255, 255, 255), (10, 20, 30)]]
    picture = sitk.GetImageFromArray(np.array(colors, np.uint8), isVector=True)
    sitk.WriteImage(picture, str(folder / "color.png"))
    (folder / "notes.nii.gz").write_text("this is no image\n")
    whole = (folder / "ramp.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    volumes = [sitk.GetImageFromArray(np.zeros((3, 3, 3), np.int16)) for _ in range(2)]
    sitk.WriteImage(sitk.JoinSeries(volumes), str(folder / "four.nii.gz"))
    (folder / "latin.imgql").write_bytes("// caf\xe9\nlet a = 1\n".encode("latin-1"))
    (folder / "shared.imgql").write_text("let twice(v) = v *. 2\nlet ++(a, b) = (a | b)\n")


def _write(
    path: Path,
    array: np.ndarray,
    spacing: tuple[float, ...] | None = None,
    origin: tuple[float, ...] | None = None,
) -> None:
    image = sitk.GetImageFromArray(array)
    if spacing:
        image.SetSpacing(spacing)
    if origin:
        image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))
