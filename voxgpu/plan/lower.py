"""What does a checked program compute? A plan: functions inlined, equal work made one node.

Grids are settled here, before anything is loaded beyond headers: images that are combined must
lie on one grid, and images without a grid take it from those they are combined with.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from voxgpu.diagnostics import Diagnostics, Note, Span, at_trace
from voxgpu.ids import Ingredient, ValueId
from voxgpu.image import Grid
from voxgpu.language.program import (
    Apply,
    Block,
    Broken,
    Constant,
    Invoke,
    LoadFile,
    Outer,
    Parameter,
    Program,
    ProgramGoal,
    Sequence,
    Step,
)
from voxgpu.plan.graph import Floating, Graph, Handle, Trace, grids
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import Primitive, ValueProblem
from voxgpu.types import ImageOf

#: What a step has come to: a node, an image without a grid, a sequence, or (None) a mistake.
Lowered = Handle | tuple[Any, ...] | None

#: What is wrong with saving an image of this type under this name, if anything.
RefuseSave = Callable[[str, ImageOf], tuple[str, str, str] | None]


class _Invocation(NamedTuple):
    """The value of a function's block for these arguments is needed."""

    block: Block
    arguments: tuple[Lowered, ...]
    trace: Trace


_Work = Generator[_Invocation, Lowered, Lowered]


def lower(
    program: Program,
    digest: Callable[[Any], str],
    refuse_save: RefuseSave,
    diagnostics: Diagnostics,
    adopt: bool = False,
) -> Plan:
    """The plan of a program; mistakes go to ``diagnostics``.

    digest  the content digest of the file with this header
    adopt   take images of equal shape for images on the grid of the first one, with a warning
    """
    return _Lowering(program, digest, refuse_save, diagnostics, adopt).plan()


