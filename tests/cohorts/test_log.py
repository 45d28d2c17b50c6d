"""The log of a cohort: whole lines, whoever is killed, and whoever else writes."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voxgpu.cohorts.events import CASE_BEGINS, Event, happened
from voxgpu.cohorts.log import EventLog, line_of
from voxgpu.files.errors import FileError


def test_a_line_has_the_time_in_a_standard_form() -> None:
    line = json.loads(line_of(Event(CASE_BEGINS, 1_700_000_000.25, {"case": "ä\n\udcff"})))
    assert line == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "event": "case begins",
        "case": "ä\n\udcff",
    }
    assert datetime.fromisoformat(line["time"]).tzinfo == UTC


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.jsonl"
    for number in range(3):
        with EventLog(path) as log:
            log.add(happened(CASE_BEGINS, case=f"c{number}"))
    log.add(happened(CASE_BEGINS, case="late"))  # closed: left out
    assert [json.loads(each)["case"] for each in path.read_text().splitlines()] == [
        "c0",
        "c1",
        "c2",
    ]


def test_what_is_left_of_a_line_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"time": "2026')
    with EventLog(path) as log:
        log.add(happened(CASE_BEGINS, case="a"))
        log.add(happened(CASE_BEGINS, case="b"))
    lines = path.read_text().splitlines()
    assert len(lines) == 3 and [json.loads(each)["case"] for each in lines[1:]] == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_processes_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            try:
                with EventLog(path) as log:
                    while True:
                        log.add(happened(CASE_BEGINS, case=str(number) * 3000))
            finally:
                os._exit(1)
        children.append(child)
    end = time.monotonic() + 20
    while (not path.exists() or path.stat().st_size < 2_000_000) and time.monotonic() < end:
        time.sleep(0.001)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    lines = path.read_bytes().split(b"\n")
    assert lines[-1] == b"" and len(lines) > 600
    assert {len(set(json.loads(each)["case"])) for each in lines[:-1]} == {1}


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"log\.jsonl"):
        EventLog(tmp_path / "file" / "log.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk_ends_the_log_and_not_the_run() -> None:
    with EventLog(Path("/dev/full")) as log:
        log.add(happened(CASE_BEGINS, case="a"))
        assert log.problem is not None and "No space" in log.problem.reason
        log.add(happened(CASE_BEGINS, case="b"))
