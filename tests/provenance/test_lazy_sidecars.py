"""Sidecars of saved lazy values and of the demo: complete enough to compute the images again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxgpu as vx
from tests.cli.command import voxgpu as command
from voxgpu.files.write import file_digest


def _own(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["Voxgpu"]  # type: ignore[no-any-return]


@pytest.fixture
def at_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(desk)
    return desk


def test_a_saved_lazy_value_tells_how_it_came_about(at_desk: Path) -> None:
    a = vx.load("a.nii.gz")
    level = a.max() / 2
    path = vx.near(a > level).save("near.nii.gz")
    whole = json.loads((at_desk / "near.json").read_text())
    assert whole["Description"] == "near.nii.gz, saved by test_lazy_sidecars.py"
    assert whole["Sources"] == [str(at_desk / "a.nii.gz")]
    own = whole["Voxgpu"]
    assert own["Digest"] == f"xxh3-128:{file_digest(at_desk / 'near.nii.gz').hex()}"
    assert own["Label"] == "near.nii.gz" and own["Folder"] == str(at_desk)
    assert own["Device"] and path == at_desk / "near.nii.gz"
    text = own["Program"]["Text"]
    assert [each["Text"] for each in own["Lines"]] == text.splitlines()
    assert text.startswith('load a = "a.nii.gz"\n') and own["Expression"] in text
    # The program gives the same values.
    again = vx.run(text).images["near.nii.gz"]
    assert np.array_equal(np.asarray(again), np.asarray(vx.near(a > level)))


def test_a_saved_lazy_value_is_computed_again(at_desk: Path) -> None:
    a, b = vx.load("a.nii.gz"), vx.load("b.nii")
    vx.save({"sum.nii.gz": a + b, "more/bright.nrrd": vx.xor(a > 50, b > 50)})
    assert _own(at_desk / "sum.json")["Expression"] != _own(at_desk / "more/bright.nrrd.json")
    for name in ("sum.nii.gz", "more/bright.nrrd"):
        ended = command("reproduce", name, cwd=at_desk)
        assert ended.status == 0, ended.err
    shown = command("explain", "sum.nii.gz", cwd=at_desk)
    assert "b.nii" in shown.out and "CHANGED" not in shown.out


def test_items_of_a_sequence_have_one_program(at_desk: Path) -> None:
    a = vx.load("a.nii.gz")
    paths = vx.map(lambda n: a > n, [20, 60]).save("parts.nii.gz")
    assert [each.name for each in paths] == ["parts_0.nii.gz", "parts_1.nii.gz"]  # type: ignore[union-attr]
    first, second = (_own(at_desk / f"parts_{n}.json") for n in (0, 1))
    assert first["Program"] == second["Program"] and first["Values"] != second["Values"]
    assert command("reproduce", "parts_1.nii.gz", cwd=at_desk).status == 0


def test_values_of_images_in_memory_say_so(at_desk: Path) -> None:
    image = vx.from_array(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    (image > 7).save("bright.nii.gz")
    assert _own(at_desk / "bright.json")["Inputs"]
    ended = command("reproduce", "bright.nii.gz", cwd=at_desk)
    assert ended.status == 1 and "in no file" in ended.err


def test_sidecars_are_left_out(at_desk: Path) -> None:
    a = vx.load("a.nii.gz")
    (a > 1).save("one.nii.gz", sidecar=False)
    vx.save({"two.nii.gz": a > 2}, sidecar=False)
    assert (at_desk / "one.nii.gz").exists() and (at_desk / "two.nii.gz").exists()
    assert not [*at_desk.glob("*.json")]


def test_images_of_the_demo_tell_how_they_came_about(tmp_path: Path) -> None:
    ended = command("demo", "-o", "demo", "--size", 32, 32, 32, cwd=tmp_path)
    assert ended.status == 0, ended.err
    own = _own(tmp_path / "demo/gtv.json")
    assert own["Program"]["Path"] == str(tmp_path / "demo/tumor.imgql")
    assert own["Definitions"]["HI"] == "0.93" and own["Device"] == "cpu"
    assert command("reproduce", "demo/gtv.nii.gz", cwd=tmp_path).status == 0
