"""Random plans in which a given rewrite rule is known to apply."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.conformance.on_backend import NOWHERE
from tests.laws.random_plans import BY_NAME, add_node, random_plan
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.simplify import FEWEST_THRESHOLDS
from voxgpu.plan.node import Goal, Node, Plan
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import BOOLEAN_IMAGE, NUMBER, NUMBER_IMAGE, ImageOf

_NUMBERS, _REGION = "image of numbers", "image of true/false"
_COMPARISONS = ("less", "less_or_equal", "greater", "greater_or_equal", "equal", "not_equal")


class Growing:
    """A random plan to which nodes of chosen primitives are added."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        plan, self.given = random_plan(seed, 24, goals=3)
        self._nodes, self._types = dict(plan.nodes), dict(plan.types)
        self._goals = list(plan.goals)
        first = self._types[ValueId("v")]
        assert isinstance(first, ImageOf) and first.grid is not None
        self._grid: Grid = first.grid

    def numbers(self) -> ValueId:
        """Any image of numbers of the plan."""
        return self._any(NUMBER_IMAGE)

    def region(self) -> ValueId:
        """Any image of true/false of the plan."""
        return self._any(BOOLEAN_IMAGE)

    def number(self, value: float) -> ValueId:
        """A constant."""
        node = Node(CONSTANT, (), (value,))
        self._nodes[node.id], self._types[node.id] = node, NUMBER
        return node.id

    def apply(self, name: str, *inputs: ValueId) -> ValueId:
        """The node of the primitive of this name, types included."""
        return add_node(BY_NAME[name], inputs, self._nodes, self._types, self._grid)

    def compare(self, image: ValueId, number: float) -> ValueId:
        """A comparison of an image of numbers with a constant, in either order."""
        name, constant = self.random.choice(_COMPARISONS), self.number(number)
        if self.random.random() < 0.5:
            return self.apply(f"{name}({_NUMBERS}, number)", image, constant)
        return self.apply(f"{name}(number, {_NUMBERS})", constant, image)

    def want(self, id: ValueId) -> None:
        """One more goal."""
        self._goals.append(Goal("find", id, f"wanted {len(self._goals)}", NOWHERE, NOWHERE))

    def plan(self) -> Plan:
        """The plan built so far."""
        return Plan(self._nodes, self._types, tuple(self._goals))

    def _any(self, kind: ImageOf) -> ValueId:
        fitting = [
            id
            for id, each in self._types.items()
            if isinstance(each, ImageOf) and each.content is kind.content
        ]
        return self.random.choice(fitting)


def _read_as_stored(growing: Growing) -> None:
    plain = growing.apply(f"intensity({_NUMBERS})", growing.numbers())
    for _ in range(growing.random.randrange(2)):
        plain = growing.apply(f"intensity({_NUMBERS})", plain)
    growing.want(growing.compare(plain, growing.random.choice([0.0, 1.0, 2.5])))


def _distance_of(growing: Growing, region: ValueId) -> ValueId:
    name = growing.random.choice(["signed_distance", "distance"])
    return growing.apply(f"{name}({_REGION})", region)


def _clamped_distances(growing: Growing) -> None:
    # Of a region that no other node has created: its signed distance has no other users.
    region = growing.compare(growing.numbers(), 0.125 + growing.random.random())
    far = growing.apply(f"signed_distance({_REGION})", region)
    spelling = growing.random.randrange(3)
    if spelling == 0:
        outside = growing.apply(f"greater({_NUMBERS}, number)", far, growing.number(0.0))
    elif spelling == 1:
        outside = growing.apply(f"less(number, {_NUMBERS})", growing.number(0.0), far)
    else:
        outside = growing.apply(f"negation({_REGION})", region)
    if growing.random.random() < 0.5:
        growing.want(outside)
    clamped = growing.apply(f"mask({_NUMBERS}, {_REGION})", far, outside)
    if growing.random.random() < 0.5:
        growing.want(growing.compare(far, growing.random.choice([-2.0, 0.0, 1.0])))
    growing.want(clamped)
    growing.want(growing.compare(clamped, growing.random.choice([0.0, 1.0, 1.4])))


