"""Fusion of nodes into kernels that compute them in one pass.

The stage of a node is the maximum stage of its inputs, plus one if an input is produced by anything
but a voxelwise node. Stages never decrease along a path, so every path between two nodes of one
stage stays within that stage. Therefore groups formed within stages cannot depend on each other
cyclically. A reduction belongs to the stage of its images, so that it is computed in the same pass;
its result belongs to the next stage.

A group accepts no more nodes once it would read too many images or perform too many operations per
voxel. From then on it stays closed, which preserves the absence of cycles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from voxgpu.codegen.integers import whole_element
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import (
    LEAVES,
    REDUCTIONS,
    Element,
    Scalar,
    parameter,
    read,
    single,
    topological_order,
)
from voxgpu.codegen.substitute import SharedExpressions, substitute_all
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.step import BatchedStep, FusedStep, ReducedScalar, Step, node_step
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.internal import SHARED_INPUTS
from voxgpu.primitives.primitive import AccessPattern
from voxgpu.types import BOOLEAN, Content, ImageOf

MOST_IMAGES = 8
MOST_OPERATIONS = 64
MOST_OUTPUTS = 32


class _Group:
    """Nodes that are computed together."""

    def __init__(self, shape: tuple[int, ...], order: int) -> None:
        self.shape = shape
        self.members: list[ValueId] = []
        self.images: set[ValueId] = set()
        self.operations = 0
        self.reductions = 0
        self.accepts_nodes = True
        self.order = order
        self.merged_into: _Group | None = None


def fuse(plan: Plan, available: Collection[ValueId] = ()) -> list[Step]:
    """Returns the steps of a plan. Each step comes after those it depends on.

    available  values that are already available, for which no steps are made
    """
    grouping = _Grouping(plan, available)
    in_group = {id: group for group in grouping.groups() for id in group.members}
    batches = _batches(plan, available, grouping.stage)
    steps: list[Step] = []
    done: set[int] = set()
    used_outside = _used_outside_group(plan, in_group)
    order = {id: index for index, id in enumerate(plan.nodes)}
    for id, node in plan.nodes.items():
        if id in available or (id in batches and batches[id][0] != id):
            continue
        if id in batches:
            members = tuple((each, plan.nodes[each]) for each in batches[id])
            steps.append(BatchedStep(members, SHARED_INPUTS[node.primitive]))
        elif id not in in_group:
            steps.append(node_step(plan, id))
        elif in_group[id].order not in done:
            done.add(in_group[id].order)
            step = _Composition(plan, in_group[id], used_outside, order).step()
            if step.outputs:  # otherwise no goal needs it
                steps.append(step)
    return steps


def _batches(
    plan: Plan, available: Collection[ValueId], stage: Mapping[ValueId, int]
) -> dict[ValueId, list[ValueId]]:
    """Returns the nodes that are computed in batches, each with all nodes of its batch.

    All nodes of a batch are of one stage. They are not voxelwise, so their stage is greater than
    those of their inputs; therefore no node of a batch depends on another, even via computed
    numbers.
    """
    batches: dict[tuple[object, ...], list[ValueId]] = {}
    for id, node in plan.nodes.items():
        if node.primitive in SHARED_INPUTS and id not in available:
            shared = node.inputs[: SHARED_INPUTS[node.primitive]]
            batches.setdefault((node.primitive, stage[id], *shared), []).append(id)
    return {id: members for members in batches.values() for id in members}


def _used_outside_group(plan: Plan, in_group: Mapping[ValueId, _Group]) -> set[ValueId]:
    """Returns the values that are used outside their group."""
    used = {goal.value for goal in plan.goals}
    for id, node in plan.nodes.items():
        mine = in_group.get(id)
        for each in node.inputs:
            if mine is None or in_group.get(each) is not mine:
                used.add(each)
    return used


class _Grouping:
    """Assigns nodes to groups, in plan order."""

    def __init__(self, plan: Plan, available: Collection[ValueId]) -> None:
        self._plan = plan
        self._available = available
        self.stage: dict[ValueId, int] = {}  # by value id, after `groups` has run
        self._group: dict[ValueId, _Group] = {}
        self._reduction_groups: dict[tuple[int, ValueId], _Group] = {}
        self._count = 0

    def groups(self) -> list[_Group]:
        """Returns the groups."""
        for id, node in self._plan.nodes.items():
            stage = max((self.stage[each] for each in node.inputs), default=0)
            if id in self._available or not self._is_fusible(id, node):
                self.stage[id] = stage if id in self._available or not node.inputs else stage + 1
                continue
            reduces = node.primitive.shape is AccessPattern.REDUCTION
            self.stage[id] = stage + reduces
            self._place(id, node, stage, reduces)
        return list(dict.fromkeys(self._group.values()))

    def _is_fusible(self, id: ValueId, node: Node) -> bool:
        primitive = node.primitive
        if primitive.body is None or primitive.shape not in (
            AccessPattern.VOXELWISE,
            AccessPattern.REDUCTION,
        ):
            return False
        kinds = [self._plan.types[each] for each in node.inputs]
        images = [each for each in kinds if isinstance(each, ImageOf)]
        fitting = all(each.content in (Content.NUMBER, Content.BOOLEAN) for each in images)
        return fitting and _grid(self._plan, id, node) is not None

    def _place(self, id: ValueId, node: Node, stage: int, reduces: bool) -> None:
        images = self._images(node)
        grid = _grid(self._plan, id, node)
        assert grid is not None
        before = [
            self._group[each]
            for each in images
            if each in self._group and self.stage[each] == stage and not self._reduces(each)
        ]
        groups = list(dict.fromkeys(before))
        if reduces:
            # Reductions of the same image are grouped even though no value passes between them.
            read_too = {each for group in groups if group.accepts_nodes for each in group.images}
            shared = dict.fromkeys((*images, *sorted(read_too)))
            related = [_find_root(self._reduction_groups.get((stage, each))) for each in shared]
            groups += [
                each
                for each in dict.fromkeys(related)
                if each is not None and each.accepts_nodes and each not in groups
            ]
        open_groups = [each for each in groups if each.accepts_nodes and each.shape == grid.shape]
        merged = self._merge(open_groups, id, node, images)
        for group in groups:
            # A group that was not merged is read like any image and must not later depend on this
            # one.
            group.accepts_nodes = merged is not None and group in open_groups
        if merged is None:
            merged = _Group(grid.shape, self._next())
            self._add(merged, id, node, images)
        if reduces:
            merged.reductions += 1
            for each in (*images, *merged.images):
                self._reduction_groups[stage, each] = merged

    def _merge(
        self, groups: list[_Group], id: ValueId, node: Node, images: list[ValueId]
    ) -> _Group | None:
        """Merges the groups and the node into one group; returns None if it would be too large."""
        if not groups:
            return None
        members = {each for group in groups for each in group.members} | {id}
        inputs = {each for group in groups for each in group.images} | set(images)
        operations = sum(group.operations for group in groups) + _operations(node)
        reductions = sum(group.reductions for group in groups)
        if len(inputs - members) > MOST_IMAGES or operations > MOST_OPERATIONS:
            return None
        if reductions >= MOST_OUTPUTS:
            return None
        # The larger group absorbs the others, so that all merging takes O(n log n) steps.
        first = max(groups, key=lambda group: len(group.members))
        for group in groups:
            if group is not first:
                first.members += group.members
                first.operations += group.operations
                first.reductions += group.reductions
                first.images |= group.images
                self._group.update(dict.fromkeys(group.members, first))
                group.merged_into = first
        self._add(first, id, node, images)
        first.images -= members
        return first

    def _add(self, group: _Group, id: ValueId, node: Node, images: list[ValueId]) -> None:
        group.members.append(id)
        group.operations += _operations(node)
        group.images.update(each for each in images if self._group.get(each) is not group)
        self._group[id] = group

    def _images(self, node: Node) -> list[ValueId]:
        types = self._plan.types
        return [each for each in node.inputs if isinstance(types[each], ImageOf)]

    def _reduces(self, id: ValueId) -> bool:
        return self._plan.nodes[id].primitive.shape is AccessPattern.REDUCTION

    def _next(self) -> int:
        self._count += 1
        return self._count


def _find_root(group: _Group | None) -> _Group | None:
    """Returns the group that a group has been merged into (union-find root)."""
    while group is not None and group.merged_into is not None:
        group = group.merged_into
    return group


def _operations(node: Node) -> int:
    body = node.primitive.body
    assert body is not None
    free = (*LEAVES, *REDUCTIONS)
    return sum(each.operation not in free for each in topological_order([body]))


def _grid(plan: Plan, id: ValueId, node: Node) -> Grid | None:
    """Returns the grid on which a node is computed."""
    kinds = [plan.types[id], *(plan.types[each] for each in node.inputs)]
    return next((each.grid for each in kinds if isinstance(each, ImageOf)), None)


class _Composition:
    """Composes the expressions of a group into one kernel."""

    def __init__(
        self,
        plan: Plan,
        group: _Group,
        used_outside: set[ValueId],
        order: Mapping[ValueId, int],
    ) -> None:
        self._plan = plan
        self._used_outside_group = used_outside
        self._members = sorted(group.members, key=order.__getitem__)
        self._inside = set(self._members)
        self._images: dict[ValueId, int] = {}
        self._scalars: dict[ValueId, int] = {}
        self._shared = SharedExpressions()
        self._values: dict[ValueId, Scalar] = {}
        self._reduction_index: dict[int, int] = {}
        self._reductions: list[Scalar] = []

    def step(self) -> FusedStep:
        """Returns the kernel with its inputs and outputs."""
        plan = self._plan
        numbers, written = [], []
        for id in self._members:
            node = plan.nodes[id]
            value = self._convert_to_element(id, self._substitute(node))
            self._values[id] = value
            if node.primitive.shape is AccessPattern.REDUCTION:
                numbers.append(self._reduced_scalar(id, node, value))
            elif id in self._used_outside_group:
                written.append(id)
        elements = tuple(self._element(id) for id in self._images)
        truths = (plan.types[id] == BOOLEAN for id in self._scalars)
        parameters: tuple[Element, ...] = tuple("bool" if each else "f32" for each in truths)
        outputs = tuple(self._values[id] for id in written)
        stored = tuple(self._element(id) for id in written)
        kernel = Kernel(elements, parameters, outputs, tuple(self._reductions), stored)
        grid = _grid(plan, self._members[0], plan.nodes[self._members[0]])
        assert grid is not None
        return FusedStep(
            kernel,
            grid,
            tuple(self._images),
            tuple(self._scalars),
            tuple(written),
            tuple(numbers),
            tuple((id, plan.nodes[id]) for id in self._members),
        )

    def _convert_to_element(self, id: ValueId, value: Scalar) -> Scalar:
        """Converts a member's value to its element type, as if it had been written to memory."""
        kind = self._plan.types[id]
        if not isinstance(kind, ImageOf) or kind.element != "float32":
            return value
        elements = [self._element(image) for image in self._images]
        return self._shared(single(value)) if whole_element(value, elements) else value

    def _element(self, id: ValueId) -> str:
        kind = self._plan.types[id]
        assert isinstance(kind, ImageOf)
        return kind.element

    def _substitute(self, node: Node) -> Scalar:
        """Returns the expression of a node with the expressions of its inputs substituted."""
        body = node.primitive.body
        assert body is not None
        arguments = arguments_of(node, node.inputs)
        pairs = list(zip(arguments, node.primitive.parameters, strict=False))
        images = [a for a, p in pairs if isinstance(p.type, ImageOf)]
        scalars = [a for a, p in pairs if not isinstance(p.type, ImageOf)]

        def leaf(each: Scalar) -> Scalar:
            if each.operation == "read":
                return self._image(images[each.number], each)
            if each.operation == "parameter":
                number = self._scalars.setdefault(scalars[each.number], len(self._scalars))
                return self._shared(parameter(number, each.element))
            return self._shared(each)

        return substitute_all(body, leaf, self._shared)

    def _image(self, source: ValueId, leaf: Scalar) -> Scalar:
        if source in self._inside:
            value = self._values[source]
            # A mask may be requested as an image of any kind, merely for its grid.
            return value
        number = self._images.setdefault(source, len(self._images))
        return self._shared(read(number, leaf.element))

    def _reduced_scalar(self, id: ValueId, node: Node, value: Scalar) -> ReducedScalar:
        for each in topological_order([value]):
            if each.operation in REDUCTIONS:
                self._reduction(each)
        name = node.primitive.nonempty
        if not name:
            return ReducedScalar(id, value)
        index = [each.name for each in node.primitive.parameters].index(name)
        source = arguments_of(node, node.inputs)[index]
        mask = self._image(source, read(0, "bool"))
        counted = self._shared(Scalar("count", (mask,), (), "f64"))
        return ReducedScalar(id, value, self._reduction(counted), name)

    def _reduction(self, reduction: Scalar) -> int:
        if id(reduction) not in self._reduction_index:
            self._reduction_index[id(reduction)] = len(self._reductions)
            self._reductions.append(reduction)
        return self._reduction_index[id(reduction)]
