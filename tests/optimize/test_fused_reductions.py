"""Means computed in one kernel: each is checked by its own count, and one may fail alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.conformance.on_backend import NOWHERE, execute, prepared_with, type_of
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import BOOLEAN_IMAGE, NUMBER, ImageOf, Type

NAMED = {each.name: each for each in standard_primitives()}
AVERAGE = NAMED["average(image of numbers, image of true/false)"]
ABOVE = NAMED["greater(image of numbers, number)"]
GRID = Grid.regular((2, 3, 4))
V = ValueId("v")


@pytest.fixture
def cpu() -> Iterator[Cpu]:
    made = Cpu(1)
    yield made
    made.close()


class _Program:
    """A plan over one image, built node by node."""

    def __init__(self) -> None:
        self.image = Image(np.arange(24, dtype=np.float32).reshape(2, 3, 4), GRID)
        self._nodes = {V: Node(CONSTANT, (), ("v",))}
        self._types: dict[ValueId, Type] = {V: type_of(self.image)}
        self._goals: list[Goal] = []

    def number(self, value: float) -> ValueId:
        node = Node(CONSTANT, (), (value,))
        self._nodes[node.id], self._types[node.id] = node, NUMBER
        return node.id

    def mean_above(self, least: ValueId, label: str = "") -> ValueId:
        """The mean of the voxels greater than a number; a goal if it has a label."""
        mask = Node(ABOVE, (V, least))
        mean = Node(AVERAGE, (V, mask.id))
        kind = ImageOf(BOOLEAN_IMAGE.content, "bool", 1, GRID)
        self._nodes |= {mask.id: mask, mean.id: mean}
        self._types |= {mask.id: kind, mean.id: NUMBER}
        if label:
            self._goals.append(Goal("find", mean.id, label, NOWHERE, NOWHERE))
        return mean.id

    def run(self, numbers: dict[ValueId, float], cpu: Cpu) -> tuple[dict[str, Any], int]:
        """The values of the goals, and how many means the largest kernel computes."""
        plan = Plan(self._nodes, self._types, tuple(self._goals))
        given: Any = {V: self.image, **numbers}
        steps = [each.step for each in prepared_with(plan, given, cpu).tasks]
        sizes = [len(each.reduced_scalars) for each in steps if isinstance(each, FusedStep)]
        return execute(plan, given, cpu), max(sizes)


def test_each_mean_is_checked_by_its_own_count(cpu: Cpu) -> None:
    for order in ((5.0, 100.0), (100.0, 5.0)):
        program = _Program()
        numbers = {program.number(each): each for each in order}
        for id, least in numbers.items():
            program.mean_above(id, f"above {least:g}")
        found, together = program.run(numbers, cpu)
        assert together == 2
        assert found["above 5"] == 14.5
        assert isinstance(found["above 100"], UndefinedValueError)


def test_a_mean_whose_mask_fails_leaves_the_others(cpu: Cpu) -> None:
    program = _Program()
    nowhere, somewhere = program.number(100.0), program.number(5.0)
    program.mean_above(program.mean_above(nowhere), "fails")
    program.mean_above(program.mean_above(somewhere), "is there")
    found, together = program.run({nowhere: 100.0, somewhere: 5.0}, cpu)
    assert together == 2
    assert isinstance(found["fails"], UndefinedValueError)
    assert found["is there"] == 19.0
