"""Missing files of cases are reported before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Cases with an image, without one, with a broken link, and with a file that is no image."""
    for name in ("whole", "gone", "linked", "torn"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for image in ("a", "b"):
            voxels = sitk.GetImageFromArray(np.ones((3, 4, 5), np.uint8))
            sitk.WriteImage(voxels, str(tmp_path / "data" / name / f"{image}.nii"))
    (tmp_path / "data" / "gone" / "b.nii").unlink()
    (tmp_path / "data" / "linked" / "a.nii").unlink()
    (tmp_path / "data" / "linked" / "a.nii").symlink_to("../annex/x")
    (tmp_path / "data" / "torn" / "b.nii").write_bytes(b"no image")
    return tmp_path


def _listed(desk: Path, program: str, *words: str) -> tuple[list[str], str]:
    (desk / "p.imgql").write_text(program)
    ended = voxgpu("cohort", "p.imgql", "--list", *words, cwd=desk)
    assert ended.status == 0, ended.err
    assert {each.name for each in desk.iterdir()} == {"data", "p.imgql"} | (
        {"t.csv"} if (desk / "t.csv").exists() else set()
    )
    return ended.lines, ended.err


def test_files_that_are_not_there(desk: Path) -> None:
    program = 'load a = "$CASE/a.nii"\nload b = "$CASE/b.nii"\nprint "x" avg(a + b, a > 0)\n'
    lines, said = _listed(desk, program, "--cases", "data/*/")
    assert lines[:5] == [
        "gone  data/gone",
        "  missing: data/gone/b.nii",
        "linked  data/linked",
        "  missing: data/linked/a.nii",
        "torn  data/torn",
    ]
    assert re.match(r"  unreadable: .*data/torn/b\.nii: it is not an image", lines[5])
    assert lines[6:] == ["whole  data/whole"]
    assert said == "4 cases; 3 lack files\n"


def test_files_that_only_some_combinations_load(desk: Path) -> None:
    """Variables that name files are tried with all their values, thresholds with one."""
    program = 'load x = "$CASE/${WHICH}.nii"\nprint "v" volume(x > $T)\n'
    words = ("--cases", "data/[gw]*/", "--sweep", "WHICH=a,b,c", "--sweep", "T=1:900:1")
    lines, said = _listed(desk, program, *words)
    assert lines == [
        *("gone  data/gone", "  missing: data/gone/b.nii", "  missing: data/gone/c.nii"),
        *("whole  data/whole", "  missing: data/whole/c.nii"),
    ]
    assert said == "2 cases, 5400 rows; 2 lack files\n"
    numbered = 'load x = "$CASE/${N}.nii"\nprint "v" volume(x > $T)\n'
    lines, _ = _listed(desk, numbered, "--cases", "data/g*/", "--sweep", "N=1:3:1", "-D", "T=1")
    assert lines[1:] == [f"  missing: data/gone/{n}.nii" for n in (1, 2, 3)]
    swept = 'load x = "$F"\nprint "v" volume(x > 0)\n'
    both = "F=data/gone/a.nii,data/gone/b.nii"
    lines, _ = _listed(desk, swept, "--cases", "data/g*/", "--sweep", both)
    assert lines[1:] == ["  missing: data/gone/b.nii"]


def test_cells_of_a_table_that_are_empty(desk: Path) -> None:
    (desk / "t.csv").write_text("case,A,B\nx,data/whole/a.nii,\ny,,data/whole/b.nii\n")
    lines, _ = _listed(desk, 'load a = "$A"\nprint "m" max(a)\n', "--cases", "t.csv")
    assert lines == [
        "x  case=x A=data/whole/a.nii",
        "y  case=y B=data/whole/b.nii",
        "  missing: $A: it is empty in line 3 of `t.csv`",
    ]
    words = ("--cases", "t.csv", "-D", "A={A}")
    lines, _ = _listed(desk, 'load a = "$A"\nprint "m" max(a)\n', *words)
    assert lines[-1] == "  missing: $A: it is empty in line 3 of `t.csv`"
    checked = voxgpu("cohort", "p.imgql", "--cases", "t.csv", "--check", cwd=desk)
    assert "the case has no `$A`: it is empty in line 3 of `t.csv`" in checked.out
    assert "p.imgql:1:11" in checked.out and checked.status == 1


def test_other_errors_are_for_check(desk: Path) -> None:
    _, said = _listed(desk, 'load a = "$CASE/a.nii"\nprint "x" nothing(a)\n', "--cases", "data/w*/")
    assert said == (
        "1 cases; 0 lack files\nthe program has errors for 1 of them: --check tells which\n"
    )
