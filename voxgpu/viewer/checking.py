"""Programs as the editor of the page knows them: options for a case, and mistakes by place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from voxgpu.cohorts.cases import Case as cohort_case
from voxgpu.compile import Options, compile_program, unread
from voxgpu.diagnostics import Diagnostic, Source
from voxgpu.frozen import frozen
from voxgpu.lsp.positions import SourcePositions
from voxgpu.viewer.dataset import Case
from voxgpu.viewer.problem import Problem

#: Program variables that every case has, as in cohorts: its folder, and the name of that.
OF_CASE = ("CASE", "NAME")

#: Mistakes that depend on the case, which may be missing while a program is written.
_ABOUT_CASES = ("E104", "E201", "E203")


@frozen
class Program:
    """A program as it stands in the editor.

    text  may differ from that of the file
    path  its file; None for one that has none yet
    """

    text: str
    path: Path | None = None

    @property
    def source(self) -> Source:
        """The text, for the compiler."""
        return Source(str(self.path) if self.path else "untitled", self.text)

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.path.name if self.path else "untitled"


def options_for(options: Options, case: Case | None, definitions: Mapping[str, str]) -> Options:
    """Options with the program variables of a case, and those that the page gives.

    Values are templates over ``{path}``, ``{name}`` and ``{parent}`` of the case, as in cohorts.
    Raises Problem for other fields.
    """
    define: Mapping[str, str] = {**options.define, **definitions}
    if case is not None:
        try:
            define = cohort_case(case.folder.name, str(case.folder)).variables(define)
        except ValueError as error:
            raise Problem(422, str(error)) from None
    return replace(options, define=define)


def check(program: Program, case: Case | None, options: Options) -> list[dict[str, Any]]:
    """The mistakes in a program, which is not run: no voxels are read."""
    compiled = compile_program(program.source, program.path, options, unread)
    found = as_json(told(compiled.diagnostics), program.text, compiled.source)
    if case is None:
        for each in found:
            if each["code"] in _ABOUT_CASES:
                each["severity"] = "warning"
    return found


def told(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without those about unused variables of the case, which nobody has given."""
    return [
        each
        for each in diagnostics
        if each.code != "W104" or not any(f"`{name}`" in each.message for name in OF_CASE)
    ]


def as_json(
    diagnostics: Iterable[Diagnostic], text: str, source: Source, line: int = 1
) -> list[dict[str, Any]]:
    """Diagnostics as plain data: lines and columns from 1, columns in UTF-16 as browsers count.

    text  of the editor, whose line ends may differ from those of the source
    line  where diagnostics are that belong to no place of the text
    """
    positions = SourcePositions(text, source)
    return [_as_json(each, source, positions, line) for each in diagnostics]


def _as_json(
    each: Diagnostic, source: Source, positions: SourcePositions, line: int
) -> dict[str, Any]:
    start, end = (line - 1, 0), (line - 1, 0)
    message = each.message
    if each.span is not None and _is_in(each.span.source, source):
        start, end = positions.position(each.span.start), positions.position(each.span.stop)
    elif each.span is not None and not each.span.source.ours:
        message = f"{each.span}: {message}"
    notes = [note.message for note in each.notes if note.span is None]
    return {
        "line": start[0] + 1,
        "column": start[1] + 1,
        "end_line": end[0] + 1,
        "end_column": end[1] + 1,
        "severity": each.severity,
        "code": each.code,
        "message": "\n".join([message, *notes]),
        "help": each.help or None,
        "goals": list(each.goals),
    }


def _is_in(found: Source, source: Source) -> bool:
    """Whether a source is the program, or the beginning of it."""
    return found is source or (found.name == source.name and source.text.startswith(found.text))
