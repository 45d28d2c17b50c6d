"""A worker for each of four mock GPUs: the real dask-cuda, and the unmodified backend."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from tests.backends.cuda.programs import write_image
from tests.cohorts.gpu_trace import traced, traced_environment
from tests.cohorts.tables import csv_rows
from tests.cuda_emulator.module import requires_emulation

pytestmark = pytest.mark.slow

GPUS, CASES = 4, 10


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    requires_emulation()
    if find_spec("dask_cuda") is None:
        pytest.skip("dask_cuda is not installed: there is no cluster to start")
    for number in range(CASES):
        (tmp_path / "data" / f"c{number}").mkdir(parents=True)
        write_image(tmp_path / "data" / f"c{number}" / "v.nii")
    (tmp_path / "p.imgql").write_text('load v = "$CASE/v.nii"\nprint "n" volume(near(v > 60))\n')
    return tmp_path


def _run(desk: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voxgpu", "cohort", "p.imgql", "--cases", "data/*/", *words],
        cwd=desk,
        env=traced_environment(GPUS, desk) | variables,
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_each_case_runs_on_the_gpu_of_its_worker(desk: Path) -> None:
    done = _run(desk, "--cluster", "cuda")
    assert done.returncode == 0, done.stderr
    rows = csv_rows(desk / "cohort.csv")
    assert len(rows) == CASES and len({each["n"] for each in rows}) == 1
    assert {each["device"] for each in rows} == {"cuda:0"}  # the first of those that it sees
    of_process, uses, given = traced(desk)
    assert sorted(each.case for each in uses) == sorted(f"c{n}" for n in range(CASES))
    workers = {each["case"]: each["worker"] for each in rows}
    for each in uses:
        assert workers[each.case] == each.worker
        # dask-cuda names a worker by its GPU.
        assert each.gpus == {int(each.visible.split(",")[0])} == {int(each.worker)}
    # No process uses the GPU of another one, and the one that asks uses none.
    assert sorted(map(sorted, of_process.values())) == [[0], [1], [2], [3]]
    for gpu in range(GPUS):
        spans = sorted((each.begins, each.ends) for each in uses if gpu in each.gpus)
        assert spans and all(one[1] <= next[0] for one, next in pairwise(spans))
    for told in given:
        assert told["limits"] == [None, False, False, False, False]
        # Nothing spills, and no pool of memory is beside ours.
        assert told["data"] == "dict" and told["pools"] == [[None, False, False]]


def test_gpus_are_chosen_and_counted(desk: Path) -> None:
    done = _run(desk, "--cluster", "cuda", "--workers", "1", CUDA_VISIBLE_DEVICES="2,3")
    assert done.returncode == 0, done.stderr
    assert [each for each in traced(desk)[0].values() if each] == [{2}]
    more = _run(desk, "--cluster", "cuda", "--workers", "5", "--table", "b.csv")
    assert more.returncode == 1 and "5 were asked for, and there are 4 GPUs" in more.stderr
    none = _run(desk, "--cluster", "cuda", "--table", "c.csv", CUDA_VISIBLE_DEVICES="")
    assert none.returncode == 1 and "E502" in none.stderr and "GPU" in none.stderr
    assert "Traceback" not in none.stderr
