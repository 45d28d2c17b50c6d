"""The texts that were entered so far, and running the next one.

Texts that were accepted stay in force. Values are named by what they mean and kept, so that a text
computes only what none before it has computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from voxgpu.interactive.wrapped_source import WrappedSource
from voxgpu.language.ast import Command, Let, Load, Value
from voxgpu.language.ir import Program
from voxgpu.session import Result, Session
from voxgpu.types import Function, ImageOf, SequenceOf, Type, innermost

_OF_A_FILE = re.compile(r"\$(file|filename|stem|dir)\b")


@dataclass(frozen=True)
class Response:
    """What a text came to.

    diagnostics  mistakes, and goals that failed; warnings too
    type         of the expression, if the text was one
    result       None where nothing was run
    accepted     whether the text is part of the program from here on
    lengths      of a sequence of images: its length, that of its first item if that is a sequence,
                 and so on; the result has found the first image then, or nothing
    """

    diagnostics: tuple[Diagnostic, ...]
    type: Type | None = None
    result: Result | None = None
    accepted: bool = False
    lengths: tuple[int, ...] = ()


class ReplSession:
    """The texts accepted so far, and the values computed for them."""

    def __init__(self, options: Options, session: Session) -> None:
        self._options = options
        self._session = session
        self._begin()

    def reset(self) -> None:
        """Forgets everything."""
        self._session.forget()
        self._begin()

    def _begin(self) -> None:
        self._sources: list[Source] = []
        self._folders: dict[Source, Path] = {}
        #: The file that ``$file`` and its like stand for.
        self._file: Path | None = None
        #: What has been bound, in order.
        self.names: list[str] = []
        self._warned: set[str] = set()

    def close(self) -> None:
        """Writes what the store is to keep."""
        self._session.close()

    def unfinished(self, text: str) -> bool:
        """Whether a text only lacks its end."""
        if not text.strip():
            return False
        return unfinished([*self._sources, Source("input", text)], self._options, self._folders)

    def enter(self, source: Source) -> Response:
        """Runs a text, and accepts what commands are in it if it has no mistakes."""
        return self._entered(source, self._file)

    def load(self, path: Path) -> Response:
        """Runs a program's commands and accepts them. Raises ImgqlError where it is none."""
        source = read_source(path)
        self._folders[source] = path.parent
        file = self._file
        mention = _OF_A_FILE.search(source.text)
        if mention:
            if file not in (None, path):
                raise ImgqlError([_taken(Span(source, *mention.span()), file)])
            file = path
        answer = self._entered(source, file)
        if answer.accepted:
            self._file = file
        return answer

    def run(self, path: Path) -> Response:
        """Runs a program on its own; what is computed already is not computed again."""
        source = read_source(path)
        compiled = self._session.compile(source, path, self._options)
        if compiled.errors:
            return Response(compiled.diagnostics)
        result = self._session.execute(compiled)
        return Response((*result.warnings, *result.errors), None, result)

    def compiled(self, source: Source | None = None) -> Compiled:
        """A text after every stage, or all that was accepted; nothing is run."""
        return self._compiled(source or Source("input", ""), self._file, can_run=False)

    def checked(self, source: Source) -> tuple[Compiled, Type | None]:
        """A text without reading any voxel, and its type if it is an expression."""
        compiled = compile_more(
            [*self._sources, source], self._options, unread, None, self._folders, self._file
        )
        return compiled, _type(compiled.program)

    def _entered(self, source: Source, file: Path | None) -> Response:
        compiled = self._compiled(source, file)
        if compiled.errors:
            return Response(compiled.diagnostics)
        kind = _type(compiled.program)
        mine = [each for each in compiled.commands if each.span.source is source]
        accepted = kind is None or any(not isinstance(each, Value) for each in mine)
        if isinstance(kind, Function):
            answer = Response(compiled.diagnostics, kind)
        elif isinstance(kind, SequenceOf) and isinstance(innermost(kind), ImageOf) and not accepted:
            # The images are there when they are asked for, one by one.
            answer = self._looked_into(source, kind, file, compiled.diagnostics)
        else:
            result = self._session.execute(compiled)
            answer = Response((*result.warnings, *result.errors), kind, result)
        if accepted:
            self._sources.append(source)
            self.names = [each.name for each in bindings(compiled)]
        told = tuple(self._new(answer.diagnostics, source))
        return replace(answer, diagnostics=told, accepted=accepted)

    def _looked_into(
        self, source: Source, kind: Type, file: Path | None, warnings: Iterable[Diagnostic]
    ) -> Response:
        """The lengths of a sequence of images, of its first item, …, and the first image."""
        told = list(warnings)
        lengths: list[int] = []
        result: Result | None = None
        before, after = "(", ")"
        item = kind
        while isinstance(item, SequenceOf):
            result = self._found(WrappedSource(source, f"length({before}", f"{after})"), file, told)
            if result is None or not result.found:
                break
            (length,) = result.found
            assert isinstance(length, float | int)
            lengths.append(int(length))
            if not length:
                result = replace(result, found=())
                break
            after, item = f"{after}[0]", item.item
        else:
            result = self._found(WrappedSource(source, before, after), file, told)
        return Response(tuple(told), kind, result, lengths=tuple(lengths))

    def _found(self, source: Source, file: Path | None, told: list[Diagnostic]) -> Result | None:
        """What an expression comes to; mistakes go to ``told``, which has its warnings."""
        compiled = self._compiled(source, file)
        if compiled.errors:
            told += compiled.errors
            return None
        result = self._session.execute(compiled)
        told += [each for each in result.warnings if each not in compiled.diagnostics]
        told += result.errors
        return result

    def _compiled(self, source: Source, file: Path | None, can_run: bool = True) -> Compiled:
        session = self._session
        ask = session.ask if can_run else None
        sources = [*self._sources, source]
        return compile_more(
            sources, self._options, session.digests.of, ask, self._folders, file, session.headers
        )

    def _new(self, diagnostics: Iterable[Diagnostic], source: Source) -> Iterable[Diagnostic]:
        """What is to be told: not again the warnings of a file that was imported before."""
        for told in diagnostics:
            each = replace(told, message=told.message.removeprefix('`find ""` failed: '))
            is_here = each.span is None or each.span.source is source
            if is_here or each.is_error or str(each) not in self._warned:
                self._warned.add(str(each))
                yield each


def bindings(compiled: Compiled) -> list[Let | Load]:
    """What a program binds, in order; not what voxgpu brings."""
    return [each for each in compiled.commands if _binds(each)]  # type: ignore[misc]


def _binds(command: Command) -> bool:
    return isinstance(command, Let | Load) and not command.span.source.ours


def _type(program: Program) -> Type | None:
    """The type of the expression that a text was, if it was one."""
    goals = [goal for goal in program.goals if goal.action == "find"]
    return program.main.steps[goals[-1].step].type if goals else None


def _taken(span: Span, file: Path | None) -> Diagnostic:
    variable = span.source.text[span.start : span.stop]
    message = f"`{variable}` stands for a part of `{file}`, which was loaded before"
    return Diagnostic("E104", message, span, help="enter :reset first, or :run the program")
