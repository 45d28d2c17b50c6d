"""Options that say where cases run: how they fit together, and the scripts of jobs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.command import voxgpu
from tests.cohorts.clusters import needs_jobqueue
from voxgpu.cohorts.clusters.existing import _address, check_versions
from voxgpu.cohorts.clusters.local import settings_of_worker
from voxgpu.cohorts.clusters.slurm import device_of
from voxgpu.cohorts.placement import Job
from voxgpu.diagnostics import ImgqlError
from voxgpu.session_settings import SessionSettings
from voxgpu.version import __version__


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "p.imgql").write_text('print "path" volume("$CASE.nii")\n')
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path


COHORT = ("cohort", "p.imgql", "--cases", "data/*/")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--scheduler tcp://h:1 --cluster cuda", "not both"),
        ("--scheduler tcp://h:1 --workers 2", "leave --workers out"),
        ("--cluster cuda --workers 0", "needs workers"),
        ("--cluster slurm --workers 0", "needs workers"),
        ("--cluster cuda --device cpu", "its own GPU"),
        ("--cluster cuda --device cuda:1", "its own GPU"),
        ("--cluster slurm --threads 2", "--cpus in place of --threads"),
        ("--cluster slurm --memory 2G", "--memory-per-worker, not --memory"),
        ("--cluster slurm --gpus 1 --device cpu", "leave --device out"),
        ("--cluster slurm --device cuda:0", "--gpus 1"),
        ("--dry-run", "needs --cluster slurm"),
        ("--cluster cuda --dry-run", "needs --cluster slurm"),
        ("--wait 5", "--wait is for"),
        ("--queue q", "--queue: only for jobs"),
        ("--cluster cuda --walltime 5 --gpus 2", "--walltime, --gpus: only for jobs"),
        ("--workers 2 --extra-directive=--foo", "--extra-directive: only for jobs"),
        ("--cluster slurm --extra-directive foo", "no option of sbatch"),
        ("--cluster pbs", "'cuda', 'slurm'"),
        ("--workers -1", "--workers"),
        ("--cluster slurm --cpus 0", "--cpus"),
        ("--scheduler tcp://h:1 --wait 0", "--wait"),
    ],
)
def test_options_that_do_not_fit_together(desk: Path, words: str, said: str) -> None:
    ended = voxgpu(*COHORT, *words.split(), cwd=desk)
    assert ended.status == 2 and said in ended.err.replace("\n", " "), ended.err
    assert not list(desk.glob("cohort.csv*"))


@needs_jobqueue
def test_a_job_script(desk: Path) -> None:
    words = "--cluster slurm --workers 4 --queue gpu --account lab --walltime 02:00:00 --gpus 1"
    words += " --cpus 6 --memory-per-worker 12G --dry-run --table out/t.csv"
    ended = voxgpu(
        *(*COHORT, *words.split()),
        *("--extra-directive", "--constraint=a100", "--extra-directive", "#SBATCH --mail-type=END"),
        cwd=desk,
    )
    assert ended.status == 0, ended.err
    head = [each.removeprefix("#SBATCH ") for each in ended.lines if each.startswith("#SBATCH")]
    assert {
        *("-J voxgpu", "-p gpu", "-A lab", "-t 02:00:00", "-n 1", "--cpus-per-task=6"),
        *("--mem=12G", "--gres=gpu:1", "--constraint=a100", "--mail-type=END"),
        f"--output={desk}/out/t.csv.jobs/%x-%j.log",
    } <= set(head)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        assert f"export {name}=6" in ended.lines
    assert "export ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=6" in ended.lines
    command = shlex.split(ended.lines[-1])
    assert command[:3] == [sys.executable, "-m", "distributed.cli.dask_worker"]
    options = dict(pairwise(command))  # the last one counts
    assert (options["--nthreads"], options["--memory-limit"]) == ("1", "0")
    assert options["--death-timeout"] == "60" and options["--local-directory"] == "${TMPDIR:-/tmp}"
    assert "--nanny" in command
    assert sorted(each.name for each in desk.iterdir()) == ["data", "p.imgql"]  # nothing was run


@needs_jobqueue
def test_memory_of_a_job_is_not_rounded_down(desk: Path) -> None:
    words = "--cluster slurm --memory-per-worker 1500M --dry-run"
    assert "#SBATCH --mem=2G" in voxgpu(*COHORT, *words.split(), cwd=desk).lines


def test_a_worker_has_a_share_of_cores_and_memory() -> None:
    alone = settings_of_worker(SessionSettings(), 1, 12, 30 << 30)
    assert (alone.threads, alone.memory) == (12, int(0.9 * (30 << 30)))
    shared = settings_of_worker(SessionSettings(memory=8 << 30), 5, 12, 30 << 30)
    assert (shared.threads, shared.memory) == (2, (8 << 30) // 5)
    many = settings_of_worker(SessionSettings(threads=3), 24, 12, 24 << 30)
    assert (many.threads, many.memory) == (3, int(0.9 * (24 << 30)) // 24)
    assert settings_of_worker(SessionSettings(), 24, 12, 1 << 30).threads == 1


def test_a_job_computes_on_its_gpus() -> None:
    assert device_of(Job(), "auto") == "auto"
    assert device_of(Job(gpus=1), "auto") == "cuda:0"
    assert device_of(Job(gpus=2), "auto") == "cuda:0,cuda:1"
    assert device_of(Job(gpus=1), "reference") == "reference"


def test_the_address_of_a_scheduler(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text('{"address": "tls://host:1234"}')
    assert _address(str(file)) == "tls://host:1234"
    assert _address("tcp://host:1") == "tcp://host:1"
    assert _address("host:1") == "tcp://host:1"
    for text in ("", "[]", "{}", "null"):
        file.write_text(text)
        with pytest.raises(ImgqlError, match="no file of a dask scheduler"):
            _address(str(file))
    with pytest.raises(ImgqlError, match="cannot read the file of a scheduler"):
        _address(str(tmp_path / "gone.json"))


class _Client:
    """A client of processes with given versions."""

    def __init__(self, scheduler: object, worker: object, voxgpu: object = None) -> None:
        self._found = {"client": _versions(), "scheduler": scheduler, "workers": {"w": worker}}
        self._voxgpu = {"voxgpu": __version__} if voxgpu is None else voxgpu

    def get_versions(self, check: bool) -> dict[str, object]:
        return self._found

    def run(self, function: object, on_error: str) -> dict[str, object]:
        return {"w": self._voxgpu}


def _versions(**other: str) -> dict[str, object]:
    packages = {"python": "3.11.7.final.0", "dask": "1", "distributed": "1", "numpy": "2"}
    return {"packages": {**packages, **other}}


def test_versions_must_agree() -> None:
    check_versions(_Client(_versions(), _versions()), "tcp://h:1")
    # What is not sent may differ.
    check_versions(_Client(_versions(), _versions(numpy="3", python="3.11.2.final.0")), "tcp://h:1")
    for scheduler, worker, ours, said in [
        (_versions(dask="2"), _versions(), None, "the scheduler has dask 2 (here 1)"),
        (_versions(), _versions(distributed="2"), None, "worker w has distributed 2 (here 1)"),
        (_versions(), _versions(python="3.12.1"), None, "worker w has Python 3.12 (here 3.11)"),
        (_versions(), _versions(), {"voxgpu": "0.0.9"}, "worker w has voxgpu 0.0.9 (here"),
        (_versions(), _versions(), {"voxgpu": ""}, "worker w has voxgpu missing (here"),
        (_versions(), _versions(), OSError("gone"), "worker w does not say which (OSError)"),
    ]:
        with pytest.raises(ImgqlError) as raised:
            check_versions(_Client(scheduler, worker, ours), "tcp://h:1")
        assert said in str(raised.value), said
        assert "install the same versions" in str(raised.value)


@needs_jobqueue
def test_importing_a_library_leaves_ctrl_c_alone() -> None:
    """dask-jobqueue replaces the handler by one that exits."""
    text = """
import signal
from voxgpu.cohorts.clusters.libraries import imported
before = signal.getsignal(signal.SIGINT)
imported("dask_jobqueue", "voxgpu[cluster]", "jobs of SLURM")
import sys
assert "dask_jobqueue.runner" in sys.modules
assert signal.getsignal(signal.SIGINT) is before
"""
    subprocess.run([sys.executable, "-c", text], check=True)
