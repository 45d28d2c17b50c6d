"""Values that are in memory before a run are gone after their last use in it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from tests.conformance.on_backend import NOWHERE, prepared_with
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.execution.engine import run
from voxgpu.execution.events import Event, Finished, Released
from voxgpu.execution.executors.serial import Serial
from voxgpu.execution.run_io import RunIO
from voxgpu.files import read_ahead
from voxgpu.files.write import write_image
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.arithmetic import negate
from voxgpu.primitives.source import CONSTANT
from voxgpu.session import open_session
from voxgpu.session_settings import SessionListeners, SessionSettings
from voxgpu.types import Content, ImageOf

GRID = Grid.regular((3, 4, 5))


def test_a_given_image_is_gone_after_its_last_use() -> None:
    kind = ImageOf(Content.NUMBER, "float32", 1, GRID)
    (negated,) = negate.overloads
    names = [ValueId(each) for each in "abcd"]
    nodes = {names[0]: Node(CONSTANT, (), (0,))}
    nodes |= {id: Node(negated, (before,)) for before, id in pairwise(names)}
    goal = Goal("find", names[-1], "result", NOWHERE, NOWHERE)
    plan = Plan(nodes, dict.fromkeys(names, kind), (goal,))
    given: dict[ValueId, Any] = {names[0]: Image(np.ones(GRID.shape, np.float32), GRID)}
    array = ref(given[names[0]].array)
    schedule = prepared_with(plan, given, ReferenceBackend())
    alive: dict[str, bool] = {}

    def observe(event: Event) -> None:
        if isinstance(event, Released):
            alive[event.id] = array() is not None

    found: list[Any] = []
    io = RunIO(lambda _, value: found.append(value), observe=observe, initial_values=given)
    run(schedule, Serial(ReferenceBackend()), io)
    assert alive == {"a": False, "b": False, "c": False, "d": False}
    assert found[0].array.tolist() == np.full(GRID.shape, -1.0).tolist()
    assert not given


def test_an_image_of_an_earlier_part_of_a_program_is_gone_after_its_last_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.nii"
    write_image(path, Image(np.arange(60, dtype=np.float32).reshape(GRID.shape), GRID))
    text = f"""
        load v = "{path}"
        let n = if max(v) > 3 then 2 else 1
        let far = dt(v * n > 20)
        print "m" max(dt(far > 1))
    """
    arrays: list[ref[Any]] = []
    read = read_ahead.read_with_warning

    def remembering(header: Any) -> Any:
        image, warning = read(header)
        array = image.array
        while array.base is not None and isinstance(array.base, np.ndarray):
            array = array.base
        arrays.append(ref(array))
        return image, warning

    monkeypatch.setattr(read_ahead, "read_with_warning", remembering)
    alive: list[tuple[str, int]] = []

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            alive.append((event.task.name, sum(each() is not None for each in arrays)))

    settings = SessionSettings("cpu", threads=2, output=tmp_path)
    with open_session(settings, SessionListeners(observe=observe)) as session:
        result = session.execute(session.compile(Source("test", text), None, Options()))
    assert not result.errors and arrays
    assert alive[-1][1] == 0, alive
    assert any(count for _, count in alive), "it was there before"
