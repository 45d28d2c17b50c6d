"""Lowering of a checked program to a plan: functions are inlined, equal work becomes one node.

Grids are resolved here, before any voxels are loaded: images that are combined must lie on one
grid, and images without a grid take it from the images they are combined with.

Where the plan depends on a computed number, such as the length of a sequence, the part of the plan
that computes it is run, and lowering continues with the result. Everything that can be checked
without execution is checked first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from voxgpu.diagnostics import Diagnostic, Diagnostics, at_trace
from voxgpu.ids import ValueId
from voxgpu.image import TOLERANCE, Grid
from voxgpu.language.ir import (
    Apply,
    Block,
    Broken,
    Choose,
    Constant,
    FoldLeft,
    ForEach,
    FunctionValue,
    Invoke,
    LoadFile,
    Operate,
    Outer,
    Parameter,
    Program,
    Select,
    Step,
)
from voxgpu.language.ir import Sequence as SequenceStep
from voxgpu.plan.apply_primitive import PrimitiveApplier
from voxgpu.plan.goals import Goals, RefuseSave
from voxgpu.plan.graph import Graph, Trace
from voxgpu.plan.lower_builtins import Files, Operations, sequence_of
from voxgpu.plan.lowered import (
    FUNCTION,
    CallBlock,
    EvaluateNodes,
    GetItem,
    LazySequence,
    Lowered,
    LoweringError,
    RequiresExecution,
    Thunk,
    TryStatic,
    Work,
    done,
)
from voxgpu.plan.node import Plan
from voxgpu.plan.trampoline import Trampoline
from voxgpu.primitives.primitive import Value
from voxgpu.types import ImageOf, SequenceOf

#: Runs a plan with these nodes as goals. Returns their values, or a diagnostic in place of each
#: that failed, and other values that have become known.
Ask = Callable[[Plan, Sequence[ValueId]], Mapping[ValueId, Value | Diagnostic]]


def lower(
    program: Program,
    digest: Callable[[Any], str],
    refuse_save: RefuseSave,
    diagnostics: Diagnostics,
    files: Files,
    adopt: bool = False,
    ask: Ask | None = None,
    tolerance: float = TOLERANCE,
) -> Plan:
    """Returns the plan of a program; errors go to ``diagnostics``.

    digest  the content digest of the file with this header
    adopt   treat images of equal shape as lying on the grid of the first one, with a warning
    ask     runs a part of the plan; if None, nothing runs, and goals that need it are left out
    tolerance  maximum distance between voxel centers of agreeing grids, in smallest spacings
    """
    lowering = Lowering(program, digest, diagnostics, files, adopt, ask, tolerance)
    return Goals(lowering, program, refuse_save).plan()


class Lowering:
    """The state of lowering, driven by ``goals.py``."""

    def __init__(
        self,
        program: Program,
        digest: Callable[[Any], str],
        diagnostics: Diagnostics,
        files: Files,
        adopt: bool,
        ask: Ask | None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.program = program
        self.diagnostics = diagnostics
        self.graph = Graph()
        self.main: list[Lowered] = []
        #: The `WriteImage` requests since they were last collected.
        self.write_requests: list[tuple[ValueId, str, Trace]] = []
        #: The paths of all `WriteImage` requests.
        self.paths: set[str] = set()
        self.can_ask = ask is not None
        #: Whether parts of the program may run. From then on an error fails only one goal.
        self.is_running = False
        self._ask = ask
        self._digest = digest
        self.driver = Trampoline(self._block, self._evaluate)
        self.applier = PrimitiveApplier(
            self.graph, _first_grid(program), adopt, self.report, tolerance
        )
        self._operations = Operations(
            self.graph, self.applier, files, self._load, self._write, self.report
        )

    def report(self, diagnostic: Diagnostic) -> None:
        """Reports an error; once parts of the program have run, it fails the current goal."""
        if self.is_running and diagnostic.is_error:
            raise LoweringError(diagnostic)
        self.diagnostics.add(diagnostic)

    def run_main(self) -> None:
        """Lowers the main block as far as possible without execution."""
        self.driver.run(self._block(self.program.main, (), (), self.main))

    def _evaluate(self, ids: tuple[ValueId, ...]) -> list[Any]:
        """Returns the values of nodes by running them; scalars are recorded as constants."""
        unknown = [id for id in dict.fromkeys(ids) if self.graph.known_value(id) is None]
        if unknown and (self._ask is None or not self.is_running):
            raise RequiresExecution
        results: Mapping[ValueId, Any] = {}
        if unknown and self._ask is not None:
            results = self._ask(self.graph.plan(()), unknown)
            self.graph.record_values(results)
        for id in unknown:
            if isinstance(results[id], Diagnostic):
                raise LoweringError(results[id])
        return [results[id] if id in results else self.graph.known_value(id) for id in ids]

    def _write(self, image: ValueId, path: str, trace: Trace) -> None:
        self.write_requests.append((image, path, trace))
        self.paths.add(path)

    def _load(self, header: Any, kind: ImageOf, trace: Trace) -> ValueId:
        whole = ImageOf(kind.content, header.element, header.channels, header.grid)
        return self.graph.load(self._digest(header), header, whole, trace)

    def _volumes(self, header: Any, kind: SequenceOf, trace: Trace) -> LazySequence:
        """Returns the volumes of a file, which is hashed when the first of them is needed."""
        assert isinstance(kind.item, ImageOf)
        whole = ImageOf(kind.item.content, header.element, header.channels, header.grid)
        digest = cache(partial(self._digest, header))

        def make(index: int) -> Work:
            return done(self.graph.load(digest(), header.at(index), whole, trace))

        return LazySequence(header.volumes, make)

    def _block(
        self,
        block: Block,
        arguments: tuple[Lowered, ...],
        trace: Trace,
        values: list[Lowered] | None = None,
    ) -> Work:
        values = [] if values is None else values
        for step in block.steps:
            # The most frequent steps come first: programs may have millions of them.
            if isinstance(step, Apply):
                inputs = [values[each] for each in step.arguments]
                value = self.applier.apply(step.primitive, inputs, (step.span, *trace))
                if isinstance(value, Thunk) and not _needs_execution(inputs):
                    value = yield TryStatic(value)
            elif isinstance(step, Parameter):
                value = arguments[step.number]
            elif isinstance(step, Invoke):
                inside = tuple([values[each] for each in step.arguments])
                value = yield CallBlock(step.function, inside, (step.span, *trace))
            else:
                value = self._step(step, values, trace)
                if isinstance(value, Thunk) and _is_unattempted(step, values):
                    value = yield TryStatic(value)
            values.append(value)
        return values[block.result] if values else None

    def _step(self, step: Step, values: list[Lowered], trace: Trace) -> Lowered:
        match step:
            case Constant(value, _, span):
                return self.graph.add_literal(value, (span, *trace))
            case Outer(number):
                return self.main[number]
            case SequenceStep(items):
                return sequence_of([values[each] for each in items])
            case FunctionValue():
                return FUNCTION
            case LoadFile(_, header, kind, span):
                if isinstance(kind, SequenceOf):
                    return self._volumes(header, kind, (span,))
                assert isinstance(kind, ImageOf)
                return self._load(header, kind, (span,))
            case Broken():
                return None
        return self._lower_deferred(step, values, trace)

    def _lower_deferred(self, step: Step, values: list[Lowered], trace: Trace) -> Lowered:
        """Lowers steps whose value may require execution."""
        inputs = _required_inputs(step, values)
        if None in inputs:
            return None
        inside = (step.span, *trace)
        match step:
            case Operate(operation):
                return _after_arguments(
                    inputs, lambda results: self._operations.perform(operation, results, inside)
                )
            case ForEach(block, _, captures):
                around = tuple(values[each] for each in captures)
                return _after_arguments(
                    inputs, lambda results: _lower_map(results[0], block, around, inside)
                )
            case Select(block, _, captures):
                around = tuple(values[each] for each in captures)
                return _after_arguments(
                    inputs, lambda results: self._lower_filter(results[0], block, around, inside)
                )
            case FoldLeft(_, start):
                first = None if start is None else values[start]
                return _after_arguments(
                    inputs[-1:], lambda results: self._lower_fold(results[0], step, first, inside)
                )
            case Choose():
                return _after_arguments(
                    inputs, lambda results: self._lower_if(results[0], step, values, inside)
                )
        raise AssertionError(step)

    def _lower_filter(
        self, source: LazySequence, block: Block, around: tuple[Lowered, ...], trace: Trace
    ) -> Work:
        items, conditions = [], []
        for index in range(source.length):
            item = yield GetItem(source, index)
            condition = yield CallBlock(block, (item, *around), trace)
            while isinstance(condition, Thunk):
                condition = yield condition
            if condition is None:
                return None
            items.append(item)
            conditions.append(condition)
        unknown = tuple(id for id in conditions if self.graph.known_value(id) is None)
        if unknown:
            yield EvaluateNodes(unknown)
        pairs = zip(items, conditions, strict=True)
        return sequence_of([item for item, id in pairs if self.graph.known_value(id)])

    def _lower_fold(
        self, source: LazySequence, step: FoldLeft, start: Lowered, trace: Trace
    ) -> Work:
        first = 0
        result = start
        if result is None:
            if not source.length:
                message = "`fold` without a first value needs an item, and the sequence is empty"
                hint = "give the value to begin with: fold + 0 xs"
                if step.name != "fold":
                    message, hint = f"`{step.name}` of an empty sequence has no value", ""
                self.report(at_trace("E107", message, trace, help=hint))
                return None
            result, first = (yield GetItem(source, 0)), 1
        for index in range(first, source.length):
            item = yield GetItem(source, index)
            result = yield CallBlock(step.block, (result, item), trace)
        return result

    def _lower_if(
        self, condition: ValueId, step: Choose, values: list[Lowered], trace: Trace
    ) -> Work:
        known = self.graph.known_value(condition)
        if known is None:
            (known,) = yield EvaluateNodes((condition,))
        block, captures = (step.yes, step.yes_captures) if known else (step.no, step.no_captures)
        return (yield CallBlock(block, tuple(values[each] for each in captures), trace))


def _required_inputs(step: Step, values: list[Lowered]) -> list[Lowered]:
    """Returns the values that a step cannot do without."""
    match step:
        case Operate(arguments=inputs):
            return [values[each] for each in inputs]
        case ForEach(sequence=number) | Select(sequence=number) | Choose(condition=number):
            return [values[number]]
        case FoldLeft(start=start, sequence=number):
            return [values[each] for each in (start, number) if each is not None]
    return []


def _is_unattempted(step: Step, values: list[Lowered]) -> bool:
    """Returns whether a step is pending and its value has not been attempted."""
    return not isinstance(step, Outer) and not _needs_execution(_required_inputs(step, values))


def _needs_execution(values: Sequence[Lowered]) -> bool:
    """Returns whether any of the values is known to require execution."""
    return any(isinstance(each, Thunk) for each in values)


def _after_arguments(inputs: list[Lowered], work: Callable[[list[Any]], Work]) -> Thunk:
    """Returns a thunk that applies ``work`` to these values once they are computed."""

    def find() -> Work:
        results: list[Any] = []
        for each in inputs:
            value = each
            while isinstance(value, Thunk):
                value = yield value
            if value is None:
                return None
            results.append(value)
        result = yield from work(results)
        while isinstance(result, Thunk):
            result = yield result
        return result

    return Thunk(find)


def _lower_map(
    source: LazySequence, block: Block, around: tuple[Lowered, ...], trace: Trace
) -> Work:
    def make(index: int) -> Work:
        item = yield GetItem(source, index)
        if item is None:
            return None
        return (yield CallBlock(block, (item, *around), trace))

    return LazySequence(source.length, make)
    yield


def _first_grid(program: Program) -> Grid | None:
    """Returns the grid of the first file that the program loads (the rule of VoxLogicA 1)."""
    for step in program.main.steps:
        if isinstance(step, LoadFile):
            grid: Grid = step.header.grid
            return grid
    return None
