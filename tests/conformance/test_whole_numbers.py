"""Integers that float32 cannot represent are compared, selected and reduced exactly.

Expected values come from Python, whose comparisons of integers and floats are exact.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_gpu, prepare
from tests.conformance.on_backend import NOWHERE, execute, outcome_of, same, type_of
from tests.cuda_emulator.module import requires_emulation
from tests.laws.random_plans import lit, steepness
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda.precompile import kernels_of
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.define import Bool, Voxel, neighborhood
from voxgpu.primitives.internal import PERCENTILE_COMPARE, THRESHOLD_COUNT
from voxgpu.primitives.primitive import Primitive, Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import ImageOf, Type

NAMED = {each.name: each for each in standard_primitives()}

WHOLE = ("int32", "uint32", "int64", "uint64")
OTHERS = ("float32", "float64", "int16", "uint8")

#: Operators of the language, each with its meaning. `!=` is false if one side is NaN.
OPERATORS = {
    "less": operator.lt,
    "less_or_equal": operator.le,
    "greater": operator.gt,
    "greater_or_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": lambda a, b: a < b or a > b,
}

#: Bounds of elements and of their roundings, with neighbors.
EDGES = [0, 1, 2**24, 2**31, 2**32, 2**53, 2**62, 2**63, 2**64]
VOXELS = sorted(
    {sign * edge + step for sign in (1, -1) for edge in EDGES for step in (-2, -1, 0, 1, 2, 3)}
)
NUMBERS = [
    *(float(sign * (edge + step)) for sign in (1, -1) for edge in EDGES for step in (-1, 0, 1)),
    *(0.5, -0.5, -0.0, 16777216.5, 16777217.0, 312782550.0, 2147483647.5, -2147483648.5),
    *(9007199254740994.0, float("nan"), float("inf"), float("-inf"), 1e300, 1e-300),
]


def image(element: str, seed: int = 0) -> Any:
    """Voxels around every bound of the element."""
    if element.startswith("float"):
        some = np.array([each for each in NUMBERS if abs(each) < 1e30 or each != each])
    else:
        bounds = np.iinfo(element)
        some = np.array([v for v in VOXELS if bounds.min <= v <= bounds.max], element)
    random = np.random.default_rng(seed)
    return random.choice(some, (4, 5, 37)).astype(element)


def voxels(v: Any) -> list[Any]:
    """Python's numbers: those of the language for images of floats, which are float32."""
    return (v.astype(np.float32) if v.dtype.kind == "f" else v).ravel().tolist()


@pytest.fixture(scope="module", params=["reference", "CPU", "emulated GPU"])
def backend(request: pytest.FixtureRequest) -> Any:
    if request.param == "emulated GPU":
        requires_emulation()
        with emulated_gpu() as gpu:
            prepare(gpu, [k for a, b in PAIRS_ON_GPU for k in kernels_of(plan(a, b, 0.5)[0])])
            yield gpu
        return
    if request.param == "reference":
        yield ReferenceBackend()
        return
    made = Cpu(2)
    yield made
    made.close()


#: Each pair of elements is a kernel that must be compiled.
PAIRS = [*product(WHOLE, WHOLE), *product(WHOLE, OTHERS), *product(OTHERS[:2], WHOLE[:2])]
PAIRS_ON_GPU = [("int32", "uint32"), ("uint64", "int64"), ("int64", "float32"), ("uint32", "int16")]


