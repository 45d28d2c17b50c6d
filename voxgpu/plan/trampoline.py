"""How does lowering go on where one value needs another first? On a stack of our own.

Programs may nest as deep as they like, and chains of pending values may be long, so nothing here
is recursive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from voxgpu.ids import ValueId
from voxgpu.language.ir import Block
from voxgpu.plan.graph import Trace
from voxgpu.plan.lowered import (
    CallBlock,
    EvaluateNodes,
    GetItem,
    Lowered,
    LoweringError,
    RequiresExecution,
    SideEffect,
    Thunk,
    TryStatic,
    Work,
)

#: Runs the work of a block for arguments.
RunBlock = Callable[[Block, tuple[Lowered, ...], Trace], Work]

#: The values of nodes, by running them; raises RequiresExecution where that may not be done.
Evaluate = Callable[[tuple[ValueId, ...]], list[Any]]


class _Frame(NamedTuple):
    """Work under way, and what waits for it.

    fallback  what to go on with instead where it would have to run something
    """

    work: Work
    done: Callable[[Any], None] | None
    fallback: Thunk | None = None


class Trampoline:
    """Runs work; remembers the values of blocks, items and pending values."""

    def __init__(self, run_block: RunBlock, evaluate: Evaluate) -> None:
        self._run_block = run_block
        self._evaluate = evaluate
        self._invoked: dict[tuple[Block, tuple[Lowered, ...]], Lowered] = {}

    def run(self, work: Work) -> Any:
        """The result of work. Raises RequiresExecution or Failed where it cannot be had."""
        stack = [_Frame(work, None)]
        answer: Any = None
        while stack:
            try:
                wanted = stack[-1].work.send(answer)
            except StopIteration as done:
                frame = stack.pop()
                answer = done.value
                if frame.done:
                    frame.done(answer)
                continue
            except (RequiresExecution, LoweringError):
                answer = _fall_back(stack)
                continue
            if isinstance(wanted, SideEffect):
                answer = _fall_back(stack) if any(each.fallback for each in stack) else None
                continue
            if isinstance(wanted, EvaluateNodes):
                answer = self._values(wanted, stack)
                continue
            found, answer, frame = self._begin(wanted)
            if not found:
                stack.append(frame)
        return answer

    def _begin(self, wanted: Any) -> tuple[bool, Any, Any]:
        """Whether what is wanted is there, it, or else the frame that makes it."""
        match wanted:
            case CallBlock(block, arguments, trace):
                key = (block, arguments)
                if key in self._invoked:
                    return True, self._invoked[key], None
                work = self._run_block(block, arguments, trace)
                return False, None, _Frame(work, _setter(self._invoked, key))
            case GetItem(sequence, index):
                if sequence.numbers is not None:
                    number = sequence.numbers[index]
                    if number > 0 or number < 0:  # 0 and NaN need care: `Graph.folded`
                        return True, number, None
                if index in sequence.made:
                    return True, sequence.made[index], None
                return False, None, _Frame(sequence.make(index), _setter(sequence.made, index))
            case TryStatic(pending):
                if pending.is_found:
                    return True, pending.value, None
                return False, None, _Frame(pending.work(), _finder(pending), pending)
            case Thunk():
                if wanted.is_found:
                    return True, wanted.value, None
                return False, None, _Frame(wanted.work(), _finder(wanted))
        raise AssertionError(wanted)

    def _values(self, wanted: EvaluateNodes, stack: list[_Frame]) -> Any:
        """The values of nodes; nothing runs for an attempt."""
        if any(frame.fallback for frame in stack):
            return _fall_back(stack)
        try:
            return self._evaluate(wanted.ids)
        except (RequiresExecution, LoweringError):
            for frame in reversed(stack):
                frame.work.close()
            raise


def _fall_back(stack: list[_Frame]) -> Thunk:
    """Gives up work back to the innermost attempt, whose value stays pending; else raises on."""
    while stack:
        frame = stack.pop()
        frame.work.close()
        if frame.fallback is not None:
            return frame.fallback
    raise


def _setter(made: dict[Any, Lowered], key: Any) -> Callable[[Lowered], None]:
    def done(value: Lowered) -> None:
        made[key] = value

    return done


def _finder(pending: Thunk) -> Callable[[Lowered], None]:
    def done(value: Lowered) -> None:
        if value is not pending:
            pending.value, pending.is_found = value, True

    return done
