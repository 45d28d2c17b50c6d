"""Bodies that depend on the position of a voxel, inlined into a neighborhood."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.on_backend import NOWHERE, execute, prepared_with, same, type_of
from tests.laws.random_plans import steepness
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import NUMBER_IMAGE, ImageOf

NAMED = {each.name: each for each in standard_primitives()}
MULTIPLY = NAMED["multiply(image of numbers, image of numbers)"]


@pytest.mark.parametrize("axis", "xyz")
def test_positions_are_those_of_the_neighbor(axis: str) -> None:
    grid, v = Grid.regular((3, 4, 5)), ValueId("v")
    image = Image(np.random.default_rng(0).random((3, 4, 5), np.float32), grid)
    place = Node(NAMED[f"{axis}_of(image of any kind)"], (v,))
    product = Node(MULTIPLY, (v, place.id))
    (primitive,) = steepness.overloads
    outer = Node(primitive, (product.id,))
    kind = ImageOf(NUMBER_IMAGE.content, "float32", 1, grid)
    nodes = {v: Node(CONSTANT, (), ("v",)), place.id: place, product.id: product, outer.id: outer}
    plan = Plan(
        nodes,
        {each: type_of(image) if each == v else kind for each in nodes},
        (Goal("find", outer.id, "slope", NOWHERE, NOWHERE),),
    )
    cpu = Cpu(1)
    try:
        (task,) = prepared_with(plan, {v: image}, cpu).tasks
        assert isinstance(task.step, FusedStep) and task.step.images == (v,)
        found = execute(plan, {v: image}, cpu)["slope"]
    finally:
        cpu.close()
    assert same(found, execute(plan, {v: image}, ReferenceBackend())["slope"])
