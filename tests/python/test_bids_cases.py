"""BIDS datasets in the Python interface."""

from __future__ import annotations

from pathlib import Path

import pytest

import voxgpu
from tests.cohorts.bids.made import dataset

pytest.importorskip("ancpbids")


def test_sessions_are_cases_of_a_cohort(tmp_path: Path) -> None:
    names = ["sub-1/anat/sub-1_acq-a_T1w", "sub-1/anat/sub-1_acq-b_T1w", "sub-1/anat/sub-1_T2w"]
    root = dataset(tmp_path / "ds", [*names, "sub-2/anat/sub-2_T1w"])
    found = voxgpu.bids_cases(root, entities={"acquisition": "b"})
    assert list(found) == ["sub-1", "sub-2"]
    assert found["sub-1"]["T1w"] == str(root / "sub-1/anat/sub-1_acq-b_T1w.nii.gz")
    assert found["sub-2"]["T2w"] is None and found["sub-2"]["CASE"] == str(root / "sub-2")
    program = 'load t = "$T2w"\nprint "max" max(t)\n'
    rows = voxgpu.cohort(program, found, workers=0).table
    assert [row["status"] for row in rows] == ["done", "failed"] and rows[0]["max"] == 99
    assert list(voxgpu.bids_cases(root, participants=["sub-2"])) == ["sub-2"]
    assert list(voxgpu.bids_cases(root, per=["acq"])) == ["sub-1_acq-a", "sub-1_acq-b", "sub-2"]


def test_datasets_that_are_none(tmp_path: Path) -> None:
    root = dataset(tmp_path / "ds", ["sub-2/anat/sub-2_T1w"], {})
    with pytest.raises(voxgpu.ImgqlError, match="it has no Name"):
        voxgpu.bids_cases(root)
    assert list(voxgpu.bids_cases(root, validate=False)) == ["sub-2"]
    with pytest.raises(TypeError, match="participants is a sequence of labels"):
        voxgpu.bids_cases(root, "2")  # type: ignore[arg-type]
