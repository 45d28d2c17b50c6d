"""One loop: in order, each thing once, dropped after its last use, failures kept apart."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu import session as execution
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution import runner
from voxgpu.execution.engine import run
from voxgpu.execution.events import Delivered, Event, Failed, Finished, Released, Started
from voxgpu.execution.executors.serial import Serial
from voxgpu.execution.run_io import RunIO
from voxgpu.execution.task import TaskInput, TaskResult
from voxgpu.files.errors import FileError
from voxgpu.image import Image
from voxgpu.limits.process import MemoryLimit
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import UndefinedValueError, Value

PROGRAM = """
load image = "{path}"
let bright = image > 20
print "first" volume(bright)
let wide = near(near(bright))
print "second" volume(wide & !bright)
save "third.nii.gz" dt(wide)
print "fourth" avg(image, image < 0)
print "fifth" max(image)
"""


@pytest.fixture
def planned(tmp_path: Path) -> Schedule:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    text = PROGRAM.format(path=tmp_path / "image.nii.gz")
    compiled = compile_program(Source("test", text), None, Options())
    assert not compiled.errors
    return schedule(compiled.plan)


class Watch:
    """Remembers events and what is in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.delivered: dict[str, Value] = {}

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def deliver(self, goal: Goal, value: Value) -> None:
        self.delivered[goal.label] = value

    def io(self) -> RunIO:
        return RunIO(self.deliver, observe=self.observe)


class Shuffled(Serial):
    """Takes three tasks and finishes them in any order."""

    capacity = 3

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = Random(seed)

    def next_done(self) -> TaskResult:
        self._random.shuffle(self._done)
        return super().next_done()


def test_each_task_is_performed_once(planned: Schedule) -> None:
    """P4: without a store, no work is done twice in a run."""
    watch = Watch()
    outcome = run(planned, Serial(), watch.io())
    started = [event.task.id for event in watch.events if isinstance(event, Started)]
    assert len(started) == len(set(started)) == len(planned.tasks)
    assert len(outcome.computed) == len(planned.tasks) - 1


def test_a_failing_goal_leaves_the_others_alone(planned: Schedule) -> None:
    watch = Watch()
    outcome = run(planned, Serial(), watch.io())
    ((goal, node, error),) = outcome.failures
    assert goal.label == "fourth" and node is not None and isinstance(error, UndefinedValueError)
    assert list(watch.delivered) == ["first", "second", "third.nii.gz", "fifth"]
    assert [type(event) for event in watch.events].count(Failed) == 1


def test_goals_are_delivered_as_soon_as_they_are_ready(planned: Schedule) -> None:
    watch = Watch()
    run(planned, Serial(), watch.io())
    for goal in planned.goals[:3]:
        place = next(
            index
            for index, event in enumerate(watch.events)
            if isinstance(event, Finished) and event.task.id == goal.value
        )
        following = watch.events[place + 1 :]
        next_start = next(i for i, event in enumerate(following) if isinstance(event, Started))
        assert Delivered(goal) in following[:next_start]


def test_values_are_dropped_after_their_last_use(planned: Schedule) -> None:
    watch = Watch()
    run(planned, Serial(), watch.io())
    made = {event.task.id for event in watch.events if isinstance(event, Finished)}
    dropped = [event.id for event in watch.events if isinstance(event, Released)]
    assert sorted(dropped) == sorted(made)
    for task in planned.tasks:
        for id in task.frees:
            if id in made:
                later = {t.id for t in planned.tasks[planned.tasks.index(task) + 1 :]}
                after = watch.events[watch.events.index(Released(id)) :]
                users = [e.task for e in after if isinstance(e, Started) and e.task.id in later]
                assert all(id not in user.inputs for user in users)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_in_which_tasks_finish_does_not_matter(planned: Schedule, seed: int) -> None:
    serial, shuffled = Watch(), Watch()
    run(planned, Serial(), serial.io())
    run(planned, Shuffled(seed), shuffled.io())
    assert list(serial.delivered) == list(shuffled.delivered)
    for label, value in serial.delivered.items():
        if isinstance(value, Image):
            assert np.array_equal(value.array, shuffled.delivered[label].array)  # type: ignore[union-attr]
        else:
            assert value == shuffled.delivered[label]


def test_a_goal_that_cannot_be_delivered_fails_alone(planned: Schedule) -> None:
    watch = Watch()

    def deliver(goal: Goal, value: Value) -> None:
        if goal.action == "save":
            raise FileError("third.nii.gz", "no space left", "", "write")
        watch.deliver(goal, value)

    outcome = run(planned, Serial(), RunIO(deliver, (FileError,)))
    assert [goal.label for goal, _, _ in outcome.failures] == ["third.nii.gz", "fourth"]
    assert list(watch.delivered) == ["first", "second", "fifth"]


class Interrupted(Serial):
    """An executor that raises KeyboardInterrupt during the fourth task."""

    closed = False
    count = 0

    def submit(self, work: TaskInput) -> bool:
        self.count += 1
        if self.count == 4:
            raise KeyboardInterrupt
        return super().submit(work)

    def close(self) -> None:
        self.closed = True


def test_ctrl_c_ends_the_run_and_closes_the_executor(planned: Schedule) -> None:
    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(planned, executor, Watch().io())
    assert executor.closed


def test_memory_is_known_before_and_refused(
    planned: Schedule, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    live = peak = 0
    for task in planned.tasks:
        live += task.bytes
        assert live == task.live
        peak = max(peak, live + task.scratch)
        live -= sum(each.bytes for each in planned.tasks if each.id in task.frees)
    assert live == 0 and peak == planned.peak_bytes
    monkeypatch.setattr(runner, "_SMALL", 0)
    monkeypatch.setattr(runner, "available_bytes", lambda: 100)
    monkeypatch.setattr(runner, "tightest", lambda: MemoryLimit("the job", 200 << 20, 100))
    text = PROGRAM.format(path=tmp_path / "image.nii.gz")
    compiled = compile_program(Source("test", text), None, Options())
    said = r"E302.*this step needs 2 KiB, and 0 KiB are available: the job has 200 MiB"
    with pytest.raises(voxgpu.ImgqlError, match=said):
        execution.execute(compiled, tmp_path, device="reference")
    assert not (tmp_path / "third.nii.gz").exists()