def _distance_tests(growing: Growing) -> None:
    far = _distance_of(growing, growing.region())
    for _ in range(growing.random.choice([1, 2])):
        growing.want(growing.compare(far, growing.random.choice([-1.0, 0.0, 1.0, 1.4, 3.0])))


def _distances_to_complements(growing: Growing) -> None:
    far = _distance_of(growing, growing.apply(f"negation({_REGION})", growing.region()))
    growing.want(growing.compare(far, growing.random.choice([-1.0, 0.0, 1.0, 2.0])))


def _touches(growing: Growing) -> None:
    # Alone: a `near` of a region that no other node has created.
    region = growing.region()
    fresh = growing.compare(growing.numbers(), 0.125 + growing.random.random())
    seeds = growing.apply(f"near({_REGION})", fresh)
    growing.want(growing.apply(f"through({_REGION}, {_REGION})", seeds, region))


def _percentile_tests(growing: Growing) -> None:
    rank = growing.number(growing.random.choice([0.0, 0.25, 0.5, 1.0]))
    inputs = growing.numbers(), growing.region(), rank
    ranks = growing.apply(f"percentiles({_NUMBERS}, {_REGION}, number)", *inputs)
    growing.want(growing.compare(ranks, growing.random.choice([0.1, 0.5, 0.93])))


def _threshold_volumes(growing: Growing) -> None:
    # Neither a distance nor percentiles, whose comparisons match other rules, and thresholds that
    # no other node compares with.
    image = ValueId(growing.random.choice("vw"))
    for number in range(FEWEST_THRESHOLDS):
        mask = growing.compare(image, number / 7 - 2.0625)
        growing.want(growing.apply(f"volume({_REGION})", mask))


def _larger_boxes(growing: Growing) -> None:
    kind = growing.random.choice(["near", "interior"])
    grown = growing.compare(growing.numbers(), 0.125 + growing.random.random())
    for _ in range(growing.random.choice([2, 3, 4])):
        grown = growing.apply(f"{kind}({_REGION})", grown)
    growing.want(grown)


#: For each rule, by name, a function that adds nodes to which it applies.
PATTERNS: dict[str, Callable[[Growing], None]] = {
    "drop_redundant_intensity": _read_as_stored,
    "clamped_to_unsigned_distance": _clamped_distances,
    "distance_compare_to_dilation": _distance_tests,
    "distance_of_complement": _distances_to_complements,
    "near_then_through_to_touching": _touches,
    "percentile_compare_to_threshold": _percentile_tests,
    "threshold_counts_to_histogram": _threshold_volumes,
    "merge_nested_boxes": _larger_boxes,
}


#: For each rule, by name, an expression of ImgQL to which it applies; the benchmarks time these.
EXPRESSIONS = {
    "drop_redundant_intensity": "percentiles(intensity(v), b, 0.5)",
    "clamped_to_unsigned_distance": "mask(dt(m), dt(m) > 0)",
    "distance_compare_to_dilation": "pdt(m) <= 5",
    "distance_of_complement": "pdt(!m) <= 5",
    "near_then_through_to_touching": "through(near(n), m)",
    "percentile_compare_to_threshold": "percentiles(v, b, 0.5) > 0.9",
    "threshold_counts_to_histogram": " + ".join(f"volume(v > {10 * n})" for n in range(100)),
    "merge_nested_boxes": "near(near(near(m)))",
}


def firing_plan(rule: str, seed: int) -> tuple[Plan, dict[ValueId, Value]]:
    """A random plan to which the rule of this name applies, and the values that it starts with."""
    growing = Growing(seed)
    for _ in range(growing.random.choice([1, 2])):
        PATTERNS[rule](growing)
    return growing.plan(), growing.given
