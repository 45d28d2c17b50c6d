"""What is said of rows that were there before a run began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgpu.cli.terminal import print_stderr

if TYPE_CHECKING:
    from voxgpu.cohorts.journal import Journal
    from voxgpu.cohorts.run import CohortRun


def new_journal(journal: Journal) -> str:
    """Return why a journal was started again, and where the previous one is."""
    from voxgpu.cohorts.freshness import differences

    parts = differences(journal.former, journal.about)
    why = f" (another {', another '.join(parts)})" if parts else ""
    return f"a new journal; the former one is `{journal.started_anew}`{why}"


def say_known(run: CohortRun) -> None:
    """Report the number of existing rows, and the cases that run again although they have rows."""
    for reason, count in run.stale.items():
        cases = "1 case" if count == 1 else f"{count} cases"
        print_stderr(f"{cases} {reason}: run again")
    if run.set_aside:
        cases = "1 case is" if run.set_aside == 1 else f"{run.set_aside} cases are"
        print_stderr(f"{cases} set aside, since workers died of them: --run-set-aside runs them")
    if run.known:
        print_stderr(f"{run.known} of {run.total} rows are there already")
