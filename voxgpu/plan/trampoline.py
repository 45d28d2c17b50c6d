"""Scheduler for lowering coroutines, with an explicit stack instead of recursion.

Programs may be nested arbitrarily deep and chains of pending values may be long, so nothing here
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

#: Returns the coroutine that evaluates a block for these arguments.
RunBlock = Callable[[Block, tuple[Lowered, ...], Trace], Work]

#: Returns the values of nodes by running them; raises RequiresExecution if that is not allowed.
Evaluate = Callable[[tuple[ValueId, ...]], list[Any]]


class _Frame(NamedTuple):
    """A suspended coroutine, and what receives its result.

    fallback  the value to continue with if the coroutine would need execution
    """

    work: Work
    done: Callable[[Any], None] | None
    fallback: Thunk | None = None


class Trampoline:
    """Runs coroutines, and caches the values of blocks, items and thunks."""

    def __init__(self, run_block: RunBlock, evaluate: Evaluate) -> None:
        self._run_block = run_block
        self._evaluate = evaluate
        self._invoked: dict[tuple[Block, tuple[Lowered, ...]], Lowered] = {}

    def run(self, work: Work) -> Any:
        """Returns the result of a coroutine. Raises RequiresExecution or LoweringError."""
        stack = [_Frame(work, None)]
        answer: Any = None
        while stack:
            try:
                request = stack[-1].work.send(answer)
            except StopIteration as done:
                frame = stack.pop()
                answer = done.value
                if frame.done:
                    frame.done(answer)
                continue
            except (RequiresExecution, LoweringError):
                answer = _fall_back(stack)
                continue
            if isinstance(request, SideEffect):
                answer = _fall_back(stack) if any(each.fallback for each in stack) else None
                continue
            if isinstance(request, EvaluateNodes):
                answer = self._values(request, stack)
                continue
            is_available, answer, frame = self._answer_or_frame(request)
            if not is_available:
                stack.append(frame)
        return answer

    def _answer_or_frame(self, request: Any) -> tuple[bool, Any, Any]:
        """Returns (True, value, None) if the request can be answered, else (False, None, frame)."""
        match request:
            case CallBlock(block, arguments, trace):
                key = (block, arguments)
                if key in self._invoked:
                    return True, self._invoked[key], None
                work = self._run_block(block, arguments, trace)
                return False, None, _Frame(work, _cache_writer(self._invoked, key))
            case GetItem(sequence, index):
                if sequence.numbers is not None:
                    number = sequence.numbers[index]
                    if number > 0 or number < 0:  # not 0 or NaN, see `Graph.as_scalar`
                        return True, number, None
                if index in sequence.cache:
                    return True, sequence.cache[index], None
                return (
                    False,
                    None,
                    _Frame(sequence.make(index), _cache_writer(sequence.cache, index)),
                )
            case TryStatic(pending):
                if pending.is_evaluated:
                    return True, pending.value, None
                return False, None, _Frame(pending.work(), _thunk_writer(pending), pending)
            case Thunk():
                if request.is_evaluated:
                    return True, request.value, None
                return False, None, _Frame(request.work(), _thunk_writer(request))
        raise AssertionError(request)

    def _values(self, request: EvaluateNodes, stack: list[_Frame]) -> Any:
        """Returns the values of nodes; raises RequiresExecution during speculative lowering."""
        if any(frame.fallback for frame in stack):
            return _fall_back(stack)
        try:
            return self._evaluate(request.ids)
        except (RequiresExecution, LoweringError):
            for frame in reversed(stack):
                frame.work.close()
            raise


def _fall_back(stack: list[_Frame]) -> Thunk:
    """Abandons work up to the innermost attempt and returns its thunk; re-raises without one."""
    while stack:
        frame = stack.pop()
        frame.work.close()
        if frame.fallback is not None:
            return frame.fallback
    raise


def _cache_writer(cache: dict[Any, Lowered], key: Any) -> Callable[[Lowered], None]:
    def done(value: Lowered) -> None:
        cache[key] = value

    return done


def _thunk_writer(pending: Thunk) -> Callable[[Lowered], None]:
    def done(value: Lowered) -> None:
        if value is not pending:
            pending.value, pending.is_evaluated = value, True

    return done
