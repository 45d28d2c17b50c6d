"""The sentences of the page that contain figures, each answering a question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.strategies.table_text import megabytes, ratio, seconds

Data = dict[str, Any]

#: voxgpu's own way, with which the others are compared.
OWN = "engine, threads"


def _programs(data: Data, program: str, name: str) -> Data:
    found: Data = data["programs"]["data"][program][name]
    return found


def _walls(data: Data, name: str) -> str:
    """How long the two programs take with a strategy, compared with the engine."""
    told = []
    for program in ("tumor", "sweep"):
        found, own = _programs(data, program, name), _programs(data, program, OWN)
        if "given up" in found:
            told.append(f"the {program} was given up ({found['given up']})")
            continue
        wall = f"{seconds(found['wall'])} s ({ratio(found['wall'], own['wall'])} the engine's)"
        cpu = f"{seconds(found['cpu'])} s of CPU time ({ratio(found['cpu'], own['cpu'])})"
        told.append(f"the {program} takes {wall} and {cpu}")
    return ", ".join(told)


def _memory(data: Data, name: str) -> str:
    found, own = _programs(data, "sweep", name), _programs(data, "sweep", OWN)
    if "given up" in found:
        return f"gave up on the sweep ({found['given up']})"
    taken, ours = found["peak"] - found["before"], own["peak"] - own["before"]
    return f"takes {megabytes(taken)} MB for the sweep, {ratio(taken, ours)} the engine's"


def _a_task(data: Data, name: str, shape: str = "chain") -> str:
    """Microseconds a task at the smallest and the largest size that was done."""
    row = data["coordination"]["data"][shape][name]
    if not row["points"]:
        return f"nothing was done in time ({row['stopped']})"
    few, many = row["points"][0], row["points"][-1]
    told = f"{_each(few)} a task of {few[0]:,}, {_each(many)} of {many[0]:,}"
    return f"{told} ({row['stopped']})" if row["stopped"] else told


def _each(point: list[float]) -> str:
    """Microseconds of wall and of CPU time for each task."""
    wall, cpu = (each / point[0] * 1e6 for each in point[1:])
    return f"{wall:.0f} µs ({cpu:.0f} of CPU time)"


def scope(data: Data) -> str:
    """How far a session should reach."""
    found = data["sharing"]["data"]
    apart, whole = found[OWN], found["engine, both programs as one plan"]
    store = found["engine, with voxgpu's store"]
    return (
        f"Two programs that differ in one threshold compute {apart['computed']} nodes in two "
        f"sessions, {apart['twice']} of them a second time; with a store between the sessions "
        f"{store['twice']} (those that are cheaper to compute than to keep); as one plan "
        f"{whole['computed']}, none twice."
    )


def granularity(data: Data) -> str:
    """How small a session should be."""
    one, eight = "micro-sessions of 1", "micro-sessions of 8"
    handed = [megabytes(_programs(data, "tumor", each)["handed"]) for each in (one, eight)]
    return (
        f"With a session for each operation {_walls(data, one)}, and {handed[0]} MB pass through "
        f"the store in the tumor program. With sessions of eight tasks {_walls(data, eight)}, with "
        f"{handed[1]} MB. Without work: {_a_task(data, one)} for one, {_a_task(data, eight)} for "
        f"eight; the engine {_a_task(data, OWN)}."
    )


def state(data: Data) -> str:
    """What a session should remember."""
    kept = "session, as in VoxLogicA-2"
    return (
        f"A session that keeps its table of results {_memory(data, kept)}; the same session "
        f"without the table {_memory(data, 'session, threads')}."
    )


def streaming(data: Data) -> str:
    """Whether tasks should start as soon as they can."""
    return (
        f"Streaming coordinates a chain at {_a_task(data, 'streaming')}, the engine at "
        f"{_a_task(data, OWN)}. It {_memory(data, 'streaming')}: {_walls(data, 'streaming')}."
    )


def pipeline(data: Data) -> str:
    """Whether the phases should overlap by stages."""
    shares = []
    for name in ("engine, serial", "pipeline", OWN):
        share = _programs(data, "tumor", name)["overlapped"]
        shares.append(f"{name} {share:.0%}")
    return (
        f"Of the time that files are read and written in the tumor program, this much is beside "
        f"computation: {', '.join(shares)}. With the pipeline {_walls(data, 'pipeline')}."
    )


def actors(data: Data) -> str:
    """Whether the parts should be actors."""
    moved = _programs(data, "tumor", "actors, dask")
    through = f"; {megabytes(moved['moved'])} MB pass between them" if "moved" in moved else ""
    return (
        f"With mailboxes on one asyncio loop {_walls(data, 'actors, asyncio')}; "
        f"{_a_task(data, 'actors, asyncio')}. With actors of dask in two processes "
        f"{_walls(data, 'actors, dask')}{through}; {_a_task(data, 'actors, dask')}."
    )


def dask(data: Data) -> str:
    """What Dask should coordinate."""
    told = []
    for name in ("session, threads", "session, distributed", "engine, a case per worker"):
        found = _programs(data, "sweep", name)
        moved = f", {megabytes(found['moved'])} MB between processes" if found.get("moved") else ""
        told.append(f"{name}: {_walls(data, name)}{moved}; {_a_task(data, name)}")
    return ". ".join(f"{each[0].upper()}{each[1:]}" for each in told) + "."


def chunks(data: Data) -> str:
    """Whether images should be chunked."""
    return (
        f"With chunks {_walls(data, 'chunks, dask.array')}, although slabs are computed with the "
        f"same kernels; it {_memory(data, 'chunks, dask.array')}."
    )


def fusing(data: Data) -> str:
    """The parts of fusion and of coordination."""
    found = data["programs"]["data"]
    told = []
    for name in ("engine, serial", OWN):
        whole, apart = found["sweep"][name], found["sweep, not fused"][name]
        peaks = [megabytes(each["peak"] - each["before"]) for each in (whole, apart)]
        told.append(
            f"{name}: {seconds(whole['cpu'])} s of CPU time with fusion and "
            f"{seconds(apart['cpu'])} s without, at most {peaks[0]} and {peaks[1]} MB, the first "
            f"result after {seconds(whole['first'])} and {seconds(apart['first'])} s"
        )
    tasks, wall = data["coordination"]["data"]["wide"][OWN]["points"][-1][:2]
    left_out = round(found["sweep, not fused"][OWN]["tasks"] - found["sweep"][OWN]["tasks"])
    return (
        f"The sweep with the {'; with the '.join(told)}. Fusion leaves {left_out} tasks out, whose "
        f"coordination would take {left_out * wall / tasks * 1e3:.0f} ms."
    )


def scalability(data: Data) -> str:
    """How the cost of coordination grows."""
    told = []
    for shape in ("chain", "wide", "diamonds"):
        told.append(f"{shape}: {_a_task(data, OWN, shape)}")
    return (
        f"The engine, {'; '.join(told)}. The session as in VoxLogicA-2, chain: "
        f"{_a_task(data, 'session, as in VoxLogicA-2')}."
    )


def ending(data: Data) -> str:
    """How strategies end."""
    found = data["faults"]["data"]
    idle = {
        name: each["interrupt"]["until idle"]
        for name, each in found.items()
        if "until idle" in each["interrupt"]
    }
    if OWN not in idle:
        return "No run was interrupted before it was done."
    slowest = max(idle, key=lambda name: idle[name])
    micro, own = found["micro-sessions of 1"]["kill"], found[OWN]["kill"]
    stored = found[OWN]["kill with a store"]
    told = (
        f"After Ctrl-C in the middle of the sweep the engine works for {seconds(idle[OWN])} s "
        f"longer; the slowest to end is {slowest}, {seconds(idle[slowest])} s."
    )
    if "performed again" in micro and "performed again" in own:
        told += (
            f" After kill -9 micro-sessions perform {micro['performed again']} of "
            f"{micro['tasks']} tasks again, the engine {own['performed again']} without a store "
            f"and {stored['performed again']} with voxgpu's."
        )
    return told


SENTENCES: dict[str, Callable[[Data], str]] = {
    "answer-scope": scope,
    "answer-granularity": granularity,
    "answer-state": state,
    "answer-streaming": streaming,
    "answer-pipeline": pipeline,
    "answer-actors": actors,
    "answer-dask": dask,
    "answer-chunks": chunks,
    "answer-fusion": fusing,
    "answer-scalability": scalability,
    "answer-ending": ending,
}
