"""Which tasks may start: their inputs are there, and they are not too far ahead."""

from __future__ import annotations

from random import Random

import pytest

from voxgpu.execution.waiting_tasks import LOOKAHEAD, WaitingTasks
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.optimize.step import NodeStep
from voxgpu.plan.node import Node
from voxgpu.primitives.source import CONSTANT


def _task(id: str, *inputs: str) -> Task:
    node = Node(CONSTANT, tuple(map(ValueId, inputs)), ())
    return Task(NodeStep(ValueId(id), node, None), (), 0, 0, (), 0)


def _found(waiting: WaitingTasks) -> list[int]:
    places, place = [], waiting.next_after(-1)
    while place is not None:
        places.append(place)
        place = waiting.next_after(place)
    return places


def test_a_task_may_start_once_all_its_inputs_are_there() -> None:
    there: set[ValueId] = {ValueId("a")}
    waiting = WaitingTasks([_task("x", "a"), _task("y", "a", "b", "b", "c")], there, set())
    assert _found(waiting) == [0]
    for id in ("b", "c"):
        there.add(ValueId(id))
        waiting.note(ValueId(id))
    assert _found(waiting) == [0, 1]
    waiting.remove(0)
    assert _found(waiting) == [1] and waiting
    waiting.remove(1)
    assert _found(waiting) == [] and not waiting


def test_a_failed_input_is_told_at_once_and_others_may_be_missing() -> None:
    failed: set[ValueId] = set()
    waiting = WaitingTasks([_task("x", "a", "b")], set(), failed)
    assert _found(waiting) == []
    failed.add(ValueId("a"))
    waiting.note(ValueId("a"))
    assert _found(waiting) == [0] and waiting.misses_inputs(0)
    waiting.replace(0, _task("x", "b"))
    assert _found(waiting) == []
    waiting.note(ValueId("b"))
    assert _found(waiting) == [0] and not waiting.misses_inputs(0)


def test_tasks_far_ahead_wait_for_the_first_one() -> None:
    tasks = [_task("0", "a"), *(_task(str(n)) for n in range(1, LOOKAHEAD + 10))]
    waiting = WaitingTasks(tasks, set(), set())
    assert _found(waiting) == list(range(1, LOOKAHEAD + 1))
    for place in range(1, LOOKAHEAD + 1):
        waiting.remove(place)
    assert _found(waiting) == []
    waiting.note(ValueId("a"))
    assert _found(waiting) == [0]
    waiting.remove(0)
    assert _found(waiting) == list(range(LOOKAHEAD + 1, LOOKAHEAD + 10))


def test_a_task_that_is_put_back_is_the_first_again() -> None:
    waiting = WaitingTasks([_task(str(n)) for n in range(3)], set(), set())
    waiting.next_after(-1)
    task = waiting[0]
    waiting.remove(0)
    assert _found(waiting) == [1, 2]
    waiting.put_back(0, task)
    assert _found(waiting) == [0, 1, 2] and waiting[0] is task


@pytest.mark.parametrize("seed", range(20))
def test_it_says_what_walking_all_tasks_would(seed: int) -> None:
    random = Random(seed)
    names = [str(n) for n in range(150)]
    tasks = [
        _task(name, *random.sample(names[max(0, n - 9) : n], min(n, random.randrange(3))))
        for n, name in enumerate(names)
    ]
    there: set[ValueId] = set()
    failed: set[ValueId] = set()
    waiting = WaitingTasks(tasks, there, failed)
    left = dict(enumerate(tasks))
    while left:
        first = min(left)
        window = [place for place in left if place <= first + LOOKAHEAD]
        expected = [
            place
            for place in sorted(window)
            if failed & set(left[place].inputs) or there.issuperset(left[place].inputs)
        ]
        assert expected == _found(waiting)
        place = random.choice(expected)
        task = left.pop(place)
        assert waiting[place] is task
        waiting.remove(place)
        done = failed if failed & set(task.inputs) or random.random() < 0.1 else there
        done.add(task.id)
        waiting.note(task.id)
