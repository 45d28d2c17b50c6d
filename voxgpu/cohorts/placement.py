"""Where the cases of a cohort run, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Where the cases of a cohort run.

    workers  processes on this computer, each with a share of its cores; 0 for this process
    """

    workers: int = 0
