"""Application of primitives during lowering: argument checks, constant folding and grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from voxgpu.diagnostics import Diagnostic, Note, at_trace
from voxgpu.ids import Ingredient, ValueId
from voxgpu.image import TOLERANCE, Grid, Image
from voxgpu.plan.graph import Graph, Gridless, Handle, Trace, grids
from voxgpu.plan.grid_difference import advice, difference
from voxgpu.plan.lowered import EvaluateNodes, GetItem, LazySequence, Lowered, Thunk, Work
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.primitives.sequence import ITEM, SEQUENCE
from voxgpu.types import UNKNOWN, Content, ImageOf, SequenceOf, Type


class PrimitiveApplier:
    """Applies primitives to lowered values; resolves the grids of images and reports conflicts.

    default  the grid of images whose grid nothing else determines
    adopt    treat images of equal shape as lying on the grid of the first one, with a warning
    tolerance  maximum distance between voxel centers of agreeing grids, in smallest spacings
    """

    def __init__(
        self,
        graph: Graph,
        default: Grid | None,
        adopt: bool,
        report: Callable[[Diagnostic], None],
        tolerance: float = TOLERANCE,
    ) -> None:
        self._graph = graph
        self._default = default
        self._adopt = adopt
        self._tolerance = tolerance
        self._report = report

    def apply(self, primitive: Primitive, inputs: Sequence[Lowered], trace: Trace) -> Lowered:
        """Applies a primitive to available arguments, which may be sequences."""
        if primitive.folds:
            constant = self.folded(primitive, inputs, trace)
            if constant is not None:
                return constant
        if None in inputs:
            return None
        if any(isinstance(value, Thunk | LazySequence) for value in inputs):
            return Thunk(lambda: self._apply_evaluated(primitive, inputs, trace))
        return self._apply(primitive, [self._graph.node_of(each, trace) for each in inputs], trace)

    def folded(self, primitive: Primitive, inputs: Sequence[Lowered], trace: Trace) -> Lowered:
        """Returns the value if the arguments are constants of the program's text.

        Returns None if they are not, or if computing the value would give a warning or error.
        """
        literal = self._graph.literal
        arguments: list[Value] = []
        for each in inputs:
            known = literal(each)
            if known is None:
                return None
            arguments.append(known)
        try:
            value = primitive.reference(arguments, None)
        except UndefinedValueError:
            return None
        if isinstance(value, ValueWithWarning):
            return None
        if isinstance(value, tuple):
            return self._sequence(self._graph.constant(value, trace), trace)
        if isinstance(value, float | int) and not isinstance(value, bool):
            value = float(value)  # also converts NumPy scalars
        return self._graph.as_scalar(value, trace)  # type: ignore[arg-type]

    def materialize(self, value: Lowered, trace: Trace) -> ValueId | None:
        """Returns the node of a scalar or an image; a gridless image is put on the default grid."""
        if not isinstance(value, Gridless):
            id = self._graph.node_of(value, trace)
            return id if isinstance(id, str) else None  # type: ignore[return-value]
        if self._default is None:
            self.report_no_grid(trace)
            return None
        return self._graph.ground(value, self._default)

    def pack_sequence(self, value: Lowered, trace: Trace) -> Work:
        """Returns one node that holds an entire value, including sequences; None after an error."""
        while isinstance(value, Thunk):
            value = yield value
        if not isinstance(value, LazySequence):
            return self.materialize(value, trace)
        if value.node is not None:
            return value.node
        if value.numbers is not None:
            return self._graph.constant(tuple(value.numbers), trace)
        items = []
        for index in range(value.length):
            item = yield GetItem(value, index)
            if type(item) is not float:
                item = yield from self.pack_sequence(item, trace)
                if item is None:
                    return None
            items.append(item)
        known = [self._graph.literal(each) for each in items]
        if None not in known and not any(isinstance(each, tuple) for each in known):
            return self._graph.constant(tuple(known), trace)
        items = [self._graph.node_of(each, trace) for each in items]
        kind = self._graph.types[items[0]] if items else None
        return self._graph.make(SEQUENCE, tuple(items), (), SequenceOf(kind or UNKNOWN), trace)

    def constant_value(self, value: Lowered, trace: Trace) -> Work:
        """Returns the value of a scalar, running part of the plan if needed; None on error."""
        id = yield from self.pack_sequence(value, trace)
        if id is None:
            return None
        results = self._graph.known_value(id)
        if results is None:
            (results,) = yield EvaluateNodes((id,))
        return results

    def _apply_evaluated(
        self, primitive: Primitive, inputs: Sequence[Lowered], trace: Trace
    ) -> Work:
        """Applies a primitive to arguments that must first be computed or packed."""
        results: list[Any] = []
        static = {i for i, each in enumerate(primitive.parameters) if each.static}
        for index, lowered in enumerate(inputs):
            value = lowered
            while isinstance(value, Thunk):
                value = yield value
            if isinstance(value, LazySequence) and index in static:
                value = yield from self._known_items(value, trace)
            elif isinstance(value, LazySequence):
                value = yield from self.pack_sequence(value, trace)
            if value is None:
                return None
            results.append(value)
        if primitive.folds:
            folded = self.folded(primitive, results, trace)
            if folded is not None:
                return folded
        results = [self._graph.node_of(each, trace) for each in results]
        for index in static & set(range(len(results))):
            yield from self._evaluate_static(results[index])
        result = self._apply(primitive, results, trace)
        while isinstance(result, Thunk):
            result = yield result
        return result

    def _known_items(self, sequence: LazySequence, trace: Trace) -> Work:
        items = []
        for index in range(sequence.length):
            item = yield GetItem(sequence, index)
            while isinstance(item, Thunk):
                item = yield item
            items.append(self._graph.node_of(item, trace))
        return None if None in items else tuple(items)

    def _evaluate_static(self, value: Any) -> Work:
        """Computes a static argument by running the part of the plan it depends on."""
        each = value if isinstance(value, tuple) else (value,)
        unknown = tuple(id for id in each if self._graph.known_value(id) is None)
        if unknown:
            yield EvaluateNodes(unknown)

    def _apply(self, primitive: Primitive, inputs: list[Any], trace: Trace) -> Lowered:
        if any(
            parameter.static and not self._is_known(value)
            for value, parameter in zip(inputs, primitive.parameters, strict=False)
        ):
            return Thunk(lambda: self._apply_evaluated(primitive, inputs, trace))
        static = self._static(primitive, inputs)
        if not self._check(primitive, inputs, trace):
            return None
        dynamic: list[Any] = [
            value
            for value, parameter in zip(inputs, primitive.parameters, strict=False)
            if not parameter.static
        ]
        if primitive.infer is not None:
            return self._inferred(primitive, dynamic, trace)
        if primitive.has_free_grid:
            return Gridless(primitive, tuple(dynamic), trace)
        gridded = grids(dynamic, self._graph.types.__getitem__)
        has_gridless = any(isinstance(each, Gridless) for each in dynamic)
        if has_gridless and not gridded and primitive.makes_image and primitive.grid_of is None:
            return Gridless(primitive, tuple(dynamic), trace)
        if not gridded and not has_gridless:
            return self._sequence(
                self._graph.apply(primitive, tuple(dynamic), static, None, trace), trace
            )
        return self._apply_to_images(primitive, dynamic, static, gridded, trace)

    def _apply_to_images(
        self,
        primitive: Primitive,
        dynamic: list[Handle],
        static: tuple[Ingredient, ...],
        gridded: list[tuple[ValueId, Grid]],
        trace: Trace,
    ) -> Lowered:
        grid = gridded[0][1] if gridded else self._default
        if grid is None:
            self.report_no_grid(trace)
            return None
        if primitive.grid_from:
            names = [each.name for each in primitive.parameters if not each.static]
            source = dynamic[names.index(primitive.grid_from)]
            grid = next((g for id, g in gridded if id == source), grid)
        elif not self._agree(gridded, trace):
            return None
        grounded = tuple(self._graph.ground(each, grid) for each in dynamic)
        try:
            result = primitive.grid_of(grid, *static) if primitive.grid_of else grid
        except UndefinedValueError as problem:
            self._report(at_trace("E107", str(problem), trace))
            return None
        if not primitive.makes_image:
            return self._sequence(
                self._graph.apply(primitive, grounded, static, None, trace), trace
            )
        return self._graph.apply(primitive, grounded, static, result, trace)

    def _inferred(self, primitive: Primitive, dynamic: list[Any], trace: Trace) -> Lowered:
        """Returns the node of a primitive whose type depends on its arguments or its value."""
        gridded = grids(dynamic, self._graph.types.__getitem__)
        grid = gridded[0][1] if gridded else self._default
        if grid is None and any(isinstance(each, Gridless) for each in dynamic):
            self.report_no_grid(trace)
            return None
        inputs = tuple(each if grid is None else self._graph.ground(each, grid) for each in dynamic)
        types = [self._graph.types[each] for each in inputs]
        assert primitive.infer is not None
        try:
            kind = primitive.infer(types, [self._graph.known_value(each) for each in inputs])
        except UndefinedValueError as problem:
            self._report(at_trace("E107", str(problem), trace))
            return None
        if kind is not None:
            if not self._has_content(primitive, kind, trace):
                return None
            return self._sequence(self._graph.make(primitive, inputs, (), kind, trace), trace)
        id = self._graph.make(primitive, inputs, (), primitive.result, trace)
        return Thunk(lambda: self._typed_by_value(primitive, id, trace))

    def _typed_by_value(self, primitive: Primitive, id: ValueId, trace: Trace) -> Work:
        """Runs a node to determine its type."""
        (value,) = yield EvaluateNodes((id,))
        if isinstance(value, Image):
            content = _content(value)
            kind = ImageOf(content, str(value.element), value.channels, value.grid)
            if not self._has_content(primitive, kind, trace):
                return None
            self._graph.types[id] = kind
        return self._sequence(id, trace)

    def _has_content(self, primitive: Primitive, kind: Type, trace: Trace) -> bool:
        """Returns whether an image has the content that type checking assumed, else reports it."""
        expected = primitive.result
        if not isinstance(kind, ImageOf) or not isinstance(expected, ImageOf):
            return True
        if kind.content is expected.content:
            return True
        message = f"`{primitive.names[0]}` gives an {kind} here, and an {expected} is needed"
        self._report(at_trace("E102", message, trace))
        return False

    def _sequence(self, id: ValueId, trace: Trace) -> Lowered:
        """Returns the node, wrapped in a lazy sequence if its value is a sequence."""
        kind = self._graph.types[id]
        if not isinstance(kind, SequenceOf):
            return id
        value = self._graph.literal(id)
        if isinstance(value, tuple):
            return self._constant_sequence(id, value, trace)
        value = self._graph.known_value(id)
        if isinstance(value, tuple):
            return self._items(id, kind, len(value), trace)
        return Thunk(lambda: self._counted(id, kind, trace))

    def _counted(self, id: ValueId, kind: SequenceOf, trace: Trace) -> Work:
        (value,) = yield EvaluateNodes((id,))
        return self._items(id, kind, len(value), trace)

    def _items(self, id: ValueId, kind: SequenceOf, length: int, trace: Trace) -> LazySequence:
        def make(index: int) -> Work:
            item = self._graph.make(ITEM, (id,), (index,), kind.item, trace)
            return self._sequence(item, trace)
            yield

        return LazySequence(length, make, id)

    def _constant_sequence(
        self, id: ValueId, values: tuple[Any, ...], trace: Trace
    ) -> LazySequence:
        """Returns a sequence that is a constant of the program's text."""

        def make(index: int) -> Work:
            item = values[index]
            if isinstance(item, tuple):
                return self._constant_sequence(self._graph.constant(item, trace), item, trace)
            return self._graph.as_scalar(item, trace)
            yield

        numbers = values if all(type(each) is float for each in values) else None
        return LazySequence(len(values), make, id, numbers)

    def _is_known(self, value: Any) -> bool:
        items = value if isinstance(value, tuple) else (value,)
        return all(self._graph.known_value(each) is not None for each in items)

    def _static(self, primitive: Primitive, inputs: list[Any]) -> tuple[Ingredient, ...]:
        """Returns the values of the static arguments, which must be known at this point."""
        results: list[Ingredient] = []
        for value, parameter in zip(inputs, primitive.parameters, strict=False):
            if not parameter.static:
                continue
            items = value if isinstance(value, tuple) else (value,)
            known = [self._graph.known_value(each) for each in items]
            plain = [float(v) if isinstance(v, int | float) else v for v in known]
            results.append(tuple(plain) if isinstance(value, tuple) else plain[0])  # type: ignore[arg-type]
        return tuple(results)

    def _check(self, primitive: Primitive, inputs: list[Any], trace: Trace) -> bool:
        """Returns whether the known arguments are in the primitive's domain, else reports it."""
        if primitive.check is None:
            return True
        known = [
            self._graph.known_value(ValueId(each)) if isinstance(each, str) else None
            for each in inputs
        ]
        problem = primitive.check(*known)
        if problem:
            self._report(at_trace("E107", problem, trace))
        return not problem

    def _agree(self, gridded: list[tuple[ValueId, Grid]], trace: Trace) -> bool:
        """Returns whether all images lie on the grid of the first, else reports the difference."""
        for id, grid in gridded[1:]:
            first, expected = gridded[0]
            if grid is expected or grid.agrees_with(expected, self._tolerance):
                continue
            notes = tuple(
                Note(f"on a grid of {each}", self._graph.origin(image)[0])
                for image, each in ((first, expected), (id, grid))
            )
            differs = difference(expected, grid)
            if not (self._adopt and grid.shape == expected.shape):
                message = f"images on different grids cannot be combined: {differs}"
                self._report(at_trace("E105", message, trace, notes, advice(expected, grid)))
                return False
            message = (
                "images on different grids are combined voxel by voxel, on the first grid: "
                f"{differs}"
            )
            self._report(at_trace("W201", message, trace, notes))
        return True

    def report_no_grid(self, trace: Trace) -> None:
        """Reports an image whose grid nothing determines."""
        message = "no image says on which grid to compute this"
        hint = "load an image in the program: its first one gives the grid"
        self._report(at_trace("E110", message, trace, help=hint))


def _content(image: Image) -> Content:
    if str(image.element) == "bool":
        return Content.BOOLEAN
    return Content.COLOR if image.channels > 1 else Content.NUMBER
