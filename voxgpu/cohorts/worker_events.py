"""Events of workers: small messages through the scheduler, heard by the process that asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from uuid import uuid4

from voxgpu.cohorts.events import (
    WORKER_LOST,
    WORKER_STARTED,
    Event,
    Listener,
    happened,
    process_data,
)

#: The topics of which this worker has said that it started.
_introduced: set[str] = set()


@contextmanager
def heard(client: Any, tell: Listener) -> Iterator[str]:
    """Pass the events of a client's workers on while the block runs; yield their topic.

    They come in a thread of the client.
    """
    topic = f"voxgpu-{uuid4().hex}"
    names: dict[str, dict[str, Any]] = {}

    def of_worker(message: tuple[float, dict[str, Any]]) -> None:
        kind, time, data = message[1]["kind"], message[1]["time"], dict(message[1]["data"])
        if kind == WORKER_STARTED:
            address = data.pop("address")
            names[address] = data
            client.subscribe_topic(address, lambda about: of_scheduler(address, about[1]))
        tell(Event(kind, time, data))

    def of_scheduler(address: str, about: Any) -> None:
        if isinstance(about, dict) and about.get("action") == "remove-worker":
            lost = names.pop(address, None)
            if lost is not None:
                tell(happened(WORKER_LOST, **lost))

    client.subscribe_topic(topic, of_worker)
    try:
        yield topic
    finally:
        # What the scheduler removes from here on was not lost.
        for each in [topic, *names]:
            client.unsubscribe_topic(each)
        names.clear()


def teller(topic: str) -> Listener:
    """A listener on a worker, which sends events to the process that listens to the topic."""
    worker = import_module("distributed").get_worker()

    def tell(event: Event) -> None:
        message = {"kind": event.kind, "time": event.time, "data": dict(event.data)}
        worker.log_event(topic, message)

    if topic not in _introduced:
        _introduced.add(topic)
        tell(happened(WORKER_STARTED, address=worker.address, **process_data(str(worker.name))))
    return tell
