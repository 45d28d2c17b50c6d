"""What has been entered so far, and what does the next text come to?

Texts that were accepted stay in force. Values are named by what they mean and kept, so that a text
computes only what none before it has computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voxgpu.diagnostics import Diagnostic, Source
from voxgpu.execute import Result, Session
from voxgpu.execution.deliver import Printed
from voxgpu.execution.events import Observer, ignore
from voxgpu.files.digest import Digests
from voxgpu.language.program import Program
from voxgpu.language.syntax import Command, Load
from voxgpu.language.syntax import Let as LetCommand
from voxgpu.pipeline import Compiled, Options, compile_more, unfinished
from voxgpu.types import Function, ImageOf, SequenceOf, Type, innermost


@dataclass(frozen=True)
class Answer:
    """What a text came to.

    diagnostics  mistakes, and goals that failed; warnings too
    type         of the expression, if the text was one
    result       None where nothing was run
    accepted     whether the text is part of the program from here on
    """

    diagnostics: tuple[Diagnostic, ...]
    type: Type | None = None
    result: Result | None = None
    accepted: bool = False


class Dialog:
    """The texts accepted so far, and the values computed for them."""

    def __init__(
        self,
        options: Options,
        on_print: Callable[[Printed], None],
        observe: Observer = ignore,
    ) -> None:
        self._options = options
        self._on_print = on_print
        self._observe = observe
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._sources: list[Source] = []
        #: What has been bound, in order.
        self.names: list[str] = []
        self._digests = Digests()
        self._session = Session(
            self._options.output, self._options.roots, self._on_print, self._observe, keeping=True
        )

    def unfinished(self, text: str) -> bool:
        """Whether a text only lacks its end."""
        if not text.strip():
            return False
        return unfinished([*self._sources, Source("input", text)], self._options)

    def enter(self, source: Source) -> Answer:
        """Runs a text, and accepts it if it is made of commands and has no mistakes."""
        compiled = self._compiled(source)
        if compiled.errors:
            return Answer(compiled.diagnostics)
        kind = _type(compiled.program)
        if isinstance(kind, Function):
            return Answer(compiled.diagnostics, kind)
        if isinstance(kind, SequenceOf) and isinstance(innermost(kind), ImageOf):
            # The images are there when they are asked for, one by one.
            counted = self._compiled(Source(source.name, f"length({source.text}\n)"))
            result = self._session.execute(counted)
            return Answer((*compiled.diagnostics, *result.errors), kind, result)
        result = self._session.execute(compiled)
        accepted = kind is None
        if accepted:
            self._sources.append(source)
            self.names = [c.name for c in compiled.commands if _binds(c)]  # type: ignore[union-attr]
        return Answer((*result.warnings, *result.errors), kind, result, accepted)

    def type_of(self, source: Source) -> Answer:
        """The type of an expression; nothing is run."""
        compiled = self._compiled(source, can_run=False)
        return Answer(compiled.diagnostics, _type(compiled.program))

    def compiled(self, source: Source | None) -> Compiled:
        """A text after every stage, or all that was accepted."""
        return self._compiled(source or Source("input", ""), can_run=False)

    def _compiled(self, source: Source, can_run: bool = True) -> Compiled:
        ask = self._session.ask if can_run else None
        sources = [*self._sources, source]
        return compile_more(sources, self._options, self._digests.of, ask)


def _binds(command: Command) -> bool:
    return isinstance(command, LetCommand | Load) and not command.span.source.ours


def _type(program: Program) -> Type | None:
    """The type of the expression that a text was, if it was one."""
    goals = [goal for goal in program.goals if goal.action == "find"]
    return program.main.steps[goals[-1].step].type if goals else None
