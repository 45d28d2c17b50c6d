"""What strategies do when something fails, is interrupted or killed."""

from __future__ import annotations

import shutil
from time import sleep
from typing import Any

import psutil

from benchmarks.strategies.ask import GivenUp, ask, begin, end, finish
from benchmarks.strategies.catalogue import STRATEGIES
from benchmarks.strategies.sections import Extent, Tell
from benchmarks.strategies.stored_session import kill_and_repeat
from benchmarks.strategies.work import Work

#: The share of its time after which a run is interrupted, or one of its processes killed.
_MIDDLE = 0.5


def faults(work: Work, extent: Extent, tell: Tell) -> Any:
    """A failing value, Ctrl-C amid the sweep, kill -9 of a worker or of the program."""
    found: dict[str, Any] = {}
    for name in extent.names:
        request = {"strategy": name, "schedule": work.sweep(), "once": True}
        usual = _told(lambda request=request: ask(request, work.folder / "run"))
        found[name] = {"failure": _told(lambda name=name: _failure(name, work))}
        if "given up" in usual:
            found[name] |= {"interrupt": usual, "kill": usual}
            continue
        measured = (request, usual["wall"], work)
        found[name]["interrupt"] = _told(lambda measured=measured: _interrupt(*measured))
        found[name]["kill"] = _told(lambda measured=measured: _kill(*measured))
        tell(f"faults, {name}")
    found["engine, threads"] = {
        **found.get("engine, threads", {}),
        "kill with a store": kill_and_repeat(work),
    }
    return found


def _told(measure: Any) -> Any:
    try:
        return measure()
    except GivenUp as why:
        return {"given up": str(why)}


def _failure(name: str, work: Work) -> dict[str, Any]:
    """One of the sweep's values fails: the goals that are delivered and lost."""
    answer = ask({"strategy": name, "schedule": work.failing(), "once": True}, work.folder / "run")
    return {each: answer[each] for each in ("goals", "delivered", "failed")}


def _interrupt(request: dict[str, Any], usual: float, work: Work) -> dict[str, Any]:
    after = max(0.05, _MIDDLE * usual)
    answer = ask({**request, "interrupt": after}, work.folder / "run")
    if not answer["interrupted"]:
        raise GivenUp("it was done before it was interrupted")
    kept = ("until stopped", "until idle", "begun later", "delivered", "goals")
    return {"after": after, **{each: answer[each] for each in kept}}


def _kill(request: dict[str, Any], usual: float, work: Work) -> dict[str, Any]:
    """A worker is killed in the middle; where there are none, the process, which runs once more."""
    folder = work.folder / "killed"
    process = begin({**request, "keep": True}, folder)
    try:
        sleep(_MIDDLE * usual)
        if STRATEGIES[request["strategy"]].on_workers:
            workers = [
                each
                for each in psutil.Process(process.pid).children(recursive=True)
                if "spawn_main" in " ".join(each.cmdline())
            ]
            workers[-1].kill()
            answer = finish(process, 60)
            kept = ("wall", "delivered", "goals")
            return {"usual": usual, **{each: answer[each] for each in kept}}
        end(process)
        again = ask(request, folder)
        return {"performed again": again["performed"], "tasks": again["tasks"]}
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)
