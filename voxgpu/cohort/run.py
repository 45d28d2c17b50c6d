"""A cohort in this process: case after case, rows into the journal as they finish."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voxgpu.cohort.cases import Case
from voxgpu.cohort.evaluate import CaseSession, Program
from voxgpu.cohort.row import DONE, Row
from voxgpu.cohort.sweep import Combination
from voxgpu.diagnostics import Diagnostic
from voxgpu.version import __version__


def about(program: Program, combinations: Sequence[Combination]) -> dict[str, Any]:
    """What rows of a journal are of: they are used again where this is equal.

    The text of the program and of all it imports, definitions, names of swept variables, options
    that bear on values, and the version of voxgpu.
    """
    compiled = program.compiled(Case("any", "any"), combinations[0] if combinations else (), None)
    texts = {command.span.source.text for command in compiled.commands}
    digest = hashlib.sha256("\0".join([program.source.text, *sorted(texts)]).encode())
    options = program.options
    return {
        "voxgpu": __version__,
        "program": digest.hexdigest(),
        "definitions": dict(options.define),
        "swept": [name for name, _ in combinations[0]] if combinations else [],
        "options": repr((options.dialect, options.adopt, options.read, options.tolerance)),
    }


class Places:
    """The order of rows: that of the cases, then that of the combinations."""

    def __init__(self, cases: Sequence[Case], combinations: Sequence[Combination]) -> None:
        self._cases = {each.name: number for number, each in enumerate(cases)}
        self._combinations = {each: number for number, each in enumerate(combinations)}

    def placed(self, row: Row) -> Row:
        """The row with its place."""
        return replace(row, place=(self._cases[row.case], self._combinations[row.combination]))


def left_of(
    cases: Iterable[Case], combinations: Sequence[Combination], rows: Mapping[Any, Row]
) -> list[tuple[Case, list[Combination]]]:
    """The cases and combinations that have no row yet, or one of a failure."""
    found = []
    for case in cases:
        left = [
            each
            for each in combinations
            if (row := rows.get((case.name, each))) is None or row.status != DONE
        ]
        if left:
            found.append((case, left))
    return found


def run_here(
    program: Program,
    left: Iterable[tuple[Case, Sequence[Combination]]],
    session: CaseSession,
    note: Callable[[Row], None],
) -> None:
    """Runs cases in this process; calls ``note`` with each row."""
    for case, combinations in left:
        for row in session.rows(program, case, combinations):
            note(row)


def checked(
    program: Program, cases: Iterable[Case], combinations: Sequence[Combination]
) -> Iterable[tuple[Case, list[Diagnostic]]]:
    """For each case what is wrong with the program, from headers alone: nothing is computed."""
    for case in cases:
        found: dict[Diagnostic, None] = {}
        for each in combinations:
            try:
                compiled = program.compiled(case, each, None)
            except ValueError as error:
                found[Diagnostic("E104", str(error))] = None
                continue
            found |= dict.fromkeys(compiled.errors)
        yield case, list(found)
