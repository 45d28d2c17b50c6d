"""The suffixes of image files: one list of those that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgpu.files.formats import FORMATS
from voxgpu.files.suffixes import IMAGES, ITK_READERS, image_suffix


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.nii", ".nii"),
        ("a.b.nii.gz", ".nii.gz"),
        ("A.NII.GZ", ".NII.GZ"),
        ("İ.hdr.gz", ".hdr.gz"),
        ("scan.mgz", ".mgz"),
        ("scan.IMA", ".IMA"),
        ("x.gipl.gz", ".gipl.gz"),
        ("x.nhdr", ".nhdr"),
        ("x.lsm", ".lsm"),
        ("notes.txt", ""),
        ("archive.tar.gz", ""),
        ("x.gz", ""),
        (".nii.gz", ""),
        ("sub-01", ""),
    ],
)
def test_the_suffix_of_an_image(name: str, suffix: str) -> None:
    assert image_suffix(Path(name)) == suffix


def test_what_is_written_can_be_read() -> None:
    assert set(FORMATS) - {".nii.gz"} <= IMAGES
    assert set(ITK_READERS) <= IMAGES
    assert all(image_suffix(Path(f"a{each}")) == each for each in FORMATS)
