"""Events of a cohort: what happens in a process, and on workers of a cluster."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from time import monotonic, sleep

import pytest

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.clusters.local import _OPTIONS
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.events import (
    CASE_BEGINS,
    CASE_ENDS,
    WORKER_LOST,
    WORKER_STARTED,
    WORKERS_START,
    Event,
    process_data,
)
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.run import Cohort, CohortRun
from voxgpu.cohorts.worker_events import heard
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.session_settings import SessionSettings

TEXT = 'print "it" 1 / $N + $T'


def _cohort(*numbers: str) -> Cohort:
    cases = [Case(f"c{each}", "", {"N": each}) for each in numbers]
    program = Program(Source("p.imgql", TEXT), None, Options())
    return Cohort(program, cases, [(("T", "1"),), (("T", "2"),)])


def test_each_case_begins_and_ends() -> None:
    heard: list[Event] = []
    run = CohortRun(_cohort("1", "x"), SessionSettings(), Placement(0), None, heard.append)
    rows = list(run.finishing())
    assert len(rows) == 4
    assert [(each.kind, each.data["case"]) for each in heard] == [
        (CASE_BEGINS, "c1"),
        (CASE_ENDS, "c1"),
        (CASE_BEGINS, "cx"),
        (CASE_ENDS, "cx"),
    ]
    good, bad = heard[1].data, heard[3].data
    assert (good["status"], good["failed"], good["error"]) == ("done", 0, "")
    assert good["peak_bytes"] > 0 and good["seconds"] >= 0 and good["combinations"] == 2
    assert (bad["status"], bad["failed"]) == ("failed", 2) and bad["error"]
    assert heard[0].time <= heard[1].time <= heard[2].time


def test_ids_of_slurm_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert process_data("w")["slurm"]["job_id"] == "17"
    assert process_data("w")["slurm"]["array_task_id"] == "3"


def test_events_come_from_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    from voxgpu.cohorts.clusters.joined import Joined
    from voxgpu.cohorts.clusters.workforce import Workforce
    from voxgpu.cohorts.on_worker import Job
    from voxgpu.cohorts.workers import outcomes_from_workers

    monkeypatch.chdir(tmp_path)
    cohort = _cohort("1", "2", "x")
    tasks = [(each, cohort.combinations) for each in cohort.cases]
    heard: list[Event] = []
    with (
        distributed.LocalCluster(n_workers=1, processes=False, **_OPTIONS) as cluster,
        distributed.Client(cluster) as client,
    ):
        joined = Joined(client, SessionSettings())
        job = Job(cohort.program, tuple(cohort.combinations), joined.settings, tmp_path)
        about = joined, Workforce(joined, print, 60), job, tasks
        found = outcomes_from_workers(*about, tell=heard.append)
        rows = next(found)[0][1]
        worker = next(iter(client.scheduler_info()["workers"]))
        rows += [row for batch in found for _, each in batch for row in each]
        # A second run of the same process is another topic.
        again: list[Event] = []
        found = outcomes_from_workers(*about, tell=again.append)
        next(found)
        cluster.scheduler.loop.add_callback(cluster.scheduler.log_event, worker, _REMOVED)
        end = monotonic() + 300
        while WORKER_LOST not in {each.kind for each in again} and monotonic() < end:
            sleep(0.01)
        found.close()
    assert len(rows) == 6
    kinds = Counter(each.kind for each in heard)
    assert kinds == {WORKERS_START: 1, WORKER_STARTED: 1, CASE_BEGINS: 3, CASE_ENDS: 3}
    assert {each.data["worker"] for each in heard if "worker" in each.data} == {"0"}
    assert Counter(each.kind for each in again)[WORKER_LOST] == 1


_REMOVED = {"action": "remove-worker"}


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_dashboard_is_told_where_bokeh_is_installed(
    is_installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    if is_installed:
        pytest.importorskip("bokeh")
    else:
        monkeypatch.setitem(sys.modules, "bokeh", None)
    told: list[Event] = []
    with (
        distributed.LocalCluster(n_workers=0, protocol="tcp://", **_OPTIONS) as cluster,
        distributed.Client(cluster) as client,
        heard(client, told.append),
    ):
        pass
    assert [each.kind for each in told] == [WORKERS_START]
    shown = told[0].data["dashboard"]
    assert bool(shown) == is_installed
    if is_installed:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", shown)
