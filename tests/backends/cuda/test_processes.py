"""GPUs from the user's view: the command line, and a worker process for each GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.backends.cuda.emulated_cli import environment, environment_of_workers
from tests.backends.cuda.programs import write_image
from tests.cuda_emulator.module import requires_emulation


@pytest.fixture(autouse=True)
def desk(tmp_path: Path) -> Path:
    requires_emulation()
    write_image(tmp_path / "v.nii")
    (tmp_path / "p.imgql").write_text(
        'load v = "v.nii"\nprint "n" volume(near(v > 60))\nsave "o.nii" grow(v > 60, v > 30)\n'
    )
    return tmp_path


def _run(
    folder: Path, *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.backends.cuda.emulated_cli", *arguments],
        cwd=folder,
        env=variables or environment(2),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_a_program_on_the_command_line(desk: Path) -> None:
    done = _run(desk, "run", "-v", "--device", "cuda:1", "--device-memory", "1M", "p.imgql")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("n=") and (desk / "o.nii").exists()
    assert "device: cuda:1 (it was asked for)" in done.stderr
    on_cpu = _run(desk, "run", "--device", "cpu", "-o", "cpu", "p.imgql")
    assert on_cpu.stdout == done.stdout
    assert (desk / "cpu" / "o.nii").read_bytes() == (desk / "o.nii").read_bytes()


@pytest.mark.slow
def test_small_programs_are_not_sent_to_the_gpu(desk: Path) -> None:
    done = _run(desk, "run", "-v", "p.imgql")
    assert done.returncode == 0, done.stderr
    assert "device: cpu (" in done.stderr and "on the GPU)" in done.stderr


@pytest.mark.slow
def test_a_gpu_that_is_not_there(desk: Path) -> None:
    done = _run(desk, "run", "--json", "--device", "cuda:7", "p.imgql")
    assert done.returncode == 1
    (error,) = json.loads(done.stdout)["errors"]
    assert error["code"] == "E501" and "there are 2 GPUs, cuda:0 to cuda:1" in error["message"]


@pytest.mark.slow
def test_lines_that_are_entered(desk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.backends.cuda.emulated_cli", "repl", "--device", "cuda:0"],
        cwd=desk,
        env=environment(1),
        input='load v = "v.nii"\nlet a = near(v > 60)\nvolume(a)\nvolume(a | v > 30)\n',
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2


@pytest.mark.slow
def test_doctor_tries_every_device(desk: Path) -> None:
    done = _run(desk, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    trials = [line for line in done.stdout.splitlines() if line.startswith("trial")]
    assert [line.split()[1] for line in trials] == ["cpu:", "cuda:0:", "cuda:1:"]
    assert all("those of the reference" in line for line in trials)


@pytest.mark.slow
def test_a_worker_for_each_of_four_gpus(desk: Path) -> None:
    """The real dask-cuda, with the unmodified backend in each of its processes."""
    if find_spec("dask_cuda") is None:
        pytest.skip("dask_cuda is not installed: there is no cluster to start")
    variables = environment_of_workers(4, desk)
    done = _run(desk, "doctor", "--workers", variables=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = [line for line in done.stdout.splitlines() if line.startswith("trial")]
    assert [line.split()[2] for line in trials] == ["0:", "1:", "2:", "3:"]
    assert all("those of the reference" in line for line in trials)
