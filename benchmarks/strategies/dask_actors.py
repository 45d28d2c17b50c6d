"""Actors of dask: a storage and devices that live in worker processes; the client is the scheduler.

A device asks the storage for what it needs and gives it what it computed, from process to process:
nothing but the values of goals passes the client.
"""

from __future__ import annotations

import pickle
from collections import deque
from queue import SimpleQueue
from threading import Thread
from typing import Any

from benchmarks.strategies import remote
from benchmarks.strategies.interface import Counted, Failed, Graph, StrategyIO, deliver, performed
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule

#: How many messages a device has waiting.
AHEAD = 2


class Storage:
    """The values that somebody still needs."""

    def __init__(self, uses: dict[ValueId, int]) -> None:
        self._uses = uses
        self._values: dict[ValueId, Any] = {}

    def get(self, ids: list[ValueId]) -> dict[ValueId, Any]:
        """Returns values."""
        return {id: self._values[id] for id in ids}

    def keep(self, made: dict[ValueId, Any]) -> None:
        """Takes values that are needed."""
        self._values.update((id, each) for id, each in made.items() if self._uses[id])

    def used(self, ids: list[ValueId]) -> None:
        """Counts one use of each value, and drops those that have no other."""
        for id in ids:
            self._uses[id] -= 1
            if not self._uses[id]:
                self._values.pop(id, None)


class Device:
    """The kernels of one process."""

    def __init__(self, storage: Any, threads: int) -> None:
        self._storage = storage
        self._threads = threads

    def perform(self, task: Any, header: Any) -> int:
        """Performs a task with values of the storage; returns the bytes of arrays that it moved."""
        ids = list(dict.fromkeys(task.inputs))
        values = self._storage.get(ids).result() if ids else {}
        made = performed(task, values, header, remote.backend(self._threads))
        self._storage.keep(made).result()
        if ids:
            self._storage.used(ids).result()
        return sum(map(_bytes, (*values.values(), *made.values())))


def _bytes(value: Any) -> int:
    array = getattr(value, "array", None)
    if array is not None:
        return int(array.nbytes)
    return 0 if isinstance(value, Failed) else len(pickle.dumps(value))


def run(schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule with a storage and one device on each worker."""
    graph, counted, client = Graph(schedule), Counted(), io.client
    addresses = sorted(client.scheduler_info(n_workers=-1)["workers"])
    storage = client.submit(Storage, graph.uses, actor=True, workers=[addresses[0]]).result()
    devices = [
        client.submit(Device, storage, io.threads, actor=True, workers=[each], pure=False).result()
        for each in addresses
    ]
    missing = [len(each) for each in graph.needs]
    ready = deque(index for index, count in enumerate(missing) if not count)
    done: SimpleQueue[tuple[int, int, Any]] = SimpleQueue()
    waiting = [0] * len(devices)
    left = len(graph.tasks)
    while left:
        while ready and min(waiting) < AHEAD:
            index, place = ready.popleft(), waiting.index(min(waiting))
            task = graph.tasks[index]
            io.begun(task)
            asked = devices[place].perform(task, graph.header_of(task.id))
            waiting[place] += 1
            # An actor answers in order, but its future has no callback.
            Thread(target=_wait, args=(index, place, asked, done), daemon=True).start()
        index, place, moved = done.get()
        if isinstance(moved, BaseException):
            raise moved
        waiting[place] -= 1
        left -= 1
        counted.performed += 1
        counted.moved += moved + len(pickle.dumps(graph.tasks[index]))
        for user in graph.users[index]:
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
        for id in graph.tasks[index].outputs:
            for goal in graph.goals.get(id, ()):
                value = storage.get([id]).result()[id]
                counted.moved += _bytes(value)
                deliver(goal, value, io, counted)
                storage.used([id]).result()
    return counted


def _wait(index: int, place: int, asked: Any, done: SimpleQueue[Any]) -> None:
    try:
        done.put((index, place, asked.result()))
    except BaseException as error:
        done.put((index, place, error))
