"""The log of a cohort has whole lines even if processes are killed or write concurrently."""

from __future__ import annotations

import errno
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


def test_what_is_left_of_a_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for left in (b'{"time": "2026', b" " * 50, b"x" * 10_000, b"{" * 4096):
        path.write_bytes(b'{"case": "whole"}\n' + left)
        with EventLog(path) as log:
            log.add(happened(CASE_BEGINS, case="a"))
            path.write_bytes(path.read_bytes() + left)
            log.add(happened(CASE_BEGINS, case="b"))
        lines = path.read_text().splitlines()
        assert [json.loads(each)["case"] for each in lines] == ["whole", "a", "b"]


def test_lines_lie_in_one_page(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with EventLog(path) as log:
        for length in (10, 3000, 3900, 1, 4030, 2000, 2000, 2000, 9000, 30):
            log.add(happened(CASE_BEGINS, case="x" * length))
    start = 0
    for line in path.read_bytes().splitlines(keepends=True):
        text = line.lstrip(b" ")
        first, last = start + len(line) - len(text), start + len(line) - 1
        assert first // 4096 == last // 4096 or len(text) > 4096
        start += len(line)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_processes_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for size in range(100_000, 1_500_000, 200_000):
        _write_until_killed(path, size)
    lines = path.read_bytes().split(b"\n")
    assert lines[-1].strip() == b"" and len(lines) > 300
    assert {len(set(json.loads(each)["case"])) for each in lines[:-1]} == {1}


def _write_until_killed(path: Path, size: int) -> None:
    """Have three processes write to a log until it has this size, and kill them."""
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
    end = time.monotonic() + 300
    while (not path.exists() or path.stat().st_size < size) and time.monotonic() < end:
        time.sleep(0.001)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_log_may_be_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with EventLog(tmp_path / "pipe") as log:
        log.add(happened(CASE_BEGINS, case="a"))
        log.add(happened(CASE_BEGINS, case="b"))
        assert log.problem is None
    lines = os.read(reader, 10_000).splitlines()
    os.close(reader)
    assert [json.loads(each)["case"] for each in lines] == ["a", "b"]


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


def test_nothing_waits_for_locks_that_a_file_system_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    tried: list[int] = []

    def lacking(file: int, kind: int) -> None:
        tried.append(kind)
        raise OSError(errno.ENOTSUP, "no locks")

    monkeypatch.setattr(fcntl, "flock", lacking)
    with EventLog(tmp_path / "log.jsonl") as log:
        log.add(happened(CASE_BEGINS, case="a"))
        log.add(happened(CASE_BEGINS, case="b"))
    assert len(tried) == 2
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(each)["case"] for each in lines] == ["a", "b"]
