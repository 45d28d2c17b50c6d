"""What is shown and logged of a cohort while it runs, on a terminal and without."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.command import in_terminal, voxgpu
from voxgpu.cli.cohort.display import Display
from voxgpu.cli.cohort.watch import Lines, Watch
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.events import (
    CASE_BEGINS,
    CASE_ENDS,
    WORKER_LOST,
    WORKERS_START,
    Event,
    happened,
    ignore,
)
from voxgpu.cohorts.row import FAILED, Row
from voxgpu.cohorts.run import Cohort
from voxgpu.compile import Options
from voxgpu.diagnostics import Source

COHORT = Cohort(
    Program(Source("p.imgql", ""), None, Options()), [Case(f"c{n}", "") for n in range(300)], [()]
)

PROGRAM = 'print "it" 1 / $N\n'


def _begins(worker: int | str, case: str) -> Event:
    return happened(CASE_BEGINS, worker=str(worker), host="h", case=case)


def _ends(worker: int | str, case: str) -> Event:
    return happened(CASE_ENDS, worker=str(worker), host="h", case=case)


def _drawn(watch: Display, console: Console) -> list[str]:
    other = Console(file=io.StringIO(), width=console.width, height=console.height)
    with other.capture() as captured:
        other.print(watch.drawn())
    return captured.get().splitlines()


@pytest.mark.parametrize(("workers", "height"), [(3, 40), (64, 40), (64, 9), (64, 3), (1000, 24)])
def test_a_line_for_each_worker_as_far_as_they_fit(workers: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=80, height=height, force_terminal=True)
    watch = Display(console=console)
    with watch.during(COHORT, 300, 0, ignore):
        for number in range(workers):
            watch.tell(_begins(number, f"case{number}"))
        lines = _drawn(watch, console)
        assert len(lines) <= min(height, 13) and all(len(each) <= 80 for each in lines)
        most = max(1, min(12, height - 4))
        if workers <= most:
            assert [each.split()[:3] for each in lines[:-1]] == [
                ["worker", str(n), f"case{n}"] for n in range(workers)
            ]
        else:
            assert lines[-2] == f"and {workers - most + 1} more workers"
            # The ones that have been on a case for longest.
            assert [each.split()[1] for each in lines[: most - 1]] == [
                str(n) for n in range(most - 1)
            ]
        assert "0 of 300 cases, 0 failed" in lines[-1]


def test_workers_go_on_and_go_away() -> None:
    console = Console(file=io.StringIO(), width=60, height=30, force_terminal=True)
    watch = Display(console=console)
    with watch.during(COHORT, 300, 100, ignore):
        for number in range(3):
            watch.tell(_begins(number, f"a{number}"))
        watch.tell(_ends(0, "a0"))
        watch.tell(_begins(0, "long/" * 40 + "end"))
        watch.tell(_ends(1, "a1"))
        watch.tell(happened(WORKER_LOST, worker="2", host="h"))
        watch.row(Row("a0", ()))
        lines = _drawn(watch, console)
    assert len(lines) == 2 and len(lines[0]) <= 60 and "…" in lines[0] and "end  0 s" in lines[0]
    assert "101 of 300 cases" in lines[1]


def test_lines_come_every_so_often(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Lines(interval=0.05)
    with watch.during(COHORT, 300, 0, ignore):
        watch.tell(happened(WORKERS_START, dashboard="http://127.0.0.1:1/status", scheduler="s"))
        time.sleep(0.3)
        for number in range(300):
            error = "" if number % 3 else f"c{number} is wrong"
            watch.row(Row(f"c{number}", (), status=FAILED if error else "done", error=error))
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert not shown.out and lines[1] == "dashboard: http://127.0.0.1:1/status"
    assert lines.count("0 of 300 cases, 0 failed") >= 3
    assert lines[-1].startswith("300 of 300 cases, 100 failed, ")
    # Failures of one kind are told a few times.
    assert [each for each in lines if "is wrong" in each] == [
        f"c{n}: c{n} is wrong" for n in range(0, 15, 3)
    ]
    after = len(lines)
    time.sleep(0.12)
    assert after and not capsys.readouterr().err


def test_who_wants_quiet_hears_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    with pytest.raises(KeyError), watch.during(COHORT, 300, 0, ignore):
        watch.tell(_begins(0, "a"))
        watch.row(Row("a", (), status=FAILED, error="wrong"))
        raise KeyError
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text(PROGRAM)
    (tmp_path / "cases.csv").write_text("NAME,N\na,1\nb,2\nc,x\nd,4\n")
    return tmp_path


def test_a_run_without_a_terminal(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--store", "none")
    ended = voxgpu(*words, "--log", "logs/l.jsonl", cwd=desk)
    first, *_, failure, last, saved, _ = ended.err.splitlines()
    assert ended.status == 3 and not ended.out
    assert first == "0 of 4 cases, 0 failed" and failure.startswith("c: ")
    assert re.fullmatch(r"4 of 4 cases, 1 failed, \S+ a (second|minute), in \d+ s", last)
    assert saved.startswith("saved cohort.csv")
    events = [json.loads(each) for each in (desk / "logs" / "l.jsonl").read_text().splitlines()]
    assert [each["event"] for each in events if each["event"] != "note"] == [
        "run begins",
        *["case begins", "case ends"] * 4,
        "run ends",
    ]
    assert events[0]["rows"] == 4 and events[-1]["failed"] == 1 and events[-1]["how"] == "ended"
    assert [each["time"] for each in events] == sorted(each["time"] for each in events)
    documented = Path(__file__).parents[2] / "docs" / "cohorts.md"
    fields = set().union(*events) | {"slurm"}
    text = documented.read_text()
    assert not [each for each in fields if f"`{each}`" not in text]
    # Quiet, and goes on: only what failed is run again.
    again = voxgpu(*words, "-q", "--log", "logs/l.jsonl", cwd=desk)
    assert (again.status, again.err) == (3, "")
    events = [json.loads(each) for each in (desk / "logs" / "l.jsonl").read_text().splitlines()]
    begun = [each for each in events if each["event"] == "run begins"]
    assert [each["known"] for each in begun] == [0, 3]
    assert [each["event"] for each in events].count("case ends") == 4 + 1


def test_a_log_that_cannot_be_written_is_told_before_anything_runs(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--log", "p.imgql/l.jsonl")
    ended = voxgpu(*words, cwd=desk)
    assert ended.status == 1 and "p.imgql/l.jsonl" in ended.err
    assert not (desk / "cohort.csv").exists()


@pytest.mark.slow
def test_a_run_on_a_terminal(desk: Path) -> None:
    words = ("cohort", "p.imgql", "--cases", "cases.csv", "--store", "none")
    status, out, shown = in_terminal(*words, cwd=desk)
    assert (status, out) == (3, "") and "4 of 4 cases, 1 failed" in shown
    assert shown.index("c: p.imgql:1:14: ") < shown.index("4 of 4 cases, 1 failed")
    assert "saved cohort.csv" in shown
    quiet = in_terminal(*words, "-q", cwd=desk)
    assert quiet == (3, "", "")
