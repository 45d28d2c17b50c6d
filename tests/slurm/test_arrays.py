"""Job arrays on a real SLURM: the table of one process, whatever ends tasks early."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli import command
from tests.cli.command import Ended, voxgpu
from tests.cohorts.tables import comparable, csv_rows
from tests.slurm.jobs import Slurm, await_

pytestmark = pytest.mark.slow

#: Notes each case that it has computed. The case of the number in the file ``wait-at`` waits there,
#: and writes its process into ``waiting``, until that file is gone.
PRIMITIVES = '''
import os
import time
from pathlib import Path

from voxgpu.primitives.define import NumberImage, whole_image

GATE, WAITING = Path("wait-at"), Path("waiting")


@whole_image()
def noted(v: NumberImage) -> NumberImage:
    """The image.

    >>> noted([1, 2])
    [1, 2]
    """
    number = f"{v.max():.0f}"
    if v.size > 10:
        while GATE.exists() and GATE.read_text() == number:
            WAITING.write_text(str(os.getpid()))
            time.sleep(0.05)
        with open("noted", "a") as file:
            file.write(f"{number}\\n")
    return v
'''

PROGRAM = 'load v = "$V"\nprint "n" volume(noted(v) > $T)\nprint "m" avg(v, v > 20)\n'
PROGRAM += 'save "wide.nii" near(v > $T)\n'


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose name shells do not like, with a program."""
    monkeypatch.setattr(command, "COMMAND", [sys.executable, "-m", "voxgpu"])
    folder = tmp_path / 'it\'s "the" $desk %j'
    folder.mkdir()
    (folder / "p.imgql").write_text(PROGRAM)
    (folder / "noted.py").write_text(PRIMITIVES)
    return folder


def _cases(desk: Path, count: int) -> None:
    """Cases whose greatest voxel is their number, from 100."""
    for number in range(count):
        case = desk / "data" / f"case {number}"
        case.mkdir(parents=True)
        voxels = np.random.default_rng(number).integers(0, 99, (5 + number, 6, 7), np.int16)
        voxels[0, 0, 0] = 100 + number
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii"))


def _cohort(desk: Path, *words: object) -> Ended:
    return voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "-o", "out put"),
        *("--primitives", "noted.py", *words),
        cwd=desk,
    )


def _script(desk: Path, *words: object) -> None:
    """Writes ``job.sh``, for a time limit of a minute."""
    asked = ("--write-sbatch", "job.sh", "--memory-per-worker", "1500M", "--walltime", "1")
    ended = _cohort(desk, *asked, *words)
    assert ended.status == 0, ended.err


def _merged(slurm: Slurm, desk: Path, after: str) -> list[dict[str, str]]:
    """The rows of the table that a job writes which depends on another."""
    words = (f"--dependency=afterany:{after}", "--array=0", "job.sh", "merge")
    slurm.finish(slurm.submit(*words, cwd=desk))
    return _rows(desk / "cohort.csv")


def _rows(path: Path) -> list[dict[str, str]]:
    return comparable(csv_rows(path))


def _noted(desk: Path) -> list[str]:
    """The numbers of the cases that were computed, in their order."""
    path = desk / "noted"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def _blocked(desk: Path) -> int:
    """Waits until a case waits; returns the process that computes it."""
    await_(lambda: (desk / "waiting").exists() and (desk / "waiting").read_text())
    return int((desk / "waiting").read_text())


def _log(desk: Path) -> str:
    return "".join(each.read_text() for each in (desk / "cohort.csv.jobs").iterdir())


def test_merged_parts_of_an_array_are_the_table_of_one_process(slurm: Slurm, desk: Path) -> None:
    """Also with more tasks than cases, with gaps in the array, and a case that fails."""
    _cases(desk, 4)
    whole = (desk / "data/case 2/v.nii").read_bytes()
    (desk / "data/case 2/v.nii").write_bytes(whole[:-100])
    _script(desk, "--sweep", "T=40,60", "--tasks", 5, "--log", "log.jsonl")
    first = slurm.submit("--array=1,3-5", "job.sh", cwd=desk)
    slurm.finish(first)
    assert _noted(desk) == ["100", "103"]  # the one that fails is in the third part
    last = slurm.submit("--array=2", "job.sh", cwd=desk)
    rows = _merged(slurm, desk, last)
    assert _noted(desk) == ["100", "101", "103"]
    ended = _cohort(desk, "--sweep", "T=40,60", "--table", "one.csv", "--workers", 0)
    assert ended.status == 3, ended.err
    assert rows == _rows(desk / "one.csv") and len(rows) == 8
    assert (desk / "cohort.csv").read_text().splitlines()[0].startswith("case,T,n,m,seconds")
    assert (desk / "out put/case 3/T=60/wide.nii").exists()
    said = _log(desk)
    assert "part 3 of 5 ended with status 3" in said and "part 5 of 5 ended with status 0" in said
    assert "bash job.sh merge" in said and "saved cohort.csv: 8 rows, 2 failed" in said
    logs = sorted(each.name for each in desk.glob("log*.jsonl"))
    assert logs[0] == "log.part-1-of-5.jsonl"
    assert str(first) in (desk / logs[0]).read_text()  # SLURM's number of the job


