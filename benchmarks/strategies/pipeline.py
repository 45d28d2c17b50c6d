"""A pipeline: stages that compile, load, compute and write, at once, with queues between them."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue, SimpleQueue
from threading import Thread
from typing import Any

from benchmarks.strategies.interface import Counted, Graph, StrategyIO, deliver
from voxgpu.codegen import compile as codegen
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import FusedStep, NodeStep, StoreRead
from voxgpu.plan.node import Goal
from voxgpu.primitives.source import LOAD
from voxgpu.spans import span

#: How many tasks a stage may be ahead of the next.
AHEAD = 8


class _Pipeline:
    """The stages, each on a thread of its own; a task passes them in the order of the schedule."""

    def __init__(self, schedule: Schedule, io: StrategyIO) -> None:
        self._graph = Graph(schedule)
        self._io = io
        self._values: dict[ValueId, Any] = {}
        self._to_load: Queue[int | None] = Queue(AHEAD)
        self._to_compute: Queue[tuple[int, dict[ValueId, Any]] | None] = Queue(AHEAD)
        self._to_write: Queue[tuple[Goal, Any] | None] = Queue(AHEAD)
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self.counted = Counted()

    def run(self) -> Counted:
        """Starts the stages and waits for the last one."""
        stages = (self._compile, self._load, self._compute, self._write)
        threads = [Thread(target=self._stage, args=(stage,), daemon=True) for stage in stages]
        for each in threads:
            each.start()
        error: BaseException | None = None
        try:
            for _ in threads:
                error = error or self._ended.get()
                if error is not None:
                    break
        except BaseException as interrupt:
            error = interrupt
        if error is not None:
            self._io.stop.set()
            self._drain(threads)
        for each in threads:
            each.join()
        if error is not None:
            raise error
        return self.counted

    def _drain(self, threads: list[Thread]) -> None:
        """Empties the queues until all stages have noticed that they should stop."""
        queues: list[Queue[Any]] = [self._to_load, self._to_compute, self._to_write]
        while any(each.is_alive() for each in threads):
            for queue in queues:
                while not queue.empty():
                    queue.get_nowait()
                if not queue.full():
                    queue.put_nowait(None)
            for each in threads:
                each.join(0.005)

    def _stage(self, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:
            self._io.stop.set()
            self._ended.put(error)
        else:
            self._ended.put(None)

    def _compile(self) -> None:
        for index, task in enumerate(self._graph.tasks):
            if self._io.stop.is_set():
                return
            if isinstance(task.step, FusedStep):
                with span("compiling kernels", task.name):
                    codegen.prepare(task.step.kernel)
            self._to_load.put(index)
        self._to_load.put(None)

    def _load(self) -> None:
        while (index := self._to_load.get()) is not None and not self._io.stop.is_set():
            step = self._graph.tasks[index].step
            is_load = isinstance(step, StoreRead) or (
                isinstance(step, NodeStep) and step.node.primitive is LOAD
            )
            made = self._graph.perform(index, {}, self._io) if is_load else {}
            self._to_compute.put((index, made))
        self._to_compute.put(None)

    def _compute(self) -> None:
        while (item := self._to_compute.get()) is not None and not self._io.stop.is_set():
            index, made = item
            if not made:
                inputs = self._graph.inputs_of(index, self._values)
                made = self._graph.perform(index, inputs, self._io)
            self.counted.performed += 1
            self._values.update((id, value) for id, value in made.items() if self._graph.uses[id])
            self._graph.release(self._graph.tasks[index].inputs, self._values)
            for id, value in made.items():
                for goal in self._graph.goals.get(id, ()):
                    self._to_write.put((goal, value))
                    self._graph.release([id], self._values)
        self._to_write.put(None)

    def _write(self) -> None:
        while (item := self._to_write.get()) is not None and not self._io.stop.is_set():
            deliver(*item, self._io, self.counted)


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule through the stages."""
    return _Pipeline(schedule, io).run()
