"""The goals of a program: its ``save`` and ``print`` commands, one goal per saved image.

Goals that need no execution are lowered first, so that all their errors are reported before
anything runs. Goals that depend on computed values follow only if there are no errors.
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
from voxgpu.plan.missing_items import Position
from voxgpu.plan.node import Goal, Plan
from voxgpu.plan.volumes import is_one_file, unfit, unfit_length
from voxgpu.primitives.sequence import SEQUENCE
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import UNKNOWN, ImageOf, SequenceOf

if TYPE_CHECKING:
    from voxgpu.plan.lowering import Lowering

#: Returns (code, message, help) if an image of this type cannot be saved under this name.
RefuseSave = Callable[[str, ImageOf], tuple[str, str, str] | None]

#: Maximum number of goals listed that are refused for the same reason.
_MAX_LISTED = 3


class Goals:
    """Builds the goals of a program, in program order."""

    def __init__(self, lowering: Lowering, program: Program, refuse_save: RefuseSave) -> None:
        self._lowering = lowering
        self._program = program
        self._refuse_save = refuse_save
        self._failures: list[Failure] = []
        self._refused: set[Span] = set()
        self._refusals: dict[tuple[str, str, str], list[ProgramGoal]] = {}

    def plan(self) -> Plan:
        """Returns the plan of the program's goals."""
        lowering = self._lowering
        lowering.run_main()
        lowered = [self._goals_of(goal) for goal in self._program.goals]
        self._report_refusals()
        if lowering.can_ask and not any(each.is_error for each in lowering.diagnostics.all):
            lowering.is_running = True
            for number, goal in enumerate(self._program.goals):
                if lowered[number] is None:
                    lowered[number] = self._goals_of(goal)
        goals = [goal for each in lowered for goal in each or ()]
        waiting = tuple(
            f'{goal.action} "{goal.label}"'
            for goal, each in zip(self._program.goals, lowered, strict=True)
            if each is None
        )
        plan = lowering.graph.plan(goals)
        return replace(plan, failures=tuple(self._failures), waiting=waiting)

    def _goals_of(self, goal: ProgramGoal) -> list[Goal] | None:
        """Returns the goals of a ``save`` or ``print``; None if part of the plan must run first."""
        value = self._lowering.main[goal.step]

        def make() -> list[Goal | None]:
            named = self._with_label(goal)
            if named is None:
                return []
            if goal.action in ("print", "find", "keep"):
                return list(self._print_goals(named, value))
            if is_one_file(named.label):
                found = self._lowering.driver.run(force(value))
                if isinstance(found, LazySequence):
                    return self._volumes(named, found)
            return list(self._save_goals(named, value, named.label))

        return self._attempted(goal, make)

    def _with_label(self, goal: ProgramGoal) -> ProgramGoal | None:
        """Returns the goal with its label, computed if need be; None if that is impossible."""
        if goal.label_step is None:
            return goal
        label = self._lowering.main[goal.label_step]
        text = self._lowering.driver.run(
            self._lowering.applier.constant_value(label, (goal.label_span,))
        )
        return None if text is None else replace(goal, label=text, label_step=None)

    def _attempted(
        self, goal: ProgramGoal, make: Callable[[], list[Goal | None]]
    ) -> list[Goal] | None:
        try:
            lowered = make()
        except RequiresExecution:
            return None
        except LoweringError as failed:
            self._fail(goal, goal.label, failed)
            lowered = []
        if None in lowered:
            return None
        return [*self._write_image_goals(goal), *(each for each in lowered if each)]

    def _print_goals(self, goal: ProgramGoal, value: Lowered) -> Iterator[Goal]:
        """Yields the goal of a ``print``, omitting the items of a sequence that failed."""
        missing: list[tuple[Position, Diagnostic]] = []
        id = self._pack_available(goal, value, (), missing)
        if id is None:
            return
        kind = self._program.main.steps[goal.step].type
        spans = goal.span, goal.label_span
        paths = frozenset(self._paths(id)) if self._lowering.paths else frozenset()
        yield Goal(
            goal.action, id, goal.label, *spans, kind=kind, missing=tuple(missing), paths=paths
        )

    def _pack_available(
        self,
        goal: ProgramGoal,
        value: Lowered,
        position: Position,
        missing: list[tuple[Position, Diagnostic]],
    ) -> ValueId | None:
        """Returns the node of a value without failing items, which are added to ``missing``."""
        lowering, trace = self._lowering, (goal.span,)
        try:
            found: ValueId | None = lowering.driver.run(
                lowering.applier.pack_sequence(value, trace)
            )
            return found
        except LoweringError:
            sequence = lowering.driver.run(force(value))
            if not isinstance(sequence, LazySequence) or sequence.node is not None:
                raise
        ids = []
        for index in range(sequence.length):
            inside = (*position, index)
            try:
                item = lowering.driver.run(_item(sequence, index))
                id = self._pack_available(goal, item, inside, missing)
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
        """Yields the paths written by `WriteImage` that occur in a printed value."""
        graph = self._lowering.graph
        waiting: list[Any] = [id]
        while waiting:
            node = graph.nodes[waiting.pop()]
            if node.primitive is SEQUENCE:
                waiting += node.inputs
            elif node.primitive is CONSTANT:
                yield from self._lowering.paths.intersection(_texts(node.parameters[0]))

    def _save_goals(self, goal: ProgramGoal, value: Lowered, label: str) -> Iterator[Goal | None]:
        """Yields a goal for each image; None stands for one that must wait for execution."""
        found = self._lowering.driver.run(force(value))
        if not isinstance(found, LazySequence):
            id = self._lowering.applier.materialize(found, (goal.span,))
            if id is not None:
                yield from self._save(goal, id, label)
            return
        for index in range(found.length):
            if goal.label_span in self._refused:
                return
            numbered = with_index(label, index, found.length)
            try:
                item = self._lowering.driver.run(_item(found, index))
                yield from self._save_goals(goal, item, numbered)
            except RequiresExecution:
                yield None
                return
            except LoweringError as failed:
                # The other items of the sequence are unaffected.
                self._fail(goal, numbered, failed)

    def _volumes(self, goal: ProgramGoal, sequence: LazySequence) -> list[Goal | None]:
        """Returns the goals of a sequence saved as one file; a failed item fails the whole file."""
        lowering = self._lowering
        lowered: list[Goal | None] = []
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
                else lowering.applier.materialize(item, (goal.span,))
            )
            kind = lowering.graph.types[id] if id is not None else None
            if id is None and not isinstance(item, LazySequence):
                return []  # already reported
            problem = unfit(first, kind, index, goal.label)
            if problem or id is None:
                break
            assert isinstance(kind, ImageOf)
            first = first or kind
            refusal = self._refuse_save(goal.label, kind) if not index else None
            if refusal:
                self._refuse(goal, *refusal)
                return []
            lowered.append(
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
            self._refuse(goal, "E202", *problem)
            return []
        return lowered

    def _refuse(self, goal: ProgramGoal, code: str, message: str, hint: str) -> None:
        if self._lowering.is_running:
            self._lowering.report(at_trace(code, message, (goal.label_span,), help=hint))
        else:
            self._refusals.setdefault((code, message, hint), []).append(goal)

    def _report_refusals(self) -> None:
        """Reports each reason once, such as a read-only folder, with all the goals it affects."""
        for (code, message, hint), (goal, *others) in self._refusals.items():
            notes = [
                Note("this one cannot, either", each.label_span) for each in others[:_MAX_LISTED]
            ]
            if len(others) > _MAX_LISTED:
                notes.append(Note(f"nor can {len(others) - _MAX_LISTED} more", None))
            span = (goal.label_span,)
            self._lowering.report(at_trace(code, message, span, tuple(notes), hint))

    def _save(self, goal: ProgramGoal, id: ValueId, label: str) -> Iterator[Goal]:
        kind = self._lowering.graph.types[id]
        refusal = self._refuse_save(label, kind) if isinstance(kind, ImageOf) else None
        if refusal:
            # One item of a sequence suffices: the others would be refused likewise.
            self._refused.add(goal.label_span)
            code, message, hint = refusal
            self._refuse(goal, code, message, hint)
            return
        spans = goal.span, goal.label_span
        yield Goal(goal.action, id, label, *spans, labels=self._has_labels(id))

    def _has_labels(self, id: ValueId) -> bool:
        return "lcc" in self._lowering.graph.nodes[id].primitive.names

    def _write_image_goals(self, goal: ProgramGoal) -> Iterator[Goal]:
        """Yields goals for the files that `WriteImage` requested during lowering."""
        requests, self._lowering.write_requests = self._lowering.write_requests, []
        for id, path, trace in requests:
            position = replace(goal, action="save", label=path, span=trace[0], label_span=trace[0])
            try:
                yield from self._save(position, id, path)
            except LoweringError as failed:
                self._fail(position, path, failed)

    def _fail(self, goal: ProgramGoal, label: str, failed: LoweringError) -> None:
        named = label if goal.action in ("find", "keep") else f'{goal.action} "{label}"'
        self._failures.append(Failure(named, "", failed.args[0]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each)


def _item(sequence: LazySequence, index: int) -> Work:
    return (yield from force((yield GetItem(sequence, index))))


def with_index(label: str, index: int, length: int) -> str:
    """Returns an item's file name: ``masks_07.nii.gz`` for index 7 of 12 in ``masks.nii.gz``."""
    suffix = suffix_of(Path(label))
    stem = label[: len(label) - len(suffix)]
    number = str(index).zfill(len(str(max(0, length - 1))))
    return f"{stem}_{number}{label[len(stem) :]}"
