"""A folder with the cases of a cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.python.cohorts import PROGRAM


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cases, the third of which has no image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.imgql").write_text(PROGRAM)
    for number in range(4):
        case = tmp_path / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4) + 10 * number
        if number != 2:
            sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii"))
    return tmp_path
