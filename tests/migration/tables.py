"""The table of rules on a page, made from the examples of the rules."""

from __future__ import annotations

import os
from pathlib import Path

from tests.migration.examples import write_example
from voxgpu.compile import Options, compile_program, read_source, unread
from voxgpu.migration.differences import differences, rules
from voxgpu.migration.rule import Kind

_HEADINGS = {
    Kind.VALUE: "Another result",
    Kind.FORM: "The same result in another form",
    Kind.REFUSED_HERE: "Refused by voxgpu",
    Kind.REFUSED_THERE: "Refused by VoxLogicA {}",
}


def table_of_rules(version: int, folder: Path) -> str:
    """The rules about a version of VoxLogicA as Markdown: a table for each kind.

    folder  an empty folder for the examples
    """
    parts = []
    for kind, heading in _HEADINGS.items():
        rows = [
            _row(index, version, folder)
            for index, each in enumerate(rules())
            if each.kind is kind and version in each.versions
        ]
        if rows:
            head = f"| rule | for example | VoxLogicA {version} | voxgpu | for both |\n"
            parts.append(
                f"### {heading.format(version)}\n\n{head}|---|---|---|---|---|\n{''.join(rows)}"
            )
    return "\n".join(parts)


def _row(index: int, version: int, folder: Path) -> str:
    rule = rules()[index]
    place = folder / f"{version}-{index}"
    place.mkdir()
    before = Path.cwd()
    os.chdir(place)
    try:
        path = write_example(place, rule.example).relative_to(place)
        options = Options(define={"N": "3"}, writes=False)
        compiled = compile_program(read_source(path), path, options, unread)
        found = [each.found for each in differences(compiled, version) if each.rule is rule]
    finally:
        os.chdir(before)
    first = found[0]
    line, _ = first.span.source.line_and_column(first.span.start)
    example = first.span.source.text.splitlines()[line - 1]
    cells = (f"`{rule.name}`", f"`` {example} ``", first.there, first.here, first.remedy)
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |\n"
