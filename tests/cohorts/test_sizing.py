"""The default number of processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.cohorts import sizing
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.sizing import Prediction, Task, decided, predicted, workers_for
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.execution.memory_budget import PROCESS_BYTES
from voxgpu.limits.process import MemoryLimit
from voxgpu.session_settings import SessionSettings

TEXT = """
load v = "$CASE"
let ranks = percentiles(v, v > 0, 0)
print "n" volume(near(ranks > $T))
"""


def _tasks(folder: Path, *sizes: int, sweep: tuple[str, ...] = ("0.5",)) -> list[Task]:
    found: list[Task] = []
    combinations: list[Combination] = [(("T", each),) for each in sweep]
    for number, size in enumerate(sizes):
        path = folder / f"c{number}.nii"
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((size, 50, 50), np.int16)), str(path))
        found.append((Case(f"c{number}", str(path)), combinations))
    return found


def _program() -> Program:
    return Program(Source("p.imgql", TEXT), None, Options(writes=False, output=None))


def test_the_largest_of_a_few_cases_is_predicted(tmp_path: Path) -> None:
    small = predicted(_program(), _tasks(tmp_path, 10))
    mixed = predicted(_program(), _tasks(tmp_path, 10, 40, 20))
    assert small is not None and mixed is not None
    assert PROCESS_BYTES < small.peak < mixed.peak
    assert mixed.peak - PROCESS_BYTES == 4 * (small.peak - PROCESS_BYTES)
    assert small.seconds(2) < small.seconds(1) < mixed.seconds(1)


def test_all_combinations_of_a_case_are_predicted(tmp_path: Path) -> None:
    one = predicted(_program(), _tasks(tmp_path, 10))
    many = predicted(_program(), _tasks(tmp_path, 10, sweep=("0.1", "0.2", "0.3", "0.4")))
    assert one is not None and many is not None
    assert many.peak > one.peak and many.seconds(1) > one.seconds(1)


def test_cases_that_do_not_compile_are_left_out(tmp_path: Path) -> None:
    tasks = _tasks(tmp_path, 10, 40)
    (tmp_path / "c1.nii").unlink()
    one = predicted(_program(), tasks[:1])
    both = predicted(_program(), tasks)
    assert one is not None and both is not None and both.peak == one.peak
    assert predicted(_program(), tasks[1:]) is None


class _Takes(Prediction):
    """A case that takes four seconds of one core, half of which threads share."""

    def seconds(self, threads: int) -> float:
        return 2 + 2 / threads


@pytest.fixture
def takes(tmp_path: Path) -> Prediction:
    found = predicted(_program(), _tasks(tmp_path, 10))
    assert found is not None
    return _Takes(found.plan, 4 << 30)


def test_cores_memory_and_cases_bound_the_workers(takes: Prediction) -> None:
    assert workers_for(takes, 1000, 12, 1 << 40, None) == 12
    # Seven would fit, with a thread each for twelve cores; six have two.
    assert workers_for(takes, 1000, 12, 31 << 30, None) == 6
    assert workers_for(takes, 1000, 12, 3 << 30, None) == 1
    assert workers_for(takes, 1000, 12, 1 << 40, 4) == 3
    assert workers_for(takes, 5, 12, 1 << 40, None) == 5
    assert workers_for(takes, 1000, 1, 1 << 40, None) == 1


def test_a_small_cohort_is_not_worth_starting_workers(takes: Prediction) -> None:
    assert workers_for(takes, 1, 12, 1 << 40, None) == 1
    assert workers_for(takes, 2, 2, 1 << 40, None) == 1
    assert workers_for(takes, 40, 2, 1 << 40, None) == 2


def _decided(
    takes: Prediction, monkeypatch: pytest.MonkeyPatch, settings: SessionSettings, cases: int = 100
) -> tuple[Placement, list[str]]:
    monkeypatch.setattr(sizing, "predicted", lambda *_: takes)
    monkeypatch.setattr(sizing, "usable_cores", lambda: 12)
    limits = [MemoryLimit("the computer", 32 << 30, 31 << 30)]
    monkeypatch.setattr(sizing, "memory_limits", lambda: limits)
    told: list[str] = []
    tasks: list[Task] = [(Case("c", "c"), [()])] * cases
    found = decided(Placement(None), _program(), tasks, settings, told.append)
    return found, told


def test_what_is_decided_is_told_in_a_line(
    takes: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    found, told = _decided(takes, monkeypatch, SessionSettings("cpu"))
    assert found == Placement(6)
    assert told == ["6 workers with 2 threads each: 12 cores, 4.3 GB predicted per case of 33.3 GB"]
    found, told = _decided(takes, monkeypatch, SessionSettings("cpu", threads=4, memory=9 << 30))
    assert found == Placement(2)
    assert told == ["2 workers with 4 threads each: 12 cores, 4.3 GB predicted per case of 9.7 GB"]
    found, told = _decided(takes, monkeypatch, SessionSettings("cpu"), cases=1)
    assert found == Placement(0)
    assert told == ["this process with 12 threads: 4.3 GB predicted per case of 33.3 GB"]


def test_without_the_library_it_is_this_process(
    takes: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "find_spec", lambda name: None)
    found, told = _decided(takes, monkeypatch, SessionSettings("cpu"))
    assert found.is_here
    assert told[0].endswith("6 workers would pay: pip install distributed")


def test_a_gpu_has_one_process(takes: Prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    found, told = _decided(takes, monkeypatch, SessionSettings("cuda:0"))
    assert found.is_here and "--cluster cuda" in told[0]


@pytest.mark.parametrize("asked", [Placement(0), Placement(3), Placement(None, "tcp://h:1")])
def test_what_is_asked_for_is_not_decided(asked: Placement) -> None:
    assert decided(asked, _program(), [], SessionSettings(), pytest.fail) == asked