def plan(first: str, second: str, number: float) -> tuple[Plan, dict[ValueId, Value]]:
    """All operations on integers, of two images and a number."""
    grid = Grid.regular((4, 5, 37))
    given: dict[ValueId, Value] = {
        ValueId("a"): Image(image(first, 1), grid),
        ValueId("b"): Image(image(second, 2), grid),
        ValueId("n"): number,
        ValueId("m"): Image(np.random.default_rng(3).random(grid.shape) < 0.5, grid),
    }
    nodes = {id: Node(CONSTANT, (), (str(id),)) for id in given}
    types: dict[ValueId, Type] = {id: type_of(value) for id, value in given.items()}
    goals = []

    def make(name: str, *inputs: str) -> str:
        primitive = NAMED[name]
        node = Node(primitive, tuple(map(ValueId, inputs)))
        kind = primitive.result
        if isinstance(kind, ImageOf):
            image_of = next(t for t in map(types.get, node.inputs) if isinstance(t, ImageOf))
            kind = ImageOf(kind.content, primitive.element_of(image_of.element), 1, grid)
        nodes[node.id], types[node.id] = node, kind
        return node.id

    def goal(label: str, value: str) -> None:
        goals.append(Goal("find", ValueId(value), label, NOWHERE, NOWHERE))

    voxel, truth, many = "image of numbers", "image of true/false", "number"
    for name in OPERATORS:
        goal(f"{name} of images", make(f"{name}({voxel}, {voxel})", "a", "b"))
        goal(f"{name} of a number", make(f"{name}({voxel}, {many})", "a", "n"))
        goal(f"{name} than a number", make(f"{name}({many}, {voxel})", "n", "a"))
    masked = make(f"mask({voxel}, {truth})", "a", "m")
    same_image = make(f"intensity({voxel})", "a")
    goal("mask", masked)
    goal("intensity", same_image)
    goal("equal to a mask", make(f"equal({voxel}, {voxel})", masked, "a"))
    goal("equal to itself", make(f"equal({voxel}, {voxel})", same_image, "a"))
    goal("sum", make(f"add({voxel}, {voxel})", "a", "b"))
    goal("between", make(f"between({many}, {many}, {voxel})", "n", "n", "a"))
    for name in ("minimum", "maximum"):
        goal(name, make(f"{name}({voxel})", "a"))
    goal("average", make(f"average({voxel}, {truth})", "a", "m"))
    # A number computed by the program itself.
    greatest = make(f"maximum({voxel})", masked)
    goal("all but the greatest", make(f"less({voxel}, {many})", "a", greatest))
    return Plan(nodes, types, tuple(goals)), given


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_everything_that_is_compared(first: str, second: str, backend: Any) -> None:
    if getattr(backend, "name", "").startswith("cuda") and (first, second) not in PAIRS_ON_GPU:
        pytest.skip("compiling for the emulation takes its time")
    # Each pair is tested with some of the numbers; all pairs together cover each of them often.
    for number in NUMBERS[PAIRS.index((first, second)) % 8 :: 8]:
        made, given = plan(first, second, number)
        a, b, m = (given[ValueId(name)].array for name in "abm")  # type: ignore[union-attr]
        found = {k: _array(v) for k, v in execute(made, given, backend).items()}
        check_comparisons(found, voxels(a), voxels(b), rounded_as(a, number))
        check_the_rest(found, a, m, number)


def rounded_as(v: Any, number: float) -> float:
    """A number as combined with an image: exact for wide integers, rounded to float32 otherwise."""
    with np.errstate(all="ignore"):
        return number if v.dtype.name in WHOLE else float(np.float32(number))


def check_comparisons(found: Any, a: list[Any], b: list[Any], number: float) -> None:
    for name, means in OPERATORS.items():
        assert found[f"{name} of images"] == [means(x, y) for x, y in zip(a, b, strict=True)], name
        assert found[f"{name} of a number"] == [means(x, number) for x in a], (name, number)
        assert found[f"{name} than a number"] == [means(number, x) for x in a], (name, number)
    assert found["between"] == [number <= x <= number for x in a]


def check_the_rest(found: Any, a: Any, m: Any, number: float) -> None:
    known = [each for each in voxels(a) if each == each]
    assert found["minimum"] == float(min(known))
    assert found["maximum"] == float(max(known))
    if a.dtype.kind == "f":
        return
    masked = np.where(m, a, a.dtype.type(0))
    assert found["mask"] == masked.ravel().tolist()
    assert found["intensity"] == a.ravel().tolist()
    assert found["equal to a mask"] == (masked == a).ravel().tolist()
    assert all(found["equal to itself"])
    greatest = float(max(masked.ravel().tolist()))
    assert found["all but the greatest"] == [each < greatest for each in a.ravel().tolist()]
    # In float64, in the order of sums, which is exact for 32 bits.
    if a.dtype.itemsize == 4:
        assert found["average"] == sum(a[m].tolist()) / np.count_nonzero(m)


def _array(value: Any) -> Any:
    return value.array.ravel().tolist() if isinstance(value, Image) else value


