"""Parts of cohorts: every case is in one part, and merged tables are those of one run."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.part import part_asked, part_of, parts_missing, table_of_part
from voxgpu.diagnostics import ImgqlError


@given(st.integers(0, 50), st.integers(1, 12))
def test_every_case_is_in_one_part(cases: int, count: int) -> None:
    every = [Case(str(number)) for number in range(cases)]
    parts = [part_of(every, number, count) for number in range(1, count + 1)]
    assert sorted(chain(*parts), key=lambda each: int(each.name)) == every
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def _array(task: int, count: int, first: int, last: int) -> dict[str, str]:
    names = "SLURM_ARRAY_TASK_ID SLURM_ARRAY_TASK_COUNT SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_MAX"
    return dict(zip(names.split(), map(str, (task, count, first, last)), strict=True))


def test_the_part_that_was_asked_for() -> None:
    assert part_asked(None, {}) is None
    assert part_asked("2/10", {}) == part_asked("2/10", _array(1, 3, 1, 3)) == (2, 10)
    assert part_asked(None, _array(1, 4, 1, 4)) == (1, 4)
    assert part_asked(None, _array(0, 4, 0, 3)) == (1, 4)
    assert part_asked(None, _array(7, 3, 5, 7)) == (3, 3)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/3"])
def test_parts_that_are_none(text: str) -> None:
    with pytest.raises(ImgqlError, match="no part of a cohort"):
        part_asked(text, {})


def test_an_array_with_gaps_is_no_list_of_parts() -> None:
    with pytest.raises(ImgqlError, match="has gaps"):
        part_asked(None, _array(7, 2, 3, 7))


def test_names_of_tables_sort_like_their_parts() -> None:
    table = Path("out/cohort.csv")
    assert table_of_part(table, 2, 10) == Path("out/cohort.part-02-of-10.csv")


def test_parts_that_are_missing() -> None:
    def missing(*numbers: int, count: int = 12) -> tuple[list[int], int]:
        names = [table_of_part(Path("a b.csv"), each, count) for each in numbers]
        return parts_missing(Path(f"{each}.journal") for each in names)

    assert missing(*range(1, 13)) == ([], 12)
    assert missing(1, 12, 3) == ([2, 4, 5, 6, 7, 8, 9, 10, 11], 12)
    assert missing(2, count=2) == ([1], 2)
    assert parts_missing([Path("cohort.csv.journal")]) == ([], 0)
    mixed = [Path("a.part-1-of-2.csv.journal"), Path("a.part-1-of-3.csv.journal")]
    assert parts_missing(mixed) == ([], 0)
