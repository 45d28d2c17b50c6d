"""``voxgpu runs``: what ran, how it ended, and ending it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from voxgpu.store import run_records
from voxgpu.store.run_records import (
    DONE,
    ELSEWHERE,
    FAILED,
    INTERRUPTED,
    KILLED,
    RUNNING,
    ended,
    new_record,
    read_records,
    write_record,
)

WAITING = '''
import time

from voxgpu.primitives.define import NumberImage, whole_image


@whole_image()
def wait(v: NumberImage) -> NumberImage:
    """Waits, and returns the image.

    >>> wait([1])
    [1]
    """
    time.sleep(0 if v.size == 1 else 600)
    return v
'''


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text('print "sum" $A + 2\n')
    return tmp_path


def _runs(desk: Path) -> list[dict[str, Any]]:
    listed = voxgpu("runs", "--store", "s", "--json", cwd=desk).out
    found: list[dict[str, Any]] = json.loads(listed)
    return found


def test_runs_are_listed_with_what_they_were_and_how_they_ended(desk: Path) -> None:
    first = voxgpu("run", "p.imgql", "-D", "A=1", "--store", "s", "--json", cwd=desk)
    assert voxgpu("run", "p.imgql", "--store", "s", cwd=desk).status == 1
    assert voxgpu("run", "p.imgql", "-D", "A=1", "--store", "none", cwd=desk).status == 0
    done, failed = _runs(desk)
    assert done["id"] == json.loads(first.out)["run"]
    assert done["status"] == DONE and done["prints"] == {"sum": 3.0}
    assert done["definitions"] == {"A": "1"} and done["program"] == str(desk / "p.imgql")
    assert failed["status"] == FAILED and "$A" in failed["errors"][0]
    listed = voxgpu("runs", "--store", "s", cwd=desk).out.splitlines()
    assert [line.split()[:2] for line in listed] == [[done["id"], DONE], [failed["id"], FAILED]]
    shown = voxgpu("runs", "--store", "s", "show", done["id"], cwd=desk).out
    assert "print    sum=3.0" in shown and "-D A=1" in shown


def test_cohorts_are_runs_too(desk: Path) -> None:
    (desk / "cases.csv").write_text("name,A\none,1\ntwo,x\n")
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--store", "s", "--workers", "0")
    assert voxgpu(*words, cwd=desk).status == 3
    (run,) = _runs(desk)
    assert run["kind"] == "cohort" and run["status"] == FAILED
    assert run["details"] == {
        "journal": str(desk / "cohort.csv.journal"),
        "table": str(desk / "cohort.csv"),
        "rows": 2,
        "of": 2,
    }


def test_unknown_runs_are_told(desk: Path) -> None:
    assert voxgpu("run", "p.imgql", "-D", "A=1", "--store", "s", cwd=desk).status == 0
    assert voxgpu("run", "p.imgql", "-D", "A=2", "--store", "s", cwd=desk).status == 0
    none = voxgpu("runs", "--store", "s", "show", "x", cwd=desk)
    assert none.status == 1 and "there is no run `x`" in none.err
    empty = voxgpu("runs", "--store", "s", "show", "", cwd=desk)
    assert empty.status == 1 and "there is no run ``" in empty.err
    several = voxgpu("runs", "--store", "s", "show", "2", cwd=desk)
    assert several.status == 1 and "2 runs begin with `2`" in several.err
    over = voxgpu("runs", "--store", "s", "cancel", _runs(desk)[0]["id"], cwd=desk)
    assert over.status == 1 and "it is done" in over.err


def test_the_oldest_records_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_records, "KEPT", 3)
    records = [replace(new_record("run", "p"), id=f"{n}") for n in range(5)]
    for each in records:
        write_record(tmp_path, each)
        write_record(tmp_path, ended(each, DONE))
    assert [each.id for each in read_records(tmp_path)] == ["2", "3", "4"]
    (tmp_path / "runs" / "3.json").write_text("{")
    assert [each.id for each in read_records(tmp_path)] == ["2", "4"]


def test_a_process_number_that_is_used_again_is_no_running_run() -> None:
    record = new_record("run", "p")
    assert record.current_status() == RUNNING
    assert replace(record, begun="1").current_status() == KILLED
    assert replace(record, host="other").current_status() == ELSEWHERE


@contextmanager
def _waiting(desk: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A run that has begun and does not end by itself, with its id."""
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 2), np.int16)), str(desk / "v.nii"))
    text = 'print "first" 1\nload v = "v.nii"\nprint "waited" max(wait(v))\n'
    (desk / "w.imgql").write_text(text)
    (desk / "wait.py").write_text(WAITING)
    words = ["run", "w.imgql", "--store", "s", "--primitives", "wait.py"]
    process = subprocess.Popen(
        [sys.executable, "-m", "voxgpu", *words],
        cwd=desk,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"first=1")
        (run,) = _runs(desk)
        assert run["status"] == RUNNING and run["pid"] == process.pid
        yield process, run["id"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_run_that_goes_on_can_be_ended(desk: Path) -> None:
    with _waiting(desk) as (process, run):
        assert voxgpu("runs", "--store", "s", "cancel", run, cwd=desk).status == 0
        assert process.wait() == 128 + signal.SIGTERM
    (found,) = _runs(desk)
    assert found["status"] in (INTERRUPTED, KILLED)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_run_that_was_killed_is_told_from_one_that_goes_on(desk: Path) -> None:
    with _waiting(desk) as (process, run):
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        # The process is a zombie, which nobody has waited for.
        assert KILLED in voxgpu("runs", "--store", "s", "show", run, cwd=desk).out
