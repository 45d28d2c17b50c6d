"""Ctrl-C and SIGTERM: cases that run may finish, the table is whole, and the run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import check_text
from tests.cohorts.clusters import await_, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs signals"),
]

#: Tells that a case runs, and waits until the file `go` is there.
PRIMITIVES = '''
import os
import time

from voxgpu.primitives.define import NumberImage, whole_image


@whole_image()
def slow(v: NumberImage) -> NumberImage:
    """The image.

    >>> slow([1, 2])
    [1, 2]
    """
    open(f"runs-{int(v.max())}", "w").close()
    while v.max() > 1 and not os.path.exists("go"):
        time.sleep(0.01)
    return v
'''

WORDS = ["cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "--store", "none"]
WORDS += ["--primitives", "slow.py"]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    for number in range(1, 7):
        folder = tmp_path / "data" / f"case{number}"
        folder.mkdir(parents=True)
        voxels = np.full((3, 4, 5), number, np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "v.nii"))
    (tmp_path / "p.imgql").write_text('load v = "$V"\nprint "most" max(slow(v))\n')
    (tmp_path / "slow.py").write_text(PRIMITIVES)
    return tmp_path


def _started(desk: Path, workers: int, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "voxgpu", *WORDS, "--workers", str(workers), *words]
    # A group of its own, to which Ctrl-C is sent as a terminal does.
    process = subprocess.Popen(
        command, cwd=desk, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    await_(lambda: (desk / "runs-2").exists() or process.poll() is not None)
    return process


def _await_stopping(process: subprocess.Popen[str]) -> None:
    """Waits until a run has noticed the first signal: two that come at once may be one."""
    assert process.stderr is not None
    assert any(line.startswith("stopping: ") for line in process.stderr)
    assert process.poll() is None


def _ended(process: subprocess.Popen[str]) -> list[str]:
    text = process.communicate()[1]
    check_text(text)
    return text.splitlines()


def _cases(desk: Path) -> list[str]:
    found = rows(desk)
    assert all(row["status"] == "done" and row["most"] == f"{row['case'][4:]}.0" for row in found)
    return [row["case"] for row in found]


def _goes_on(desk: Path) -> None:
    (desk / "go").touch()
    again = subprocess.run([sys.executable, "-m", "voxgpu", *WORDS], cwd=desk)
    assert again.returncode == 0 and _cases(desk) == [f"case{n}" for n in range(1, 7)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cases_that_run_may_finish(desk: Path, workers: int, number: signal.Signals) -> None:
    process = _started(desk, workers, "--grace", "60")
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _await_stopping(process)
    (desk / "go").touch()
    lines = _ended(process)
    assert process.returncode == 128 + number
    found = _cases(desk)
    word = "interrupted" if number == signal.SIGINT else "terminated"
    count = f"{len(found)} of 6 rows are in `cohort.csv`"
    assert lines[-1] == f"{word}: {count}; the same command goes on"
    # Those that ran, and no other; one that a worker began in that moment may be dropped, and the
    # worker of the first case may not have been there yet.
    ran = {f"case{each.name[5:]}" for each in desk.glob("runs-*")}
    assert {"case2"} <= set(found) <= ran and len(ran) < 6
    assert workers or set(found) == ran
    _goes_on(desk)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_second_ctrl_c_drops_them(desk: Path, workers: int) -> None:
    process = _started(desk, workers, "--grace", "60")
    os.killpg(process.pid, signal.SIGINT)
    _await_stopping(process)
    os.killpg(process.pid, signal.SIGINT)
    lines = _ended(process)
    assert process.returncode == 130 and set(_cases(desk)) <= {"case1"}
    assert lines[-1].startswith("interrupted: ") and "the same command goes on" in lines[-1]
    _goes_on(desk)


@pytest.mark.parametrize("grace", ["0", "0.5"])
def test_they_are_dropped_when_the_time_is_over(desk: Path, grace: str) -> None:
    process = _started(desk, 1, "--grace", grace, "--part", "1/1")
    process.send_signal(signal.SIGTERM)
    lines = _ended(process)
    assert process.returncode == 143
    assert lines[-1].startswith("terminated: 1 of 6 rows are in `cohort.part-1-of-1.csv`")
    assert lines[-1].endswith("the same command goes on with part 1/1")
