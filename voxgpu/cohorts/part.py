"""Parts of a cohort, for job arrays: each runs some of the cases and has its own journal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from voxgpu.diagnostics import Diagnostic, ImgqlError

_Each = TypeVar("_Each")


def part_asked(text: str | None, environment: Mapping[str, str]) -> tuple[int, int] | None:
    """The part ``I/N``, from 1; else that of this task of SLURM's job array; None for all cases.

    Raises ImgqlError where the text is none, or the array is no row of successive numbers.
    """
    if text:
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= count:
            hint = "write --part 2/10 for the second of ten parts"
            raise ImgqlError([Diagnostic("E402", f"`{text}` is no part of a cohort", help=hint)])
        return number, count
    try:
        task = int(environment["SLURM_ARRAY_TASK_ID"])
        count = int(environment["SLURM_ARRAY_TASK_COUNT"])
        first = int(environment.get("SLURM_ARRAY_TASK_MIN", "0"))
        last = int(environment.get("SLURM_ARRAY_TASK_MAX", str(first + count - 1)))
    except (KeyError, ValueError):
        return None
    if last - first + 1 != count or not first <= task <= last:
        message = f"the job array {first} to {last} of {count} tasks has gaps"
        hint = "use an array such as 1-10, or say which part this is: --part I/N"
        raise ImgqlError([Diagnostic("E402", message, help=hint)])
    return task - first + 1, count


def part_of(cases: Sequence[_Each], number: int, count: int) -> Sequence[_Each]:
    """Part ``number`` of ``count``, from 1: every ``count``-th case, so that parts are alike."""
    return cases[number - 1 :: count]


def table_of_part(table: Path, number: int, count: int) -> Path:
    """The name of a part's table: ``cohort.part-02-of-10.csv``."""
    part = f"part-{number:0{len(str(count))}d}-of-{count}"
    return table.with_name(f"{table.stem}.{part}{table.suffix}")


def journal_beside(table: Path) -> Path:
    """The journal of a table: ``cohort.csv.journal``."""
    return table.with_name(f"{table.name}.journal")


def parts_missing(journals: Iterable[Path]) -> tuple[list[int], int]:
    """The numbers of parts that files, named by `table_of_part`, lack; and how many parts are all.

    Nothing is missing where names do not tell, or tell of different numbers of parts.
    """
    found = [re.search(r"\.part-(\d+)-of-(\d+)\.", each.name) for each in journals]
    parts = {(int(each[1]), int(each[2])) for each in found if each}
    counts = {count for _, count in parts}
    if len(counts) != 1:
        return [], 0
    (count,) = counts
    return sorted({*range(1, count + 1)} - {number for number, _ in parts}), count
