"""Construction of the hash-consed plan graph, with the grid of every image.

Some images, such as ``tt`` or ``near(border)``, have no grid of their own. They stay *gridless*
until they are combined with an image that has a grid, and are then built on that grid. The grid is
a parameter of their nodes, and therefore part of their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voxgpu.diagnostics import Diagnostic, Span
from voxgpu.frozen import frozen
from voxgpu.ids import Ingredient, ValueId
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Goal, Node, Plan, arguments_of
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.types import BOOLEAN, NUMBER, TEXT, UNKNOWN, ImageOf, SequenceOf, Type

Trace = tuple[Span, ...]

#: A value that may be a constant of the program's text.
Constant = float | bool | str | tuple[Any, ...]


@frozen(slots=True, eq=False)
class Gridless:
    """An image without a grid: its primitive, arguments and source location."""

    primitive: Primitive
    inputs: tuple[ValueId | Gridless, ...]
    trace: Trace


Handle = ValueId | Gridless


class Graph:
    """A plan under construction."""

    def __init__(self) -> None:
        self.nodes: dict[ValueId, Node] = {}
        self.types: dict[ValueId, Type] = {}
        self._origins: dict[ValueId, Trace] = {}
        self._files: dict[ValueId, Any] = {}
        self._loaded: dict[str, Trace] = {}
        self._grounded: dict[tuple[Gridless, Grid], ValueId] = {}
        self._constants: dict[ValueId, Value] = {}
        self._literals: dict[ValueId, Value] = {}
        #: Source locations of number and truth-value literals that have no node yet.
        self._literal_origins: dict[tuple[type, float], Trace] = {}
        #: Nodes whose values are known to depend on more than constants and values computed so far.
        self._unknown: set[ValueId] = set()

    def plan(self, goals: Sequence[Goal]) -> Plan:
        """Returns the plan built so far, with these goals."""
        return Plan(
            self.nodes, self.types, tuple(goals), self._origins, self._files, loaded=self._loaded
        )

    def origin(self, id: ValueId) -> Trace:
        """Returns the source location of a node."""
        return self._origins[id]

    def constant(self, value: Constant, trace: Trace) -> ValueId:
        """Returns the node of a constant."""
        if self._literal_origins and not isinstance(value, tuple | str):
            trace = self._literal_origins.get((type(value), value), trace)
        id = self._intern(Node(CONSTANT, (), (value,)), _type_of(value), trace)
        self._constants[id] = self._literals[id] = value
        return id

    def add_literal(self, value: float | bool | str, trace: Trace) -> ValueId | float | bool:
        """Returns a literal's value or node; records its source location."""
        result = self.as_scalar(value, trace)
        if not isinstance(result, str):
            self._literal_origins.setdefault((type(result), result), trace)
        return result

    def as_scalar(self, value: float | bool | str, trace: Trace) -> ValueId | float | bool:
        """Returns a number or truth value unchanged, so that equal values compare equal.

        NaN, −0 and strings are returned as nodes, since as plain values they would be unequal to
        themselves, equal to 0, or mistaken for ids.
        """
        kind = type(value)
        if kind is float and (value > 0 or value < 0 or str(value) == "0.0"):  # type: ignore[operator]
            return value  # type: ignore[return-value]
        return value if kind is bool else self.constant(value, trace)  # type: ignore[return-value]

    def node_of(self, value: Any, trace: Trace) -> Any:
        """Returns the node of a number or truth value; returns any other value unchanged."""
        kind = type(value)
        return self.constant(value, trace) if kind is float or kind is bool else value

    def literal(self, value: Any) -> Value | None:
        """Returns the value if it is a constant of the program's text, else None."""
        kind = type(value)
        if kind is float or kind is bool:
            return value  # type: ignore[no-any-return]
        return self._literals.get(value) if kind is str else None

    def load(self, digest: str, header: Any, kind: ImageOf, trace: Trace) -> ValueId:
        """Returns the node of a file with this content digest."""
        id = self._intern(Node(LOAD, (), (digest, *header.reading)), kind, trace)
        self._files.setdefault(id, header)
        for file in header.files:
            self._loaded.setdefault(file, trace)
        return id

    def apply(
        self,
        primitive: Primitive,
        inputs: tuple[ValueId, ...],
        parameters: tuple[Ingredient, ...],
        grid: Grid | None,
        trace: Trace,
    ) -> ValueId:
        """Returns the node of a primitive; ``grid`` is that of the result, if it is an image."""
        result = primitive.result
        if isinstance(result, ImageOf):
            result = self._image_type(primitive, result, inputs, parameters, grid)
        return self._intern(Node(primitive, inputs, parameters), result, trace)

    def make(
        self,
        primitive: Primitive,
        inputs: tuple[ValueId, ...],
        parameters: tuple[Ingredient, ...],
        kind: Type,
        trace: Trace,
    ) -> ValueId:
        """Returns the node of a primitive whose result has this type."""
        return self._intern(Node(primitive, inputs, parameters), kind, trace)

    def record_values(self, result: Mapping[ValueId, Any]) -> None:
        """Records the values of scalars and sequences that have been computed."""
        self._unknown.clear()
        for id, value in result.items():
            if not isinstance(value, Image | Diagnostic):
                self._constants[id] = value

    def _image_type(
        self,
        primitive: Primitive,
        result: ImageOf,
        inputs: tuple[ValueId, ...],
        parameters: tuple[Ingredient, ...],
        grid: Grid | None,
    ) -> ImageOf:
        first = next((t for t in map(self.types.get, inputs) if isinstance(t, ImageOf)), result)
        channels = primitive.channels
        if result.content is first.content and channels == 1:
            channels = first.channels
        element = primitive.element_of(first.element, *parameters)
        return replace(result, element=element, channels=channels, grid=grid)

    def ground(self, root: Handle, grid: Grid) -> ValueId:
        """Returns the node of a gridless image built on ``grid``; returns other nodes unchanged."""
        if not isinstance(root, Gridless):
            return root
        stack = [root]
        while stack:
            top = stack[-1]
            waiting = [
                each
                for each in top.inputs
                if isinstance(each, Gridless) and (each, grid) not in self._grounded
            ]
            if waiting and (top, grid) not in self._grounded:
                stack.extend(waiting)
                continue
            stack.pop()
            if (top, grid) not in self._grounded:
                inputs = tuple(
                    self._grounded[each, grid] if isinstance(each, Gridless) else each
                    for each in top.inputs
                )
                parameters = (grid,) if top.primitive.has_free_grid else ()
                self._grounded[top, grid] = self.apply(
                    top.primitive, inputs, parameters, grid, top.trace
                )
        return self._grounded[root, grid]

    def known_value(self, root: ValueId | float | bool) -> Value | None:
        """Returns the value of a node that depends only on constants and known values, or None."""
        if not isinstance(root, str):
            return root
        stack = [root]
        while stack:
            top = stack[-1]
            if top in self._constants or top in self._unknown:
                stack.pop()
                continue
            node = self.nodes[top]
            if isinstance(self.types[top], ImageOf) or node.primitive is LOAD:
                self._unknown.add(top)
                continue
            if any(each in self._unknown for each in node.inputs):
                self._unknown.add(top)
                continue
            waiting = [each for each in node.inputs if each not in self._constants]
            if waiting:
                stack.extend(waiting)
                continue
            value = self._computed(node)
            if value is None:
                self._unknown.add(top)
            else:
                self._constants[top] = value
        return self._constants.get(root)

    def _computed(self, node: Node) -> Value | None:
        """Computes a node whose inputs are known; returns None if its value is undefined."""
        inputs = [self._constants[each] for each in node.inputs]
        try:
            value = node.primitive.reference(arguments_of(node, inputs), None)
        except UndefinedValueError:
            return None
        return value.value if isinstance(value, ValueWithWarning) else value

    def _intern(self, node: Node, kind: Type, trace: Trace) -> ValueId:
        id = node.id
        if id not in self.nodes:
            self.nodes[id] = node
            self.types[id] = kind
            self._origins[id] = trace
        return id


def _type_of(value: Value) -> Type:
    if isinstance(value, tuple):
        return SequenceOf(_type_of(value[0]) if value else UNKNOWN)
    return BOOLEAN if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER


def grids(handles: Sequence[Handle], types: Callable[[ValueId], Type]) -> list[tuple[Any, Grid]]:
    """Returns the handles that are images with a grid, paired with the grid, in order."""
    result = []
    for handle in handles:
        if not isinstance(handle, Gridless):
            kind = types(handle)
            if isinstance(kind, ImageOf) and kind.grid is not None:
                result.append((handle, kind.grid))
    return result
