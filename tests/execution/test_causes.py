"""Each cause of failure is reported once, with the goals that failed because of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.cli.command import voxgpu as run_voxgpu


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    voxels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "f.nrrd"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


TEXT = """load f = "f.nrrd"
let m = avg(f, f > 100)
print "one" m
print "two" m + 1
save "x.nrrd" f > m
print "three" max(f)
print "four" for i in [1, 2] do m * i
print "five" number("x")
"""


def test_a_cause_is_told_once_with_all_its_goals(folder: Path) -> None:
    result = voxgpu.run(TEXT, output=folder, on_error="collect")
    first, second = result.errors
    assert first.goals[:3] == ('print "one"', 'print "two"', 'save "x.nrrd"')
    assert first.message.startswith('`print "one"` and ')
    assert first.message.count("no true voxel") == 1
    assert '`print "two"`, `save "x.nrrd"`' in first.notes[-1].message
    assert second.goals == ('print "five"',)
    assert second.message.startswith('`print "five"` failed: ')
    assert result.values["three"] == 23


@pytest.mark.slow
def test_so_on_the_terminal_and_in_json(folder: Path) -> None:
    (folder / "p.imgql").write_text(TEXT)
    ended = run_voxgpu("run", "p.imgql", cwd=folder)
    assert ended.status == 1 and ended.err.count("no true voxel") == 1
    told = json.loads(run_voxgpu("run", "p.imgql", "--json", cwd=folder).out)["errors"]
    assert [len(each["goals"]) >= 3 for each in told] == [True, False]


def test_a_great_many_goals_are_not_all_listed(folder: Path) -> None:
    lines = "".join(f'print "g{i}" m + {i}\n' for i in range(100))
    result = voxgpu.run(f'load f = "f.nrrd"\nlet m = avg(f, f > 100)\n{lines}', on_error="collect")
    (error,) = result.errors
    assert len(error.goals) == 100 and "99 other goals" in error.message
    assert error.notes[-1].message.endswith("and 79 more")
    assert "100 failed" in repr(result)


def test_causes_in_what_decides_how_the_program_goes_on(folder: Path) -> None:
    begin = 'load f = "f.nrrd"\nlet m = avg(f, f > 100)\n'
    text = begin + 'print "a" if m > 1 then 1 else 2\nprint "b" (if m > 1 then 1 else 2) + 1\n'
    (error,) = voxgpu.run(text, on_error="collect").errors
    assert error.goals == ('print "a"', 'print "b"')
