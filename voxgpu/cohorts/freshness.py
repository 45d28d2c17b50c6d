"""Whether rows of a journal still hold: files and variables of their cases are as they were."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from voxgpu.cohorts.case_record import CaseRecord, identity_of, is_changed, is_missing
from voxgpu.cohorts.cases import Case

#: Why cases with rows are run again, as it is told.
OTHER_CASE, OTHER_INPUTS, NO_OUTPUTS = (
    "whose path or variables changed",
    "whose input files changed",
    "whose saved files are gone",
)

#: Records whose files are looked at together, and by how many threads: each look may cross a
#: network, which takes longer than Python does.
_TOGETHER, _THREADS = 4096, 8

#: The parts of what a journal is about, as they are told.
_PARTS = {
    "voxgpu": "version of voxgpu",
    "program": "program",
    "definitions": "set of definitions",
    "swept": "set of swept variables",
    "options": "set of options",
    "primitives": "set of primitives",
    "output": "folder of output",
}


class Freshness:
    """Compares records of cases with what there is now.

    cases   of the cohort; they are named by their numbers
    folder  that of the journal, in which relative paths of records begin
    """

    def __init__(self, cases: Sequence[Case], folder: Path) -> None:
        self._cases, self._folder = cases, folder
        self._content = array("q", bytes(8 * len(cases)))
        self._reasons: dict[int, str] = {}
        self._waiting: list[tuple[int, CaseRecord]] = []

    def note(self, number: int, record: CaseRecord) -> bool:
        """Takes the next record of a case; returns whether rows before it are of other files."""
        before, content = self._content[number], hash((record.of, record.inputs)) or 1
        self._content[number] = content
        if record.of != identity_of(self._cases[number]):
            self._reasons[number] = OTHER_CASE
        else:
            self._waiting.append((number, record))
            if len(self._waiting) == _TOGETHER:
                self._look()
        return before not in (0, content)

    def has_record(self, number: int) -> bool:
        """Whether a case had a record."""
        return bool(self._content[number])

    def stale(self) -> Mapping[int, str]:
        """The cases whose rows hold no more, and why."""
        self._look()
        return self._reasons

    def _look(self) -> None:
        step = max(1, -(-len(self._waiting) // _THREADS))
        parts = [self._waiting[n : n + step] for n in range(0, len(self._waiting), step)]
        with ThreadPoolExecutor(_THREADS) as pool:
            for part, found in zip(parts, pool.map(self._reasons_of, parts), strict=True):
                for (number, _), reason in zip(part, found, strict=True):
                    self._reasons.pop(number, None)
                    if reason:
                        self._reasons[number] = reason
        self._waiting.clear()

    def _reasons_of(self, part: Sequence[tuple[int, CaseRecord]]) -> list[str]:
        return [_reason(self._folder, record) for _, record in part]


def _reason(folder: Path, record: CaseRecord) -> str:
    if is_changed(folder, record.inputs):
        return OTHER_INPUTS
    return NO_OUTPUTS if is_missing(folder, record.saved) else ""


def differences(former: Mapping[str, object], about: Mapping[str, object]) -> list[str]:
    """Describe how what a journal is about differs from what another is about."""
    return [text for name, text in _PARTS.items() if former.get(name) != about.get(name)]