@pytest.mark.parametrize("element", WHOLE)
def test_what_ranks_and_counts(element: str, backend: Any) -> None:
    v = image(element)
    grid = Grid.regular(v.shape)
    mask = np.random.default_rng(5).random(v.shape) < 0.7
    images: list[Value] = [Image(v, grid), Image(mask, grid)]
    ranks = [np.float32(share) for share in ranked(v[mask].tolist(), v.ravel().tolist(), 0.5)]
    expected = np.where(mask.ravel(), ranks, np.float32(-1)).tolist()
    name = "percentiles(image of numbers, image of true/false, number)"
    found = outcome_of(NAMED[name], [*images, 0.5], grid, backend)
    assert _array(found) == expected
    found = outcome_of(PERCENTILE_COMPARE, [*images, 0.5, 0.25, "greater"], grid, backend)
    assert _array(found) == [rank > 0.25 for rank in expected]
    for number, name in product([16777217.0, 0.5, float("nan")], ["less", "not_equal"]):
        count = sum(OPERATORS[name](each, number) for each in v.ravel().tolist())
        assert outcome_of(THRESHOLD_COUNT, [images[0], number, name], grid, backend) == count


def ranked(population: Sequence[int], each: Sequence[int], c: float) -> list[float]:
    """(L + c·E) / N, counted."""
    total = len(population)
    return [(sum(p < v for p in population) + c * population.count(v)) / total for v in each]


@pytest.mark.parametrize("element", ["uint32", "int64"])
def test_neighborhoods(element: str, backend: Any) -> None:
    """User-defined: with a number outside that the element can represent, or cannot."""
    if getattr(backend, "name", "").startswith("cuda") and element == "int64":
        pytest.skip("compiling for the emulation takes its time")
    v = image(element)
    grid = Grid.regular(v.shape)
    given: dict[ValueId, Value] = {ValueId("a"): Image(v, grid), ValueId("n"): 16777217.0}
    nodes = {id: Node(CONSTANT, (), (str(id),)) for id in given}
    types: dict[ValueId, Type] = {id: type_of(value) for id, value in given.items()}

    def make(primitive: Primitive, *inputs: ValueId) -> ValueId:
        node = Node(primitive, inputs)
        nodes[node.id] = node
        types[node.id] = ImageOf(primitive.result.content, primitive.element, 1, grid)  # type: ignore[union-attr]
        return node.id

    a, n = given
    equal = make(NAMED["equal(image of numbers, number)"], a, n)
    found = {
        "slope": make(steepness.overloads[0], a),
        "greater": make(greater_than_the_next.overloads[0], a),
        "equal to the next": make(same_as_next.overloads[0], a),
        "within": make(lit.overloads[0], equal, a),
    }
    goals = tuple(Goal("find", id, label, NOWHERE, NOWHERE) for label, id in found.items())
    made = execute(Plan(nodes, types, goals), given, backend)
    x = v[:, :, 1:] > v[:, :, :-1]
    assert np.array_equal(made["greater"].array[:, :, :-1], ~x & (v[:, :, 1:] != v[:, :, :-1]))
    assert np.array_equal(made["greater"].array[:, :, -1], v[:, :, -1].astype(np.float32) > -7.5)
    assert np.array_equal(made["equal to the next"].array[:, :, :-1], v[:, :, 1:] == v[:, :, :-1])
    assert np.array_equal(made["equal to the next"].array[:, :, -1], v[:, :, -1] == 7)
    first = np.where(v[:, :, :-2] != 0, v[:, :, 2:] == 16777217, False)
    assert made["within"].array[:, :, :-2][first & (v[:, :, :-2] > 0)].all()
    wanted = execute(Plan(nodes, types, goals), given, ReferenceBackend())
    assert all(same(made[label], wanted[label]) for label in made)


@neighborhood("greater_than_the_next", outside=-7.5)
def greater_than_the_next(v: Voxel) -> Bool:
    """True where the next voxel along x is less.

    >>> greater_than_the_next([2, 1])
    [true, true]
    """
    return v > v[(0, 0, 1)]


@neighborhood("same_as_next", outside=7.0)
def same_as_next(v: Voxel) -> Bool:
    """True where the next voxel along x is the same.

    >>> same_as_next([1, 1])
    [true, false]
    """
    return v == v[(0, 0, 1)]


def test_many_thresholds_of_one_image() -> None:
    v = image("uint32")
    grid = Grid.regular(v.shape)
    made = Cpu(2)
    for number in NUMBERS:
        for name in ("less_equal", "equal"):
            arguments: list[Value] = [Image(v, grid), number, name]
            found, wanted = (
                outcome_of(THRESHOLD_COUNT, arguments, grid, each)
                for each in (made, ReferenceBackend())
            )
            assert same(found, wanted)
    made.close()
