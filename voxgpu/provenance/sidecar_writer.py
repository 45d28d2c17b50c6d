"""Writes the sidecar of each image that a run saves, as soon as the image has its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from voxgpu.diagnostics import Diagnostic
from voxgpu.execution.outputs import Saved
from voxgpu.files.errors import FileError
from voxgpu.files.paths import os_reason
from voxgpu.frozen import frozen
from voxgpu.plan.node import Goal
from voxgpu.provenance.program_run import ProgramRun
from voxgpu.provenance.sidecar import sidecar_names, write_sidecar

#: One sidecar is written at a time: those of two images may want one name.
_LOCK = Lock()


@frozen
class SidecarWriter:
    """Writes sidecars; called with each file that was saved, from any thread.

    run      the run that saves the files
    program  the name of the program, for descriptions
    device   returns the device in use; empty while nothing has been computed
    """

    run: ProgramRun
    program: str
    device: Callable[[], str]

    def __call__(self, goal: Goal, saved: Saved) -> Sequence[Diagnostic]:
        """Write the sidecar of a file. Returns a warning where that is impossible."""
        try:
            with _LOCK:
                record = self.run.record(goal, saved, self.device())
                content = described(saved.label, self.program, record.sources)
                path = write_sidecar(saved.path, record, content, is_new=not saved.unchanged)
        except (FileError, OSError) as error:
            reason = os_reason(error) if isinstance(error, OSError) else str(error)
            message = f"`{goal.label}` is saved without a sidecar: {reason}"
            return [Diagnostic("W304", message, goal.label_span)]
        if path is not None:
            return []
        names = [f"`{each.name}`" for each in sidecar_names(saved.path)]
        taken = f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'}"
        message = f"`{goal.label}` is saved without a sidecar: {taken} not written by voxgpu"
        hint = "save under another name, or leave sidecars out: --no-sidecar"
        return [Diagnostic("W304", message, goal.label_span, help=hint)]


def described(label: str, program: str, sources: Sequence[str]) -> dict[str, object]:
    """What a sidecar says by the keys of BIDS."""
    by = f", saved by {program}" if program else ", saved by voxgpu"
    found: dict[str, object] = {"Description": f"{label}{by}"}
    return found | ({"Sources": list(sources)} if sources else {})
