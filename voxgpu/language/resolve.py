"""Semantic analysis: name resolution and type checking, before any file content is read.

Functions have no declared types: each is checked for every combination of argument types it is
called with, and once with unknown types if it is never called. All errors are collected.
Expressions and calls are traversed with explicit stacks, so nesting depth is not limited by
Python's stack.
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
    TEXT,
    UNKNOWN,
    Content,
    Function,
    ImageOf,
    Type,
    Unknown,
    innermost,
)

#: Returns the type of the image in a file, and the header that its reader needs later.
Describe = Callable[[str], tuple[Type, Any]]

#: Maximum recursion depth of a function that is passed to itself as a value.
_DEPTH = 50


class Refusal(Exception):
    """Raised by ``Describe`` for a file that cannot be loaded; ``code`` is a key of ``CODES``."""

    def __init__(self, reason: str, help: str = "", code: str = "E201") -> None:
        super().__init__(reason)
        self.reason, self.help, self.code = reason, help, code


def resolve(
    commands: Iterable[Command],
    names: Names,
    variables: Mapping[str, str],
    describe: Describe,
    diagnostics: Diagnostics,
    images: Mapping[str, tuple[Type, Any]] | None = None,
    used: set[str] | None = None,
) -> Program:
    """Returns the checked program. Erroneous steps are ``Broken`` and reported to ``diagnostics``.

    names      the primitives by name
    variables  program variables and their text
    images     images that ``load`` takes instead of a file, by name, as ``describe`` returns them
    used       a set to which the program variables that occur are added
    """
    resolver = _Resolver(names, variables, describe, diagnostics, images or {})
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
        images: Mapping[str, tuple[Type, Any]],
    ) -> None:
        self._describe = describe
        self._images = images
        self._diagnostics = diagnostics
        self._globals = Globals()
        self._checker = Checker(names, variables, self._globals, diagnostics, self._read)
        self.used = self._checker.used
        self._main = BlockBuilder(None, (), self._globals)
        self._names: dict[int, str] = {}
        self._goals: list[ProgramGoal] = []
        self._functions: list[FunctionBinding] = []
        self._blocks: dict[tuple[FunctionBinding, tuple[Type, ...]], Block] = {}
        self._active: Counter[FunctionBinding] = Counter()

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
                case Value(value, span, label, stays):
                    step, action = self._value(value), "keep" if stays else "find"
                    self._goals.append(ProgramGoal(action, label, step, span, span))
        self._check_unused()
        main = Block("", tuple(self._main.steps), max(0, len(self._main.steps) - 1))
        return Program(main, self._names, tuple(self._goals))

    def _value(self, expression: Expression) -> int:
        """Returns the step of the main block with the value of an expression."""
        step: int = self._run_coroutine(self._checker.expression(expression, self._main))
        return step

    def _run_coroutine(self, coroutine: Work) -> Any:
        """Runs a coroutine to completion; blocks that it requests are built first, on a stack."""
        stack: list[tuple[Work, Specialization | None]] = [(coroutine, None)]
        answer: Any = None
        while stack:
            try:
                request = stack[-1][0].send(answer)
            except StopIteration as done:
                _, requested = stack.pop()
                answer = done.value
                if requested:
                    self._active[requested.binding] -= 1
                    if not _must_recheck(requested.binding, answer):
                        self._blocks[requested.binding, requested.types] = answer
                continue
            if isinstance(request, NestedBlock):
                stack.append((self._inner(request), None))
                answer = None
                continue
            answer = self._blocks.get((request.binding, request.types))
            if answer is None and self._active[request.binding] >= _DEPTH:
                answer = self._report_recursion(request)
            elif answer is None:
                self._active[request.binding] += 1
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
        """Checks an expression as a nested block; returns the block and the steps it captures."""
        body = request.body.inside()
        for name, kind, span in request.parameters:
            body.parameter(name, kind, span)
        result = yield from self._checker.expression(request.expression, body)
        return body.block("", result), tuple(body.captures)

    def _report_recursion(self, request: Specialization) -> Block:
        """Reports unbounded recursion of a function passed to itself; returns a broken block."""
        let = request.binding.let
        message = f"`{let.name}` calls itself without end, through a function given to it"
        self._diagnostics.add(at_trace("E101", message, request.trace[:1]))
        return Block(let.name, (Broken(UNKNOWN, let.span),), 0, True)

    def _check_unused(self) -> None:
        """Checks functions that are never called, so that their errors are reported too."""
        called = {binding for binding, _ in self._blocks}
        for binding in self._functions:
            if binding not in called and not binding.let.span.source.ours:
                types = (UNKNOWN,) * binding.arity
                self._run_coroutine(self._block(Specialization(binding, types, ())))

    def _bind(self, name: str, step: int, span: Span) -> None:
        self._globals.bind(name, ValueBinding(step, self._main.steps[step].type, span))
        self._names[step] = name

    def _load(self, command: Load) -> int:
        if command.name in self._images:
            kind, header = self._images[command.name]
            return self._main.add(LoadFile(command.name, header, kind, command.path.span))
        path = self._text(command.path, "the path of a file")
        if path is None:
            return self._main.add(Broken(UNKNOWN, command.span))
        return self._main.add(self._read(path, command.path.span, ()))

    def _read(self, path: str, span: Span, trace: tuple[Span, ...]) -> Step:
        """Returns the step of the image in a file."""
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
        """Returns the string value of an expression if it is known before running, else None."""
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
        """Returns the label or file name; if it must be computed, its source text and its step."""
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


def _must_recheck(binding: FunctionBinding, block: Block) -> bool:
    """Returns whether each call must be checked separately so that its own error is reported.

    This applies to errors inside the standard library, which are shown at the user's call.
    """
    return binding.let.span.source.ours and block.is_broken


def _refuse_save(kind: Type) -> tuple[str, str] | None:
    if isinstance(innermost(kind), ImageOf | Unknown):
        return None
    return f"`save` writes images, not a {kind}", 'to see the value: print "label" value'


def _refuse_print(kind: Type) -> tuple[str, str] | None:
    if isinstance(kind, ImageOf):
        measure = {
            Content.NUMBER: "of it, e.g. min(v), max(v) or avg(v, mask)",
            Content.COLOR: "of a channel, e.g. max(red(v))",
        }.get(kind.content, "of it, e.g. volume(b) or avg(v, mask)")
        hint = f"print a measure {measure}; to look at it, save it and run: voxgpu picture FILE"
        return f"`print` shows numbers, truth values and strings, not an {kind}", hint
    if isinstance(innermost(kind), Function):
        return f"`print` shows numbers, truth values and strings, not a {kind}", ""
    if isinstance(innermost(kind), ImageOf):
        hint = 'print a measure of each, e.g. for v in xs do avg(v, mask), or save "name.nii.gz" xs'
        return f"`print` shows numbers, truth values and strings, not a {kind}", hint
    return None


_SINKS = {"save": _refuse_save, "print": _refuse_print}
