"""What happens during a run? Frozen events, for progress, traces and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal


@dataclass(frozen=True, slots=True)
class Started:
    """A task is being computed."""

    task: Task


@dataclass(frozen=True, slots=True)
class Finished:
    """A task has its value, after so many seconds."""

    task: Task
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A task has no value, and what depends on it will have none either."""

    task: Task
    error: Exception


@dataclass(frozen=True, slots=True)
class Released:
    """A value was dropped: nothing needs it any more."""

    id: ValueId


@dataclass(frozen=True, slots=True)
class Delivered:
    """A goal was printed or saved."""

    goal: Goal


Event = Started | Finished | Failed | Released | Delivered
Observer = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Observes nothing."""
