"""Two saves of one file, however it is spelled: the later one stays, and a warning says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import voxgpu
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image

NAMES = {
    "same": "a/r.nii.gz",
    "dots": "a/../a/r.nii.gz",
    "current folder": "./a//r.nii.gz",
    "absolute": "{out}/a/r.nii.gz",
    "linked folder": "l/r.nii.gz",
    "absolute through a link": "{out}/l/../l/r.nii.gz",
}


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/l").symlink_to("a")
    # Noise takes long to pack, so that the first of the two would end last.
    noise = np.random.default_rng(0).normal(0, 50, (30, 80, 80)).astype(np.float32)
    path = tmp_path / "scan.nii"
    write_image(path, Image(noise, Grid.regular(noise.shape)))
    return path


@pytest.mark.parametrize("store", [False, True])
@pytest.mark.parametrize("kind", NAMES)
def test_the_later_one_stays(scan: Path, tmp_path: Path, kind: str, store: bool) -> None:
    out = tmp_path / "out"
    name = NAMES[kind].format(out=out)
    program = f'load v = "{scan}"\nsave "a/r.nii.gz" v * 3\nsave "{name}" v > 0\n'
    for _ in range(2):
        result = voxgpu.run(program, output=out, store=tmp_path / "store" if store else None)
        assert [each.code for each in result.warnings] == ["W202"]
        assert "later one stays" in result.warnings[0].message
        assert read_image(read_header(out / "a/r.nii.gz")).element == np.uint8
    assert sorted(each.name for each in (out / "a").iterdir()) == ["r.json", "r.nii.gz"]


def test_different_files_are_not_warned_of(scan: Path, tmp_path: Path) -> None:
    program = f'load v = "{scan}"\nsave "a/r.nii.gz" v * 3\nsave "r.nii.gz" v > 0\n'
    assert not voxgpu.run(program, output=tmp_path / "out").warnings
