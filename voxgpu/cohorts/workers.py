"""Runs a cohort on a dask.distributed cluster: cases are sent, rows come back.

Each worker keeps one session over its cases, with its compiled kernels, threads, device and store;
it is told of the program once. No array passes the scheduler. Workers say which case they begin, so
that the death of one is known to be of that case; cases that waited behind it are sent again at
once. The case itself is tried again after all others, with no other case on its computer.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from voxgpu.cohorts.attempts import Attempts, Task
from voxgpu.cohorts.case_record import CaseRecord
from voxgpu.cohorts.clusters.joined import Joined
from voxgpu.cohorts.clusters.workforce import Workforce
from voxgpu.cohorts.evaluate import Outcome, failed_with
from voxgpu.cohorts.events import CASE_BEGINS, Event, Listener, ignore
from voxgpu.cohorts.on_worker import Job, JobOnWorkers, run_case, topic_of_rows
from voxgpu.cohorts.row import Row
from voxgpu.cohorts.stopping import Stopping
from voxgpu.cohorts.worker_events import heard
from voxgpu.diagnostics import Diagnostic, ImgqlError

#: Cases that are sent to a worker before it has ended the one before.
_AHEAD = 2

#: Seconds between looks at the workers, and at cases that take too long, while no case ends.
_LOOK = 1.0

#: Seconds after which a case that has not begun, and whose worker is gone, is sent again.
_ASTRAY = 5.0

#: Seconds that workers have to close their sessions when all is done.
_CLOSING = 60.0

#: Tasks whose names dask remembers.
_REMEMBERED = 4096

_KILLED = "killed, or out of memory perhaps"
_NO_SCHEDULER = "the scheduler has ended, or the connection to it is lost"

#: What was heard, from the threads of the client: rows of the case with a key, as bytes; a case
#: began, at an address; the worker at an address was removed; it was asked to stop.
_ROWS, _BEGAN, _REMOVED, _STOP = "rows", "began", "removed", "stop"

_Message = tuple[str, str, Any]


@dataclass
class _Sent:
    """A case that was sent.

    place    the address of the worker that it is meant for; empty: any
    address  of the worker that said it began; empty before
    since    when it began, by the monotonic clock
    is_silent  whether it had ended at the last look, and its rows had not come
    astray   when its worker was first seen to be gone before it began, by the same clock
    """

    task: Task
    future: Any
    place: str = ""
    address: str = ""
    since: float = 0.0
    is_silent: bool = False
    astray: float = 0.0


def outcomes_from_workers(
    joined: Joined,
    workforce: Workforce,
    job: Job,
    left: Iterable[Task],
    attempts: Attempts | None = None,
    stopping: Stopping | None = None,
    tell: Listener = ignore,
) -> Generator[list[Outcome], None, None]:
    """Runs cases on the workers of a cluster; yields their outcomes, in batches as they arrive.

    workforce  how many workers there are, which may change while cases run
    job        what the cases have in common
    tell       is told of what happens on the workers, in a thread of the client

    Raises ImgqlError where the scheduler or all workers are gone.
    """
    attempts, stopping = attempts or Attempts(), stopping or Stopping()
    messages: SimpleQueue[_Message] = SimpleQueue()

    def hear(event: Event) -> None:
        data = dict(event.data)
        address = data.pop("address", "")
        if event.kind == CASE_BEGINS:
            messages.put((_BEGAN, data["case"], address))
        tell(replace(event, data=data))

    def hear_scheduler(about: tuple[float, Any]) -> None:
        message = about[1] if isinstance(about[1], dict) else {}
        if message.get("action") == "remove-worker" and not message.get("expected"):
            messages.put((_REMOVED, "", str(message.get("worker", ""))))

    def hear_rows(about: tuple[float, Any]) -> None:
        messages.put((_ROWS, about[1]["key"], about[1]["outcome"]))

    client = joined.client
    stopping.tell(lambda: messages.put((_STOP, "", "")))
    with heard(client, hear) as name:
        topics = {"all": hear_scheduler, topic_of_rows(name): hear_rows}
        for topic, listener in topics.items():
            client.subscribe_topic(topic, listener)
        client.register_plugin(JobOnWorkers(name, job), name=name)
        dispatch = _Dispatch(client, workforce, name, job, attempts, stopping, messages)
        try:
            yield from dispatch.outcomes(left)
            if not stopping.is_asked:
                _close(client, name)
        finally:
            for topic in topics:
                client.unsubscribe_topic(topic)


class _Dispatch:
    """The cases that were sent, and what is heard of them."""

    def __init__(
        self,
        client: Any,
        workforce: Workforce,
        name: str,
        job: Job,
        attempts: Attempts,
        stopping: Stopping,
        messages: SimpleQueue[_Message],
    ) -> None:
        self._client, self._workforce, self._name = client, workforce, name
        self._attempts, self._stopping, self._messages = attempts, stopping, messages
        self._orders = {each: number for number, each in enumerate(job.combinations)}
        #: By the key of the future, and the keys by the names of the cases.
        self._sent: dict[str, _Sent] = {}
        self._keys: dict[str, str] = {}
        self._count = 0
        #: Cases that waited on a worker when it died: they are sent before all others.
        self._returned: deque[Task] = deque()
        #: The case that a dead worker died of, by the address of the worker.
        self._culprits: dict[str, str] = {}
        #: Rows of cases that were ended together with their workers.
        self._late: list[Outcome] = []
        self._looked = time.monotonic()

    def outcomes(self, left: Iterable[Task]) -> Iterator[list[Outcome]]:
        """What comes of all cases, then of those that are tried again."""
        yield from self._pass(iter(left))
        while not self._stopping.is_asked and (again := self._attempts.again()):
            died = [each for each in again if self._attempts.deaths(each[0].name)]
            rest = [each for each in again if not self._attempts.deaths(each[0].name)]
            yield from self._pass(iter(rest))
            yield from self._pass(iter(died), alone=True)

    def _pass(self, tasks: Iterator[Task], alone: bool = False) -> Iterator[list[Outcome]]:
        """What comes of some cases.

        alone  whether a computer gets one at a time
        """
        while True:
            self._send(tasks, alone)
            if not self._sent and not self._late:
                return
            found = self._handled(self._listen())
            self._send(tasks, alone)  # workers compute while rows are written
            if found:
                yield found
            if self._stopping.is_asked and not self._waits_for_last():
                return
            self._check()

    def _send(self, tasks: Iterator[Task], alone: bool) -> None:
        hosts = self._workforce.hosts
        room = len(set(hosts.values())) if alone else _AHEAD * self._workforce.count
        while len(self._sent) < max(1, room) and not self._stopping.is_asked:
            task = self._returned.popleft() if self._returned else next(tasks, None)
            if task is None:
                return
            busy = {hosts.get(each.place) for each in self._sent.values()}
            free = (address for address, host in hosts.items() if alone and host not in busy)
            self._submit(task, next(free, ""))

    def _submit(self, task: Task, place: str) -> None:
        case, combinations = task
        self._count += 1
        if self._count % _REMEMBERED == 0:
            _forget_names()
        key = f"{self._name[-8:]}-{self._count}"
        all_of_them = len(combinations) == len(self._orders)
        orders = None if all_of_them else tuple(self._orders[each] for each in combinations)
        where = {"workers": [place], "allow_other_workers": True} if place else {}
        future = self._client.submit(run_case, self._name, key, case, orders, key=key, **where)
        self._sent[key], self._keys[case.name] = _Sent(task, future, place), key

    def _taken(self, key: str) -> _Sent:
        """A case that was sent, which is so no more."""
        sent = self._sent.pop(key)
        del self._keys[sent.task[0].name]
        return sent

    def _listen(self) -> list[_Message]:
        """All that was heard, after waiting a while for the first."""
        found: list[_Message] = []
        with suppress(Empty):
            found.append(self._messages.get(timeout=_LOOK))
            while True:
                found.append(self._messages.get_nowait())
        return found

    def _handled(self, messages: list[_Message]) -> list[Outcome]:
        """Returns the final outcomes of cases."""
        found, self._late = self._late, []
        is_time = not messages or time.monotonic() - self._looked > _LOOK
        for kind, name, what in messages:
            if kind == _ROWS and name in self._sent:
                record, rows = pickle.loads(what)
                if final := self._attempts.settle(self._taken(name).task[0], rows):
                    found.append((record, final))
            elif kind == _BEGAN and (sent := self._sent.get(self._keys.get(name, ""))):
                sent.address, sent.since = what, time.monotonic()
            elif kind == _REMOVED:
                found += self._of_dead(what)
                is_time = True
        return found + self._without_rows() if is_time else found

    def _without_rows(self) -> list[Outcome]:
        """What follows from cases that ended and sent no rows."""
        self._looked, found = time.monotonic(), list[Outcome]()
        for key, sent in list(self._sent.items()):
            status = sent.future.status
            if status == "error":
                found += self._of_error(key, sent.future.exception())
            elif status in ("cancelled", "lost"):
                raise _gone(_NO_SCHEDULER)
            elif status == "finished" and sent.is_silent:
                self._returned.append(self._taken(key).task)
            sent.is_silent = status == "finished"  # its rows are on their way
        return found

    def _of_error(self, key: str, error: BaseException) -> list[Outcome]:
        if type(error).__name__ == "KilledWorker":
            address = str(getattr(getattr(error, "last_worker", None), "address", ""))
            if self._culprits.setdefault(address, self._running_on(address) or key) == key:
                return self._of_death(self._taken(key), _KILLED)
            self._returned.append(self._taken(key).task)
            return []
        case, combinations = self._taken(key).task
        rows = [failed_with(Row(case.name, each), error) for each in combinations]
        final = self._attempts.settle(case, rows)
        return [(CaseRecord(case.name), final)] if final else []

    def _running_on(self, address: str) -> str | None:
        """The case that a worker said last to have begun, if it has not ended."""
        begun = [key for key, each in self._sent.items() if each.address == address]
        return max(begun, key=lambda key: self._sent[key].since, default=None)

    def _of_dead(self, address: str) -> list[Outcome]:
        """What follows from the death of a worker: the case that it ran is taken from it."""
        key = self._running_on(address)
        if key is None or address in self._culprits:
            return []
        self._culprits[address] = key
        sent = self._taken(key)
        self._client.cancel([sent.future], force=True)
        return self._of_death(sent, _KILLED)

    def _of_death(self, sent: _Sent, how: str) -> list[Outcome]:
        rows = self._attempts.died(sent.task, how)
        return [(CaseRecord(sent.task[0].name), rows)] if rows else []

    def _waits_for_last(self) -> bool:
        """Whether cases still run that may end in time; those that have not begun are dropped."""
        waiting = [key for key, each in self._sent.items() if not each.address]
        self._client.cancel([self._taken(key).future for key in waiting])
        return bool(self._sent) and not self._stopping.is_over

    def _check(self) -> None:
        """Ends cases that take too long; raises ImgqlError if no workers are left."""
        if self._client.status not in ("running", "connecting"):
            raise _gone(_NO_SCHEDULER)
        self._workforce.look()
        limit, now = self._attempts.patience.case_seconds, time.monotonic()
        self._send_astray_again(now)
        if limit is None:
            return
        for key, each in list(self._sent.items()):
            if each.address and now - each.since > limit:
                self._late += self._ended_by_force(key, f"it took more than {limit:g} s")

    def _send_astray_again(self, now: float) -> None:
        """Takes back cases that are meant for a worker that was gone before they began.

        If there is no worker at all when it gets such a case, dask's scheduler never gives it to
        those that come, although others are allowed.
        """
        for key, each in list(self._sent.items()):
            if not each.place or each.address or each.place in self._workforce.hosts:
                each.astray = 0.0
            elif not each.astray:
                each.astray = now
            elif now - each.astray > _ASTRAY:
                self._client.cancel([each.future], force=True)
                self._returned.append(self._taken(key).task)

    def _ended_by_force(self, key: str, how: str) -> list[Outcome]:
        """Ends a case together with its worker, which is started again."""
        sent = self._taken(key)
        self._culprits[sent.address] = key
        self._client.cancel([sent.future], force=True)
        _aside(_end_worker, self._client, sent.address)
        return self._of_death(sent, how)


def _close(client: Any, name: str) -> None:
    """Has the workers close their sessions, which write what their stores are to keep."""
    _aside(client.unregister_worker_plugin, name).join(_CLOSING)


def _forget_names() -> None:
    """Has dask forget how it took names of tasks apart: it keeps 100 000, and none comes again."""
    forget = getattr(import_module("dask.utils").key_split, "cache_clear", None)
    if forget is not None:
        forget()


def _end_worker(client: Any, address: str) -> None:
    """Has another worker take the place of one, if anybody watches over it; else just ends it."""
    try:
        client.restart_workers([address], timeout=30, raise_for_error=False)
    except ValueError:  # it has no nanny
        client.retire_workers([address])


def _aside(function: Callable[..., object], *arguments: object) -> Thread:
    """Calls a function of the client on a thread, since a worker that hangs never answers."""

    def call() -> None:
        with suppress(Exception):  # the cluster may be gone
            function(*arguments)

    thread = Thread(target=call, daemon=True)
    thread.start()
    return thread


def _gone(what: str) -> ImgqlError:
    hint = "give the same command when there is one: it goes on from the journal"
    return ImgqlError([Diagnostic("E502", what, help=hint)])
