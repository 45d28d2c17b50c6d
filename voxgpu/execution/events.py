"""Frozen events of a run, for progress display, traces and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal


@dataclass(frozen=True, slots=True)
class Started:
    """A task has started."""

    task: Task


@dataclass(frozen=True, slots=True)
class Finished:
    """A task has finished, after ``seconds``."""

    task: Task
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A task has failed, and so will everything that depends on it."""

    task: Task
    error: Exception


@dataclass(frozen=True, slots=True)
class Released:
    """A value was released after its last use."""

    id: ValueId


@dataclass(frozen=True, slots=True)
class Delivered:
    """A goal was printed or saved."""

    goal: Goal


Event = Started | Finished | Failed | Released | Delivered
Observer = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Ignores the event."""
