"""Events of workers: small messages through the scheduler, heard by the process that asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any
from uuid import uuid4

from voxgpu.cohorts.events import (
    WORKER_LOST,
    WORKER_STARTED,
    WORKERS_START,
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

    def of_worker(message: tuple[float, str]) -> None:
        kind, time, data = json.loads(message[1])
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
    address = client.scheduler.address if client.scheduler is not None else ""
    dashboard = client.dashboard_link if _has_bokeh(client) else ""
    tell(happened(WORKERS_START, scheduler=address, dashboard=dashboard))
    try:
        yield topic
    finally:
        # What the scheduler removes from here on was not lost.
        every = [topic, *names]
        names.clear()
        with suppress(Exception):  # the scheduler may be gone
            for each in every:
                client.unsubscribe_topic(each)


def teller(topic: str) -> Listener:
    """A listener on a worker, which sends events to the process that listens to the topic."""
    worker = import_module("distributed").get_worker()

    def tell(event: Event) -> None:
        # Text of ASCII: names of files need not be of Unicode, which messages must.
        worker.log_event(topic, json.dumps([event.kind, event.time, dict(event.data)]))

    if topic not in _introduced:
        _introduced.add(topic)
        tell(happened(WORKER_STARTED, address=worker.address, **process_data(str(worker.name))))
    return tell


def _has_bokeh(client: Any) -> bool:
    """Whether the scheduler shows a dashboard, rather than a page that says why there is none."""

    def probe() -> bool:
        # Sent by value: a scheduler need not have voxgpu.
        try:
            import bokeh  # noqa: F401
        except ImportError:
            return False
        return True

    try:
        return bool(client.run_on_scheduler(probe))
    except Exception:
        return False  # another version of Python, or a scheduler that refuses: a detail
