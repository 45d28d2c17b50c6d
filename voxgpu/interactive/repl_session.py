"""State of the interactive prompt: the texts entered so far and their computed values.

Accepted texts stay in force. Values are identified by what they mean and are kept, so each text
computes only what no earlier text has computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from voxgpu.compile import (
    Compiled,
    Options,
    compile_more,
    read_source,
    unfinished,
    unread,
)
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source, Span
from voxgpu.frozen import frozen
from voxgpu.interactive.wrapped_source import WrappedSource
from voxgpu.language.ast import Command, Let, Load, Value
from voxgpu.language.ir import Program
from voxgpu.provenance.program_run import Circumstances, ProgramRun
from voxgpu.provenance.sidecar_writer import SidecarWriter
from voxgpu.session import Result, Session
from voxgpu.types import Function, ImageOf, SequenceOf, Type, innermost

_OF_A_FILE = re.compile(r"\$(file|filename|stem|dir)\b")


@frozen
class Response:
    """The outcome of a text.

    diagnostics  errors, warnings and failed goals
    type         the type of the expression, if the text was one
    result       None if nothing was run
    accepted     whether the text has become part of the program
    lengths      for a sequence of images: its length, that of its first item if that is a sequence,
                 and so on; ``result`` then contains at most the first image
    """

    diagnostics: tuple[Diagnostic, ...]
    type: Type | None = None
    result: Result | None = None
    accepted: bool = False
    lengths: tuple[int, ...] = ()


class ReplSession:
    """The texts accepted so far, and the values computed for them."""

    def __init__(
        self,
        options: Options,
        session: Session,
        sidecars: bool = True,
        device: Callable[[], str] = str,
    ) -> None:
        """Begin with no texts.

        sidecars  whether a sidecar is written beside each saved image
        device    returns the name of the device in use
        """
        self._options = options
        self._session = session
        self._sidecars, self._device = sidecars, device
        self._clear()

    def reset(self) -> None:
        """Forgets all texts and values."""
        self._session.forget()
        self._clear()

    def _clear(self) -> None:
        self._sources: list[Source] = []
        self._folders: dict[Source, Path] = {}
        #: The file that ``$file`` and related variables refer to.
        self._file: Path | None = None
        #: The names bound so far, in order.
        self.names: list[str] = []
        self._warned: set[str] = set()

    def close(self) -> None:
        """Finishes writing to the store."""
        self._session.close()

    def unfinished(self, text: str) -> bool:
        """Returns whether a text is merely incomplete."""
        if not text.strip():
            return False
        return unfinished([*self._sources, Source("input", text)], self._options, self._folders)

    def enter(self, source: Source) -> Response:
        """Runs a text; if it has no errors, its commands become part of the program."""
        return self._run_text(source, self._file)

    def load(self, path: Path) -> Response:
        """Runs a program file like entered commands. Raises ImgqlError if it cannot be loaded."""
        source = read_source(path)
        self._folders[source] = path.parent
        file = self._file
        mention = _OF_A_FILE.search(source.text)
        if mention:
            if file not in (None, path):
                raise ImgqlError([_file_conflict(Span(source, *mention.span()), file)])
            file = path
        answer = self._run_text(source, file)
        if answer.accepted:
            self._file = file
        return answer

    def run(self, path: Path) -> Response:
        """Runs a program file on its own; values that are already computed are reused."""
        source = read_source(path)
        compiled = self._session.compile(source, path, self._options)
        if compiled.errors:
            return Response(compiled.diagnostics)
        result = self._execute(compiled, path, ())
        return Response((*result.warnings, *result.errors), None, result)

    def compiled(self, source: Source | None = None) -> Compiled:
        """Compiles a text after the accepted ones, or only those; nothing is run."""
        return self._compiled(source or Source("input", ""), self._file, can_run=False)

    def checked(self, source: Source) -> tuple[Compiled, Type | None]:
        """Compiles a text without reading voxels; returns its type too if it is an expression."""
        compiled = compile_more(
            [*self._sources, source], self._options, unread, None, self._folders, self._file
        )
        return compiled, _type(compiled.program)

    def _run_text(self, source: Source, file: Path | None) -> Response:
        compiled = self._compiled(source, file)
        if compiled.errors:
            return Response(compiled.diagnostics)
        kind = _type(compiled.program)
        own_commands = [each for each in compiled.commands if each.span.source is source]
        accepted = kind is None or any(not isinstance(each, Value) for each in own_commands)
        if isinstance(kind, Function):
            answer = Response(compiled.diagnostics, kind)
        elif isinstance(kind, SequenceOf) and isinstance(innermost(kind), ImageOf) and not accepted:
            # The images are computed on demand, one by one.
            answer = self._inspect_sequence(source, kind, file, compiled.diagnostics)
        else:
            result = self._execute(compiled, file, (*self._sources, source))
            answer = Response((*result.warnings, *result.errors), kind, result)
        if accepted:
            self._sources.append(source)
            self.names = [each.name for each in bindings(compiled)]
        diagnostics = tuple(self._unreported(answer.diagnostics, source))
        return replace(answer, diagnostics=diagnostics, accepted=accepted)

    def _execute(self, compiled: Compiled, path: Path | None, parts: tuple[Source, ...]) -> Result:
        """Runs a program; ``parts`` are its texts, if there are several."""
        is_saving = any(each.action == "save" for each in compiled.plan.goals)
        if not (self._sidecars and is_saving):
            return self._session.execute(compiled)
        known = Circumstances(path, self._options, parts)
        name = path.name if path is not None else ""
        run = ProgramRun(compiled, known)
        return self._session.execute(compiled, SidecarWriter(run, name, self._device))

    def _inspect_sequence(
        self, source: Source, kind: Type, file: Path | None, warnings: Iterable[Diagnostic]
    ) -> Response:
        """Returns the lengths of a nested sequence of images, and its first image."""
        diagnostics = list(warnings)
        lengths: list[int] = []
        result: Result | None = None
        before, after = "(", ")"
        item = kind
        while isinstance(item, SequenceOf):
            result = self._evaluate(
                WrappedSource(source, f"length({before}", f"{after})"), file, diagnostics
            )
            if result is None or not result.found:
                break
            ((_, length),) = result.found
            assert isinstance(length, float | int)
            lengths.append(int(length))
            if not length:
                result = replace(result, found=())
                break
            after, item = f"{after}[0]", item.item
        else:
            result = self._evaluate(WrappedSource(source, before, after), file, diagnostics)
        return Response(tuple(diagnostics), kind, result, lengths=tuple(lengths))

    def _evaluate(
        self, source: Source, file: Path | None, diagnostics: list[Diagnostic]
    ) -> Result | None:
        """Evaluates an expression; appends new warnings and errors to ``diagnostics``."""
        compiled = self._compiled(source, file)
        if compiled.errors:
            diagnostics += compiled.errors
            return None
        result = self._session.execute(compiled)
        diagnostics += [each for each in result.warnings if each not in compiled.diagnostics]
        diagnostics += result.errors
        return result

    def _compiled(self, source: Source, file: Path | None, can_run: bool = True) -> Compiled:
        session = self._session
        ask = session.evaluate if can_run else None
        sources = [*self._sources, source]
        return compile_more(
            sources, self._options, session.digests.of, ask, self._folders, file, session.headers
        )

    def _unreported(
        self, diagnostics: Iterable[Diagnostic], source: Source
    ) -> Iterable[Diagnostic]:
        """Yields the diagnostics to show, without warnings that were already shown."""
        for each in diagnostics:
            is_here = each.span is None or each.span.source is source
            if is_here or each.is_error or str(each) not in self._warned:
                self._warned.add(str(each))
                yield each


def bindings(compiled: Compiled) -> list[Let | Load]:
    """Returns the bindings of a program, in order, without those of the standard library."""
    return [each for each in compiled.commands if _is_user_binding(each)]  # type: ignore[misc]


def _is_user_binding(command: Command) -> bool:
    return isinstance(command, Let | Load) and not command.span.source.ours


def _type(program: Program) -> Type | None:
    """Returns the type of the expression that a text was, or None."""
    goals = [goal for goal in program.goals if goal.action == "find"]
    return program.main.steps[goals[-1].step].type if goals else None


def _file_conflict(span: Span, file: Path | None) -> Diagnostic:
    variable = span.source.text[span.start : span.stop]
    message = f"`{variable}` stands for a part of `{file}`, which was loaded before"
    return Diagnostic("E104", message, span, help="enter :reset first, or :run the program")
