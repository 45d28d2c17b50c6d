"""How far a cohort is, told from elsewhere: while it runs, and after it ended or was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import voxgpu as voxgpu_module
from tests.cli.command import voxgpu
from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.events import RUN_BEGINS, RUN_ENDS, Event
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.status import (
    ENDED,
    INTERRUPTED,
    KILLED,
    RUNNING,
    UNKNOWN,
    journals_of,
    missing_parts,
    noting,
    status_of,
    together,
)
from voxgpu.files.errors import FileError

ABOUT = {"program": "x", "swept": ["T"]}


def _add(journal: Journal, *cases: str, error: str = "", combinations: int = 1) -> None:
    status = FAILED if error else "done"
    journal.add(
        (
            CaseRecord(case),
            [
                Row(case, (("T", str(t)),), {}, 0.5, status=status, error=error, place=(0, t))
                for t in range(combinations)
            ],
        )
        for case in cases
    )


def _begin(journal: Journal, rows: int, at: float, known: int = 0, **more: Any) -> None:
    data = {"rows": rows, "known": known, "combinations": 2, "host": "h", "pid": 1, **more}
    noting(journal)(Event(RUN_BEGINS, at, data))


def _end(journal: Journal, at: float, how: str = "ended") -> None:
    noting(journal)(Event(RUN_ENDS, at, {"how": how}))


def test_a_run_is_told_while_it_goes_on_and_after(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.journal"
    with Journal(path, ABOUT) as journal:
        _begin(journal, 12, at=1000.0)
        _add(journal, "a", "b", combinations=2)
        _add(journal, "c", error="c is bad", combinations=2)
        found = status_of(path, now=1060.0)
        standing = found.standing
        assert (found.state, found.lived) == (RUNNING, 60.0)
        assert (standing.total, standing.done, standing.failed, standing.left) == (12, 4, 2, 6)
        assert standing.rate == pytest.approx(0.1) and standing.seconds_left == pytest.approx(60)
        assert [each.case for each in found.last] == ["a", "b", "b", "c", "c"]
        assert {each.case for each in found.wrong} == {"c"}
    # Nobody holds it any more, and it did not say that it ended.
    assert status_of(path).state == KILLED
    with Journal(path, ABOUT) as journal:
        # What failed is run again: it is left.
        _begin(journal, 12, at=2000.0, known=4)
        again = status_of(path, now=2001.0)
        assert (again.standing.done, again.standing.failed, again.standing.left) == (4, 0, 8)
        _add(journal, "c", combinations=2)
        _end(journal, 2010.0, "interrupted: KeyboardInterrupt")
    after = status_of(path, now=9999.0)
    assert (after.state, after.lived) == (INTERRUPTED, 10.0)
    assert (after.standing.done, after.standing.left) == (6, 6) and not after.wrong
    with Journal(path, ABOUT) as journal:
        _begin(journal, 12, at=3000.0, known=6)
        _add(journal, "d", "e", "f", combinations=2)
        # A row that is computed twice counts once.
        _add(journal, "f", combinations=2)
        _end(journal, 3010.0)
    done = status_of(path)
    assert (done.state, done.standing.done, done.standing.left) == (ENDED, 12, 0)


def test_a_line_that_is_cut_off_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.journal"
    with Journal(path, ABOUT) as journal:
        assert status_of(path).state == RUNNING
        _begin(journal, 3, at=0.0)
        _add(journal, "a")
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"case": "b", "combin')
        assert status_of(path).standing.done == 1
    for left in range(len(whole)):
        path.write_bytes(whole[:left])
        if b"\n" in whole[:left]:
            assert status_of(path).state in (UNKNOWN, KILLED)
        else:
            with pytest.raises(FileError, match="no journal"):
                status_of(path)


def test_who_asks_disturbs_no_run(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.journal"
    Journal(path, ABOUT).close()
    text = "from pathlib import Path; from voxgpu.cohorts.status import status_of\n"
    text += f"while True: status_of(Path({str(path)!r}))"
    asking = subprocess.Popen([sys.executable, "-c", text])
    try:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            Journal(path, ABOUT).close()
    finally:
        asking.kill()
        asking.wait()


def test_parts_are_told_together(tmp_path: Path) -> None:
    for number in (1, 3):
        path = tmp_path / f"t.part-{number}-of-3.csv.journal"
        with Journal(path, ABOUT) as journal:
            _begin(journal, 10, at=0.0, part=f"{number}/3", all_rows=30)
            _add(journal, *(f"{number}-{each}" for each in range(4)))
            _add(journal, f"{number}-bad", error=f"{number}-bad is bad")
            _end(journal, 10.0)
    paths = journals_of(tmp_path / "t.csv")
    assert [each.name[7:8] for each in paths] == ["1", "3"]
    parts = [status_of(each) for each in paths]
    standing = together(parts)
    assert (standing.total, standing.done, standing.failed, standing.left) == (30, 8, 2, 20)
    assert missing_parts(parts) == [2]
    told = voxgpu("cohort", "--status", "t.csv", cwd=tmp_path)
    assert told.status == 3 and told.lines[0] == "3 parts: 2 ended, 1 not begun (2)"
    assert told.lines[1].startswith("10 of 30 rows, 2 failed")
    assert "  failed: 1-bad, 3-bad: … is bad" in told.lines
    # Those of an earlier division of the cohort are no part of it.
    with Journal(tmp_path / "t.part-2-of-4.csv.journal", ABOUT) as journal:
        _begin(journal, 7, at=100.0, part="2/4", all_rows=28)
        found = voxgpu("cohort", "--status", "t.csv", "--json", cwd=tmp_path).json
    assert found["running"] and found["total"] == 28 and found["not_begun"] == [1, 3, 4]


@pytest.mark.parametrize("name", ["none.csv", "none.csv.journal", "p.imgql"])
def test_what_is_no_journal_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "p.imgql").write_text("print 1\n")
    told = voxgpu("cohort", "--status", name, cwd=tmp_path)
    assert told.status == 1 and name in told.err and "journal" in told.err and not told.out


PROGRAM = 'print "it" 1 / $N\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text(PROGRAM)
    lines = [f"c{number},{number if number % 7 else 'x'}" for number in range(1, 15)]
    (tmp_path / "cases.csv").write_text("\n".join(["NAME,N", *lines]) + "\n")
    return tmp_path


def test_of_a_run_of_the_command(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--store", "none", "--workers", "0")
    voxgpu(*words, cwd=desk)
    told = voxgpu("cohort", "--status", cwd=desk)  # of cohort.csv
    assert told.status == 3 and not told.err
    assert told.lines[0].startswith("cohort.csv.journal: ended on ")
    assert told.lines[1].startswith("14 of 14 cases, 2 failed, ")
    assert any(each.startswith("  failed: c7, c14: p.imgql:1") for each in told.lines)
    assert told.lines[-2].startswith("  last: c13  done  ") and "it=" in told.lines[-2]
    found = voxgpu("cohort", "--status", "cohort.csv.journal", "--json", cwd=desk).json
    assert (found["total"], found["done"], found["failed"], found["left"]) == (14, 12, 2, 0)
    assert not found["running"] and found["failures"][0]["cases"] == ["c7", "c14"]
    assert found["journals"][0]["state"] == "ended"
    (desk / "cases.csv").write_text("NAME,N\nc1,1\nc2,2\n")
    voxgpu(*words, cwd=desk)
    assert voxgpu("cohort", "--status", cwd=desk).status == 0


def test_of_a_run_of_the_python_interface(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    journal = desk / "t.csv.journal"
    cohort = voxgpu_module.cohort(PROGRAM, "cases.csv", table="t.csv", workers=0)
    seen = [row["case"] for _, row in zip(range(3), cohort, strict=False)]
    found = status_of(journal)
    assert (found.state, found.standing.total, found.standing.done) == (RUNNING, 14, len(seen))
    cohort.cancel()
    found = status_of(journal)
    assert found.state == INTERRUPTED and found.standing.left == 14 - len(seen)
    voxgpu_module.cohort(PROGRAM, "cases.csv", table="t.csv", workers=0).run()
    found = status_of(journal)
    assert found.state == ENDED and (found.standing.done, found.standing.failed) == (12, 2)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_of_a_run_that_is_killed(desk: Path, number: signal.Signals) -> None:
    lines = [f"c{number},{number}" for number in range(1, 20_001)]
    (desk / "cases.csv").write_text("\n".join(["NAME,N", *lines]) + "\n")
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--store", "none", "--workers", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "voxgpu", *words], cwd=desk, stderr=subprocess.DEVNULL
    )
    journal = desk / "cohort.csv.journal"
    try:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            if journal.exists() and journal.read_bytes().count(b"\n") > 60:
                break
            time.sleep(0.02)
        running = voxgpu("cohort", "--status", "--json", cwd=desk)
        assert running.status == 0 and running.json["running"]
        found = running.json["journals"][0]
        assert found["state"] == "running" and found["begin"]["pid"] == process.pid
        assert found["total"] == 20_000 and 20 < found["done"] < 20_000
        assert found["rate_per_second"] > 0 and found["seconds_left"] > 0
    finally:
        process.send_signal(number)
        process.wait()
    after = voxgpu("cohort", "--status", "--json", cwd=desk)
    state = after.json["journals"][0]["state"]
    assert state == ("killed" if number == signal.SIGKILL else "interrupted")
    assert after.status == 3 and not after.json["running"] and after.json["left"] > 0
    assert json.loads(after.out)["done"] >= found["done"]
