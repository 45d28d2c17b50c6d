"""Frozen events of a run, for progress display, traces and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Task
from voxgpu.plan.node import Goal


@frozen(slots=True)
class Started:
    """A task has started."""

    task: Task


@frozen(slots=True)
class Finished:
    """A task has finished, after ``seconds``.

    scalars  the numbers, truth values and texts among its results that are in memory, by id
    """

    task: Task
    seconds: float
    scalars: Mapping[ValueId, float | bool | str] = field(default_factory=dict)


@frozen(slots=True)
class Failed:
    """A task has failed, and so will everything that depends on it."""

    task: Task
    error: Exception


@frozen(slots=True)
class Released:
    """A value was released after its last use."""

    id: ValueId


@frozen(slots=True)
class Delivered:
    """A goal was printed or saved."""

    goal: Goal


Event = Started | Finished | Failed | Released | Delivered
Observer = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Ignores the event."""
