"""Tables of cohorts, as tests read and compare them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

#: What may differ between two runs of a cohort.
_OF_ONE_RUN = ("seconds", "peak_bytes", "worker")


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table in CSV, by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def comparable(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the columns that may differ between two runs of a cohort."""
    return [{name: row[name] for name in row if name not in _OF_ONE_RUN} for row in rows]
