"""``voxgpu cohort``: a table that equals single runs, whatever fails or is interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.cohorts.tables import comparable, csv_rows

PROGRAM = """
load v = "$V"
let bright = v > $T
let wide = near(near(bright))
print "bright" volume(bright)
print "mean" avg(v, wide)
print "sizes" [volume(wide), max(v)]
save "wide.nii.gz" wide
"""

V = "V={path}/v.nii.gz"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases of different sizes; one file is cut off, one case has no image."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "p.imgql").write_text(PROGRAM)
    for number in range(6):
        case = folder / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 100, (5 + number, 9, 8), np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii.gz"))
    whole = (folder / "data" / "case2" / "v.nii.gz").read_bytes()
    (folder / "data" / "case2" / "v.nii.gz").write_bytes(whole[:-200])
    (folder / "data" / "case4" / "v.nii.gz").unlink()
    return folder


@pytest.fixture
def desk(images: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(images, tmp_path / "desk"))


@pytest.mark.slow
def test_a_row_is_what_a_single_run_prints(desk: Path) -> None:
    ended = voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-D", V, "-o", "out"),
        *("--sweep", "T=50:90:20", "--table", "t.csv"),
        cwd=desk,
    )
    assert ended.status == 3, ended.err
    rows = csv_rows(desk / "t.csv")
    keys = [(row["case"], row["T"]) for row in rows]
    assert keys == [(f"case{n}", t) for n in range(6) for t in ("50", "70", "90")]
    for row in rows:
        case, t = row["case"], row["T"]
        failed = case in ("case2", "case4")
        assert (row["status"] == "failed") == failed == bool(row["error"])
        saved = desk / "out" / case / f"T={t}" / "wide.nii.gz"
        if failed:
            assert not saved.exists() and "v.nii.gz" in row["error"] and "p.imgql:2" in row["error"]
            continue
        single = voxgpu(
            *("run", "p.imgql", "-D", f"V=data/{case}/v.nii.gz", "-D", f"T={t}", "-o", "one"),
            "--json",
            cwd=desk,
        ).json
        printed = {each["label"]: each["value"] for each in single["print"]}
        assert float(row["bright"]) == printed["bright"]
        assert row["mean"] == str(printed["mean"])
        assert row["sizes"] == str(printed["sizes"])
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(desk / "one" / "wide.nii.gz")))
        assert (sitk.GetArrayFromImage(sitk.ReadImage(str(saved))) == expected).all()
    assert "18 rows, 6 failed" in ended.err


@pytest.mark.slow
def test_what_is_there_is_not_run_again(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "data/*/", "-D", V, "-D", "T=60", "-o", "out")
    first = voxgpu(*words, cwd=desk)
    before = csv_rows(desk / "cohort.csv")
    assert first.status == 3 and len(before) == 6
    shutil.copy(desk / "data" / "case0" / "v.nii.gz", desk / "data" / "case4" / "v.nii.gz")
    again = voxgpu(*words, cwd=desk)
    assert "4 of 6 rows are there already" in again.err and again.status == 3
    after = csv_rows(desk / "cohort.csv")
    assert [row["status"] for row in after].count("failed") == 1
    assert [a for a, b in zip(after, before, strict=True) if a == b] == [
        before[n] for n in (0, 1, 3, 5)
    ]
    assert comparable(after)[4] == {**comparable(before)[0], "case": "case4"}
    (desk / "p.imgql").write_text(PROGRAM + 'print "more" 1\n')
    changed = voxgpu(*words, cwd=desk)
    assert (
        "a new journal; the former one is `cohort.csv.journal.1` (another program)" in changed.err
    )
    assert csv_rows(desk / "cohort.csv")[0]["more"] == "1.0"


def test_nothing_is_run_to_list_and_check(desk: Path) -> None:
    listed = voxgpu("cohort", "p.imgql", "--cases", "data/*/", "--list", cwd=desk)
    assert listed.lines[0] == "case0  data/case0" and len(listed.lines) == 6
    assert "the program has errors for 6 of them" in listed.err
    words = ("cohort", "p.imgql", "--cases", "data/*/", "-D", V, "--check")
    checked = voxgpu(*words, "--sweep", "T=50:90:20", cwd=desk)
    assert checked.status == 1 and checked.lines[0] == "case4:"
    assert "cannot read `data/case4/v.nii.gz`: no such file" in checked.out
    assert "6 cases, 1 with errors" in checked.err
    lacking = voxgpu(*words, cwd=desk)  # nobody says what T is
    assert lacking.status == 1 and lacking.out.count("T") >= 6
    assert not (desk / "cohort.csv").exists() and not (desk / "cohort.csv.journal").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--cases", "none/*/"), 1, "nothing matches `none/*/`"),
        (("--cases", "gone.csv"), 1, "no table of cases"),
        (("--cases", "data/*/", "--sweep", "T=1:2"), 2, "both ends included"),
        (("--cases", "data/*/", "--sweep", "T=1,2", "-D", "T=3"), 2, "`T` cannot be swept and"),
        (("--cases", "data/*/", "--table", "t.xlsx"), 2, "a table ends in .csv"),
        (("--cases", "data/*/", "--table", "p.imgql/t.csv"), 1, "p.imgql"),
        ((), 2, "--cases"),
    ],
)
def test_wrong_usage(desk: Path, words: tuple[str, ...], status: int, said: str) -> None:
    ended = voxgpu("cohort", "p.imgql", *words, "-D", V, cwd=desk)
    assert (ended.status, said in ended.err) == (status, True), ended.err


def test_cases_of_a_table(desk: Path) -> None:
    (desk / "tables").mkdir()
    (desk / "tables" / "all.csv").write_text(
        "NAME,V,T\nfirst,../data/case0/v.nii.gz,50\nsecond,../data/case1/v.nii.gz,70\n"
    )
    ended = voxgpu("cohort", "p.imgql", "--cases", "tables/all.csv", "-o", "out", cwd=desk)
    assert ended.status == 0, ended.err
    rows = csv_rows(desk / "cohort.csv")
    assert [row["case"] for row in rows] == ["first", "second"]
    assert (desk / "out" / "second" / "wide.nii.gz").exists()


@pytest.mark.slow
def test_merged_parts_are_the_table_of_one_run(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "data/*/", "-D", V, "--sweep", "T=50,70", "-o", "out")
    voxgpu(*words, cwd=desk)
    whole = csv_rows(desk / "cohort.csv")
    for part in ("1/4", "3/4", "2/4"):
        voxgpu(*words, "--part", part, cwd=desk)
    array = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4"}
    ended = voxgpu(*words, cwd=desk, variables=array)
    assert "cohort.part-4-of-4.csv: 2 rows" in ended.err
    journals = sorted(each.name for each in desk.glob("*.part-*.journal"))
    merged = voxgpu("cohort", "--merge", *journals, "--table", "all.csv", cwd=desk)
    assert merged.status == 3 and "all.csv: 12 rows, 4 failed" in merged.err
    assert (
        comparable(csv_rows(desk / "all.csv")) == comparable(whole) and "warning" not in merged.err
    )
    some = voxgpu("cohort", "--merge", *journals[1:3], "--table", "some.csv", cwd=desk)
    assert "warning: 2 of 4 parts have no journal: 1, 4" in some.err
    (desk / "p.imgql").write_text(PROGRAM + 'print "more" 1\n')
    voxgpu(*words, "--part", "1/4", cwd=desk)
    mixed = voxgpu("cohort", "--merge", *journals, "--table", "all.csv", cwd=desk)
    assert mixed.status == 1 and "of another program" in mixed.err
    nothing = voxgpu("cohort", "--merge", "p.imgql", cwd=desk)
    assert nothing.status == 1 and "no journal" in nothing.err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on(desk: Path, number: signal.Signals) -> None:
    words = ["cohort", "p.imgql", "--cases", "data/*/", "-D", V, "-o", "out", "--sweep"]
    words += ["T=1:40:1", "--table", "t.csv"]
    process = subprocess.Popen(
        [sys.executable, "-m", "voxgpu", *words], cwd=desk, stderr=subprocess.DEVNULL
    )
    journal = desk / "t.csv.journal"
    while process.poll() is None and not (
        journal.exists() and journal.read_bytes().count(b"\n") > 45
    ):
        time.sleep(0.005)
    process.send_signal(number)
    process.wait()
    if number == signal.SIGTERM and process.returncode == 143:
        assert len(csv_rows(desk / "t.csv")) >= 40
    # Whole rows only, and each once in the end.
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 3, ended.err
    rows = csv_rows(desk / "t.csv")
    assert [(row["case"], int(row["T"])) for row in rows] == [
        (f"case{n}", t) for n in range(6) for t in range(1, 41)
    ]
    fresh = voxgpu(*words[:-1], "u.csv", cwd=desk)
    assert fresh.status == 3 and comparable(csv_rows(desk / "u.csv")) == comparable(rows)
