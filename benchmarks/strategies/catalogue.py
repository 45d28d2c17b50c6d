"""All strategies by name, with what they need."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.strategies import (
    actors,
    cases,
    chunked,
    dask_actors,
    engine,
    micro,
    pipeline,
    session,
    streaming,
)
from benchmarks.strategies.interface import Strategy


@dataclass(frozen=True)
class Entry:
    """A strategy.

    file         where it is, among the prototypes
    on_workers   whether it needs worker processes
    needs_store  whether it hands values on through a store
    modules      what it imports besides voxgpu
    """

    name: str
    run: Strategy
    file: str
    on_workers: bool = False
    needs_store: bool = False
    modules: tuple[str, ...] = ()


STRATEGIES = {
    each.name: each
    for each in (
        Entry("engine, serial", engine.SERIAL, "engine.py"),
        Entry("engine, threads", engine.THREADS, "engine.py"),
        Entry(
            "engine, a case per worker",
            cases.run,
            "cases.py",
            on_workers=True,
            modules=("distributed",),
        ),
        Entry("session, threads", session.THREADED, "session.py", modules=("dask",)),
        Entry(
            "session, distributed",
            session.DISTRIBUTED,
            "session.py",
            on_workers=True,
            modules=("distributed",),
        ),
        Entry("session, as in VoxLogicA-2", session.AS_FOUND, "session.py", modules=("dask",)),
        Entry("micro-sessions of 1", micro.PER_OPERATION, "micro.py", needs_store=True),
        Entry("micro-sessions of 8", micro.PER_GROUP, "micro.py", needs_store=True),
        Entry("streaming", streaming.run, "streaming.py"),
        Entry("pipeline", pipeline.run, "pipeline.py"),
        Entry("actors, asyncio", actors.run, "actors.py", modules=("asyncio",)),
        Entry(
            "actors, dask",
            dask_actors.run,
            "dask_actors.py",
            on_workers=True,
            modules=("distributed",),
        ),
        Entry("chunks, dask.array", chunked.run, "chunked.py", modules=("dask.array",)),
    )
}
