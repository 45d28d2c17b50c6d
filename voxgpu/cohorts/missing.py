"""What is missing of the cases of a cohort: files that the program would load.

Only headers are read, and nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.run import Cohort
from voxgpu.cohorts.sweep import Combination
from voxgpu.diagnostics import Diagnostic
from voxgpu.frozen import frozen
from voxgpu.language.ast import Load, TextLiteral, Variable
from voxgpu.unicode_paths import from_home

_UNREADABLE = re.compile(r"cannot read `(?P<path>.+?)`: (?P<reason>.*)", re.DOTALL)
_VARIABLE = re.compile(r"`\$(\w+)`")


@frozen(slots=True)
class Missing:
    """What a case lacks.

    files       paths of images that are not there
    unreadable  files that are there and that cannot be loaded, each with the reason
    variables   program variables that the case has no value for, each with the reason
    others      whether the program has other errors for the case
    """

    files: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    others: bool = False


def missing_by_case(cohort: Cohort) -> Iterator[tuple[Case, Missing]]:
    """For each case of this part what is missing of it."""
    combinations: Sequence[Combination] | None = None
    for case in cohort.own_cases:
        if combinations is None:
            combinations = _that_name_files(cohort, case)
        yield case, _missing(case, cohort.errors_of(case, combinations))


def _missing(case: Case, errors: Iterable[Diagnostic]) -> Missing:
    files: dict[str, None] = {}
    unreadable: dict[str, None] = {}
    variables: dict[str, None] = {}
    others = False
    for error in errors:
        found = _UNREADABLE.match(error.message) if error.code in ("E201", "E203") else None
        absent = _VARIABLE.search(error.message) if error.code == "E104" else None
        if found and not Path(from_home(found["path"])).exists():
            files[found["path"]] = None
        elif found:
            unreadable[f"{found['path']}: {found['reason']}"] = None
        elif absent and absent[1] in case.absent:
            variables[f"${absent[1]}: {case.absent[absent[1]]}"] = None
        else:
            others = True
    return Missing(tuple(files), tuple(unreadable), tuple(variables), others)


def _that_name_files(cohort: Cohort, case: Case) -> list[Combination]:
    """Combinations that differ in what files a program may load; the first one if none do."""
    try:
        commands = cohort.program.compiled(case, cohort.combinations[0], None).commands
    except ValueError:  # a template with an unknown field
        commands = ()
    named = set(_variables_of_texts(commands))
    found: dict[Combination, Combination] = {}
    for each in cohort.combinations:
        key = tuple((n, value) for n, value in each if n in named or not _is_number(value))
        found.setdefault(key, each)
    return list(found.values())


def used_variables(cohort: Cohort) -> set[str]:
    """The program variables that the program or a definition uses."""
    program = cohort.program
    try:
        first = cohort.own_cases[0] if cohort.own_cases else cohort.cases[0]
        commands = program.compiled(first, cohort.combinations[0], None).commands
    except ValueError:
        commands = ()
    templates = [each for text in program.options.define.values() for each in _fields(text)]
    return {*_variables_of_texts(commands, within=True), *templates}


def _fields(template: str) -> list[str]:
    try:
        return [name for _, name, _, _ in Formatter().parse(template) if name]
    except ValueError:
        return []


def _variables_of_texts(item: Any, within: bool = False) -> Iterator[str]:
    """The names of program variables in texts and in paths of ``load``."""
    if isinstance(item, Variable):
        if within:
            yield item.name
    elif isinstance(item, tuple):
        for each in item:
            yield from _variables_of_texts(each, within)
    elif is_dataclass(item) and not isinstance(item, type):
        inside = within or isinstance(item, Load | TextLiteral)
        for each in fields(item):
            if each.compare:  # places in the text are not compared
                yield from _variables_of_texts(getattr(item, each.name), inside)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
