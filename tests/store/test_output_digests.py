"""Only the file that holds what a run wrote there counts as unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import voxgpu
from voxgpu.execution import outputs
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

NAMES = ["r.nii", "r.nii.gz", "r.nrrd", "r.mha"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_another_run_put_there_meanwhile_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another run saves another value under the same name, just after this one did."""
    voxels = np.random.default_rng(0).normal(0, 50, (4, 5, 6)).astype(np.float32)
    scan, out = tmp_path / "scan.nii", tmp_path / "out"
    write_image(scan, Image(voxels, Grid.regular(voxels.shape)))
    program = f'load v = "{scan}"\nsave "{name}" v * $K\n'
    real, raced = write_image, []

    def race(path: Path, image: Image, labels: bool) -> object:
        written = real(path, image, labels)
        if not raced:
            raced.append(real(path, Image(voxels * np.float32(7), image.grid)))
        return written

    def run() -> None:
        voxgpu.run(program, define={"K": 3}, output=out, store=tmp_path / "store")

    monkeypatch.setattr(outputs, "write_image", race)
    run()
    assert raced
    run()
    assert np.array_equal(read_image(read_header(out / name)).array, voxels * np.float32(3))
