"""Actors: scheduler, storage, device and effects, which share nothing and send each other messages.

Each has a mailbox and answers one message after the other, on one asyncio loop; the device alone
has threads.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.strategies.interface import Counted, Graph, StrategyIO, deliver
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal


@dataclass(frozen=True, slots=True)
class Perform:
    """Perform a task; to the storage, which adds the values, and on to the device."""

    index: int
    values: dict[ValueId, Any] | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Results of a task; to the storage, which tells the scheduler."""

    index: int
    made: dict[ValueId, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """A task whose results are kept, or a goal that was delivered; to the scheduler."""

    what: int | Goal


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver a goal; to the storage, which adds the value, and on to the effects."""

    goal: Goal
    value: Any = None


@dataclass(frozen=True, slots=True)
class Forget:
    """A value was delivered; to the storage."""

    id: ValueId


class _Actors:
    """The four actors, their mailboxes and the state that each has for itself."""

    def __init__(self, schedule: Schedule, io: StrategyIO, threads: int) -> None:
        self._graph = Graph(schedule)
        self._io = io
        self._pool = ThreadPoolExecutor(threads)
        self._left = len(schedule.tasks) + len(schedule.goals)
        self._scheduler: asyncio.Queue[Done] = asyncio.Queue()
        self._storage: asyncio.Queue[Any] = asyncio.Queue()
        self._device: asyncio.Queue[Perform] = asyncio.Queue()
        self._effects: asyncio.Queue[Deliver] = asyncio.Queue()
        self.counted = Counted()

    async def run(self) -> None:
        """Runs the actors until the scheduler has nothing left; then, or if one fails, ends all."""
        threads = self._pool._max_workers
        others = [self._storage_actor(), self._effects_actor()]
        others += [self._device_actor() for _ in range(threads)]
        actors = [asyncio.ensure_future(each) for each in (self._scheduler_actor(), *others)]
        try:
            done, _ = await asyncio.wait(actors, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        except BaseException:
            self._io.stop.set()
            raise
        finally:
            for each in actors:
                each.cancel()
            await asyncio.gather(*actors, return_exceptions=True)
            self._pool.shutdown(wait=True, cancel_futures=True)

    async def _scheduler_actor(self) -> None:
        missing = [len(each) for each in self._graph.needs]
        for index, count in enumerate(missing):
            if not count:
                await self._storage.put(Perform(index))
        while self._left:
            message = await self._scheduler.get()
            self._left -= 1
            if isinstance(message.what, Goal):
                continue
            for user in self._graph.users[message.what]:
                missing[user] -= 1
                if not missing[user]:
                    await self._storage.put(Perform(user))
            for id in self._graph.tasks[message.what].outputs:
                for goal in self._graph.goals.get(id, ()):
                    await self._storage.put(Deliver(goal))

    async def _storage_actor(self) -> None:
        values: dict[ValueId, Any] = {}
        while True:
            match await self._storage.get():
                case Perform(index):
                    inputs = self._graph.inputs_of(index, values)
                    await self._device.put(Perform(index, inputs))
                case Keep(index, made):
                    values.update((id, v) for id, v in made.items() if self._graph.uses[id])
                    self._graph.release(self._graph.tasks[index].inputs, values)
                    await self._scheduler.put(Done(index))
                case Deliver(goal):
                    await self._effects.put(Deliver(goal, values[goal.value]))
                case Forget(id):
                    self._graph.release([id], values)

    async def _device_actor(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._device.get()
            work = (self._graph.perform, message.index, message.values, self._io)
            made = await loop.run_in_executor(self._pool, *work)
            del work
            self.counted.performed += 1
            await self._storage.put(Keep(message.index, made))
            del message, made

    async def _effects_actor(self) -> None:
        while True:
            message = await self._effects.get()
            call = (deliver, message.goal, message.value, self._io, self.counted)
            await asyncio.get_running_loop().run_in_executor(self._pool, *call)
            await self._storage.put(Forget(message.goal.value))
            await self._scheduler.put(Done(message.goal))


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule with actors on one loop; the device has as many threads as the backend."""
    workers = io.backend.workers
    actors = _Actors(schedule, io, workers.count if workers is not None else 1)
    asyncio.run(actors.run())
    return actors.counted
