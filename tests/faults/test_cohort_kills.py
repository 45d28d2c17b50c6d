"""Drivers and workers of cohorts are killed at random times: no row is lost, double or wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.cohort_kills import kill


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to find workers")  # noqa: PTH112
def test_no_row_is_lost_double_or_wrong(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    found = kill(tmp_path, 5, 1)
    assert not found.problems and sum(found.kills.values()) >= 5