def test_a_task_that_meets_its_limit_is_queued_again_and_goes_on(slurm: Slurm, desk: Path) -> None:
    _cases(desk, 6)
    _script(desk, "-D", "T=40", "--tasks", 1, "--grace", 0.5)
    (desk / "wait-at").write_text("104")
    # SLURM looks at limits every half minute: the signal comes after 15 to 45 seconds.
    job = slurm.submit("--signal=B:TERM@45", "job.sh", cwd=desk)
    await_(lambda: "the time is over: part 1 is queued again" in _log(desk))
    first = _noted(desk)
    assert first and first == ["100", "101", "102", "103"][: len(first)]
    (desk / "wait-at").unlink()
    # A task that is being queued again seems to have ended for a while.
    await_(lambda: slurm.finish(job) is None and "1 of 1 ended with status 0" in _log(desk))
    assert _noted(desk) == [str(100 + n) for n in range(6)]  # each once
    journal = (desk / "cohort.part-1-of-1.csv.journal").read_text()
    assert journal.count('"status": "done"') == 6
    assert [row["status"] for row in _merged(slurm, desk, job)] == ["done"] * 6


def test_a_task_that_finishes_nothing_within_its_limit_is_not_queued_again(
    slurm: Slurm, desk: Path
) -> None:
    _cases(desk, 1)
    _script(desk, "-D", "T=40", "--grace", 0)
    (desk / "wait-at").write_text("100")
    job = slurm.submit("job.sh", cwd=desk)
    _blocked(desk)
    slurm("scancel", "--signal=TERM", "--batch", job)  # what --signal=B:TERM does
    slurm.finish(job)
    said = _log(desk)
    assert "no case was finished in it" in said and "queued again" not in said
    assert not _noted(desk)


@pytest.mark.parametrize("how", ["scancel", "kill -9"])
def test_a_task_that_was_ended_goes_on_where_it_is_submitted_again(
    slurm: Slurm, desk: Path, how: str
) -> None:
    _cases(desk, 5)
    _script(desk, "-D", "T=40", "--tasks", 1, "--grace", 0.5)
    (desk / "wait-at").write_text("103")
    job = slurm.submit("job.sh", cwd=desk)
    process = _blocked(desk)
    if how == "scancel":
        slurm("scancel", job)
    else:
        os.kill(process, signal.SIGKILL)
    slurm.finish(job)
    assert _noted(desk) == ["100", "101", "102"]
    assert "queued again" not in _log(desk)
    if how == "scancel":
        assert len(_rows(desk / "cohort.part-1-of-1.csv")) == 3
    (desk / "wait-at").unlink()
    rows = _merged(slurm, desk, slurm.submit("job.sh", cwd=desk))
    assert [row["status"] for row in rows] == ["done"] * 5
    assert _noted(desk) == [str(100 + n) for n in range(5)]  # each once


def test_the_limits_of_a_job_are_those_of_voxgpu(slurm: Slurm, desk: Path) -> None:
    shell = f"'{sys.executable}' -m voxgpu doctor --quick"
    job = slurm.submit("--mem=1234M", "-c2", "--output=said.txt", "--wrap", shell, cwd=desk.parent)
    slurm.finish(job)
    said = (desk.parent / "said.txt").read_text()
    assert "2: SLURM_CPUS_PER_TASK" in said
    assert re.search(r"of 1\.3 GB: SLURM_MEM_PER_NODE", said), said
    # An array asks for them: the job has the memory and cores that voxgpu then takes.
    _cases(desk, 1)
    _script(desk, "-D", "T=40", "--cpus", 2)
    slurm.finish(slurm.submit("job.sh", cwd=desk))
    assert "with 2 threads" in _log(desk) and re.search(r"of 1\.\d GB", _log(desk)), _log(desk)


def test_a_task_computes_on_its_gpu_alone(
    slurm: Slurm, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the mock GPUs of tests; SLURM's are stand-ins, which have numbers and nothing else."""
    from tests.cohorts.gpu_trace import SITE, traced, traced_environment
    from tests.cuda_emulator.module import requires_emulation

    requires_emulation()
    _cases(desk, 4)
    words = ("-D", "T=40", "--tasks", 4, "--gpus", 1, "--store", "none")
    environment = traced_environment(2, desk)
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", environment["PYTHONPATH"])
        _script(desk, *words)
    assert f"export PYTHONPATH={SITE}" in (desk / "job.sh").read_text()
    own = {k: v for k, v in environment.items() if os.environ.get(k) != v}
    del own["PYTHONPATH"]
    job = slurm.submit("job.sh", cwd=desk, **own)
    rows = _merged(slurm, desk, job)
    assert [row["device"] for row in rows] == ["cuda:0"] * 4, _log(desk)
    of_process, uses, _ = traced(desk)
    assert sorted(each.case for each in uses) == [f"case {n}" for n in range(4)]
    for each in uses:
        assert re.fullmatch(r"\d", each.visible) and each.gpus == {int(each.visible)}
    assert all(len(gpus) == 1 for gpus in of_process.values() if gpus)
