"""The rows of all jobs that ran participants of one dataset, for the level ``group``."""

from __future__ import annotations

from pathlib import Path

from voxgpu.cohorts.bids.dataset import place_of
from voxgpu.cohorts.bids.derivative import entities_of_case
from voxgpu.cohorts.journal import merged, read_journal
from voxgpu.cohorts.row import Row
from voxgpu.files.errors import FileError


def rows_of_group(logs: Path) -> tuple[list[Row], list[Path]]:
    """The rows of the journals in a folder, by participant and session, and what is left out.

    Journals are left out that are of another program than the latest one. Of a case that several
    ran, the latest row is taken that did not fail. Raises FileError where there are no journals.
    """
    journals = sorted(logs.glob("*.journal"), key=lambda each: -each.stat().st_mtime_ns)
    if not journals:
        raise FileError(str(logs), "it has no journals", "run the level participant first")
    read = {each: read_journal(each) for each in journals}
    latest, _ = read[journals[0]]
    rows = merged(row for about, found in read.values() if about == latest for row in found)
    rows.sort(key=lambda row: (place_of(entities_of_case(row.case)), row.place[1]))
    return rows, [path for path, (about, _) in read.items() if about != latest]
