"""Workers in jobs of a real SLURM: what each is given, and where its cases run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.cuda.programs import write_image
from tests.cli import command
from tests.cli.command import voxgpu
from tests.cohorts.clusters import WORDS, given, needs_jobqueue, prepare, rows
from tests.cohorts.gpu_trace import traced_environment
from tests.cohorts.tables import comparable
from tests.cuda_emulator.module import requires_emulation
from tests.slurm.jobs import Slurm

pytestmark = [pytest.mark.slow, needs_jobqueue]

JOBS = ("--cluster", "slurm", "--workers", "2", "--queue", "debug", "--walltime", "5")
JOBS += ("--memory-per-worker", "1536MiB")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose name shells do not like."""
    monkeypatch.setattr(command, "COMMAND", [sys.executable, "-m", "voxgpu"])
    folder = tmp_path / 'it\'s "the" $desk %j'
    folder.mkdir()
    return folder


def test_each_job_has_a_worker(slurm: Slurm, desk: Path) -> None:
    prepare(desk, 8)
    ended = voxgpu(*WORDS, *JOBS, cwd=desk, variables=slurm.variables)
    assert ended.status == 0, ended.err
    assert "2 jobs of SLURM are queued; what they write goes to cohort.csv.jobs" in ended.err
    assert [each["most"] for each in rows(desk)] == [f"{100 + n}.0" for n in range(8)]
    found = given(desk)
    jobs = {each["job"] for each in found}
    assert None not in jobs and 1 <= len(jobs) <= 2
    for each in found:
        assert (each["threads"], each["variables"]) == (1, ["1"] * 4)
        assert each["memory"] == (1536 - 150) << 20
        # Without a limit dask neither spills nor ends anything.
        assert each["limits"][0] is None and each["data"] == "dict"
        assert each["trim"] is None
    assert {f"voxgpu-{each}.log" for each in jobs} <= {
        each.name for each in (desk / "cohort.csv.jobs").iterdir()
    }
    # No job is left when all is done.
    for job in jobs:
        slurm.finish(job)


def test_jobs_give_the_table_of_one_process(slurm: Slurm, desk: Path) -> None:
    prepare(desk, 5)
    (desk / "data" / "case2" / "v.nii").write_bytes(b"no image")
    text = 'load v = "$V"\nprint "bright" volume(v > $T)\nprint "mean" avg(v, v >= 0)\n'
    (desk / "q.imgql").write_text(text)
    words = ("cohort", "q.imgql", "--cases", "data/*/", "-D", "V={path}/v.nii", "--store", "none")
    words += ("--sweep", "T=0,101", "--device", "cpu")
    there = voxgpu(*words, *JOBS, cwd=desk, variables=slurm.variables)
    here = voxgpu(*words, "--workers", "0", "--table", "one.csv", cwd=desk)
    assert there.status == here.status == 3, there.err + here.err
    found = rows(desk)
    assert comparable(found) == comparable(rows(desk, "one.csv")) and len(found) == 10
    assert {each["status"] for each in found} == {"done", "failed"}
    assert all(each["worker"] for each in found)


def test_what_slurm_does_not_take_is_told_before_anything_runs(slurm: Slurm, desk: Path) -> None:
    prepare(desk, 1)
    for words, said in [
        (("--queue", "nowhere"), "nowhere"),
        (("--cpus", "64"), "node configuration is not available"),
        (("--walltime", "soon"), "time"),
        (("--extra-directive=--fooo",), "fooo"),
    ]:
        ended = voxgpu(*WORDS, *JOBS, *words, cwd=desk, variables=slurm.variables)
        assert ended.status == 1 and "SLURM does not take the jobs: " in ended.err, ended.err
        assert said in ended.err and "--dry-run" in ended.err
    queued = slurm("squeue", "--noheader", "--format=%Z")  # others test at the same time
    assert str(desk) not in queued


def test_each_case_runs_on_the_gpu_of_its_job(slurm: Slurm, desk: Path) -> None:
    requires_emulation()
    for number in range(6):
        (desk / "data" / f"c{number}").mkdir(parents=True)
        write_image(desk / "data" / f"c{number}" / "v.nii")
    (desk / "p.imgql").write_text('load v = "$CASE/v.nii"\nprint "n" volume(near(v > 60))\n')
    configuration = {"SLURM_CONF": slurm.variables["SLURM_CONF"]}
    done = subprocess.run(
        [*command.COMMAND, "cohort", "p.imgql", "--cases", "data/*/", *JOBS, "--gpus", "1"],
        cwd=desk,
        env=traced_environment(2, desk) | configuration,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    found = rows(desk)
    assert len(found) == 6 and {each["device"] for each in found} == {"cuda:0"}
    cases = 0
    for file in (desk / "trace").iterdir():
        lines = [json.loads(each) for each in file.read_text().splitlines()]
        begun = [about for kind, _, about in lines if kind == "case"]
        used = {about for kind, _, about in lines if kind == "gpu"}
        # The GPU that SLURM gave the job; the process that asks uses none.
        assert used == {int(visible) for _, _, visible in begun}
        assert len(used) == (1 if begun else 0)
        cases += len(begun)
    assert cases == 6
