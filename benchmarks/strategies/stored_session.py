"""The sweep in a session of voxgpu with its store, as a process that may be killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from benchmarks.strategies import schedules
from benchmarks.strategies.work import Work, grown_text


def kill_and_repeat(work: Work) -> dict[str, Any]:
    """Kills the session in its middle; returns how many tasks a second one performs."""
    whole = _run(work, work.folder / "stored whole", None)
    folder = work.folder / "stored killed"
    _run(work, folder, whole["wall"] / 2)
    again = _run(work, folder, None)
    for each in (folder, work.folder / "stored whole"):
        shutil.rmtree(each, ignore_errors=True)
    return {"performed again": again["performed"], "tasks": whole["performed"]}


def _run(work: Work, folder: Path, kill_after: float | None) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", __name__, str(work.case), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if kill_after is not None:
            sleep(kill_after)
            process.kill()
        told = process.stdout.read()
    found: dict[str, Any] = json.loads(told) if kill_after is None else {}
    return found


def main() -> None:
    """Runs the sweep on a case with a store in a folder; prints the tasks that were performed."""
    from voxgpu.execution.events import Started
    from voxgpu.optimize.step import StoreRead
    from voxgpu.session import open_session
    from voxgpu.session_settings import SessionListeners, SessionSettings
    from voxgpu.store.open import StoreOptions

    case, folder = sys.argv[1:]
    begun: list[Any] = []

    def observe(event: Any) -> None:
        if isinstance(event, Started) and not isinstance(event.task.step, StoreRead):
            begun.append(event.task.id)

    compiled = schedules.sweep(grown_text(), {"CASE": case})
    settings = SessionSettings(store=StoreOptions(folder=Path(folder)))
    with open_session(settings, SessionListeners(observe=observe)) as session:
        print("started", flush=True)
        start = perf_counter()
        session.execute(compiled)
        print(json.dumps({"performed": len(begun), "wall": perf_counter() - start}))


if __name__ == "__main__":
    main()
