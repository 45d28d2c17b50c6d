"""`voxgpu reproduce`: an image computed again, compared voxel by voxel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import voxgpu
from tests.cli.command import voxgpu as command
from tests.cohorts.bids.made import dataset
from tests.provenance.conftest import put
from voxgpu.files.header import read_header
from voxgpu.files.options import AS_USUAL
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.files.write_volumes import VolumesFile
from voxgpu.image import Grid, Image
from voxgpu.provenance.compare_files import Difference, compare_files

GRID = Grid.regular((3, 4, 5), (1.0, 1.0, 1.0))


@pytest.fixture
def done(desk: Path) -> Path:
    ended = command("run", "p.imgql", "-o", "o", "-D", "T=6", "--store", "none", cwd=desk)
    assert ended.status == 0
    return desk


def _write(path: Path, voxels: np.ndarray, grid: Grid = GRID) -> Path:
    write_image(path, Image(voxels, grid))
    return path


def test_files_are_compared_voxel_by_voxel(tmp_path: Path) -> None:
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    voxels[0, 0, 0] = np.nan
    before = _write(tmp_path / "a.nii", voxels)
    same = compare_files(before, _write(tmp_path / "b.nii", voxels.copy()), AS_USUAL)
    assert same.is_equal and same.is_same_file and same.voxels == 60
    packed = compare_files(before, _write(tmp_path / "b.nii.gz", voxels), AS_USUAL)
    assert packed.is_equal and not packed.is_same_file and packed.voxels == 60
    other = voxels.copy()
    other[1, 2, 3] += 5
    other[2, 0, 0] = np.nan
    found = compare_files(before, _write(tmp_path / "c.nii", other), AS_USUAL)
    assert not found.is_equal and (found.different, found.largest) == (2, 5.0)
    assert found.first == Difference((3, 2, 1), None, 33.0, 38.0)
    assert json.dumps(found.as_json(), allow_nan=False)
    moved = Grid.regular((3, 4, 5), (1.0, 1.0, 2.0))
    found = compare_files(before, _write(tmp_path / "d.nii", voxels, moved), AS_USUAL)
    assert not found.is_equal and found.different == 0 and "the grid was" in found.remarks[0]
    found = compare_files(before, _write(tmp_path / "e.nii", voxels > 3), AS_USUAL)
    assert found.remarks[0] == "voxels were float32 and are uint8" and found.different == 60
    found = compare_files(before, _write(tmp_path / "f.nii", voxels[0], GRID_2D), AS_USUAL)
    assert not found.is_equal and found.voxels == 0 and found.remarks


GRID_2D = Grid.regular((4, 5), (1.0, 1.0))


def test_colors_and_volumes_are_compared(tmp_path: Path) -> None:
    colors = np.zeros((4, 5, 3), np.uint8)
    before = _write(tmp_path / "a.png", colors, GRID_2D)
    colors[1, 2] = 1, 2, 0
    found = compare_files(before, _write(tmp_path / "b.png", colors, GRID_2D), AS_USUAL)
    assert (found.different, found.voxels) == (1, 20)
    assert found.first == Difference((2, 1), None, [0, 0, 0], [1, 2, 0])
    for name, last in (("a.nii", 2), ("b.nii", 7)):
        file = VolumesFile(tmp_path / name, 2)
        for number, value in enumerate((1, last)):
            file.add(number, Image(np.full((3, 4, 5), value, np.int16), GRID))
    found = compare_files(tmp_path / "a.nii", tmp_path / "b.nii", AS_USUAL)
    assert (found.different, found.voxels) == (60, 120)
    assert found.first == Difference((0, 0, 0), 1, 2, 7)


@pytest.mark.parametrize("name", ["o/out/bright.nii.gz", "o/sum.nrrd"])
def test_an_image_is_equal_when_it_is_computed_again(done: Path, name: str) -> None:
    (done / "p.imgql").unlink()  # the recorded text suffices
    before = (done / name).read_bytes()
    ended = command("reproduce", name, cwd=done.parent / "desk")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"{name}: equal in every byte (120 voxels), computed again on cpu")
    assert (done / name).read_bytes() == before
    there = sorted(each.name for each in (done / "o").rglob("*"))
    assert there == ["bright.json", "bright.nii.gz", "out", "sum.nrrd", "sum.nrrd.json"]


def test_from_another_folder_into_a_file(done: Path) -> None:
    away = done.parent / "away"
    away.mkdir()
    file = done / "o/out/bright.nii.gz"
    ended = command("reproduce", file, "-o", "again.nii.gz", "--json", cwd=away)
    assert ended.status == 0 and ended.json["equal"] and ended.json["same_values"]
    assert ended.json["output"] == str(away / "again.nii.gz") and ended.json["changes"] == []
    assert (away / "again.nii.gz").read_bytes() == file.read_bytes()
    own = json.loads((away / "again.json").read_text())["Voxgpu"]
    assert own["File"] == "again.nii.gz" and own["Label"] == "out/bright.nii.gz"
    assert command("reproduce", "again.nii.gz", cwd=away).status == 0
    for name in ("x.nii", file, done / "a.nii.gz"):
        assert command("reproduce", file, "-o", name, cwd=away).status == 2
    assert command("reproduce", file, "-o", done / "o/no/x.nii.gz", cwd=away).status == 0


def test_changed_images_are_told_before_running(done: Path) -> None:
    voxels = read_image(read_header(done / "a.nii.gz"))
    voxels.array[1, 2, 3] += 7
    write_image(done / "a.nii.gz", voxels)
    ended = command("reproduce", "o/sum.nrrd", cwd=done)
    assert ended.status == 3
    assert f"warning: the input {done / 'a.nii.gz'} has changed since" in ended.err
    assert "  1 of 120 voxels differ (0.833 %)" in ended.lines
    assert any(each.startswith("  first at voxel (3, 2, 1): it was ") for each in ended.lines)
    assert "what is computed is not the same any more" in ended.out
    plain = command("reproduce", "o/sum.nrrd", "--json", cwd=done).json
    assert (plain["different"], plain["largest"]) == (1, 7.0) and not plain["same_values"]
    (done / "a.nii.gz").unlink()
    ended = command("reproduce", "o/sum.nrrd", cwd=done)
    assert ended.status == 1 and "is not there any more" in ended.err and "E201" in ended.err
    assert not ended.out


def test_a_file_that_was_written_since_is_told(done: Path) -> None:
    put(done / "o/sum.nrrd", 3)
    ended = command("reproduce", "o/sum.nrrd", cwd=done)
    assert ended.status == 3 and "has been written since" in ended.err
    assert "the file is not the one that was saved" in ended.out


def test_what_is_recorded_may_not_suffice(done: Path) -> None:
    image = voxgpu.Image.from_array(np.ones((3, 4, 5), np.float32))
    voxgpu.run('load m = "m"\nsave "m.nii" m + 1', output=done, images={"m": image})
    ended = command("reproduce", "m.nii", cwd=done)
    assert ended.status == 1 and "the image `m`, which was in no file" in ended.err
    assert command("reproduce", "a.nii.gz", cwd=done).status == 1
    (done / "lib.imgql").write_text("let other = 1\n")
    ended = command("reproduce", "o/out/bright.nii.gz", cwd=done)
    assert ended.status == 1 and f"the import {done / 'lib.imgql'} has changed" in ended.err
    assert "`twice`" in ended.err


def test_volumes_and_items_of_sequences(done: Path) -> None:
    text = 'load a = "a.nii.gz"\nlet s = for k in [1, 2, 3] do a > 20 * k\n'
    (done / "s.imgql").write_text(text + 'save "m.nii.gz" s\nsave "m_4d.nii" s\n')
    assert command("run", "s.imgql", cwd=done).status == 0
    for name, voxels in (("m_1.nii.gz", 120), ("m_4d.nii", 360)):
        ended = command("reproduce", name, "--json", cwd=done)
        assert ended.status == 0 and ended.json["voxels"] == voxels and ended.json["same_values"]


def test_without_a_sidecar_by_the_run_that_the_store_knows(done: Path) -> None:
    words = ("run", "p.imgql", "-D", "T=6", "-o", "o", "--store", "kept")
    assert command(*words, "--no-sidecar", cwd=done).status == 0
    for each in (done / "o").rglob("*.json"):
        each.unlink()
    ended = command("reproduce", "o/out/bright.nii.gz", "--store", "kept", cwd=done)
    assert ended.status == 0 and "equal in every byte" in ended.out


def test_a_derivative_that_moved_with_its_dataset(tmp_path: Path) -> None:
    dataset(tmp_path / "ds", ["sub-1/anat/sub-1_T1w"])
    (tmp_path / "p.imgql").write_text('load t = "$T1w"\nsave "m.nii.gz" t > $T\n')
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "--sweep", "T=40,60")
    assert command(*words, "--workers", "0", cwd=tmp_path).status == 0
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("ds", "out"):
        (tmp_path / name).rename(moved / name)
    ended = command("reproduce", "sub-1_desc-mT60_mask.nii.gz", cwd=moved / "out/sub-1/anat")
    assert ended.status == 0 and "equal in every byte" in ended.out, ended.err


@pytest.mark.parametrize("option", [{"dialect": "no dialect"}, {"grid-tolerance": "much"}])
def test_a_sidecar_with_impossible_options_is_told(done: Path, option: dict[str, str]) -> None:
    sidecar = done / "o" / "sum.nrrd.json"
    record = json.loads(sidecar.read_text())
    record["Voxgpu"]["Options"] = option
    sidecar.write_text(json.dumps(record))
    told = command("reproduce", "o/sum.nrrd", "--store", "none", cwd=done)
    assert told.status == 1 and "the options that are recorded are damaged" in told.err
    assert "sum.nrrd.json" in told.err and "Traceback" not in told.err
