"""Schedulers and workers that are gone, or hang: the run ends with what it has, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import check_text
from tests.cohorts.clusters import await_, rows
from tests.cohorts.test_ending import WORDS, desk

pytest.importorskip("distributed")

pytestmark = pytest.mark.slow

__all__ = ["desk"]


class _Cluster:
    """A scheduler and a worker with a nanny, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        words = ["--no-dashboard", "--port", "0", "--scheduler-file", str(self.file)]
        self.scheduler = subprocess.Popen([*dask, *words], cwd=folder, stderr=subprocess.DEVNULL)
        dask = [sys.executable, "-m", "distributed.cli.dask_worker"]
        words = ["--no-dashboard", "--nthreads", "1", "--memory-limit", "0", "--no-nanny"]
        words += ["--scheduler-file", str(self.file)]
        self.worker = subprocess.Popen([*dask, *words], cwd=folder, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        for each in (self.worker, self.scheduler):
            each.kill()
            each.wait()


@pytest.fixture
def cluster(desk: Path) -> Iterator[_Cluster]:
    found = _Cluster(desk)
    yield found
    found.end()


def _started(desk: Path, cluster: _Cluster, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "voxgpu", *WORDS, "--scheduler", str(cluster.file), *words]
    await_(cluster.file.exists)
    process = subprocess.Popen(command, cwd=desk, stderr=subprocess.PIPE, text=True)
    await_(lambda: (desk / "runs-2").exists() or process.poll() is not None)
    return process


def _ended(process: subprocess.Popen[str], desk: Path) -> str:
    text = process.communicate(timeout=600)[1]
    check_text(text)
    assert process.returncode == 1, text
    assert "1 of 6 rows are in `cohort.csv`; the same command goes on" in text
    assert [row["case"] for row in rows(desk)] == ["case1"]
    return text


def test_the_scheduler_is_gone(desk: Path, cluster: _Cluster) -> None:
    process = _started(desk, cluster)
    cluster.scheduler.kill()
    assert "error[E502]" in _ended(process, desk)


def test_all_workers_are_gone(desk: Path, cluster: _Cluster) -> None:
    process = _started(desk, cluster, "--wait", "15")
    cluster.worker.kill()
    text = _ended(process, desk)
    assert "error[E502]" in text and "has had no worker for" in text


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_worker_that_hangs_is_ended(desk: Path, cluster: _Cluster) -> None:
    process = _started(desk, cluster, "--wait", "15", "--case-timeout", "2")
    cluster.worker.send_signal(signal.SIGSTOP)
    text = _ended(process, desk)
    assert "error[E502]" in text
