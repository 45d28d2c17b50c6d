"""``voxgpu cohort --summary``: with a run, with --merge, and of tables that exist."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import Ended, voxgpu

PROGRAM = """
load v = "$V"
print "bright" volume(v > $T)
print "mean" avg(v, v > 0) + $T
print "what" "text"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Three cases, one of which has no image."""
    (tmp_path / "p.imgql").write_text(PROGRAM)
    for number in range(3):
        case = tmp_path / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.full((2, 3, 4), 10 * number + 1, np.int16)
        if number < 2:
            sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii"))
    return tmp_path


def _run(desk: Path, *words: str) -> Ended:
    sweep = ("--cases", "data/*/", "-D", "V={path}/v.nii", "--sweep", "T=0:10:5")
    return voxgpu("cohort", "p.imgql", *sweep, *words, cwd=desk)


def _lines(text: str) -> dict[str, list[str]]:
    """The lines by their first word."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}


def test_the_summary_of_a_run_and_of_its_table(desk: Path) -> None:
    ended = _run(desk, "--summary", "--maximize", "bright", "--minimize", "bright")
    assert ended.status == 3, ended.err
    assert ended.out.startswith("9 rows of 3 cases and 3 combinations: 6 done, 3 failed; ")
    assert _lines(ended.out)["bright"][:3] == ["6", "16", "12.3935"]  # 24 24 24 24 0 0 mm³
    assert "greatest mean of bright: T=0 (24 over 2 cases)" in ended.out
    assert "least mean of bright: 2 combinations tie (12 over 2 cases):\n  T=5\n  T=10" in ended.out
    assert "data/…/v.nii" in ended.out and "3 rows failed" in ended.out
    for name in ("cohort.csv", "cohort.csv.journal"):
        words = ("--summary", name, "--maximize", "bright", "--minimize", "bright")
        again = voxgpu("cohort", *words, cwd=desk)
        assert (again.status, again.out) == (0, ended.out), again.err
    merged = voxgpu("cohort", "--merge", "--summary", "cohort.csv.journal", cwd=desk)
    assert merged.status == 3 and merged.out.startswith("9 rows of 3 cases")


def test_files_and_plots(desk: Path) -> None:
    pytest.importorskip("matplotlib")
    ended = _run(
        desk, "--summary-file", "new/s.json", "--maximize", "bright", "--plots", "pictures"
    )
    assert ended.status == 3 and ended.out == "", ended.err
    assert json.loads((desk / "new" / "s.json").read_text())["best"][0]["mean"] == 24
    names = {each.name for each in (desk / "pictures").iterdir()}
    assert names == {f"distribution-{n}.{s}" for n in ("bright", "mean") for s in ("png", "svg")}
    assert "saved 2 plots as PNG and SVG in pictures" in ended.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--maximize", "brigth"), 1, "the program prints nothing labeled `brigth`"),
        (("--maximize", "bright[0][1]", "--minimize", "x[0]"), 1, "it prints `bright`, `mean`"),
        (("--summary-file", "s.pdf"), 2, "a summary ends in .txt, .csv, .json"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    desk: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    ended = _run(desk, *words)
    assert (ended.status, said in ended.err) == (status, True), ended.err
    assert not (desk / "cohort.csv").exists() and not (desk / "cohort.csv.journal").exists()


def test_mistakes_in_a_summary_alone(desk: Path) -> None:
    assert "give one PROGRAM" in voxgpu("cohort", "--summary", cwd=desk).err
    assert "give one PROGRAM" in voxgpu("cohort", "p.imgql", "--summary", cwd=desk).err
    (desk / "t.csv").write_text("case,v,status,error\na,1,done,\n")
    ended = voxgpu("cohort", "t.csv", "--maximize", "w", cwd=desk)
    assert ended.status == 1 and "no row has a number `w`; labels of numbers: `v`" in ended.err
    ended = voxgpu("cohort", "t.csv", "gone.csv", "--summary", cwd=desk)
    assert ended.status == 1 and "cannot read `gone.csv`" in ended.err
    swept = voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "-D", "T=1"),
        *("--maximize", "bright"),
        cwd=desk,
    )
    assert swept.status == 2 and "compare combinations of a --sweep" in swept.err
