"""Every strategy gives the results of voxgpu's engine, bit for bit, and stops when told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks.strategies import chunked, remote, schedules
from benchmarks.strategies.catalogue import STRATEGIES, Entry
from benchmarks.strategies.interface import Counted, StrategyIO
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.image import Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.missing_items import Gap
from voxgpu.store.disk import DiskStore

ROOT = Path(__file__).resolve().parents[2]
HERE = [each for each in STRATEGIES.values() if not each.on_workers]
REMOTE = [each for each in STRATEGIES.values() if each.on_workers]

PROGRAMS = {
    "numbers": """
        let n = volume(v > 0)
        print "sum" 1 + n
        print "text" "a"
        print "many" for i in range(0, 9) do n * i""",
    "voxels": """
        let m = (v > 40) & !(v > 100)
        print "count" volume(m)
        print "most" max(v)
        print "mean" avg(v * 0.5, m)
        save "m.nii.gz" m
        save "f.nii.gz" (v * 1.5) + 0.25""",
    "neighbors": """
        let m = v > 60
        save "near.nii.gz" near(near(m))
        save "inner.nii.gz" interior(near(m) & !(v > 110))
        print "edge" volume(near(m) & !m)""",
    "failing goals": """
        let none = avg(v, v > 10000)
        print "before" volume(v > 50)
        print "none" none
        save "lost.nii.gz" v > none
        let both = v + 1
        save "kept.nii.gz" both
        print "row" for i in [1, 2] do if i > 1 then volume(both > 30) else none
        print "nothing of it" for i in [1, 2] do none * i
        print "after" min(both) + max(v)""",
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    voxels = np.random.default_rng(0).integers(-20, 140, (14, 11, 9), np.int16)
    path = tmp_path_factory.mktemp("strategies") / "v.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    return path


@pytest.fixture(scope="module")
def backend() -> Iterator[Cpu]:
    found = Cpu(2)
    yield found
    found.close()


@pytest.fixture(scope="module", autouse=True)
def small_slabs() -> Iterator[None]:
    """Slabs of a few planes, so that small images have several."""
    before, chunked.SLAB = chunked.SLAB, 300
    yield
    chunked.SLAB = before


def _schedule(text: str, image: Path, backend: Cpu, fused: bool = True) -> Schedule:
    plan = schedules.compiled(f'load v = "{image}"\n{text}').plan
    return schedules.prepared(plan, backend, fused)


def _tumor(folder: Path, backend: Cpu, fused: bool = True) -> Schedule:
    generator = np.random.default_rng(1)
    voxels = np.zeros((14, 20, 18), np.int16)
    voxels[2:-2, 2:-2, 2:-2] = generator.integers(50, 400, (10, 16, 14))
    voxels[4:9, 4:12, 4:10] += 300
    for name, array in (("flair", voxels), ("seg", (voxels > 500).astype(np.int16))):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"head_{name}.nii.gz"))
    text = files("voxgpu.demo").joinpath("tumor.imgql").read_text()
    define = {**schedules.PARAMETERS, "CASE": str(folder / "head")}
    return schedules.prepared(schedules.compiled(text, define).plan, backend, fused)


def _results(
    entry: Entry, schedule: Schedule, backend: Cpu, folder: Path, client: Any = None
) -> tuple[list[Any], Counted]:
    """For each goal its value, or the node that failed and why."""
    places = {id(goal): place for place, goal in enumerate(schedule.goals)}
    found: list[Any] = [None] * len(schedule.goals)

    def deliver(goal: Any, value: Any) -> None:
        assert found[places[id(goal)]] is None, "every goal is delivered once"
        found[places[id(goal)]] = value

    store = DiskStore(folder / "store", 1 << 30) if entry.needs_store else None
    counted = entry.run(schedule, StrategyIO(backend, deliver, store, client))
    for goal, node, error in counted.failures:
        assert found[places[id(goal)]] is None
        found[places[id(goal)]] = (node, type(error), str(error))
    return found, counted


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Image):
        arrays = isinstance(other, Image) and one.array.dtype == other.array.dtype
        return arrays and one.grid == other.grid and one.array.tobytes() == other.array.tobytes()
    if isinstance(one, tuple):
        alike = isinstance(other, tuple) and len(one) == len(other)
        return alike and all(map(_same, one, other))
    if isinstance(one, Gap):
        return isinstance(other, Gap) and one.node == other.node
    return type(one) is type(other) and one == other


def _check(entry: Entry, schedule: Schedule, backend: Cpu, folder: Path, client: Any) -> Counted:
    expected, _ = _results(STRATEGIES["engine, serial"], schedule, backend, folder)
    assert None not in expected
    found, counted = _results(entry, schedule, backend, folder, client)
    for goal, one, other in zip(schedule.goals, expected, found, strict=True):
        assert _same(one, other), goal.label
    return counted


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "not fused"])
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("entry", HERE, ids=lambda each: each.name)
def test_results_are_those_of_the_engine(
    entry: Entry, program: str, fused: bool, image: Path, backend: Cpu, tmp_path: Path
) -> None:
    schedule = _schedule(PROGRAMS[program], image, backend, fused)
    counted = _check(entry, schedule, backend, tmp_path, None)
    lost = {"row", "none", "lost.nii.gz", "nothing of it"} if program == "failing goals" else set()
    assert {goal.label for goal, _, _ in counted.failures} <= lost
    assert len(counted.failures) == (2 if lost else 0)
    assert counted.performed <= len(schedule.tasks)
    assert (counted.handed > 0) is entry.needs_store


@pytest.mark.parametrize("entry", HERE, ids=lambda each: each.name)
def test_the_tumor_program_gives_the_same(entry: Entry, backend: Cpu, tmp_path: Path) -> None:
    _check(entry, _tumor(tmp_path, backend), backend, tmp_path, None)


def test_fusing_is_what_differs(image: Path, backend: Cpu) -> None:
    fused = _schedule(PROGRAMS["voxels"], image, backend)
    single = _schedule(PROGRAMS["voxels"], image, backend, fused=False)
    assert len(single.tasks) > len(fused.tasks)
    assert all(len(task.nodes) == 1 for task in single.tasks)


@pytest.fixture(scope="module")
def local() -> Iterator[Any]:
    """A cluster of workers that are threads: quick to start, values are still sent."""
    with remote.cluster(2, in_processes=False) as client:
        yield client


@pytest.mark.parametrize("program", ["voxels", "failing goals"])
@pytest.mark.parametrize("entry", REMOTE, ids=lambda each: each.name)
def test_so_on_workers(
    entry: Entry, program: str, image: Path, backend: Cpu, tmp_path: Path, local: Any
) -> None:
    schedule = _schedule(PROGRAMS[program], image, backend)
    _check(entry, schedule, backend, tmp_path, local)


@pytest.mark.slow
@pytest.mark.parametrize("entry", REMOTE, ids=lambda each: each.name)
def test_so_in_other_processes(
    entry: Entry, image: Path, backend: Cpu, tmp_path: Path, processes: Any
) -> None:
    schedule = _tumor(tmp_path, backend)
    counted = _check(entry, schedule, backend, tmp_path, processes)
    assert counted.performed == len(schedule.tasks)
    assert counted.moved > 4 * 14 * 20 * 18, "ranks came from another process, and masks packed"
    assert not _check(entry, _schedule(PROGRAMS["numbers"], image, backend), backend, tmp_path,
                      processes).failures  # fmt: skip


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    with remote.cluster(2) as client:
        yield client


class _Interrupt:
    """Raises KeyboardInterrupt with the first goal, and notes tasks that begin afterwards."""

    def __init__(self) -> None:
        self.is_raised = threading.Event()
        self.late = 0

    def deliver(self, goal: Any, value: Any) -> None:
        self.is_raised.set()
        raise KeyboardInterrupt

    def begun(self, task: Any) -> None:
        self.late += self.is_raised.is_set()


@pytest.mark.parametrize("entry", HERE, ids=lambda each: each.name)
def test_an_interrupt_ends_the_run(entry: Entry, image: Path, backend: Cpu, tmp_path: Path) -> None:
    lines = [f'print "{i}" volume(near(v > {i}) & (v > {i % 7}))' for i in range(100)]
    schedule = _schedule("\n".join(lines), image, backend, fused=False)
    watch, before = _Interrupt(), {*threading.enumerate()}
    store = DiskStore(tmp_path / "store", 1 << 30) if entry.needs_store else None
    io = StrategyIO(backend, watch.deliver, store, begun=watch.begun)
    with pytest.raises(KeyboardInterrupt):
        entry.run(schedule, io)
    begun = watch.late
    assert begun <= 16, "tasks that were under way, or waited in a queue of a stage"
    for each in {*threading.enumerate()} - before:
        each.join(0.5)
    assert watch.late - begun <= 2


def test_a_prototype_is_small() -> None:
    for entry in STRATEGIES.values():
        path = ROOT / "benchmarks" / "strategies" / entry.file
        assert len(path.read_text().splitlines()) <= 200, entry.file


def test_programs_of_numbers_have_the_length_asked_for(image: Path) -> None:
    for shape in ("chain", "wide", "diamonds"):
        plan = schedules.compiled(schedules.numbers(shape, 1000, image)).plan
        assert 900 <= len(plan.nodes) <= 1100, shape
