"""What is written beside a file that a case of a cohort saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voxgpu.cohorts.bids.written import write_json
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Compiled
from voxgpu.execution.outputs import Saved
from voxgpu.provenance.program_run import Circumstances, ProgramRun, ReadImages
from voxgpu.provenance.sidecar import sidecar_names, write_sidecar
from voxgpu.provenance.sidecar_writer import described

if TYPE_CHECKING:
    from voxgpu.cohorts.evaluate import Program


class CaseSidecars:
    """Writes sidecars of the files of one case with one combination."""

    def __init__(
        self,
        program: Program,
        case: Case,
        combination: Combination,
        compiled: Compiled,
        read: ReadImages | None,
    ) -> None:
        self._program, self._plan = program, compiled.plan
        self._case, self._combination = case, combination
        wording = program.names.wording
        known = Circumstances(
            program.path,
            program.options_for(case, combination),
            wording=wording,
            is_open=not program.names.is_derivative,
        )
        self._run = ProgramRun(compiled, known, read)
        self._goals = self._run.goals()

    def write(self, label: str, saved: Saved, device: str, seconds: float) -> list[Path]:
        """Write the sidecar of a file; return the paths that a case is incomplete without.

        label    of the file in the program
        seconds  that the case has taken

        Raises FileError where it cannot be written. Files that have no name for a sidecar left,
        because other files have it, get none.
        """
        program, names = self._program, self._program.names
        goal = self._goals.get(label)
        own = names.content(self._case, self._combination, self._plan, label)
        if not program.sidecars or goal is None:
            if own is None:
                return []
            path = sidecar_names(saved.path)[0]
            write_json(path, own)
            return [path]
        record = self._run.record(goal, saved, device, seconds)
        name = program.path.name if program.path is not None else ""
        content = described(label, name, record.sources) if own is None else own
        written = write_sidecar(
            saved.path, record, content, is_new=not saved.unchanged, owned=names.is_derivative
        )
        return [written] if names.is_derivative and written is not None else []
