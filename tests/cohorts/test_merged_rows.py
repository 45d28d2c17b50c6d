"""Rows of several journals as one sequence: those of `merged`, without holding them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxgpu.cohorts import merged_rows
from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.journal import Journal, merged, read_journal
from voxgpu.cohorts.merged_rows import MergedRows
from voxgpu.cohorts.row import DONE, FAILED, Row
from voxgpu.files.errors import FileError


def _journal(path: Path, rows: list[tuple[int, int, bool]], about: str = "x") -> Path:
    with Journal(path, {"program": about}) as journal:
        for number, (case, t, is_done) in enumerate(rows):
            row = Row(
                f"c{case}",
                (("T", str(t)),),
                {"v": float(number)},
                status=DONE if is_done else FAILED,
                place=(case, t),
            )
            journal.add([(CaseRecord(row.case), [row])])
    return path


_ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.lists(_ROWS, min_size=1, max_size=3))
def test_the_rows_are_those_of_merged(
    tmp_path_factory: pytest.TempPathFactory, journals: list[list[tuple[int, int, bool]]]
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    paths = [_journal(folder / f"{n}.journal", rows) for n, rows in enumerate(journals)]
    expected = merged(row for path in paths for row in read_journal(path)[1])
    found = MergedRows(paths)
    assert list(found) == expected == list(found) and len(found) == len(expected)
    assert found[1:] == expected[1:]
    if expected:
        assert (found[0], found[-1]) == (expected[0], expected[-1])


def test_more_journals_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_rows, "_OPEN", 3)
    rows = [[(part + 10 * n, 0, True) for n in range(3)] for part in range(10)]
    paths = [_journal(tmp_path / f"{part}.journal", each) for part, each in enumerate(rows)]
    rows_of_all = MergedRows(paths)
    assert [row.case for row in rows_of_all] == [f"c{n}" for n in range(30)]
    assert len(rows_of_all._files) == 3


def test_journals_of_different_programs(tmp_path: Path) -> None:
    first = _journal(tmp_path / "a.journal", [(0, 0, True)])
    other = _journal(tmp_path / "b.journal", [(0, 0, True)], about="y")
    with pytest.raises(FileError, match=r"b\.journal`: it is of another program"):
        MergedRows([first, other])
    (tmp_path / "no.journal").write_text("no\n")
    with pytest.raises(FileError, match="no journal"):
        MergedRows([tmp_path / "no.journal"])