class _Lowering:
    def __init__(
        self,
        program: Program,
        digest: Callable[[Any], str],
        refuse_save: RefuseSave,
        diagnostics: Diagnostics,
        adopt: bool,
    ) -> None:
        self._program = program
        self._digest = digest
        self._refuse_save = refuse_save
        self._diagnostics = diagnostics
        self._adopt = adopt
        self._graph = Graph()
        self._main: list[Lowered] = []
        self._invoked: dict[tuple[Block, tuple[Lowered, ...]], Lowered] = {}
        self._default = _first_grid(program)

    def plan(self) -> Plan:
        self._run(self._block(self._program.main, (), (), self._main))
        goals = [self._goal(goal) for goal in self._program.goals]
        return self._graph.plan([goal for goal in goals if goal])

    def _run(self, work: _Work) -> Lowered:
        """Runs ``work``; the blocks of functions it needs are run first, on a stack of our own."""
        stack: list[tuple[_Work, _Invocation | None]] = [(work, None)]
        answer: Lowered = None
        while stack:
            try:
                wanted = stack[-1][0].send(answer)
            except StopIteration as done:
                _, asked = stack.pop()
                answer = done.value
                if asked:
                    self._invoked[asked.block, asked.arguments] = answer
                continue
            key = (wanted.block, wanted.arguments)
            answer = None
            if key in self._invoked:
                answer = self._invoked[key]
            else:
                stack.append((self._block(*wanted, []), wanted))
        return answer

    def _block(
        self,
        block: Block,
        arguments: tuple[Lowered, ...],
        trace: Trace,
        values: list[Lowered],
    ) -> _Work:
        for step in block.steps:
            if isinstance(step, Invoke):
                inside = tuple([values[each] for each in step.arguments])
                value = yield _Invocation(step.function, inside, (step.span, *trace))
            else:
                value = self._step(step, values, arguments, trace)
            values.append(value)
        return values[block.result] if values else None

    def _step(
        self, step: Step, values: list[Lowered], arguments: tuple[Lowered, ...], trace: Trace
    ) -> Lowered:
        match step:
            case Apply(primitive, inputs, _, span):
                return self._apply(primitive, [values[each] for each in inputs], (span, *trace))
            case Constant(value, _, span):
                return self._graph.constant(value, (span, *trace))
            case Outer(number):
                return self._main[number]
            case Parameter(number):
                return arguments[number]
            case Sequence(items):
                return tuple(values[each] for each in items)
            case LoadFile(_, header, kind, span):
                return self._load(header, kind, span)
            case Broken() | _:
                return None

    def _load(self, header: Any, kind: Any, span: Span) -> ValueId:
        whole = ImageOf(kind.content, header.element, header.channels, header.grid)
        return self._graph.load(self._digest(header), header, whole, (span,))

    def _apply(self, primitive: Primitive, inputs: list[Lowered], trace: Trace) -> Lowered:
        if None in inputs:
            return None
        static = self._static(primitive, inputs, trace)
        if static is None or not self._check(primitive, inputs, trace):
            return None
        dynamic: list[Any] = [
            value
            for value, parameter in zip(inputs, primitive.parameters, strict=True)
            if not parameter.static
        ]
        if primitive.floats:
            return Floating(primitive, tuple(dynamic), trace)
        placed = grids(dynamic, self._graph.types.__getitem__)
        floating = any(isinstance(each, Floating) for each in dynamic)
        if floating and not placed and primitive.makes_image and primitive.grid_of is None:
            return Floating(primitive, tuple(dynamic), trace)
        if not placed and not floating:
            return self._graph.apply(primitive, tuple(dynamic), static, None, trace)
        return self._apply_to_images(primitive, dynamic, static, placed, trace)

    def _apply_to_images(
        self,
        primitive: Primitive,
        dynamic: list[Handle],
        static: tuple[Ingredient, ...],
        placed: list[tuple[ValueId, Grid]],
        trace: Trace,
    ) -> ValueId | None:
        grid = placed[0][1] if placed else self._default
        if grid is None:
            self._no_grid(trace)
            return None
        if not self._agree(placed, trace):
            return None
        grounded = tuple(self._graph.ground(each, grid) for each in dynamic)
        try:
            result = primitive.grid_of(grid, *static) if primitive.grid_of else grid
        except ValueProblem as problem:
            self._diagnostics.add(at_trace("E107", str(problem), trace))
            return None
        if not primitive.makes_image:
            return self._graph.apply(primitive, grounded, static, None, trace)
        return self._graph.apply(primitive, grounded, static, result, trace)

    def _static(
        self, primitive: Primitive, inputs: list[Lowered], trace: Trace
    ) -> tuple[Ingredient, ...] | None:
        """The values of the arguments that must be known now; None where one is not."""
        found: list[Ingredient] = []
        for value, parameter in zip(inputs, primitive.parameters, strict=True):
            if not parameter.static:
                continue
            items = value if isinstance(value, tuple) else (value,)
            known = [None if each is None else self._graph.known_value(each) for each in items]
            if None in known:
                message = (
                    f"`{parameter.name}` of `{primitive.names[0]}` must be known before running"
                )
                self._diagnostics.add(at_trace("E106", message, trace))
                return None
            numbers = [float(each) for each in known if isinstance(each, int | float)]
            found.append(tuple(numbers) if isinstance(value, tuple) else numbers[0])
        return tuple(found)

    def _check(self, primitive: Primitive, inputs: list[Lowered], trace: Trace) -> bool:
        """Whether arguments that are known already have a value."""
        if primitive.check is None:
            return True
        known = [
            self._graph.known_value(each) if isinstance(each, str) else None for each in inputs
        ]
        problem = primitive.check(*known)
        if problem:
            self._diagnostics.add(at_trace("E107", problem, trace))
        return not problem

    def _agree(self, placed: list[tuple[ValueId, Grid]], trace: Trace) -> bool:
        """Whether all images lie on the grid of the first; says so where they do not."""
        for id, grid in placed[1:]:
            first, wanted = placed[0]
            if grid is wanted or grid.agrees_with(wanted):
                continue
            notes = tuple(
                Note(f"on a grid of {each}", self._graph.origin(image)[0])
                for image, each in ((first, wanted), (id, grid))
            )
            if not (self._adopt and grid.shape == wanted.shape):
                hint = "resample one of them to the grid of the other"
                if grid.shape == wanted.shape:
                    hint = "if the headers are wrong and the voxels match: --same-grid adopt"
                message = "images on different grids cannot be combined"
                self._diagnostics.add(at_trace("E105", message, trace, notes, hint))
                return False
            message = "images on different grids are combined voxel by voxel, on the first grid"
            self._diagnostics.add(at_trace("W201", message, trace, notes))
        return True

    def _no_grid(self, trace: Trace) -> None:
        message = "no image says on which grid to compute this"
        hint = "load an image in the program: its first one gives the grid"
        self._diagnostics.add(at_trace("E110", message, trace, help=hint))

    def _goal(self, goal: ProgramGoal) -> Goal | None:
        value = self._main[goal.step]
        if isinstance(value, Floating):
            if self._default is None:
                self._no_grid((goal.span,))
                return None
            value = self._graph.ground(value, self._default)
        if not isinstance(value, str):
            return None
        id = ValueId(value)
        kind = self._graph.types[id]
        if goal.action == "save" and isinstance(kind, ImageOf):
            refusal = self._refuse_save(goal.label, kind)
            if refusal:
                code, message, hint = refusal
                diagnostic = at_trace(code, message, (goal.label_span,), help=hint)
                self._diagnostics.add(diagnostic)
                return None
        return Goal(goal.action, id, goal.label, goal.span, goal.label_span)


def _first_grid(program: Program) -> Grid | None:
    """The grid of the first file that the program loads (VoxLogicA 1's rule)."""
    for step in program.main.steps:
        if isinstance(step, LoadFile):
            grid: Grid = step.header.grid
            return grid
    return None
