"""Rewrite rules that replace nodes by cheaper equivalents.

A rule replaces nodes by others with the same value. The value keeps its id, so neither the store
nor the user sees a difference. Rules take the users of a value into account: a distance that is
only compared with a number need not be computed, but one that is also saved is available anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, without_dead_nodes
from voxgpu.primitives import (
    color,
    comparison,
    components,
    distance,
    intensity_ranks,
    logic,
    morphology,
    reductions,
)
from voxgpu.primitives.internal import (
    ALL_IN_BOX,
    ANY_IN_BOX,
    DISTANCE_COMPARE,
    PERCENTILE_COMPARE,
    THRESHOLD_COUNT,
    TOUCHING,
)
from voxgpu.primitives.primitive import AccessPattern, Primitive
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import NUMBER_IMAGE, ImageOf

Nodes = Mapping[ValueId, Node]

#: Minimum number of thresholds of one image for which a histogram pays off. Below it, kernels
#: that compare with up to 32 thresholds in one pass are faster.
FEWEST_THRESHOLDS = 40

#: The operator of a comparison with the image on the left, and with the image on the right.
_OPERATORS_OF_DEFINITIONS = {
    comparison.less: ("less", "greater"),
    comparison.less_or_equal: ("less_equal", "greater_equal"),
    comparison.greater: ("greater", "less"),
    comparison.greater_or_equal: ("greater_equal", "less_equal"),
    comparison.equal: ("equal", "equal"),
    comparison.not_equal: ("not_equal", "not_equal"),
}
_OPERATORS = {
    primitive: operators
    for definition, operators in _OPERATORS_OF_DEFINITIONS.items()
    for primitive in definition.overloads
}

# Sets, because each rule examines every node.
_INTENSITY = frozenset(color.intensity.overloads)
_MASK = frozenset(logic.mask.overloads)
_NEGATION = frozenset(logic.negation.overloads)
_THROUGH = frozenset(components.through.overloads)
_NEAR = frozenset(morphology.near.overloads)
_PERCENTILES = frozenset(intensity_ranks.percentiles.overloads)
_VOLUME = frozenset(reductions.volume.overloads)

_DISTANCES = {
    **dict.fromkeys(distance.signed_distance.overloads, "dt"),
    **dict.fromkeys(distance.distance.overloads, "pdt"),
}

(_UNSIGNED,) = distance.distance.overloads

_BOXES = {
    **dict.fromkeys(morphology.near.overloads, ANY_IN_BOX),
    **dict.fromkeys(morphology.interior.overloads, ALL_IN_BOX),
}


@frozen
class _View:
    """A plan with the information that rules need.

    users  users of each value, once for each use
    fixed  goals and available values: replacing their computation saves nothing
    """

    nodes: Nodes
    users: Mapping[ValueId, list[ValueId]]
    fixed: frozenset[ValueId]


@frozen(slots=True)
class _Comparison:
    """A comparison of an image (on the left) with a number."""

    operator: str
    image: ValueId
    number: ValueId


def simplify(plan: Plan, available: Collection[ValueId] = ()) -> Plan:
    """Returns the plan after all rules, without nodes that are no longer needed.

    available  values that are already available
    """
    current, view = plan, _view(plan, available)
    for rule in RULES:
        changed = rule(view)
        if changed:
            current = without_dead_nodes(replace(current, nodes={**current.nodes, **changed}))
            view = _view(current, available)
    return current


def _view(plan: Plan, available: Collection[ValueId]) -> _View:
    users: dict[ValueId, list[ValueId]] = {}
    for id, node in plan.nodes.items():
        for each in node.inputs:
            users.setdefault(each, []).append(id)
    fixed = frozenset(available) | {goal.value for goal in plan.goals}
    return _View(plan.nodes, users, fixed)


def drop_redundant_intensity(view: _View) -> dict[ValueId, Node]:
    """Drops ``intensity`` of a numeric image where its user converts to float32 anyway."""
    plain = {id: node.inputs[0] for id, node in view.nodes.items() if node.primitive in _INTENSITY}
    changed = {}
    for id, node in view.nodes.items() if plain else ():
        if any(each in plain for each in node.inputs) and _converts(node.primitive):
            inputs = tuple(_followed(plain, each) for each in node.inputs)
            changed[id] = replace(node, inputs=inputs)
    return changed


def _followed(plain: Mapping[ValueId, ValueId], id: ValueId) -> ValueId:
    while id in plain:
        id = plain[id]
    return id


def _converts(primitive: Primitive) -> bool:
    """Returns whether a primitive converts any numeric image to float32."""
    takes = [each.type for each in primitive.parameters if isinstance(each.type, ImageOf)]
    independent = bool(primitive.element) or not primitive.makes_image
    independent = independent and primitive.element_from is None
    typed = all(each.content is not None and each.content.value != "any kind" for each in takes)
    return independent and typed and NUMBER_IMAGE in takes and primitive.infer is None


def clamped_to_unsigned_distance(view: _View) -> dict[ValueId, Node]:
    """Replaces ``mask(dt(b), dt(b) > 0)``, as VoxLogicA's libraries define ``pdt``, by ``pdt(b)``.

    Likewise ``mask(dt(b), !b)``. Where the signed distance is needed for anything but comparisons,
    it is available anyway, and the mask costs less than a second distance.
    """
    changed = {}
    for id, node in view.nodes.items():
        if _DISTANCES.get(node.primitive) != "dt" or id in view.fixed:
            continue
        users = dict.fromkeys(view.users.get(id, []))
        masks = [user for user in users if _is_outside(view, view.nodes[user], id)]
        others = [user for user in users if user not in masks]
        if len(masks) == 1 and all(_comparison_with(view, user, id) for user in others):
            changed[masks[0]] = Node(_UNSIGNED, node.inputs)
    return changed


def _is_outside(view: _View, node: Node, distance: ValueId) -> bool:
    """Returns whether a node is a signed distance where it is positive, and 0 elsewhere."""
    if node.primitive not in _MASK or node.inputs[0] != distance:
        return False
    where = view.nodes[node.inputs[1]]
    if where.primitive in _NEGATION:
        return where.inputs == view.nodes[distance].inputs
    found = _comparison_with(view, node.inputs[1], distance)
    if found is None or found.operator != "greater":
        return False
    number = view.nodes[found.number]
    return number.primitive is CONSTANT and number.parameters == (0.0,)


def distance_compare_to_dilation(view: _View) -> dict[ValueId, Node]:
    """Replaces a distance that is only compared with numbers by a dilation with a ball."""
    changed = {}
    for id, node in view.nodes.items():
        kind = _DISTANCES.get(node.primitive)
        if kind:
            for user, comparison in _only_comparisons(view, id):
                inputs = (node.inputs[0], comparison.number)
                changed[user] = Node(
                    DISTANCE_COMPARE, inputs, (kind, comparison.operator, "region")
                )
    return changed


def distance_of_complement(view: _View) -> dict[ValueId, Node]:
    """Replaces a distance comparison on ``!b`` by the converse comparison on ``b``."""
    changed = {}
    for id, node in view.nodes.items():
        inner = view.nodes[node.inputs[0]] if node.primitive is DISTANCE_COMPARE else None
        if inner is not None and inner.primitive in _NEGATION:
            kind, operator, _ = node.parameters
            inputs = (inner.inputs[0], node.inputs[1])
            changed[id] = Node(DISTANCE_COMPARE, inputs, (kind, operator, "complement"))
    return changed


def near_then_through_to_touching(view: _View) -> dict[ValueId, Node]:
    """Replaces ``through`` of ``near`` by one operation that does not write the seeds."""
    changed = {}
    for id, node in view.nodes.items():
        if node.primitive not in _THROUGH:
            continue
        seeds, region = node.inputs
        alone = seeds not in view.fixed and view.users[seeds] == [id]
        if alone and view.nodes[seeds].primitive in _NEAR:
            changed[id] = Node(TOUCHING, (view.nodes[seeds].inputs[0], region))
    return changed


def percentile_compare_to_threshold(view: _View) -> dict[ValueId, Node]:
    """Replaces percentiles that are only compared with numbers by one order-statistic threshold."""
    changed = {}
    for id, node in view.nodes.items():
        if node.primitive in _PERCENTILES:
            for user, comparison in _only_comparisons(view, id):
                inputs = (*node.inputs, comparison.number)
                changed[user] = Node(PERCENTILE_COMPARE, inputs, (comparison.operator,))
    return changed


def threshold_counts_to_histogram(view: _View) -> dict[ValueId, Node]:
    """Replaces volumes of many thresholds of one image by its histogram.

    Only thresholds of one stage are counted in one pass (``fuse.py``).
    """
    counts: dict[ValueId, Node] = {}
    for id, node in view.nodes.items():
        if node.primitive not in _VOLUME:
            continue
        mask = node.inputs[0]
        comparison = _comparison(view.nodes[mask])
        if comparison and mask not in view.fixed and len(view.users[mask]) == 1:
            inputs = (comparison.image, comparison.number)
            counts[id] = Node(THRESHOLD_COUNT, inputs, (comparison.operator,))
    if len(counts) < FEWEST_THRESHOLDS:
        return {}
    stages = _stages(view.nodes)
    by_pass: dict[tuple[ValueId, int], dict[ValueId, Node]] = {}
    for id, counted in counts.items():
        by_pass.setdefault((counted.inputs[0], stages[id]), {})[id] = counted
    worthwhile = [each for each in by_pass.values() if len(each) >= FEWEST_THRESHOLDS]
    return {id: node for each in worthwhile for id, node in each.items()}


def _stages(nodes: Nodes) -> dict[ValueId, int]:
    """The number of nodes on the longest path to each value that are not voxelwise."""
    stages: dict[ValueId, int] = {}
    for id, node in nodes.items():
        before = max((stages[each] for each in node.inputs), default=0)
        is_pass = bool(node.inputs) and node.primitive.shape is not AccessPattern.VOXELWISE
        stages[id] = before + is_pass
    return stages


def merge_nested_boxes(view: _View) -> dict[ValueId, Node]:
    """Merges ``near(near(b))`` and ``interior(interior(b))`` into one box of a larger radius."""
    radius: dict[ValueId, tuple[Primitive, int, ValueId]] = {}
    changed = {}
    for id, node in view.nodes.items():
        kind = box_kind(node.primitive)
        if kind is None:
            continue
        inner = node.inputs[0]
        before = radius.get(inner)
        alone = inner not in view.fixed and len(view.users[inner]) == 1
        if before and alone and before[0] is kind:
            radius[id] = kind, before[1] + 1, before[2]
            changed[id] = Node(kind, (before[2],), (float(before[1] + 1),))
        else:
            radius[id] = kind, 1, inner
    return changed


def box_kind(primitive: Primitive) -> Primitive | None:
    """Returns the 3×3×3 box operation (any or all) that a primitive is equal to, or None."""
    return _BOXES.get(primitive)


def _only_comparisons(view: _View, id: ValueId) -> list[tuple[ValueId, _Comparison]]:
    """Returns the users of a value and their comparisons, if all users compare it; else empty."""
    if id in view.fixed:
        return []
    users = view.users.get(id, [])
    comparisons = [(user, _comparison_with(view, user, id)) for user in users]
    pairs = [(user, each) for user, each in comparisons if each is not None]
    return pairs if len(pairs) == len(users) else []


def _comparison_with(view: _View, id: ValueId, image: ValueId) -> _Comparison | None:
    """Returns the comparison of an image with a number that a node is; None if it is another."""
    found = _comparison(view.nodes[id])
    return found if found is not None and found.image == image else None


def _comparison(node: Node) -> _Comparison | None:
    names = _OPERATORS.get(node.primitive)
    if names is None:
        return None
    left, right = (isinstance(each.type, ImageOf) for each in node.primitive.parameters)
    if left == right:
        return None
    if left:
        return _Comparison(names[0], node.inputs[0], node.inputs[1])
    return _Comparison(names[1], node.inputs[1], node.inputs[0])


#: Applied in this order; each rule sees the results of those before it.
RULES: tuple[Callable[[_View], dict[ValueId, Node]], ...] = (
    drop_redundant_intensity,
    clamped_to_unsigned_distance,
    distance_compare_to_dilation,
    distance_of_complement,
    near_then_through_to_touching,
    percentile_compare_to_threshold,
    threshold_counts_to_histogram,
    merge_nested_boxes,
)
