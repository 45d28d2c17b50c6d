"""Cohorts on worker processes: the table of one process, also where workers die."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli import command
from tests.cli.command import voxgpu
from tests.cohorts.clusters import await_, scheduler, worker
from tests.cohorts.tables import csv_rows

pytest.importorskip("distributed")

pytestmark = pytest.mark.slow

PROGRAM = """
load v = "$V"
print "most" max(fragile(v))
print "bright" volume(fragile(v) > $T)
save "near.nii" near(v > $T)
"""

#: Ends the process at case 2 always, and at case 1 once, when these files are there.
PRIMITIVES = '''
import os
import time

from voxgpu.primitives.define import NumberImage, whole_image


@whole_image()
def fragile(v: NumberImage) -> NumberImage:
    """The image; the process may end.

    >>> fragile([1, 2])
    [1, 2]
    """
    if v.max() == 102 and os.path.exists("die-always"):
        os._exit(9)
    if v.max() == 101 and os.path.exists("die-once"):
        os.remove("die-once")
        os._exit(9)
    if v.max() == 103 and os.path.exists("hang-always"):
        time.sleep(600)
    return v
'''


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Workers are spawned, which needs the program that was started, not a fork of the tests.
    monkeypatch.setattr(command, "COMMAND", [sys.executable, "-m", "voxgpu"])
    for number in range(4):
        case = tmp_path / "data" / f"case{number}"
        case.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 100, (5, 6, 7), np.int16)
        voxels[0, 0, 0] = 100 + number
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii.gz"))
    (tmp_path / "p.imgql").write_text(PROGRAM)
    (tmp_path / "fragile.py").write_text(PRIMITIVES)
    return tmp_path


WORDS = ("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii.gz", "--store", "none")
WORDS += ("--primitives", "fragile.py", "--sweep", "T=50,70", "-o", "out")


def _rows(path: Path) -> list[dict[str, str]]:
    columns = ("seconds", "peak_bytes")
    return [{k: v for k, v in row.items() if k not in columns} for row in csv_rows(path)]


def test_workers_give_the_table_of_one_process(desk: Path) -> None:
    assert voxgpu(*WORDS, "--table", "here.csv", cwd=desk).status == 0
    ended = voxgpu(*WORDS, "--workers", "2", "--table", "there.csv", cwd=desk)
    assert ended.status == 0, ended.err
    here, there = _rows(desk / "here.csv"), _rows(desk / "there.csv")
    assert {row.pop("worker") for row in there} == {"0", "1"}
    assert {row.pop("worker") for row in here} == {""}
    assert here == there and len(there) == 8


def _statuses(desk: Path) -> dict[str, str]:
    return {row["case"]: row["status"] for row in _rows(desk / "cohort.csv")}


def test_a_worker_that_dies_loses_only_its_case(desk: Path) -> None:
    (desk / "die-once").touch()
    (desk / "die-always").touch()
    ended = voxgpu(*WORDS, "--workers", "2", "--log", "log.jsonl", cwd=desk)
    assert ended.status == 3 and not (desk / "die-once").exists(), ended.err
    rows = _rows(desk / "cohort.csv")
    assert [(row["case"], row["T"]) for row in rows] == [
        (f"case{n}", t) for n in range(4) for t in ("50", "70")
    ]
    assert {row["case"] for row in rows if row["status"] == "set aside"} == {"case2"}
    assert "two workers died while they ran this case" in rows[4]["error"]
    assert sum(row["status"] == "done" for row in rows) == 6
    _check_log((desk / "log.jsonl").read_text(), ended.err)
    (desk / "die-always").unlink()
    again = voxgpu(*WORDS, "--workers", "1", cwd=desk)
    assert again.status == 0 and "6 of 8 rows are there already" in again.err


def test_a_case_that_is_meant_for_a_dead_worker_goes_to_the_next(desk: Path) -> None:
    """The case is sent again at once, to the worker that it has killed, while there is no other."""
    (desk / "die-once").touch()
    words = [*WORDS, "--log", "log.jsonl"]
    words[words.index("data/*/")] = "data/case1/"
    with scheduler(desk) as file:
        with worker(file, "--no-nanny"):
            run = subprocess.Popen(
                [sys.executable, "-m", "voxgpu", *words, "--scheduler", str(file)],
                cwd=desk, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            log = desk / "log.jsonl"
            await_(lambda: log.exists() and "worker lost" in log.read_text())
        with worker(file, "--no-nanny"):
            said = run.communicate(timeout=600)[1]
    assert run.returncode == 0, said
    assert [row["status"] for row in _rows(desk / "cohort.csv")] == ["done", "done"]


def test_a_case_that_kills_workers_is_not_run_for_ever(desk: Path) -> None:
    (desk / "die-always").touch()
    words = (*WORDS, "--workers", "1")
    for deaths in ("two", "three", "four"):
        assert voxgpu(*words, cwd=desk).status == 3
        row = _rows(desk / "cohort.csv")[4]
        assert row["status"] == "set aside" and row["error"].startswith(f"{deaths} workers died")
    (desk / "die-always").unlink()
    idle = voxgpu(*words, cwd=desk)
    assert idle.status == 3 and "1 case is set aside" in idle.err
    assert _statuses(desk)["case2"] == "set aside"
    asked = voxgpu(*words, "--run-set-aside", cwd=desk)
    assert asked.status == 0 and set(_statuses(desk).values()) == {"done"}


def test_a_case_that_takes_too_long_is_ended_with_its_worker(desk: Path) -> None:
    (desk / "hang-always").touch()
    ended = voxgpu(*WORDS, "--workers", "2", "--case-timeout", "3", cwd=desk)
    assert ended.status == 3, ended.err
    assert _statuses(desk) == {
        "case0": "done",
        "case1": "done",
        "case2": "done",
        "case3": "set aside",
    }
    assert "it took more than 3 s" in _rows(desk / "cohort.csv")[6]["error"]


def _check_log(text: str, said: str) -> None:
    """Deaths of workers are logged and told; what cases send is bounded."""
    events = [json.loads(each) for each in text.splitlines()]
    lost = [each for each in events if each["event"] == "worker lost"]
    assert len({each["pid"] for each in lost}) == len(lost) == said.count(" was lost") >= 3
    assert all(each["host"] and each["worker"] in ("0", "1") for each in lost)
    counts = Counter(each["event"] for each in events)
    assert counts["worker started"] >= counts["worker lost"]
    assert [each["case"] for each in events if each["event"] == "case set aside"] == ["case2"]
    ended = Counter(each["case"] for each in events if each["event"] == "case ends")
    assert ended == {"case0": 1, "case1": 1, "case3": 1}
    of_cases = [each for each in events if each["event"] in ("case begins", "case ends")]
    assert events[0]["pid"] not in {each["pid"] for each in of_cases}
    assert max(len(json.dumps(each)) for each in of_cases) < 1000
