"""Sidecars of saved lazy values: they have the program in ImgQL that gives the same values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from voxgpu.compile import Compiled, Options
from voxgpu.execution.outputs import Saved
from voxgpu.frozen import frozen
from voxgpu.language.ast import Save, TextLiteral
from voxgpu.language.unparse import unparse, unparse_command
from voxgpu.plan.node import Goal
from voxgpu.provenance.program_run import Circumstances, ProgramRun
from voxgpu.provenance.program_text import digest_of_program
from voxgpu.provenance.record import Line, Provenance
from voxgpu.provenance.sidecar_writer import SidecarWriter
from voxgpu.python.lazy.commands import commands_of
from voxgpu.python.lazy.names import taken_names
from voxgpu.python.lazy.terms import Term

#: The number of an item in the name of its file: ``parts_0.nii.gz``.
_NUMBER = re.compile(r"_\d+(?=(?:\.[^/]*)?$)")


@frozen
class SavingProgram:
    """The program in ImgQL that saves one file: the text of its expression, and its lines."""

    expression: str
    lines: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """The text of the program."""
        return "".join(f"{line}\n" for line in self.lines)


class LazyRun(ProgramRun):
    """A run that saves lazy values; what it records are programs in ImgQL, one for each file."""

    def __init__(self, compiled: Compiled, options: Options, files: Mapping[str, Term]) -> None:
        """Begin to count the seconds of the run.

        files  what is saved, by the names that were given
        """
        super().__init__(compiled, Circumstances(None, options))
        self._files = files
        self._programs: dict[str, SavingProgram] = {}

    def record(
        self, goal: Goal, saved: Saved, device: str, seconds: float | None = None
    ) -> Provenance:
        """The record of a file that has been saved."""
        name = goal.label
        while name not in self._files:  # an item of a sequence, which may have sequences as items
            name = _NUMBER.sub("", name)
        if name not in self._programs:
            self._programs[name] = program_that_saves(name, self._files[name])
        program = self._programs[name]
        return replace(
            super().record(goal, saved, device, seconds),
            expression=program.expression,
            lines=tuple(Line(number, text) for number, text in enumerate(program.lines, 1)),
            program="",
            sha256=digest_of_program(program.text, None),
            text=program.text,
            imports=(),
        )


def program_that_saves(name: str, term: Term) -> SavingProgram:
    """The program in ImgQL that gives a lazy value, and saves it under a name.

    Images in memory and primitives defined in Python are not part of it.
    """
    built = commands_of([term], taken_names())
    (value,) = built.values
    save = Save(TextLiteral((name,), term.span), value, term.span)
    commands = (*built.prelude.commands, save)
    return SavingProgram(unparse(value), tuple(unparse_command(each) for each in commands))


def sidecars_of(
    compiled: Compiled, options: Options, files: Mapping[str, Term], device: Callable[[], str]
) -> SidecarWriter:
    """What writes the sidecars of saved lazy values, named after the Python file that has them.

    device  returns the device in use; empty while nothing has been computed
    """
    script = Path(compiled.source.name)
    name = script.name if script.suffix == ".py" else ""
    return SidecarWriter(LazyRun(compiled, options, files), name, device)
