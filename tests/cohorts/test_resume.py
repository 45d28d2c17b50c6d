"""Going on: rows are used again where nothing that they depend on has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.cohorts.clusters import rows

PROGRAM = 'load v = "$V"\nprint "most" max(v)\n'
WORDS = ["cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii"]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for number in range(3):
        _write(tmp_path / "data" / f"case{number}" / "v.nii", number)
    (tmp_path / "p.imgql").write_text(PROGRAM)
    return tmp_path


def _write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.full((3, 4, 5), value, np.int16)), str(path))


def _values(desk: Path, label: str = "most") -> list[str]:
    return [row[label] for row in rows(desk)]


def test_changed_images_are_read_again(desk: Path) -> None:
    assert voxgpu(*WORDS, cwd=desk).status == 0
    assert "3 of 3 rows are there already" in voxgpu(*WORDS, cwd=desk).err
    _write(desk / "data" / "case1" / "v.nii", 70)
    again = voxgpu(*WORDS, cwd=desk)
    assert "1 case whose input files changed: run again" in again.err
    assert "2 of 3 rows are there already" in again.err
    assert _values(desk) == ["0.0", "70.0", "2.0"]


def test_another_folder_of_output_has_all_files(desk: Path) -> None:
    (desk / "p.imgql").write_text(PROGRAM + 'save "m.nii" v > 0\n')
    assert voxgpu(*WORDS, "-o", "one", cwd=desk).status == 0
    told = voxgpu(*WORDS, "-o", "two", cwd=desk).err
    assert "the former one is `cohort.csv.journal.1` (another folder of output)" in told
    assert (desk / "two" / "case2" / "m.nii").exists()
    (desk / "two" / "case2" / "m.nii").unlink()
    again = voxgpu(*WORDS, "-o", "two", cwd=desk)
    assert "1 case whose saved files are gone: run again" in again.err
    assert (desk / "two" / "case2" / "m.nii").exists()


def test_the_folder_of_output_is_nothing_to_programs_that_only_print(desk: Path) -> None:
    voxgpu(*WORDS, "-o", "one", cwd=desk)
    assert "3 of 3 rows are there already" in voxgpu(*WORDS, "-o", "two", cwd=desk).err


def test_changed_primitives_begin_anew(desk: Path) -> None:
    text = '''
from voxgpu.primitives.define import NumberImage, whole_image


@whole_image()
def twice(v: NumberImage) -> NumberImage:
    """Twice the image.

    >>> twice([1, 2])
    [2, 4]
    """
    return v * 2
'''
    (desk / "p.imgql").write_text('load v = "$V"\nprint "most" max(twice(v))\n')
    (desk / "own.py").write_text(text)
    words = [*WORDS, "--primitives", "own.py"]
    assert voxgpu(*words, cwd=desk).status == 0 and _values(desk) == ["0.0", "2.0", "4.0"]
    assert "3 of 3 rows are there already" in voxgpu(*words, cwd=desk).err
    (desk / "own.py").write_text(text.replace("v * 2", "v * 3"))
    assert "(another set of primitives)" in voxgpu(*words, cwd=desk).err
    assert _values(desk) == ["0.0", "3.0", "6.0"]


def test_changed_rows_of_a_table_of_cases_are_run_again(desk: Path) -> None:
    (desk / "p.imgql").write_text(PROGRAM + 'print "over" volume(v > $T)\n')
    table = "NAME,V,T\na,data/case1/v.nii,0\nb,data/case2/v.nii,0\n"
    (desk / "cases.csv").write_text(table)
    words = ["cohort", "p.imgql", "--cases", "cases.csv"]
    assert voxgpu(*words, cwd=desk).status == 0 and _values(desk, "over") == ["60.0", "60.0"]
    (desk / "cases.csv").write_text(
        table.replace("case2/v.nii,0", "case2/v.nii,5") + "c,data/case0/v.nii,0\n"
    )
    again = voxgpu(*words, cwd=desk)
    assert "1 case whose path or variables changed: run again" in again.err
    assert "1 of 3 rows are there already" in again.err
    assert _values(desk, "over") == ["60.0", "0.0", "0.0"]


def test_cases_of_the_same_names_elsewhere_are_others(desk: Path) -> None:
    voxgpu(*WORDS, cwd=desk)
    shutil.copytree(desk / "data", desk / "more")
    _write(desk / "more" / "case0" / "v.nii", 9)
    words = [each.replace("data/", "more/") for each in WORDS]
    assert "3 cases whose path or variables changed" in voxgpu(*words, cwd=desk).err
    assert _values(desk) == ["9.0", "1.0", "2.0"]


def test_two_runs_at_once_and_folders_that_cannot_be_written(desk: Path) -> None:
    from voxgpu.cohorts.journal import Journal

    with Journal(desk / "cohort.csv.journal", {}):
        ended = voxgpu(*WORDS, cwd=desk)
    assert ended.status == 1 and "another run is writing it" in ended.err
    (desk / "cohort.csv.journal").unlink()
    (desk / "cohort.csv.journal").mkdir()
    ended = voxgpu(*WORDS, cwd=desk)
    assert ended.status == 1 and "cannot write `cohort.csv.journal`: is a directory" in ended.err
    assert "--table" in ended.err
