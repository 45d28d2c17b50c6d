"""Which goals does a program come to, once sequences are told apart into items?

First everything is lowered that needs nothing run, so that all mistakes are told before anything
is; only then, and if there are none, the goals that depend on computed numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.diagnostics import Diagnostic, Failure, Note, Span, at_trace
from voxgpu.files.formats import suffix_of
from voxgpu.ids import ValueId
from voxgpu.language.ir import Program, ProgramGoal
from voxgpu.plan.lowered import (
    GetItem,
    LazySequence,
    Lowered,
    LoweringError,
    RequiresExecution,
    Work,
    force,
)
from voxgpu.plan.missing_items import Place
from voxgpu.plan.node import Goal, Plan
from voxgpu.plan.volumes import is_one_file, unfit, unfit_length
from voxgpu.primitives.sequence import SEQUENCE
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import UNKNOWN, ImageOf, SequenceOf

if TYPE_CHECKING:
    from voxgpu.plan.lowering import Lowering

#: What is wrong with saving an image of this type under this name, if anything.
RefuseSave = Callable[[str, ImageOf], tuple[str, str, str] | None]

#: So many goals are shown that are refused for the reason of another one.
_SHOWN = 3


class Goals:
    """Makes the goals of a program, in its order."""

    def __init__(self, lowering: Lowering, program: Program, refuse_save: RefuseSave) -> None:
        self._lowering = lowering
        self._program = program
        self._refuse_save = refuse_save
        self._failures: list[Failure] = []
        self._refused: set[Span] = set()
        self._refusals: dict[tuple[str, str, str], list[ProgramGoal]] = {}

    def plan(self) -> Plan:
        """The plan of the program's goals."""
        lowering = self._lowering
        lowering.run_main()
        made = [self._made(goal) for goal in self._program.goals]
        self._tell_refusals()
        if lowering.can_ask and not any(each.is_error for each in lowering.diagnostics.all):
            lowering.is_running = True
            for number, goal in enumerate(self._program.goals):
                if made[number] is None:
                    made[number] = self._made(goal)
        goals = [goal for each in made for goal in each or ()]
        waiting = tuple(
            f'{goal.action} "{goal.label}"'
            for goal, each in zip(self._program.goals, made, strict=True)
            if each is None
        )
        plan = lowering.graph.plan(goals)
        return replace(plan, failures=tuple(self._failures), waiting=waiting)

    def _made(self, goal: ProgramGoal) -> list[Goal] | None:
        """The goals of a ``save`` or ``print``; None where something must be run to know."""
        value = self._lowering.main[goal.step]

        def make() -> list[Goal | None]:
            named = self._named(goal)
            if named is None:
                return []
            if goal.action in ("print", "find"):
                return list(self._printed(named, value))
            if is_one_file(named.label):
                found = self._lowering.driver.run(force(value))
                if isinstance(found, LazySequence):
                    return self._volumes(named, found)
            return list(self._saved(named, value, named.label))

        return self._attempted(goal, make)

    def _named(self, goal: ProgramGoal) -> ProgramGoal | None:
        """The goal with its name, if that had to be computed; None where it cannot be."""
        if goal.label_step is None:
            return goal
        label = self._lowering.main[goal.label_step]
        text = self._lowering.driver.run(
            self._lowering.applying.constant_value(label, (goal.label_span,))
        )
        return None if text is None else replace(goal, label=text, label_step=None)

    def _attempted(
        self, goal: ProgramGoal, make: Callable[[], list[Goal | None]]
    ) -> list[Goal] | None:
        try:
            made = make()
        except RequiresExecution:
            return None
        except LoweringError as failed:
            self._fail(goal, goal.label, failed)
            made = []
        if None in made:
            return None
        return [*self._written(goal), *(each for each in made if each)]

    def _printed(self, goal: ProgramGoal, value: Lowered) -> Iterator[Goal]:
        """The goal of a ``print``, without the items of a sequence that failed."""
        missing: list[tuple[Place, Diagnostic]] = []
        id = self._packed(goal, value, (), missing)
        if id is None:
            return
        kind = self._program.main.steps[goal.step].type
        spans = goal.span, goal.label_span
        paths = frozenset(self._paths(id)) if self._lowering.paths else frozenset()
        yield Goal(
            goal.action, id, goal.label, *spans, kind=kind, missing=tuple(missing), paths=paths
        )

    def _packed(
        self,
        goal: ProgramGoal,
        value: Lowered,
        place: Place,
        missing: list[tuple[Place, Diagnostic]],
    ) -> ValueId | None:
        """The node of a value, of a sequence without the items that fail; they are collected."""
        lowering, trace = self._lowering, (goal.span,)
        try:
            found: ValueId | None = lowering.driver.run(
                lowering.applying.pack_sequence(value, trace)
            )
            return found
        except LoweringError:
            sequence = lowering.driver.run(force(value))
            if not isinstance(sequence, LazySequence) or sequence.node is not None:
                raise
        ids = []
        for index in range(sequence.length):
            inside = (*place, index)
            try:
                item = lowering.driver.run(_item(sequence, index))
                id = self._packed(goal, item, inside, missing)
            except LoweringError as failed:
                missing.append((inside, failed.args[0]))
                continue
            if id is None:
                return None
            ids.append(id)
        types = lowering.graph.types
        kind = SequenceOf(types[ids[0]] if ids else UNKNOWN)
        return lowering.graph.make(SEQUENCE, tuple(ids), (), kind, trace)

    def _paths(self, id: ValueId) -> Iterator[str]:
        """The paths of `WriteImage` that are in a printed value."""
        graph = self._lowering.graph
        waiting: list[Any] = [id]
        while waiting:
            node = graph.nodes[waiting.pop()]
            if node.primitive is SEQUENCE:
                waiting += node.inputs
            elif node.primitive is CONSTANT:
                yield from self._lowering.paths.intersection(_texts(node.parameters[0]))

    def _saved(self, goal: ProgramGoal, value: Lowered, label: str) -> Iterator[Goal | None]:
        """A goal for each image; None stands for one that is not known before running."""
        found = self._lowering.driver.run(force(value))
        if not isinstance(found, LazySequence):
            id = self._lowering.applying.materialize(found, (goal.span,))
            if id is not None:
                yield from self._save(goal, id, label)
            return
        for index in range(found.length):
            if goal.label_span in self._refused:
                return
            numbered = with_index(label, index, found.length)
            try:
                item = self._lowering.driver.run(_item(found, index))
                yield from self._saved(goal, item, numbered)
            except RequiresExecution:
                yield None
                return
            except LoweringError as failed:
                # The other items of the sequence are none the worse for it.
                self._fail(goal, numbered, failed)

    def _volumes(self, goal: ProgramGoal, sequence: LazySequence) -> list[Goal | None]:
        """The goals of a sequence that becomes one file; one that fails takes all along."""
        lowering = self._lowering
        made: list[Goal | None] = []
        first: ImageOf | None = None
        problem = unfit_length(sequence.length)
        for index in range(sequence.length if not problem else 0):
            try:
                item = lowering.driver.run(_item(sequence, index))
            except RequiresExecution:
                return [None]
            id = (
                None
                if isinstance(item, LazySequence)
                else lowering.applying.materialize(item, (goal.span,))
            )
            kind = lowering.graph.types[id] if id is not None else None
            if id is None and not isinstance(item, LazySequence):
                return []  # which has been told
            problem = unfit(first, kind, index, goal.label)
            if problem or id is None:
                break
            assert isinstance(kind, ImageOf)
            first = first or kind
            refusal = self._refuse_save(goal.label, kind) if not index else None
            if refusal:
                self._tell(goal, *refusal)
                return []
            made.append(
                Goal(
                    goal.action,
                    id,
                    goal.label,
                    goal.span,
                    goal.label_span,
                    part=index,
                    parts=sequence.length,
                )
            )
        if problem:
            self._tell(goal, "E202", *problem)
            return []
        return made

    def _tell(self, goal: ProgramGoal, code: str, message: str, hint: str) -> None:
        if self._lowering.is_running:
            self._lowering.report(at_trace(code, message, (goal.label_span,), help=hint))
        else:
            self._refusals.setdefault((code, message, hint), []).append(goal)

    def _tell_refusals(self) -> None:
        """Tells each reason once, such as a folder that takes no files, with all its goals."""
        for (code, message, hint), (goal, *others) in self._refusals.items():
            notes = [Note("this one cannot, either", each.label_span) for each in others[:_SHOWN]]
            if len(others) > _SHOWN:
                notes.append(Note(f"nor can {len(others) - _SHOWN} more", None))
            span = (goal.label_span,)
            self._lowering.report(at_trace(code, message, span, tuple(notes), hint))

    def _save(self, goal: ProgramGoal, id: ValueId, label: str) -> Iterator[Goal]:
        kind = self._lowering.graph.types[id]
        refusal = self._refuse_save(label, kind) if isinstance(kind, ImageOf) else None
        if refusal:
            # One of a sequence is enough: the others would be refused alike.
            self._refused.add(goal.label_span)
            code, message, hint = refusal
            self._tell(goal, code, message, hint)
            return
        spans = goal.span, goal.label_span
        yield Goal(goal.action, id, label, *spans, labels=self._has_labels(id))

    def _has_labels(self, id: ValueId) -> bool:
        return "lcc" in self._lowering.graph.nodes[id].primitive.names

    def _written(self, goal: ProgramGoal) -> Iterator[Goal]:
        """What `WriteImage` asked for on the way."""
        written, self._lowering.written = self._lowering.written, []
        for id, path, trace in written:
            place = replace(goal, action="save", label=path, span=trace[0], label_span=trace[0])
            try:
                yield from self._save(place, id, path)
            except LoweringError as failed:
                self._fail(place, path, failed)

    def _fail(self, goal: ProgramGoal, label: str, failed: LoweringError) -> None:
        self._failures.append(Failure(f'{goal.action} "{label}"', "", failed.args[0]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each)


def _item(sequence: LazySequence, index: int) -> Work:
    return (yield from force((yield GetItem(sequence, index))))


def with_index(label: str, index: int, length: int) -> str:
    """``masks.nii.gz`` with the number of an item: ``masks_07.nii.gz`` of 12 items."""
    suffix = suffix_of(Path(label))
    stem = label[: len(label) - len(suffix)]
    number = str(index).zfill(len(str(max(0, length - 1))))
    return f"{stem}_{number}{label[len(stem) :]}"
