"""Facts about values of a checked program that decide what VoxLogicA 2 makes of them.

The steps of the program are followed from ``load`` on, through functions and loops, with the type
of the voxels that VoxLogicA 2 would have there: it keeps that of the file; voxgpu has float32.
Each block is followed once for each combination of facts about its parameters. Calls are followed
with an explicit stack, so their depth is not limited by Python's.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen
from voxgpu.language.ir import (
    Apply,
    Block,
    Choose,
    Constant,
    FoldLeft,
    ForEach,
    Invoke,
    LoadFile,
    Operate,
    Outer,
    Parameter,
    Select,
    Sequence,
    Step,
)
from voxgpu.types import BOOLEAN_IMAGE, NUMBER, UNKNOWN, ImageOf, SequenceOf, Type

#: The elements of images that are no fractions.
WHOLE_ELEMENTS = frozenset(
    ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
)

#: Functions whose result has the voxels of their first image in VoxLogicA 2.
_KEEPING = frozenset(("mask", "abs", "extract", "slice_volume", "overlayB", "ifN"))
_ARITHMETIC = frozenset(["+", "-", "*", "/", "+.", ".+", "-.", ".-", "*.", ".*", "/.", "./"])


@frozen(slots=True)
class Fact:
    """What is known of a value.

    element   of an image: NumPy's name of its voxels in VoxLogicA 2; empty if unknown
    grid      of an image from a file: the step that loads it, -1 if several or unknown
    value     of a number, truth value or string that the text determines
    is_index  of a number: whether it is an item of ``range``, which Python prints without ".0"
    is_whole  of a number: whether it certainly has no fraction
    item      of a sequence: what is known of its items
    filled    of a sequence: whether it certainly has an item
    """

    type: Type
    element: str = ""
    value: float | bool | str | None = None
    is_index: bool = False
    is_whole: bool = False
    item: Fact | None = None
    filled: bool = False


@frozen(slots=True)
class Use:
    """A step of the program with the facts about its arguments and its result."""

    step: Step
    arguments: tuple[Fact, ...]
    result: Fact


_Frame = Generator[tuple[Block, tuple[Fact, ...]], Fact, Fact]


class Followed:
    """A program that has been followed.

    uses   the uses of all steps, by their place in the text, each distinct one once
    facts  what is known of each step of the main block
    """

    def __init__(self, main: Block) -> None:
        self.uses: dict[Span, list[Use]] = {}
        self.facts: list[Fact] = []
        self._done: dict[tuple[int, tuple[Fact, ...]], Fact] = {}
        if main.steps:
            self._run(main)

    def _run(self, main: Block) -> None:
        stack: list[tuple[_Frame, tuple[int, tuple[Fact, ...]] | None]] = [
            (self._follow(main, (), self.facts), None)
        ]
        answer: Fact | None = None
        while stack:
            frame, key = stack[-1]
            try:
                block, facts = frame.send(answer)  # type: ignore[arg-type]
            except StopIteration as done:
                stack.pop()
                answer = done.value
                if key is not None:
                    self._done[key] = done.value
                continue
            known = self._done.get((id(block), facts))
            answer = known
            if known is None:
                stack.append((self._follow(block, facts, []), (id(block), facts)))

    def _follow(self, block: Block, parameters: tuple[Fact, ...], facts: list[Fact]) -> _Frame:
        for step in block.steps:
            inputs = tuple(facts[each] for each in _arguments(step))
            if isinstance(step, Parameter):
                fact = replace(parameters[step.number], type=step.type)
            elif isinstance(step, Outer):
                fact = self.facts[step.step]
            else:
                fact = yield from self._result(step, inputs, facts)
            facts.append(fact)
            if not isinstance(step, Parameter | Outer):
                self._note(step, inputs, fact)
        return facts[block.result]

    def _note(self, step: Step, inputs: tuple[Fact, ...], fact: Fact) -> None:
        if step.span.source.ours:
            return
        use = Use(step, inputs, fact)
        found = self.uses.setdefault(step.span, [])
        if not any(_same(use, each) for each in found):
            found.append(use)

    def _result(
        self, step: Step, inputs: tuple[Fact, ...], facts: list[Fact]
    ) -> Generator[tuple[Block, tuple[Fact, ...]], Fact, Fact]:
        match step:
            case Constant(value, kind):
                return _number(value) if isinstance(value, float) else Fact(kind, value=value)
            case LoadFile(_, header, kind):
                element = header.element if header.channels == 1 else ""
                if isinstance(kind, SequenceOf):
                    return Fact(kind, item=Fact(kind.item, element), filled=True)
                return Fact(kind, element)
            case Sequence(items, kind):
                item = inputs[0] if len(set(inputs)) == 1 else Fact(_item(kind))
                return Fact(kind, item=item, filled=bool(items))
            case Apply():
                if step.type == NUMBER:
                    return _computed(step, inputs)
                return Fact(step.type, _element(step, inputs))
            case Operate():
                return _operated(step, inputs)
            case ForEach(block, sequence, captures, kind):
                given = (_item_of(facts[sequence]), *(facts[each] for each in captures))
                item = yield block, given
                return Fact(kind, item=item, filled=facts[sequence].filled)
            case Select(block, sequence, captures, kind):
                yield block, (_item_of(facts[sequence]), *(facts[each] for each in captures))
                return replace(facts[sequence], type=kind, filled=False)
            case FoldLeft(block, start, sequence, kind):
                item = _item_of(facts[sequence])
                first = item if start is None else facts[start]
                yield block, (replace(first, value=None), item)
                return Fact(kind, item.element if first.element == item.element else "")
            case Invoke(block, arguments):
                return (yield block, tuple(facts[each] for each in arguments))
            case Choose(_, yes, yes_captures, no, no_captures, kind):
                taken = yield yes, tuple(facts[each] for each in yes_captures)
                other = yield no, tuple(facts[each] for each in no_captures)
                return taken if taken == other else Fact(kind)
        return Fact(step.type)


def _same(first: Use, second: Use) -> bool:
    return (
        type(first.step) is type(second.step)
        and getattr(first.step, "primitive", None) is getattr(second.step, "primitive", None)
        and first.arguments == second.arguments
    )


def _arguments(step: Step) -> tuple[int, ...]:
    match step:
        case Apply(_, arguments) | Operate(_, arguments) | Invoke(_, arguments):
            return arguments
        case Sequence(items):
            return items
        case ForEach(_, sequence) | Select(_, sequence):
            return (sequence,)
        case FoldLeft(_, start, sequence):
            return (sequence,) if start is None else (start, sequence)
        case Choose(condition):
            return (condition,)
    return ()


def _item(kind: Type) -> Type:
    return kind.item if isinstance(kind, SequenceOf) else UNKNOWN


def _item_of(sequence: Fact) -> Fact:
    return sequence.item or Fact(_item(sequence.type))


def _element(step: Apply, inputs: tuple[Fact, ...]) -> str:
    """The element of an image result in VoxLogicA 2; empty if it is not known."""
    if not isinstance(step.type, ImageOf):
        return ""
    if step.type == BOOLEAN_IMAGE:
        return "uint8"
    if step.primitive.family.startswith("simpleitk") or step.primitive.extension is not None:
        return ""
    names = set(step.primitive.names)
    if names & (_KEEPING | _ARITHMETIC):
        elements = {each.element for each in inputs if isinstance(each.type, ImageOf)}
        if names & _KEEPING:
            elements = {inputs[0].element} if isinstance(inputs[0].type, ImageOf) else elements
        return elements.pop() if len(elements) == 1 else ""
    return "float32"


def _number(value: float) -> Fact:
    return Fact(NUMBER, value=value, is_whole=math.isfinite(value) and value % 1 == 0)


#: Functions whose result has no fraction.
_WHOLE = frozenset(("volume", "count", "vol", "component_count", "floor", "ceil", "round"))


def _computed(step: Apply, inputs: tuple[Fact, ...]) -> Fact:
    """A number that is computed from others; its value if the text determines it."""
    names = set(step.primitive.names)
    values = [each.value for each in inputs]
    sign = next((each for each in "+-*" if each in names), "")
    if not sign:
        return Fact(NUMBER, is_whole=bool(names & _WHOLE))
    match sign, values:
        case "-", [float(a)]:
            return _number(-a)
        case "+", [float(a), float(b)]:
            return _number(a + b)
        case "-", [float(a), float(b)]:
            return _number(a - b)
        case "*", [float(a), float(b)]:
            return _number(a * b)
    return Fact(NUMBER, is_whole=all(each.is_whole for each in inputs))


def _operated(step: Operate, inputs: tuple[Fact, ...]) -> Fact:
    operation: Any = step.operation
    if operation == "range":
        known = [each.value for each in inputs]
        filled = len(known) == 1 and isinstance(known[0], float) and known[0] >= 1
        counts = len(inputs) < 3 and all(each.is_whole for each in inputs[:-1])
        number = Fact(NUMBER, is_index=counts, is_whole=counts)
        return Fact(step.type, item=number, filled=filled)
    if operation == "length":
        return Fact(NUMBER, is_whole=True)
    if operation == "index":
        return replace(_item_of(inputs[0]), type=step.type)
    if operation in ("slice", "slice_from", "slice_to", "slice_all", "gather", "concat"):
        item = inputs[0].item if inputs and isinstance(inputs[0].type, SequenceOf) else None
        return Fact(step.type, item=item)
    return Fact(step.type)
