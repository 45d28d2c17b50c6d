"""What does a checked program compute? A plan: functions inlined, equal work made one node.

Grids are settled here, before anything is loaded beyond headers: images that are combined must
lie on one grid, and images without a grid take it from those they are combined with.

Where the plan depends on a number that must be computed, such as the length of a sequence, that
number is asked for: the part of the plan that it needs is run, and lowering goes on. Everything
that can be told without is told first.
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

#: Runs a plan with these values for goals; their values, or a diagnostic instead of one that
#: failed, and what else has become known.
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
    """The plan of a program; mistakes go to ``diagnostics``.

    digest  the content digest of the file with this header
    adopt   take images of equal shape for images on the grid of the first one, with a warning
    ask     runs a part of the plan; None: nothing may run, and goals that need it are left out
    tolerance  how far apart voxel centers of one grid may lie, in smallest spacings
    """
    lowering = Lowering(program, digest, diagnostics, files, adopt, ask, tolerance)
    return Goals(lowering, program, refuse_save).plan()


class Lowering:
    """The state of lowering; ``goals.py`` drives it."""

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
        #: What `WriteImage` has asked for since somebody looked.
        self.written: list[tuple[ValueId, str, Trace]] = []
        #: The paths of all that it has asked for.
        self.paths: set[str] = set()
        self.can_ask = ask is not None
        #: Whether parts of the program may run by now: mistakes then fail one goal only.
        self.is_running = False
        self._ask = ask
        self._digest = digest
        self.driver = Trampoline(self._block, self._evaluate)
        self.applying = PrimitiveApplier(
            self.graph, _first_grid(program), adopt, self.report, tolerance
        )
        self._operations = Operations(
            self.graph, self.applying, files, self._load, self._write, self.report
        )

    def report(self, diagnostic: Diagnostic) -> None:
        """Tells a mistake; once parts of the program have run it fails what is being made."""
        if self.is_running and diagnostic.is_error:
            raise LoweringError(diagnostic)
        self.diagnostics.add(diagnostic)

    def run_main(self) -> None:
        """Lowers the main block, as far as that runs nothing."""
        self.driver.run(self._block(self.program.main, (), (), self.main))

    def _evaluate(self, ids: tuple[ValueId, ...]) -> list[Any]:
        """The values of nodes, by running them; scalars are remembered as constants."""
        unknown = [id for id in dict.fromkeys(ids) if self.graph.known_value(id) is None]
        if unknown and (self._ask is None or not self.is_running):
            raise RequiresExecution
        found: Mapping[ValueId, Any] = {}
        if unknown and self._ask is not None:
            found = self._ask(self.graph.plan(()), unknown)
            self.graph.know(found)
        for id in unknown:
            if isinstance(found[id], Diagnostic):
                raise LoweringError(found[id])
        return [found[id] if id in found else self.graph.known_value(id) for id in ids]

    def _write(self, image: ValueId, path: str, trace: Trace) -> None:
        self.written.append((image, path, trace))
        self.paths.add(path)

    def _load(self, header: Any, kind: ImageOf, trace: Trace) -> ValueId:
        whole = ImageOf(kind.content, header.element, header.channels, header.grid)
        return self.graph.load(self._digest(header), header, whole, trace)

    def _volumes(self, header: Any, kind: SequenceOf, trace: Trace) -> LazySequence:
        """The volumes of a file, which is hashed when the first of them is asked for."""
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
            # By far the most frequent steps first: programs may come to millions of them.
            if isinstance(step, Apply):
                given = [values[each] for each in step.arguments]
                value = self.applying.apply(step.primitive, given, (step.span, *trace))
                if isinstance(value, Thunk) and not _waits(given):
                    value = yield TryStatic(value)
            elif isinstance(step, Parameter):
                value = arguments[step.number]
            elif isinstance(step, Invoke):
                inside = tuple([values[each] for each in step.arguments])
                value = yield CallBlock(step.function, inside, (step.span, *trace))
            else:
                value = self._step(step, values, trace)
                if isinstance(value, Thunk) and _is_new(step, values):
                    value = yield TryStatic(value)
            values.append(value)
        return values[block.result] if values else None

    def _step(self, step: Step, values: list[Lowered], trace: Trace) -> Lowered:
        match step:
            case Constant(value, _, span):
                return self.graph.written(value, (span, *trace))
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
        """Steps whose value may take running something."""
        given = _inputs(step, values)
        if None in given:
            return None
        inside = (step.span, *trace)
        match step:
            case Operate(operation):
                return _after_arguments(
                    given, lambda found: self._operations.perform(operation, found, inside)
                )
            case ForEach(block, _, captures):
                around = tuple(values[each] for each in captures)
                return _after_arguments(
                    given, lambda found: _lower_map(found[0], block, around, inside)
                )
            case Select(block, _, captures):
                around = tuple(values[each] for each in captures)
                return _after_arguments(
                    given, lambda found: self._lower_filter(found[0], block, around, inside)
                )
            case FoldLeft(_, start):
                first = None if start is None else values[start]
                return _after_arguments(
                    given[-1:], lambda found: self._lower_fold(found[0], step, first, inside)
                )
            case Choose():
                return _after_arguments(
                    given, lambda found: self._lower_if(found[0], step, values, inside)
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


def _inputs(step: Step, values: list[Lowered]) -> list[Lowered]:
    """What a step cannot do without."""
    match step:
        case Operate(arguments=inputs):
            return [values[each] for each in inputs]
        case ForEach(sequence=number) | Select(sequence=number) | Choose(condition=number):
            return [values[number]]
        case FoldLeft(start=start, sequence=number):
            return [values[each] for each in (start, number) if each is not None]
    return []


def _is_new(step: Step, values: list[Lowered]) -> bool:
    """Whether nobody has tried to find the value of a step that is pending."""
    return not isinstance(step, Outer) and not _waits(_inputs(step, values))


def _waits(values: Sequence[Lowered]) -> bool:
    """Whether something is known already to take running a part of the program."""
    return any(isinstance(each, Thunk) for each in values)


def _after_arguments(given: list[Lowered], work: Callable[[list[Any]], Work]) -> Thunk:
    """What ``work`` makes of these values once they are found."""

    def find() -> Work:
        found: list[Any] = []
        for each in given:
            value = each
            while isinstance(value, Thunk):
                value = yield value
            if value is None:
                return None
            found.append(value)
        result = yield from work(found)
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
    """The grid of the first file that the program loads (VoxLogicA 1's rule)."""
    for step in program.main.steps:
        if isinstance(step, LoadFile):
            grid: Grid = step.header.grid
            return grid
    return None
