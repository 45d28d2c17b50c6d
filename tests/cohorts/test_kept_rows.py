"""Rows that were there before: used again only while what they are of is as it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from voxgpu.cohorts.case_record import CaseRecord, inputs_of
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.freshness import NO_OUTPUTS, OTHER_CASE, OTHER_INPUTS
from voxgpu.cohorts.journal import Journal
from voxgpu.cohorts.kept_rows import KeptRows
from voxgpu.cohorts.row import DONE, FAILED, SET_ASIDE, Row
from voxgpu.files.state import state

COMBINATIONS = [(("T", "1"),), (("T", "2"),)]


def _cases(folder: Path, count: int = 3) -> list[Case]:
    for number in range(count):
        (folder / f"{number}.nii").write_text(str(number))
    return [Case(f"c{n}", f"data/{n}", {"V": f"{n}.nii"}) for n in range(count)]


def _record(folder: Path, number: int, saved: tuple[str, ...] = ()) -> CaseRecord:
    return CaseRecord(f"c{number}", "", inputs_of([state(str(folder / f"{number}.nii"))]), saved)


def _row(number: int, order: int, status: str = DONE, deaths: int = 0) -> Row:
    value = 10.0 * number + order
    return Row(f"c{number}", COMBINATIONS[order], {"v": value}, status=status, deaths=deaths)


def _keep_all(folder: Path, cases: list[Case], saved: tuple[str, ...] = ()) -> None:
    with Journal(folder / "j", {}) as journal:
        kept = KeptRows(cases, COMBINATIONS, journal)
        for number in range(len(cases)):
            rows = [_row(number, order) for order in (0, 1)]
            found = kept.add([(_record(folder, number, saved), rows)])
            assert [each.place for each in found] == [(number, 0), (number, 1)]


def _found(folder: Path, cases: list[Case]) -> tuple[list[tuple[int, int]], dict[str, int]]:
    with Journal(folder / "j", {}) as journal:
        kept = KeptRows(cases, COMBINATIONS, journal)
        rows = kept.among(range(len(cases)))
        assert all(each.printed["v"] == 10 * int(each.case[1:]) + each.place[1] for each in rows)
        return [each.place for each in rows], dict(kept.stale)


EVERY = [(number, order) for number in range(3) for order in (0, 1)]


def test_rows_are_there_in_the_order_of_the_cohort(tmp_path: Path) -> None:
    cases = _cases(tmp_path)
    _keep_all(tmp_path, cases)
    assert _found(tmp_path, cases) == (EVERY, {})
    # Cases that are gone, new, and in another order.
    other = [Case("new"), cases[2], cases[0]]
    assert _found(tmp_path, other) == ([(1, 0), (1, 1), (2, 0), (2, 1)], {})


@pytest.mark.parametrize("change", ["content", "time", "gone"])
def test_cases_with_other_files_have_no_rows(tmp_path: Path, change: str) -> None:
    cases = _cases(tmp_path)
    _keep_all(tmp_path, cases)
    path = tmp_path / "1.nii"
    if change == "content":
        status = path.stat()
        path.write_text("longer")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()
    left = [each for each in EVERY if each[0] != 1]
    assert _found(tmp_path, cases) == (left, {OTHER_INPUTS: 1})


def test_cases_with_other_variables_have_no_rows(tmp_path: Path) -> None:
    cases = _cases(tmp_path)
    _keep_all(tmp_path, cases)
    changed = [cases[0], replace(cases[1], path="elsewhere"), replace(cases[2], values={"V": "x"})]
    assert _found(tmp_path, changed) == ([(0, 0), (0, 1)], {OTHER_CASE: 2})


def test_files_that_were_saved_are_still_there(tmp_path: Path) -> None:
    cases, saved = _cases(tmp_path), tmp_path / "mask.nii.gz"
    saved.touch()
    _keep_all(tmp_path, cases, (str(saved),))
    assert _found(tmp_path, cases) == (EVERY, {})
    saved.unlink()
    assert _found(tmp_path, cases) == ([], {NO_OUTPUTS: 3})


def test_a_folder_may_be_moved_with_all_in_it(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    cases = _cases(tmp_path / "before")
    _keep_all(tmp_path / "before", cases)
    (tmp_path / "before").rename(tmp_path / "after")
    assert _found(tmp_path / "after", cases) == (EVERY, {})


def test_rows_of_one_case_are_of_the_same_files(tmp_path: Path) -> None:
    cases = _cases(tmp_path)
    with Journal(tmp_path / "j", {}) as journal:
        kept = KeptRows(cases, COMBINATIONS, journal)
        kept.add([(_record(tmp_path, 0), [_row(0, 0)]), (_record(tmp_path, 1), [_row(1, 0)])])
        (tmp_path / "0.nii").write_text("another")
        kept.add([(_record(tmp_path, 0), [_row(0, 1)]), (_record(tmp_path, 1), [_row(1, 1)])])
    assert _found(tmp_path, cases)[0] == [(0, 1), (1, 0), (1, 1)]


def test_the_last_row_counts(tmp_path: Path) -> None:
    cases = _cases(tmp_path)
    record = _record(tmp_path, 0)
    for journal in (None, Journal(tmp_path / "j", {})):
        kept = KeptRows(cases, COMBINATIONS, journal)
        kept.add([(record, [_row(0, 1, FAILED), _row(0, 0, SET_ASIDE, 2)])])
        assert kept.statuses(0) == [SET_ASIDE, FAILED] and kept.deaths == {"c0": 2}
        kept.add([(record, [_row(0, 0)])])
        assert kept.statuses(0) == [DONE, FAILED] and not kept.deaths
        assert [each.status for each in kept.among([0])] == [DONE, FAILED]
        assert [each.status for each in kept.among([0])[1:]] == [FAILED]
    assert journal is not None
    journal.close()
