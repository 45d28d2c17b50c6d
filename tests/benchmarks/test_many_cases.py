"""Many cases: what the driver takes does not grow with them, and no array passes the scheduler."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_driver_takes_little_for_a_case(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from benchmarks.many_cases import run_small

    found = run_small(tmp_path, 500, tasks=2, every=50)
    least, most = found.memory(400)
    # 100 000 cases may add 50 MB: 500 bytes each, beside what caches take at first.
    assert most - least < 8 << 20
    assert found.bytes_of_case < 20_000
    with (tmp_path / "small.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == [f"case{number:06}" for number in range(500)]
    assert all(float(row["value1"]) == float(row["value0"]) + 1 for row in rows)
