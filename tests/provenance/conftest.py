"""A folder with two small images and a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

PROGRAM = """// Bright parts.
import "lib.imgql"
load a = "a.nii.gz"
load b = "b.nii"
let unused = b > 3
let level = $T * 10
let bright =
  a > level
save "out/bright.nii.gz" twice(bright)
save "sum.nrrd" a + b
print "n" volume(bright)
"""


def put(path: Path, seed: int) -> Path:
    """Write an image of random numbers from 0 to 99."""
    voxels = np.random.default_rng(seed).integers(0, 100, (4, 5, 6)).astype(np.int16)
    write_image(path, Image(voxels, Grid.regular(voxels.shape, (2.0, 2.0, 2.0))))
    return path


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    folder.mkdir()
    put(folder / "a.nii.gz", 1)
    put(folder / "b.nii", 2)
    (folder / "lib.imgql").write_text("let twice(x) = x | x\n")
    (folder / "p.imgql").write_text(PROGRAM)
    return folder
