"""Journals: rows outlive crashes, and go on only where they are of the same thing."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.journal import Journal, merged, read_journal
from voxgpu.cohorts.row import DONE, FAILED, Row
from voxgpu.execution.outputs import json_value
from voxgpu.files.errors import FileError

ABOUT = {"program": "x", "swept": ["T"]}


RECORD = CaseRecord("a", "x", (("/i", 3, 4),))


def _rows(path: Path) -> list[Row]:
    return read_journal(path)[1]


def _add(journal: Journal, *rows: Row) -> None:
    journal.add([(CaseRecord(each.case), [each]) for each in rows])


def _row(case: str, t: str = "1", status: str = DONE, **printed: object) -> Row:
    return Row(
        case, (("T", t),), {k: json_value(v) for k, v in printed.items()}, 0.5, status=status
    )


def test_rows_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "t.journal"
    rows = [_row("a", a=1.5, b=float("nan")), _row("b", "2", FAILED), _row("é/x", l=(1.0, True))]
    with Journal(path, ABOUT) as journal:
        offsets = journal.add([(RECORD, rows[:2]), (CaseRecord("é/x"), rows[2:])])
        assert [journal.at(each) for each in offsets] == rows
    assert read_journal(path) == (ABOUT, rows)
    with Journal(path, ABOUT) as journal:
        entries = list(journal.entries())
        assert [each for _, each in entries] == [RECORD, *rows[:2], CaseRecord("é/x"), rows[2]]
        assert journal.started_anew is None and journal.at(entries[1][0]) == rows[0]
        (offset,) = journal.add([(RECORD, [_row("b", "2", a=3.0)])])
        assert journal.at(offset).printed == {"a": 3.0} and journal.at(offsets[0]) == rows[0]
    assert [each.status for each in _rows(path)] == [DONE] * 3


def test_rows_that_come_together_are_synchronized_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronized: list[int] = []
    path = tmp_path / "t.journal"

    def note(descriptor: int) -> None:
        synchronized.append(len(path.read_bytes()))

    monkeypatch.setattr(os, "fsync", note)
    with Journal(path, ABOUT) as journal:
        synchronized.clear()
        journal.add([(CaseRecord(f"c{n}"), [_row(f"c{n}")]) for n in range(50)])
        assert synchronized == [len(path.read_bytes())]


@given(st.data())
def test_whatever_a_crash_cuts_off_no_row_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "t.journal"
    with Journal(path, ABOUT) as journal:
        for number in range(4):
            _add(journal, _row(f"case {number}", a=float(number)))
    whole = path.read_bytes()
    left = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:left])
    # The first line says what rows are of; each row has a line before it.
    whole_rows = max(0, (whole[:left].count(b"\n") - 1) // 2)
    with Journal(path, ABOUT) as journal:
        found = [each for _, each in journal.entries() if isinstance(each, Row)]
        assert [each.case for each in found] == [f"case {n}" for n in range(whole_rows)]
        _add(journal, _row("one more"))
    for line in path.read_bytes().splitlines():
        json.loads(line)  # what was cut off is gone
    about, rows = read_journal(path)
    assert about == ABOUT
    assert [each.case for each in rows] == [*(f"case {n}" for n in range(whole_rows)), "one more"]


def test_another_program_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    with Journal(path, ABOUT) as journal:
        _add(journal, _row("a"))
    with Journal(path, {**ABOUT, "program": "y"}) as journal:
        assert journal.started_anew == tmp_path / "t.journal.1" and journal.former == ABOUT
        assert not list(journal.entries())
    with Journal(path, {**ABOUT, "program": "y"}, resume=False) as journal:
        assert journal.started_anew == tmp_path / "t.journal.2"
    assert len(read_journal(tmp_path / "t.journal.1")[1]) == 1


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    with Journal(path, ABOUT), pytest.raises(FileError, match="another run is writing it"):
        Journal(path, ABOUT)
    Journal(path, ABOUT).close()


def test_journals_of_other_versions_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    path.write_text('{"voxgpu cohort": 1, "about": {}}\n{"case": "a"}\n')
    with pytest.raises(FileError, match="another version"):
        read_journal(path)
    with Journal(path, ABOUT) as journal:
        assert journal.started_anew == tmp_path / "t.journal.1"


def test_a_row_that_did_not_fit_on_the_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.journal"
    with Journal(path, ABOUT) as journal:
        _add(journal, _row("a"))
        before = path.read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(FileError, match="no space left") as found:
                _add(journal, _row("b"))
        assert "make room there" in found.value.help and path.read_bytes() == before
        _add(journal, _row("c"))
    assert [each.case for each in _rows(path)] == ["a", "c"]


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
