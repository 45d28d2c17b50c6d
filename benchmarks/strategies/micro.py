"""Micro-sessions: a session for each operation or small group, which hand values on by the store.

A session knows its tasks and nothing else. It reads what it needs from the store and writes what
others need to it, so that it could run in any process, at any time, and again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from benchmarks.strategies.interface import Counted, Failed, Graph, Strategy, StrategyIO, deliver
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule, Task
from voxgpu.store.disk import DiskStore


class HandOverError(Exception):
    """A value could not be written to the store or read back from it."""


def _session(
    graph: Graph, group: range, failed: dict[ValueId, Failed], store: DiskStore, io: StrategyIO
) -> dict[ValueId, Any]:
    """Performs the tasks of a session; returns its failures, and None for what is in the store.

    Nothing is performed where all that others need of it is in the store already.
    """
    shared = {
        id for index in group for id in graph.tasks[index].outputs if _leaves(graph, group, id)
    }
    if shared and all(map(store.has, shared)):
        return dict.fromkeys(shared)
    values: dict[ValueId, Any] = {}
    for index in group:
        for id in graph.tasks[index].inputs:
            if id not in values:
                values[id] = failed[id] if id in failed else _read(store, id)
        values.update(graph.perform(index, graph.inputs_of(index, values), io))
    told: dict[ValueId, Any] = {}
    for index in group:
        for id in graph.tasks[index].outputs:
            if isinstance(values[id], Failed):
                told[id] = values[id]
            elif id in shared:
                if not store.has(id) and not store.put(id, values[id]):
                    raise HandOverError(f"{id} was not written: {', '.join(store.problems)}")
                told[id] = None
    return told


def _begin(counted: Counted, lock: Lock, tell: Callable[[Task], None], task: Task) -> None:
    with lock:
        counted.performed += 1
    tell(task)


def _leaves(graph: Graph, group: range, id: ValueId) -> bool:
    """Returns whether a value is needed outside of the session that computes it."""
    users = graph.users[graph.maker[id]]
    return id in graph.goals or any(
        id in graph.tasks[user].inputs and user not in group for user in users
    )


def _read(store: DiskStore, id: ValueId) -> Any:
    found = store.get(id)
    if found is None:
        raise HandOverError(f"{id} is no longer in the store")
    return found[0]


def run(size: int, schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule in sessions of ``size`` tasks that follow each other, ready ones at once."""
    assert io.store is not None, "micro-sessions hand their values on through a store"
    graph, counted = Graph(schedule), Counted()
    before = io.store.size()
    groups = [
        range(first, min(first + size, len(graph.tasks)))
        for first in range(0, len(graph.tasks), size)
    ]
    group_of = [number for number, group in enumerate(groups) for _ in group]
    needs = [{group_of[each] for index in g for each in graph.needs[index]} for g in groups]
    users: list[list[int]] = [[] for _ in groups]
    for number, needed in enumerate(needs):
        needed.discard(number)
        for each in needed:
            users[each].append(number)
    failed: dict[ValueId, Failed] = {}
    lock = Lock()
    io = replace(io, begun=partial(_begin, counted, lock, io.begun))
    workers = io.backend.workers
    pool = ThreadPoolExecutor(workers.count if workers is not None else 1)
    running: dict[Future[dict[ValueId, Any]], int] = {}

    def start(number: int) -> None:
        job = partial(_session, graph, groups[number], failed, io.store, io)
        running[pool.submit(job)] = number

    try:
        for number, needed in enumerate(needs):
            if not needed:
                start(number)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number = running.pop(future)
                told = future.result()
                failed.update((id, each) for id, each in told.items() if each is not None)
                for user in users[number]:
                    needs[user].discard(number)
                    if not needs[user]:
                        start(user)
                for id in told:
                    for goal in graph.goals.get(id, ()):
                        value = failed[id] if id in failed else _read(io.store, id)
                        deliver(goal, value, io, counted)
    except BaseException:
        io.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    counted.handed = io.store.size() - before
    return counted


#: The strategies of this file.
PER_OPERATION: Strategy = partial(run, 1)
PER_GROUP: Strategy = partial(run, 8)
