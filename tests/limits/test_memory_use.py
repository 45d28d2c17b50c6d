"""Memory of the computer and of this process, from ``/proc`` and where there is none."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from voxgpu.limits.memory_use import process_memory, system_memory

MEMINFO = """MemTotal:       16000000 kB
MemFree:          500000 kB
MemAvailable:    {available} kB
HugePages_Total:       7
"""


@pytest.mark.parametrize(("available", "expected"), [(9_000_000, 9_000_000), (10**8, 16_000_000)])
def test_memory_of_the_computer(available: int, expected: int, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO.format(available=available))
    found = system_memory(tmp_path)
    assert found.total == 16_000_000 * 1024 and found.available == expected * 1024


def test_memory_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "statm").write_text("100 20 5 1 0 30 0\n")
    found = process_memory(tmp_path)
    page = found.resident // 20
    assert page >= 4096 and (found.virtual, found.data) == (100 * page, 30 * page)


@pytest.mark.parametrize("text", [None, "", "MemTotal: much kB\n", "MemTotal: 5 kB\n"])
def test_psutil_tells_where_the_files_do_not(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "meminfo").write_text(text)
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "statm").write_text(text)
    assert system_memory(tmp_path).total == psutil.virtual_memory().total
    assert process_memory(tmp_path).resident > 1 << 20


def test_both_tell_the_same() -> None:
    assert system_memory().total == psutil.virtual_memory().total
    assert system_memory().available == pytest.approx(psutil.virtual_memory().available, rel=0.1)
    mine, theirs = process_memory(), psutil.Process().memory_info()
    assert mine.resident == pytest.approx(theirs.rss, rel=0.2)
    assert mine.virtual == pytest.approx(theirs.vms, rel=0.2)
