"""`voxgpu explain`: how a file came about, and what has changed since."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import Ended
from tests.cli.command import voxgpu as command
from tests.cohorts.bids.made import dataset
from tests.provenance.conftest import put


@pytest.fixture
def done(desk: Path) -> Path:
    ended = command("run", "p.imgql", "-o", "o", "-D", "T=6", "--store", "kept", cwd=desk)
    assert ended.status == 0
    return desk


def _explain(folder: Path, *words: object) -> Ended:
    return command("explain", *words, "--store", "kept", cwd=folder)


def test_an_image_or_its_sidecar_is_explained(done: Path) -> None:
    told = _explain(done, "o/out/bright.nii.gz")
    assert told.status == 0 and told.lines[0] == "o/out/bright.nii.gz: as it was saved"
    assert "       6 │ let level = $T * 10" in told.lines and "variable  T=6" in told.lines
    assert "         │   a > level" in told.lines
    assert f"program   {done / 'p.imgql'}" in told.lines
    assert f"input     {done / 'a.nii.gz'}" in told.lines and "b.nii" not in told.out
    assert not any("CHANGED" in line or "NOT THERE" in line for line in told.lines)
    assert _explain(done, "o/out/bright.json").out == told.out
    plain = _explain(done, "o/out/bright.nii.gz", "--json").json
    assert plain["status"] == "unchanged" and plain["record"]["Definitions"] == {"T": "6"}
    assert {each["status"] for each in plain["files"]} == {"unchanged"}
    assert [each["what"] for each in plain["files"]] == ["program", "import", "input"]


def test_what_has_changed_is_told(done: Path) -> None:
    put(done / "a.nii.gz", 5)
    (done / "lib.imgql").unlink()
    (done / "p.imgql").write_text("print 1 1\n")
    told = _explain(done, "o/sum.nrrd")
    assert f"program   {done / 'p.imgql'}  CHANGED since" in told.lines
    assert f"input     {done / 'a.nii.gz'}  CHANGED since" in told.lines
    assert f"input     {done / 'b.nii'}" in told.lines
    (done / "b.nii").write_text("no image")
    assert any("b.nii  CHANGED since" in each for each in _explain(done, "o/sum.nrrd").lines)
    (done / "b.nii").unlink()
    assert any("b.nii  NOT THERE" in each for each in _explain(done, "o/sum.nrrd").lines)
    assert any("lib.imgql  NOT THERE" in x for x in _explain(done, "o/out/bright.json").lines)


def test_a_file_that_was_written_since_is_told(done: Path) -> None:
    (done / "q.imgql").write_text('load b = "b.nii"\nsave "bright.nii.gz" b > 7\n')
    words = ("run", "q.imgql", "-o", "o/out", "--no-sidecar", "--store", "kept")
    assert command(*words, cwd=done).status == 0
    told = _explain(done, "o/out/bright.nii.gz")
    assert "CHANGED   it is not the file that o/out/bright.json tells of" in told.out
    assert f"now       saved by {done / 'q.imgql'} as bright.nii.gz: greater(load(" in told.out
    data = _explain(done, "o/out/bright.nii.gz", "--json").json
    assert data["status"] == "changed" and data["now"]["Program"]["Path"] == str(done / "q.imgql")
    put(done / "o/out/bright.nii.gz", 9)
    assert (
        "now       nothing is known of what is in it" in _explain(done, "o/out/bright.nii.gz").lines
    )


def test_the_store_knows_files_without_sidecars(done: Path) -> None:
    (done / "o/sum.nrrd.json").unlink()
    told = _explain(done, "o/sum.nrrd")
    assert told.lines[0] == "o/sum.nrrd: as it was saved" and "as        sum.nrrd" in told.lines
    assert "variable  T=6" in told.lines
    assert f'add(load("{done / "a.nii.gz"}"), load("{done / "b.nii"}"))' in told.out
    # Wherever it is now.
    shutil.copy(done / "o/sum.nrrd", done / "copy.nrrd")
    told = _explain(done, "copy.nrrd")
    assert told.status == 0 and f"input     {done / 'b.nii'}" in told.lines
    assert "p.imgql  which may have changed since" in told.out
    for store in ("none", done / "another"):
        ended = command("explain", "copy.nrrd", cwd=done, variables={"VOXGPU_STORE": str(store)})
        assert ended.status == 1


@pytest.mark.parametrize("name", ["p.imgql", "a.nii.gz", "gone.nii.gz", "o", "broken.nii.gz"])
def test_what_is_not_known_is_an_error(done: Path, name: str) -> None:
    put(done / "broken.nii.gz", 4)
    (done / "broken.json").write_text('{"Voxgpu": {"File": "broken.nii.gz"}}')
    ended = _explain(done, name)
    assert ended.status == 1 and ended.err.startswith("error: ") and not ended.out


def test_a_folder_that_moved_is_followed(done: Path) -> None:
    moved = done.with_name("moved")
    done.rename(moved)
    told = _explain(moved, "o/out/bright.nii.gz")
    assert f"input     {done / 'a.nii.gz'}  now {moved / 'a.nii.gz'}" in told.lines
    assert f"program   {done / 'p.imgql'}  now {moved / 'p.imgql'}" in told.lines


def test_uris_of_a_derivative_are_followed(tmp_path: Path) -> None:
    dataset(tmp_path / "ds", ["sub-1/anat/sub-1_T1w"])
    (tmp_path / "p.imgql").write_text('load t = "$T1w"\nsave "m.nii.gz" t > 50\n')
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "--workers", "0")
    assert command(*words, cwd=tmp_path).status == 0
    (image,) = (tmp_path / "out").rglob("*_mask.nii.gz")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("ds", "out"):
        (tmp_path / name).rename(moved / name)
    told = command("explain", moved / image.relative_to(tmp_path), "--store", "none", cwd=moved)
    place = moved / "ds/sub-1/anat/sub-1_T1w.nii.gz"
    assert f"input     bids:raw:sub-1/anat/sub-1_T1w.nii.gz  now {place}" in told.lines
    sidecar = json.loads((moved / "out/sub-1/anat/sub-1_desc-m_mask.json").read_text())
    assert sidecar["Type"] == "ROI" and "Place" not in sidecar["Voxgpu"]


def test_pipes_are_not_waited_for(done: Path) -> None:
    image = done / "o" / "sum.nrrd"
    sidecar = image.with_name("sum.nrrd.json")
    record = json.loads(sidecar.read_text())
    os.mkfifo(done / "pipe")  # nothing ever writes into it
    record["Voxgpu"]["Program"]["Path"] = str(done / "pipe")
    record["Voxgpu"]["Program"]["Imports"] = [{"Path": str(done / "pipe"), "SHA256": "0" * 64}]
    sidecar.write_text(json.dumps(record))
    told = _explain(done, image)
    text = "its text is in the sidecar"
    assert f"program   {done / 'pipe'}  read from a pipe; {text}" in told.lines
    assert f"import    {done / 'pipe'}  read from a pipe" in told.lines
    refused = _explain(done, "pipe")
    assert refused.status == 1 and "`pipe`: it is neither a file nor a folder" in refused.err


def test_a_program_from_standard_input_is_not_missed(desk: Path) -> None:
    words = [sys.executable, "-m", "voxgpu", "run", "/dev/stdin", "-q"]
    text = 'load a = "a.nii.gz"\nsave "s.nii.gz" a > 3\n'
    subprocess.run(words, input=text, cwd=desk, text=True, check=True)
    told = command("explain", "s.nii.gz", "--store", "none", cwd=desk)
    origin = "read from standard input; its text is in the sidecar"
    assert f"program   /dev/stdin  {origin}" in told.lines
    assert '       2 │ save "s.nii.gz" a > 3' in told.lines
    again = command("reproduce", "s.nii.gz", "--store", "none", cwd=desk)
    assert again.status == 0 and "not there" not in again.err
