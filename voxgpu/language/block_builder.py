"""Where do the steps of a block go while it is made, and what do names stand for in it?"""

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
    """The block of a function for arguments of these types is needed; ``trace`` is who calls."""

    binding: FunctionBinding
    types: tuple[Type, ...]
    trace: tuple[Span, ...]


class NestedBlock(NamedTuple):
    """The block of an expression inside another block is needed.

    parameters  names that it binds, of which type, and where
    """

    expression: Expression
    parameters: tuple[tuple[str, Type, Span], ...]
    body: BlockBuilder


#: What is done with pauses: it asks for blocks, and gets them.
Work = Generator[Specialization | NestedBlock, Any, Any]


class BlockBuilder:
    """A block being made: its steps, and what is bound in it.

    order   how many of the top level's bindings it sees; None: all there are by now
    trace   the calls that lead to it, innermost first
    around  the block that it is inside of, whose names it sees, if any
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
        #: Steps of the block around that are parameters here, in order.
        self.captures: list[int] = []
        self._order = order
        self._outside = outside
        self._around = around
        self._outer: dict[int, int] = {}
        self._parameters = 0

    def add(self, step: Step) -> int:
        """Appends a step; its number."""
        self.steps.append(step)
        return len(self.steps) - 1

    def parameter(self, name: str, kind: Type, span: Span) -> int:
        """Appends a parameter, and binds its name if it has one."""
        step = self.add(Parameter(self._parameters, kind, span))
        self._parameters += 1
        if name:
            self.names[name] = ValueBinding(step, kind, span)
        return step

    def inside(self) -> BlockBuilder:
        """An empty block inside this one."""
        return BlockBuilder(self._order, self.trace, self._outside, self)

    def find(self, name: str) -> Binding | None:
        """What a name is bound to here, a value by a step of this block."""
        inner: list[BlockBuilder] = []
        body = self
        while name not in body.names and body._around is not None:
            inner.append(body)
            body = body._around
        found = body.names.get(name) or body._global(name)
        if isinstance(found, ValueBinding):
            for each in reversed(inner):
                found = each._captured(found)
        return found

    def _global(self, name: str) -> Binding | None:
        order = self._outside.count if self._order is None else self._order
        found = self._outside.find(name, order)
        if self._order is None or not isinstance(found, ValueBinding):
            return found
        return replace(found, step=self._reference(found))

    def block(self, name: str, result: int) -> Block:
        """The finished block."""
        is_broken = any(
            isinstance(step, Broken) or any(each.is_broken for each in blocks_of(step))
            for step in self.steps
        )
        return Block(name, tuple(self.steps), result, is_broken)

    def _reference(self, binding: ValueBinding) -> int:
        """The step of this block that refers to a step of the main block."""
        if binding.step not in self._outer:
            self._outer[binding.step] = self.add(Outer(binding.step, binding.type, binding.span))
        return self._outer[binding.step]

    def _captured(self, binding: ValueBinding) -> ValueBinding:
        """The parameter of this block that stands for a step of the block around."""
        if binding.step not in self._outer:
            self._outer[binding.step] = self.parameter("", binding.type, binding.span)
            self.captures.append(binding.step)
        return replace(binding, step=self._outer[binding.step])
