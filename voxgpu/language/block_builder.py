"""Construction of IR blocks: appending steps and resolving names within nested blocks."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

from voxgpu.diagnostics import Span
from voxgpu.language.ast import Expression
from voxgpu.language.ir import Block, Broken, Outer, Parameter, Step, blocks_of
from voxgpu.language.scope import Binding, FunctionBinding, Globals, ValueBinding
from voxgpu.types import Type


class Specialization(NamedTuple):
    """A request for the block of a function for these argument types; ``trace`` holds the calls."""

    binding: FunctionBinding
    types: tuple[Type, ...]
    trace: tuple[Span, ...]


class NestedBlock(NamedTuple):
    """A request for the block of an expression nested in another block.

    parameters  the names it binds, with their types and spans
    """

    expression: Expression
    parameters: tuple[tuple[str, Type, Span], ...]
    body: BlockBuilder


#: A coroutine that yields requests for blocks and receives the finished blocks.
Work = Generator[Specialization | NestedBlock, Any, Any]


class BlockBuilder:
    """A block under construction: its steps and local bindings.

    order   number of top-level bindings that are visible; None: all bindings made so far
    trace   the calls that lead to this block, innermost first
    around  the enclosing block, whose names are visible; None at the top
    """

    def __init__(
        self,
        order: int | None,
        trace: tuple[Span, ...],
        outside: Globals,
        around: BlockBuilder | None = None,
    ) -> None:
        self.steps: list[Step] = []
        self.names: dict[str, ValueBinding] = {}
        self.trace = trace
        #: Steps of the enclosing block that are parameters of this block, in order.
        self.captures: list[int] = []
        self._order = order
        self._outside = outside
        self._around = around
        self._outer: dict[int, int] = {}
        self._parameters = 0

    def add(self, step: Step) -> int:
        """Appends a step and returns its index."""
        self.steps.append(step)
        return len(self.steps) - 1

    def parameter(self, name: str, kind: Type, span: Span) -> int:
        """Appends a parameter and returns its step; binds its name unless the name is empty."""
        step = self.add(Parameter(self._parameters, kind, span))
        self._parameters += 1
        if name:
            self.names[name] = ValueBinding(step, kind, span)
        return step

    def inside(self) -> BlockBuilder:
        """Returns a new, empty block nested in this one."""
        return BlockBuilder(self._order, self.trace, self._outside, self)

    def find(self, name: str) -> Binding | None:
        """Returns the binding of a name; a value is represented by a step of this block."""
        inner: list[BlockBuilder] = []
        body = self
        while name not in body.names and body._around is not None:
            inner.append(body)
            body = body._around
        binding = body.names.get(name) or body._global(name)
        if isinstance(binding, ValueBinding):
            for each in reversed(inner):
                binding = each._captured(binding)
        return binding

    def _global(self, name: str) -> Binding | None:
        order = self._outside.count if self._order is None else self._order
        binding = self._outside.find(name, order)
        if self._order is None or not isinstance(binding, ValueBinding):
            return binding
        return replace(binding, step=self._reference(binding))

    def block(self, name: str, result: int) -> Block:
        """Returns the finished block."""
        is_broken = any(
            isinstance(step, Broken) or any(each.is_broken for each in blocks_of(step))
            for step in self.steps
        )
        return Block(name, tuple(self.steps), result, is_broken)

    def _reference(self, binding: ValueBinding) -> int:
        """Returns the step of this block that refers to a step of the main block."""
        if binding.step not in self._outer:
            self._outer[binding.step] = self.add(Outer(binding.step, binding.type, binding.span))
        return self._outer[binding.step]

    def _captured(self, binding: ValueBinding) -> ValueBinding:
        """Returns the binding of the parameter that captures a step of the enclosing block."""
        if binding.step not in self._outer:
            self._outer[binding.step] = self.parameter("", binding.type, binding.span)
            self.captures.append(binding.step)
        return replace(binding, step=self._outer[binding.step])
