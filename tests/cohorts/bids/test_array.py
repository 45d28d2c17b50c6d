"""A job array over a BIDS dataset, its tasks run by bash: a derivative that is whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import voxgpu
from tests.cohorts.bids.made import sessions, validated

pytestmark = pytest.mark.slow


def test_tasks_and_their_merge_make_one_derivative(tmp_path: Path) -> None:
    sessions(tmp_path / "ds")
    program = 'load v = "$T1w"\nprint "bright" volume(v > 50)\nsave "bright.nii.gz" v > 50\n'
    (tmp_path / "p.imgql").write_text(program)
    words = ("cohort", "p.imgql", "--bids", "ds", "-o", "out", "--write-sbatch", "job.sh")
    ended = voxgpu(*words, "--tasks", 2, cwd=tmp_path)
    assert ended.status == 0, ended.err
    for variables in ({"SLURM_ARRAY_TASK_ID": "1"}, {"SLURM_ARRAY_TASK_ID": "2"}, {}):
        done = subprocess.run(
            ["bash", "job.sh", *([] if variables else ["merge"])],
            cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "6 rows, 0 failed" in done.stderr
    assert len((tmp_path / "out" / "logs" / "cohort.csv").read_text().splitlines()) == 7
    assert len(list((tmp_path / "out").rglob("*.nii.gz"))) == 6
    assert not validated(tmp_path / "out")
