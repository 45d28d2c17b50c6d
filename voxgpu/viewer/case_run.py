"""A program on one case: compiled, run, and told as events; its images go to a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from voxgpu.compile import Compiled, Options
from voxgpu.diagnostics import Diagnostic, Source
from voxgpu.execution.events import Delivered, Event, Finished
from voxgpu.execution.outputs import Printed, Saved
from voxgpu.execution.result import Result
from voxgpu.files.write_volumes import VolumesFile
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value
from voxgpu.provenance.run_report import RunReport
from voxgpu.report.run_contents import RunContents
from voxgpu.spans import Recorder, recording, span
from voxgpu.types import Content
from voxgpu.viewer.checking import Program, as_json, told
from voxgpu.viewer.compute_thread import Job, JobListener
from voxgpu.viewer.dataset import Case
from voxgpu.viewer.volumes import SUFFIX, write_nifti

#: Seconds between two events of progress at least.
_APART = 0.1

#: Adds an event of a kind.
Tell = Callable[[str, Mapping[str, Any]], None]


@frozen
class Layer:
    """An image that a program saved, as a file for the page.

    saved  with the path of that file
    """

    path: Path
    saved: Saved
    is_region: bool


@dataclass
class CaseRun:
    """What a run has come to for one case.

    layers    in the order in which they came
    contents  for the report; None before the end, and where the program could not be compiled
    """

    case: Case
    prints: list[Printed] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    contents: RunContents | None = None
    seconds: float = 0.0


def run_case(
    found: CaseRun,
    program: Program,
    options: Options,
    folder: Path,
    tell: Tell,
    device: Callable[[], str],
    job: Job,
    id: str = "",
) -> None:
    """Run a program on a case and note everything in ``found``, also if it is cancelled midway.

    folder  takes the images
    tell    adds an event of a kind
    device  the name of the device that computed last
    id      of the run in the store; empty if that keeps no record

    Raises ImgqlError if no session can be opened or memory is insufficient, FileError if an image
    cannot be written.
    """
    session, source = job.session, program.source
    listener = _Listener(found, program, source, folder, tell, job)
    job.listener = listener
    path = program.path or Path("untitled.imgql")
    report = RunReport(path, dict(options.define), options.primitives)
    report.note_program(source)
    report.run = id
    recorder, start = Recorder(), perf_counter()
    tell("started", {"time": time.time()})
    compiled: Compiled | None = None
    try:
        with recording(recorder):
            with span("compiling", program.name):
                digest = partial(report.digests, session.digests)
                compiled = session.compile(source, program.path, options, digest)
            report.note_imports(compiled.commands, source)
            if compiled.errors:
                result = Result((), (), compiled.errors, (), 0.0, 0, 0)
                compiled = None
            else:
                listener.total += len(compiled.plan.nodes)
                listener.goals = compiled.plan.goals
                result = session.execute(compiled)
                job.check()  # goals may have failed since they were cancelled
        files = [replace(each.saved, _image=None, _images=()) for each in found.layers]
        kept = replace(result, saved=tuple(files), warnings=tuple(told(result.warnings)))
        found.errors, found.warnings = [*kept.errors], [*kept.warnings]
        found.contents = RunContents(
            source,
            compiled,
            kept,
            report.as_json(),
            recorder,
            start,
            perf_counter(),
            device() if result.computed else "",
            listener.scalars,
        )
    finally:
        found.seconds = perf_counter() - start
    for kind, diagnostics in (("warning", found.warnings), ("failure", found.errors)):
        for each in as_json(diagnostics, program.text, source):
            tell(kind, each)


class _Listener(JobListener):
    """Makes events of what a run does."""

    def __init__(
        self,
        found: CaseRun,
        program: Program,
        source: Source,
        folder: Path,
        tell: Tell,
        job: Job,
    ) -> None:
        self._found, self._program, self._source = found, program, source
        self._folder, self._tell, self._job = folder, tell, job
        self.goals: tuple[Goal, ...] = ()
        self.scalars: dict[ValueId, Value] = {}
        self.total = self._done = 0
        self._last = 0.0
        self._taken: set[int] = set()

    def printed(self, printed: Printed) -> None:
        self._found.prints.append(printed)
        self._tell("print", printed.as_json())

    def observe(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.scalars |= event.scalars
            self._done += len(event.task.nodes)
            if perf_counter() - self._last >= _APART:
                self._last = perf_counter()
                total = max(self.total, self._done)
                self._tell("progress", {"done": self._done, "total": total})
        elif isinstance(event, Delivered) and event.goal.action == "save":
            self._take_images()

    def _take_images(self) -> None:
        """Write the images that were delivered since, as files for the page."""
        for saved in self._job.session.so_far().saved:
            if id(saved) in self._taken:
                continue
            self._taken.add(id(saved))
            self._add(saved)

    def _add(self, saved: Saved) -> None:
        number = len(self._found.layers)
        path = self._folder / f"{number}{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if saved.volumes:
            file = VolumesFile(path, saved.volumes)
            for place, image in enumerate(saved.images):
                file.add(place, image)
        else:
            write_nifti(path, saved.image)
        kind = saved.kind
        labels = any(each.labels for each in self.goals if each.label == saved.label)
        is_region = kind.content is Content.BOOLEAN or kind.mask or labels
        self._found.layers.append(Layer(path, replace(saved, path=path), is_region))
        about = {"label": saved.label, "type": f"image of {kind.element}", "mask": is_region}
        self._tell("layer", about)
