"""Cohorts on existing schedulers, and on local workers: shares and limits."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli import command
from tests.cli.command import voxgpu
from tests.cohorts.clusters import WORDS, await_, given, prepare, rows, scheduler, worker

pytest.importorskip("distributed")

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Workers are spawned, which needs the program that was started, not a fork of the tests.
    monkeypatch.setattr(command, "COMMAND", [sys.executable, "-m", "voxgpu"])
    # Dask has set it if a test has started workers in this process, however long ago.
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    prepare(tmp_path, 4)
    return tmp_path


def test_local_workers_share_the_computer(desk: Path) -> None:
    ended = voxgpu(*WORDS, "--workers", "2", "--memory", "3G", cwd=desk)
    assert ended.status == 0, ended.err
    found = given(desk)
    assert len({each["pid"] for each in found}) == 2
    for each in found:
        assert each["memory"] == 1_500_000_000 and each["threads"] >= 1
        assert each["variables"] == [str(each["threads"])] * 4
        assert each["limits"] == [None, False, False, False, False] and each["data"] == "dict"
        assert each["trim"] is None


def test_a_scheduler_that_runs_already(desk: Path) -> None:
    with scheduler(desk) as file:
        waiting = voxgpu(*WORDS, "--scheduler", file, "--wait", "1", cwd=desk)
        assert waiting.status == 1 and "no worker has joined tcp://" in waiting.err
        assert "dask worker tcp://" in waiting.err
        with worker(file, "--nthreads", "3", "--memory-limit", "2GB"):
            ended = voxgpu(*WORDS, "--scheduler", file, "--wait", "60", cwd=desk)
            assert ended.status == 0, ended.err
            found = given(desk)
            # A share is what the worker was started with, and cases come one after the other.
            assert {(each["threads"], each["memory"]) for each in found} == {(3, 1_400_000_000)}
            spans = sorted((each["from"], each["to"]) for each in found)
            assert all(one[1] <= next[0] for one, next in pairwise(spans))
            assert [each["most"] for each in rows(desk)] == ["100.0", "101.0", "102.0", "103.0"]
            again = voxgpu(
                *(*WORDS, "--scheduler", file, "--table", "b.csv"), "--threads", "1", cwd=desk
            )
            assert again.status == 0 and {each["threads"] for each in given(desk)} == {1}


def test_workers_that_come_and_go(desk: Path) -> None:
    """One comes late, ends while cases run, and another takes over what it had."""
    with scheduler(desk) as file:
        process = subprocess.Popen(
            [*command.COMMAND, *WORDS, "--scheduler", str(file), "--sweep", "T=1:6:1"],
            cwd=desk,
            stderr=subprocess.PIPE,
            text=True,
        )
        with worker(file, "--nthreads", "1"):
            await_((desk / "given-100.json").exists)
        with worker(file, "--nthreads", "1"):
            _, told = process.communicate(timeout=600)
    assert process.returncode == 0, told
    found = rows(desk)
    assert len(found) == 24 and {each["status"] for each in found} == {"done"}


def test_a_cluster_that_loses_its_workers(desk: Path) -> None:
    with scheduler(desk) as file:
        process = subprocess.Popen(
            [*command.COMMAND, *WORDS, "--scheduler", str(file), "--wait", "4"],
            cwd=desk,
            stderr=subprocess.PIPE,
            text=True,
        )
        with worker(file, "--nthreads", "1"):
            await_((desk / "given-100.json").exists)
        _, told = process.communicate(timeout=600)
        assert process.returncode == 1, told
        assert "all workers are gone; waiting for others" in told
        assert "has had no worker for" in told and "goes on from the journal" in told
        known = len(rows(desk))
        with worker(file, "--nthreads", "1"):
            again = voxgpu(*WORDS, "--scheduler", file, cwd=desk)
        assert again.status == 0 and len(rows(desk)) == 4
        assert known == 0 or f"{known} of 4 rows are there already" in again.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:9", "no scheduler answers at `tcp://127.0.0.1:9`"),
        ("tcp://127.0.0.1", "missing port"),
        ("foo://127.0.0.1:9", "unknown address scheme"),
        ("p.imgql", "no file of a dask scheduler"),
    ],
)
def test_a_wrong_address(desk: Path, address: str, said: str) -> None:
    ended = voxgpu(*WORDS, "--scheduler", address, "--wait", "1", cwd=desk)
    assert ended.status == 1 and said in ended.err and "E502" in ended.err
    assert rows(desk) == []
