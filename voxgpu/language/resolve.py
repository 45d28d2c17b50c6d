"""What does every name in a program mean, and do the types fit? Before anything is loaded.

Functions have no types of their own: each is checked again for every combination of argument
types it is called with, and once more with unknown ones if it is never called. All mistakes are
collected. Expressions and calls are walked with stacks, never by recursion: a program may nest as
deep as it likes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from voxgpu.diagnostics import Diagnostic, Diagnostics, Span, at_trace
from voxgpu.language.ast import Command, Expression, Let, Load, Print, Save, Value
from voxgpu.language.block_builder import BlockBuilder, NestedBlock, Specialization, Work
from voxgpu.language.call_errors import bound_at
from voxgpu.language.expressions import Checker
from voxgpu.language.ir import (
    Block,
    Broken,
    Constant,
    LoadFile,
    Program,
    ProgramGoal,
    Step,
)
from voxgpu.language.names import Names
from voxgpu.language.scope import FunctionBinding, Globals, ValueBinding
from voxgpu.language.unparse import unparse
from voxgpu.types import (
    NUMBER_IMAGE,
    TEXT,
    UNKNOWN,
    Function,
    ImageOf,
    Type,
    Unknown,
    innermost,
)

#: Says of a path what is in the file: its type, and what the reader wants to remember.
Describe = Callable[[str], tuple[Type, Any]]

#: How often a function may be at work inside itself, by way of functions that are values.
_DEPTH = 50


class Refusal(Exception):
    """What ``Describe`` raises for a file that cannot be loaded; ``code`` is of ``CODES``."""

    def __init__(self, reason: str, help: str = "", code: str = "E201") -> None:
        super().__init__(reason)
        self.reason, self.help, self.code = reason, help, code


def resolve(
    commands: Iterable[Command],
    names: Names,
    variables: Mapping[str, str],
    describe: Describe,
    diagnostics: Diagnostics,
    given: Mapping[str, tuple[Type, Any]] | None = None,
    used: set[str] | None = None,
) -> Program:
    """The checked program. Where there are mistakes, ``diagnostics`` has them and steps are Broken.

    names      the primitives under each name
    variables  program variables and their text as given
    given      what ``load`` of a name takes in place of a file, as ``describe`` says it
    used       is told the variables that the program uses
    """
    resolver = _Resolver(names, variables, describe, diagnostics, given or {})
    program = resolver.program(commands)
    if used is not None:
        used |= resolver.used
    return program


class _Resolver:
    def __init__(
        self,
        names: Names,
        variables: Mapping[str, str],
        describe: Describe,
        diagnostics: Diagnostics,
        given: Mapping[str, tuple[Type, Any]],
    ) -> None:
        self._describe = describe
        self._given = given
        self._diagnostics = diagnostics
        self._globals = Globals()
        self._checker = Checker(names, variables, self._globals, diagnostics, self._read)
        self.used = self._checker.used
        self._main = BlockBuilder(None, (), self._globals)
        self._names: dict[int, str] = {}
        self._goals: list[ProgramGoal] = []
        self._functions: list[FunctionBinding] = []
        self._blocks: dict[tuple[FunctionBinding, tuple[Type, ...]], Block] = {}
        self._at_work: Counter[FunctionBinding] = Counter()

    def program(self, commands: Iterable[Command]) -> Program:
        self._globals.commands = list(commands)
        for command in self._globals.commands:
            match command:
                case Let(parameters=None):
                    self._bind(command.name, self._value(command.body), command.declared)
                case Let():
                    binding = FunctionBinding(command, self._globals.count)
                    self._functions.append(binding)
                    self._globals.bind(command.name, binding)
                case Load():
                    self._bind(command.name, self._load(command), command.declared)
                case Save() | Print():
                    self._goal(command)
                case Value(value, span):
                    step = self._value(value)
                    self._goals.append(ProgramGoal("find", "", step, span, span))
        self._check_unused()
        main = Block("", tuple(self._main.steps), max(0, len(self._main.steps) - 1))
        return Program(main, self._names, tuple(self._goals))

    def _value(self, expression: Expression) -> int:
        """The step of the main block that has the value of an expression."""
        step: int = self._work(self._checker.expression(expression, self._main))
        return step

    def _work(self, work: Work) -> Any:
        """Runs ``work``; where it needs another block, that is worked on first."""
        stack: list[tuple[Work, Specialization | None]] = [(work, None)]
        answer: Any = None
        while stack:
            try:
                request = stack[-1][0].send(answer)
            except StopIteration as done:
                _, asked = stack.pop()
                answer = done.value
                if asked:
                    self._at_work[asked.binding] -= 1
                    if not _must_be_told_again(asked.binding, answer):
                        self._blocks[asked.binding, asked.types] = answer
                continue
            if isinstance(request, NestedBlock):
                stack.append((self._inner(request), None))
                answer = None
                continue
            answer = self._blocks.get((request.binding, request.types))
            if answer is None and self._at_work[request.binding] >= _DEPTH:
                answer = self._endless(request)
            elif answer is None:
                self._at_work[request.binding] += 1
                stack.append((self._block(request), request))
        return answer

    def _block(self, request: Specialization) -> Work:
        """Checks the body of a function for arguments of the requested types."""
        let = request.binding.let
        body = BlockBuilder(request.binding.order, request.trace, self._globals)
        for name, kind in zip(let.parameters or (), request.types, strict=True):
            body.parameter(name, kind, let.declared)
        result = yield from self._checker.expression(let.body, body)
        return body.block(let.name, result)

    def _inner(self, request: NestedBlock) -> Work:
        """Checks an expression as a block of its own; the block, and what it uses from around."""
        body = request.body.inside()
        for name, kind, span in request.parameters:
            body.parameter(name, kind, span)
        result = yield from self._checker.expression(request.expression, body)
        return body.block("", result), tuple(body.captures)

    def _endless(self, request: Specialization) -> Block:
        """A function that is given to itself as a value may call itself without end."""
        let = request.binding.let
        message = f"`{let.name}` calls itself without end, through a function given to it"
        self._diagnostics.add(at_trace("E101", message, request.trace[:1]))
        return Block(let.name, (Broken(UNKNOWN, let.span),), 0, True)

    def _check_unused(self) -> None:
        """Functions nobody called have mistakes too."""
        called = {binding for binding, _ in self._blocks}
        for binding in self._functions:
            if binding not in called and not binding.let.span.source.ours:
                types = (UNKNOWN,) * binding.arity
                self._work(self._block(Specialization(binding, types, ())))

    def _bind(self, name: str, step: int, span: Span) -> None:
        self._globals.bind(name, ValueBinding(step, self._main.steps[step].type, span))
        self._names[step] = name

    def _load(self, command: Load) -> int:
        if command.name in self._given:
            kind, header = self._given[command.name]
            return self._main.add(LoadFile(command.name, header, kind, command.path.span))
        path = self._text(command.path, "the path of a file")
        if path is None:
            return self._main.add(Broken(UNKNOWN, command.span))
        return self._main.add(self._read(path, command.path.span, ()))

    def _read(self, path: str, span: Span, trace: tuple[Span, ...]) -> Step:
        """The step of the image in a file."""
        try:
            kind, header = self._describe(path)
        except Refusal as refusal:
            self._diagnostics.add(
                at_trace(refusal.code, refusal.reason, (span, *trace), help=refusal.help)
            )
            return Broken(UNKNOWN, span)
        for warning in header.warnings:
            self._diagnostics.add(at_trace("W204", warning, (span, *trace)))
        return LoadFile(path, header, kind, span)

    def _text(self, expression: Expression, what: str) -> str | None:
        """The string that an expression is, as far as that is known before running."""
        step = self._main.steps[self._value(expression)]
        if isinstance(step, Constant) and isinstance(step.value, str):
            return step.value
        if not isinstance(step, Broken) and not isinstance(step.type, Unknown):
            code, message = "E102", f"{what} must be a string, got {step.type}"
            if step.type == TEXT:
                code, message = "E106", f"{what} must be known before running"
            self._diagnostics.add(Diagnostic(code, message, expression.span))
        return None

    def _goal(self, command: Save | Print) -> None:
        action = "save" if isinstance(command, Save) else "print"
        label, label_step = self._label(command.target, action)
        step = self._value(command.value)
        kind = self._main.steps[step].type
        if self._checker.needs_arguments(command.value, kind, self._main):
            return
        mistake = _SINKS[action](kind)
        if mistake:
            message, hint = mistake
            notes = bound_at(command.value, self._main)
            self._diagnostics.add(Diagnostic("E102", message, command.value.span, notes, hint))
        elif label is not None:
            spans = (command.value.span, command.target.span)
            self._goals.append(ProgramGoal(action, label, step, *spans, label_step))

    def _label(self, target: Expression, action: str) -> tuple[str | None, int | None]:
        """A name or label; and where it must be computed, its text in the program and the step."""
        number = self._value(target)
        step = self._main.steps[number]
        if isinstance(step, Constant) and isinstance(step.value, str):
            return step.value, None
        if step.type == TEXT and not isinstance(step, Broken):
            return unparse(target), number
        if not isinstance(step, Broken) and not isinstance(step.type, Unknown):
            what = "a file name" if action == "save" else "a label"
            message = f"{what} must be a string, got {step.type}"
            self._diagnostics.add(Diagnostic("E102", message, target.span))
        return None, None


def _must_be_told_again(binding: FunctionBinding, block: Block) -> bool:
    """Whether every call should be checked anew, for its own mistake to be told.

    That is so for mistakes inside what voxgpu brings: they are shown at the call.
    """
    return binding.let.span.source.ours and block.is_broken


def _refuse_save(kind: Type) -> tuple[str, str] | None:
    if isinstance(innermost(kind), ImageOf | Unknown):
        return None
    return f"`save` writes images, not a {kind}", 'to see the value: print "label" value'


def _refuse_print(kind: Type) -> tuple[str, str] | None:
    if isinstance(kind, ImageOf):
        hint = "print a measure of it, e.g. volume(b) or avg(v, mask)"
        if kind.content is NUMBER_IMAGE.content:
            hint = "print a measure of it, e.g. min(v), max(v) or avg(v, mask)"
        return f"`print` shows numbers, truth values and strings, not an {kind}", hint
    if isinstance(innermost(kind), Function):
        return f"`print` shows numbers, truth values and strings, not a {kind}", ""
    if isinstance(innermost(kind), ImageOf):
        hint = 'print a measure of each, e.g. for v in xs do avg(v, mask), or save "name.nii.gz" xs'
        return f"`print` shows numbers, truth values and strings, not a {kind}", hint
    return None


_SINKS = {"save": _refuse_save, "print": _refuse_print}
