"""A run of a program: from it comes the record of each image that it saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

from voxgpu.compile import Compiled, Options
from voxgpu.diagnostics import Source, Span
from voxgpu.execution.outputs import Saved
from voxgpu.files.header import Header
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import TOLERANCE
from voxgpu.plan.node import Goal
from voxgpu.provenance.program_lines import ProgramLines
from voxgpu.provenance.program_text import current_folder, digest_of_program, text_files
from voxgpu.provenance.record import Input, Line, Provenance, TextFile
from voxgpu.provenance.versions import versions

#: How many of the other images are recorded with each file.
_MOST_OTHERS = 100

#: Gives a path, or a text that may be one, the form that it has in records.
Wording = Callable[[str], str]


def as_it_is(text: str) -> str:
    """Return the text."""
    return text


@frozen
class Circumstances:
    """What is true of all files of a run.

    path     the program's file; None if it is a text
    options  those that it was compiled with
    parts    the texts of the program, if it was entered in parts; empty: the text that was compiled
    wording  gives paths the form that they have in records
    is_open  whether records tell folders of this computer
    """

    path: Path | None
    options: Options
    parts: tuple[Source, ...] = ()
    wording: Wording = as_it_is
    is_open: bool = True


class ReadImages:
    """The images whose digests a program has needed.

    Records those that it is called with; returns their digests.
    """

    def __init__(self, digest: Callable[[Header], str]) -> None:
        self._digest = digest
        self.found: dict[tuple[str, ...], tuple[Header, str]] = {}

    def __call__(self, header: Header) -> str:
        """Return the digest of an image, and record it."""
        digest = self._digest(header)
        self.found.setdefault(header.files or (header.path,), (header, digest))
        return digest


class ProgramRun:
    """A program that is about to be run."""

    def __init__(
        self, compiled: Compiled, known: Circumstances, read: ReadImages | None = None
    ) -> None:
        """Begin to count the seconds of the run.

        read  the images that the program has read, if parts of it ran while it was compiled: any
              of them may have decided what is computed
        """
        self._compiled, self._known, self._read = compiled, known, read
        self._found: dict[Span, tuple[Line, ...]] = {}
        self._start = perf_counter()

    def goals(self) -> Mapping[str, Goal]:
        """The goals that save files, by their labels; the last one of each file."""
        return {goal.label: goal for goal in self._compiled.plan.goals if goal.action == "save"}

    def record(
        self, goal: Goal, saved: Saved, device: str, seconds: float | None = None
    ) -> Provenance:
        """The record of a file that has been saved.

        goal     of the program as it was compiled
        seconds  of running; None: from the beginning to now
        """
        known, say, span = self._known, self._known.wording, goal.span
        values = self._volumes[goal.target, span] if goal.parts else (goal.value,)
        inputs = self._inputs_of(values)
        return Provenance(
            file=saved.path.name,
            digest=saved.digest.hex(),
            values=tuple(values),
            label=goal.label,
            expression=span.source.text[span.start : span.stop],
            lines=self._lines_of(span),
            program=say(str(known.path.absolute())) if known.path is not None else "",
            sha256=self._sha256,
            text=self._text,
            imports=self._imports,
            primitives=self._primitives,
            definitions={name: say(text) for name, text in known.options.define.items()},
            options=options_in_words(known.options),
            folder=current_folder() if known.is_open else "",
            place=str(saved.path.parent) if known.is_open else "",
            inputs=tuple(inputs.values()),
            others=self._others(inputs.keys()),
            versions=versions(),
            device=device,
            seconds=perf_counter() - self._start if seconds is None else seconds,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @cached_property
    def _text(self) -> str:
        return "\n".join(each.text for each in self._parts)

    @property
    def _parts(self) -> tuple[Source, ...]:
        return self._known.parts or (self._compiled.source,)

    @cached_property
    def _sha256(self) -> str:
        return digest_of_program(self._text, self._known.path)

    @cached_property
    def _imports(self) -> tuple[TextFile, ...]:
        sources = dict.fromkeys(each.span.source for each in self._compiled.commands)
        found = [each for each in sources if each not in self._parts and not each.ours]
        digests = ((x.name, digest_of_program(x.text, Path(x.name))) for x in found)
        return tuple(TextFile(self._path(name), digest) for name, digest in digests)

    @cached_property
    def _primitives(self) -> tuple[TextFile, ...]:
        files = text_files(self._known.options.primitives)
        return tuple(TextFile(self._path(each.path), each.sha256) for each in files)

    def _path(self, path: str) -> str:
        return self._known.wording(str(Path(path).absolute()))

    def _lines_of(self, span: Span) -> tuple[Line, ...]:
        """The commands that an expression depends on, found once for all items of a sequence."""
        if span not in self._found:
            self._found[span] = self._lines.of(span)
        return self._found[span]

    @cached_property
    def _lines(self) -> ProgramLines:
        return ProgramLines(self._compiled.commands, self._parts)

    @cached_property
    def _volumes(self) -> Mapping[Any, Sequence[ValueId]]:
        """The values in each file of several volumes."""
        found: dict[Any, list[ValueId]] = {}
        for goal in self._compiled.plan.goals:
            if goal.parts:
                found.setdefault((goal.target, goal.span), []).append(goal.value)
        return found

    @cached_property
    def _files_of(self) -> Mapping[ValueId, frozenset[ValueId]]:
        """The images in files that each value depends on; few of the sets are different objects."""
        plan = self._compiled.plan
        found: dict[ValueId, frozenset[ValueId]] = {}
        for id, node in plan.nodes.items():
            own: frozenset[ValueId] = frozenset((id,)) if id in plan.files else frozenset()
            for each in node.inputs:
                if not found[each] <= own:
                    own = found[each] if own <= found[each] else own | found[each]
            found[id] = own
        return found

    def _inputs_of(self, values: Sequence[ValueId]) -> dict[tuple[str, ...], Input]:
        """The images that values are computed from, by their files, in the order of the plan."""
        plan = self._compiled.plan
        needed: set[ValueId] = set()
        for each in dict.fromkeys(values):
            needed |= self._files_of[each]
        found: dict[tuple[str, ...], Input] = {}
        for id in (x for x in plan.files if x in needed):
            header = plan.files[id]
            digest = str(plan.nodes[id].parameters[0])
            # Volumes of one file are values of their own.
            found.setdefault(header.files or (header.path,), self._input(header, digest))
        return found

    def _others(self, inputs: Any) -> tuple[Input, ...]:
        read = self._read.found if self._read is not None else {}
        others = [each for files, each in read.items() if files not in inputs]
        return tuple(self._input(*each) for each in others[:_MOST_OTHERS])

    def _input(self, header: Header, digest: str) -> Input:
        if header.in_memory is not None:
            return Input(header.path, digest, 0)
        return Input(self._known.wording(header.path), digest, len(header.files))


def options_in_words(options: Options) -> dict[str, Any]:
    """The options that affect what a program means, where they are not the usual ones."""
    found: dict[str, Any] = {}
    if options.dialect is not None:
        found["dialect"] = options.dialect.value
    if options.adopt is not None:
        found["same-grid"] = "adopt" if options.adopt else "strict"
    if options.tolerance != TOLERANCE:
        found["grid-tolerance"] = options.tolerance
    if options.read.nifti_form:
        found["nifti-form"] = options.read.nifti_form
    if options.read.series:
        found["series"] = options.read.series
    return found
