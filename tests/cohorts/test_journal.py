"""Journals: rows outlive crashes, and go on only where they are of the same thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.cohorts.journal import Journal, merged, read_journal
from voxgpu.cohorts.row import DONE, FAILED, Row
from voxgpu.execution.outputs import json_value
from voxgpu.files.errors import FileError

ABOUT = {"program": "x", "swept": ["T"]}


def _row(case: str, t: str = "1", status: str = DONE, **printed: object) -> Row:
    return Row(
        case, (("T", t),), {k: json_value(v) for k, v in printed.items()}, 0.5, status=status
    )


def test_rows_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "t.journal"
    rows = [_row("a", a=1.5, b=float("nan")), _row("b", "2", FAILED), _row("é/x", l=(1.0, True))]
    with Journal(path, ABOUT) as journal:
        for each in rows:
            journal.add(each)
    assert read_journal(path) == (ABOUT, rows)
    with Journal(path, ABOUT) as journal:
        assert list(journal.rows.values()) == rows and journal.started_anew is None
        journal.add(_row("b", "2", a=3.0))
    assert [each.status for each in read_journal(path)[1]] == [DONE] * 3


@given(st.data())
def test_whatever_a_crash_cuts_off_no_row_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "t.journal"
    with Journal(path, ABOUT) as journal:
        for number in range(4):
            journal.add(_row(f"case {number}", a=float(number)))
    whole = path.read_bytes()
    left = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:left])
    lines = whole[:left].count(b"\n")
    with Journal(path, ABOUT) as journal:
        assert len(journal.rows) == max(0, lines - 1)
        journal.add(_row("one more"))
    about, rows = read_journal(path)
    assert about == ABOUT
    assert [each.case for each in rows][-1] == "one more" and len(rows) == max(0, lines - 1) + 1


def test_another_program_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    with Journal(path, ABOUT) as journal:
        journal.add(_row("a"))
    with Journal(path, {**ABOUT, "program": "y"}) as journal:
        assert journal.started_anew == tmp_path / "t.journal.1" and not journal.rows
    with Journal(path, {**ABOUT, "program": "y"}, resume=False) as journal:
        assert journal.started_anew == tmp_path / "t.journal.2"
    assert len(read_journal(tmp_path / "t.journal.1")[1]) == 1


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    with Journal(path, ABOUT), pytest.raises(FileError, match="another run is writing it"):
        Journal(path, ABOUT)
    Journal(path, ABOUT).close()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    for text in ("hello\n", "{}\n", "half a line"):
        path.write_text(text)
        with pytest.raises(FileError, match="no journal"):
            Journal(path, ABOUT)
        with pytest.raises(FileError, match="no journal"):
            read_journal(path)
        assert path.read_text() == text


def test_of_two_rows_the_one_that_succeeded_stays() -> None:
    good, bad = _row("a", a=1.0), _row("a", status=FAILED)
    assert merged([bad, good]) == merged([good, bad]) == [good]
    assert merged([good, _row("b")]) == [good, _row("b")]
