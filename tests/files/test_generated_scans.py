"""Two thousand generated files: voxels, positions and saved geometry, against other readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from generated_scans import FLIP, KINDS, Scan, dicom_frames, dicom_series

from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

#: Tolerance of positions in mm, relative to the smallest spacing, as for equal grids.
TOLERANCE = 1e-3

BATCH = 50


def affine_of(grid: Grid) -> np.ndarray:
    """Voxel (x, y, z) to mm (right, anterior, superior)."""
    assert grid.dimensions == 3, f"{grid} has lost an axis"
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(grid.direction, (3, 3)) * np.array(grid.spacing[::-1])
    lps[:3, 3] = grid.origin
    return FLIP @ lps


def furthest(mine: np.ndarray, theirs: np.ndarray, shape: tuple[int, ...]) -> float:
    """The largest distance between corresponding corners, relative to the smallest spacing."""
    corners = np.array(np.meshgrid(*[[0, size - 1] for size in shape[::-1]], [1.0])).reshape(4, -1)
    apart = np.linalg.norm(((mine - theirs) @ corners)[:3], axis=0).max()
    return float(apart / np.linalg.norm(theirs[:3, :3], axis=0).min())


def simpleitk_affine(path: Path) -> np.ndarray:
    image = SimpleITK.ReadImage(str(path))
    assert image.GetDimension() == 3
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    return FLIP @ lps


#: How others read the geometry of what voxgpu writes, by format.
AFFINES = {"nii.gz": lambda path: nibabel.load(path).affine, "nrrd": simpleitk_affine}


def check(scan: Scan, folder: Path, formats: Sequence[str]) -> None:
    header = read_header(scan.path)
    image = read_image(header)
    assert image.array.shape == scan.voxels.shape
    assert image.array.dtype.name == header.element
    if scan.voxels.dtype.kind in "iu" and image.array.dtype.kind in "iu":
        assert np.array_equal(image.array, scan.voxels)
    else:
        assert np.allclose(image.array, scan.voxels, rtol=1e-6, atol=1e-5, equal_nan=True)
    assert furthest(affine_of(header.grid), scan.affine, image.array.shape) < TOLERANCE
    spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)
    assert np.allclose(header.grid.spacing[::-1], spacing, rtol=1e-5)
    saved = Image(np.ascontiguousarray(image.array > 0), image.grid)
    for name in formats:
        path = folder / f"m.{name}"
        write_image(path, saved)
        assert furthest(AFFINES[name](path), scan.affine, image.array.shape) < TOLERANCE, name
        assert read_header(path).grid.agrees_with(header.grid), name


BATCHES = [
    pytest.param(
        kind, batch, marks=[pytest.mark.slow] if batch else [], id=f"{kind.__name__}-{batch}"
    )
    for kind, count in KINDS.items()
    for batch in range(count // BATCH)
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "batch"), BATCHES)
def test_generated_files_are_read_as_others_read_them(kind, batch, tmp_path):
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        folder = tmp_path / str(number)
        folder.mkdir()
        scan = kind(np.random.default_rng([number, len(kind.__name__)]), folder)
        try:
            # Writing by ITK and reading in another process take most of the time.
            check(scan, folder, ["nii.gz", "nrrd"] if number % 4 == 0 else ["nii.gz"])
        except Exception as error:
            raise AssertionError(f"{kind.__name__} {number}: {scan.about}") from error


def test_generators_make_what_they_are_to_show(tmp_path):
    """Differing slopes, differing forms, thin images: otherwise the test above shows little."""
    assert sum(KINDS.values()) == 2000
    seen = set()
    for kind in KINDS:
        for number in range(40):
            folder = tmp_path / f"{kind.__name__}{number}"
            folder.mkdir()
            scan = kind(np.random.default_rng([number, len(kind.__name__)]), folder)
            seen |= {"thin"} if 1 in scan.voxels.shape else set()
            seen |= {"forms"} if "apart=True" in scan.about else set()
            seen |= (
                {"oblique"} if np.count_nonzero(np.abs(scan.affine[:3, :3]) > 1e-6) > 3 else set()
            )
            if kind in (dicom_series, dicom_frames):
                seen |= {f"{kind.__name__} rescaled"} if scan.voxels.max() > 70000 else set()
    assert seen == {"thin", "forms", "oblique", "dicom_series rescaled", "dicom_frames rescaled"}
