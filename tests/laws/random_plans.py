"""Random plans over two small images: many nodes, shared arbitrarily, of all shapes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from tests.conformance.on_backend import NOWHERE, type_of
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.define import Bool, Voxel, neighborhood
from voxgpu.primitives.primitive import Primitive, Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import BOOLEAN_IMAGE, NUMBER, NUMBER_IMAGE, ImageOf, Type

#: The primitives that plans consist of, by name and types.
_WANTED = [
    "add(image of numbers, image of numbers)",
    "multiply(image of numbers, number)",
    "subtract(number, image of numbers)",
    "absolute(image of numbers)",
    "exponentials(image of numbers)",
    "powers(image of numbers, number)",
    "rounded(image of numbers)",
    "mask(image of numbers, image of true/false)",
    "greater(image of numbers, number)",
    "equal(image of numbers, image of numbers)",
    "less_or_equal(number, image of numbers)",
    "less(image of numbers, image of numbers)",
    "conjunction(image of true/false, image of true/false)",
    "disjunction(image of true/false, image of true/false)",
    "difference(image of true/false, image of true/false)",
    "negation(image of true/false)",
    "near(image of true/false)",
    "interior(image of true/false)",
    "through(image of true/false, image of true/false)",
    "labels(image of true/false)",
    "signed_distance(image of true/false)",
    "distance(image of true/false)",
    "percentiles(image of numbers, image of true/false, number)",
    "intensity(image of numbers)",
    "volume(image of true/false)",
    "minimum(image of numbers)",
    "maximum(image of numbers)",
    "average(image of numbers, image of true/false)",
    "add_numbers(number, number)",
    "divide_numbers(number, number)",
]


@neighborhood("steepness", outside=-7.5)
def steepness(v: Voxel) -> Voxel:
    """The slope along x and y, of a number that is -7.5 outside.

    >>> steepness([1, 2])
    [9.5, -8.5]
    """
    return (v[(0, 0, 1)] - v[(0, 0, -1)]) + (v[(0, 1, 0)] - v[(0, -1, 0)])


@neighborhood("lit", outside=True)
def lit(b: Bool, v: Voxel) -> Bool:
    """True where two voxels away along x or one along z it is true, and here a number is positive.

    >>> lit([false, true], [1, 1])
    [true, true]
    """
    return (b[(0, 0, 2)] | b[(-1, 0, 0)]) & (v > 0.0)


ODD = np.array([0.0, -0.0, 1.0, np.nan, np.inf, 2.5], np.float32)

BY_NAME = {each.name: each for each in standard_primitives()}
PRIMITIVES = [BY_NAME[name] for name in _WANTED]
PRIMITIVES += [*steepness.overloads, *lit.overloads] * 2


#: Elements of the first image; and integer elements that float32 cannot represent.
ELEMENTS = ("int16", "float32", "float64", "uint32", "int64")
LARGE = (2**24, 2**24 + 1, 2**24 + 3, 2**31)


def _numbers(random: Random, voxels: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    element = random.choice(ELEMENTS)
    if element in ("uint32", "int64"):
        return voxels.choice([*range(9), *LARGE], shape).astype(element)
    return voxels.integers(-3, 9, shape).astype(element)


def random_plan(seed: int, size: int, goals: int) -> tuple[Plan, dict[ValueId, Value]]:
    """A plan of ``size`` operations, and the values that it begins with."""
    random = Random(seed)
    shape = random.choice([(3, 4, 5), (1, 6, 7), (5, 9), (4, 3, 64), (2, 2, 1)])
    grid = Grid.regular(shape, tuple(random.choice([1.0, 0.7, 2.0]) for _ in shape))
    voxels = np.random.default_rng(seed)
    numbers = _numbers(random, voxels, shape)
    given: dict[ValueId, Value] = {
        ValueId("v"): Image(numbers, grid),
        ValueId("w"): Image(voxels.choice(ODD, shape), grid),
        ValueId("b"): Image(voxels.random(shape) < random.choice([0, 0.1, 0.5, 1]), grid),
    }  # fmt: skip
    nodes = {id: Node(CONSTANT, (), (str(id),)) for id in given}
    types: dict[ValueId, Type] = {id: type_of(value) for id, value in given.items()}
    for number in (0.0, 1.0, 2.0, 0.5, -1.5, 16777217.0):
        node = Node(CONSTANT, (), (number,))
        nodes[node.id], types[node.id] = node, NUMBER
    while len(nodes) < size:
        _grow(random, nodes, types, grid)
    asked = random.sample(list(nodes)[9:], min(goals, len(nodes) - 9))
    made = [Goal("find", id, str(n), NOWHERE, NOWHERE) for n, id in enumerate(asked)]
    return Plan(nodes, types, tuple(made)), given


def _grow(
    random: Random, nodes: dict[ValueId, Node], types: dict[ValueId, Type], grid: Grid
) -> None:
    """Adds a node, preferably with recent inputs, so that chains result."""
    primitive = random.choice(PRIMITIVES)
    inputs = []
    for parameter in primitive.parameters:
        kind = parameter.type
        fitting = [id for id in nodes if _is(types[id], kind)]
        inputs.append(random.choice(fitting[-6:] if random.random() < 0.7 else fitting))
    add_node(primitive, inputs, nodes, types, grid)


def add_node(
    primitive: Primitive,
    inputs: Sequence[ValueId],
    nodes: dict[ValueId, Node],
    types: dict[ValueId, Type],
    grid: Grid,
) -> ValueId:
    """A node of a primitive, with the type that lowering would give it."""
    result = primitive.result
    if isinstance(result, ImageOf):
        first = next((types[each] for each in inputs if isinstance(types[each], ImageOf)), result)
        element = primitive.element_of(first.element)  # type: ignore[union-attr]
        result = ImageOf(result.content, element, 1, grid)
    node = Node(primitive, tuple(inputs))
    nodes[node.id], types[node.id] = node, result
    return node.id


def _is(kind: Type, wanted: Type) -> bool:
    if wanted in (NUMBER_IMAGE, BOOLEAN_IMAGE):
        return isinstance(kind, ImageOf) and kind.content is wanted.content  # type: ignore[union-attr]
    return kind == wanted
