"""Other engines, which are not installed with voxgpu: the same schedule by Ray, Parsl, executorlib.

Optional: what cannot be imported is told and left out. Install them into an environment of their
own with voxgpu, ``pip install ray parsl executorlib``, and name its Python in the variable
``VOXGPU_OTHER_ENGINES``.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from benchmarks.strategies import remote
from benchmarks.strategies.ask import end
from benchmarks.strategies.interface import Graph
from voxgpu.optimize.schedule import Schedule

#: The variable that names the Python that has them.
VARIABLE = "VOXGPU_OTHER_ENGINES"

#: Seconds after which one is given up.
_LIMIT = 90

#: From a task and the handles of what it needs to its own handle.
Submit = Callable[..., Any]


def _through(schedule: Schedule, submit: Submit, get: Callable[[list[Any]], list[Any]]) -> float:
    """Submits all tasks, each with the handles of those it needs; returns seconds to the goals."""
    graph = Graph(schedule)
    start = perf_counter()
    handles: list[Any] = []
    for index, task in enumerate(graph.tasks):
        needed = [handles[each] for each in sorted(graph.needs[index])]
        handles.append(submit(task, graph.header_of(task.id), 1, *needed))
    goals = dict.fromkeys(graph.maker[goal.value] for goal in schedule.goals)
    get([handles[index] for index in goals])
    return perf_counter() - start


def ray(run: Callable[[Submit, Any], Any]) -> Any:
    """Ray: tasks in two worker processes, values in its shared object store."""
    import ray as library

    library.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        task = library.remote(remote.perform)
        return run(task.remote, library.get)
    finally:
        library.shutdown()


def parsl(run: Callable[[Submit, Any], Any]) -> Any:
    """Parsl: a pool of two processes, values as pickles."""
    import parsl as library
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    pool = HighThroughputExecutor(
        label="here",
        address="127.0.0.1",
        max_workers_per_node=2,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    with library.load(Config(executors=[pool], usage_tracking=0)):
        app = library.python_app(remote.perform)
        return run(app, lambda futures: [each.result() for each in futures])


def executorlib(run: Callable[[Submit, Any], Any]) -> Any:
    """executorlib: a process for each of two cores, values as pickles, futures as arguments."""
    from executorlib import SingleNodeExecutor

    with SingleNodeExecutor(max_workers=2, block_allocation=True) as pool:

        def submit(*arguments: Any) -> Any:
            return pool.submit(remote.perform, *arguments)

        return run(submit, lambda futures: [each.result() for each in futures])


ENGINES = {"ray": ray, "parsl": parsl, "executorlib": executorlib}


def engines(work: Any, extent: Any, tell: Callable[[str], None]) -> Any:
    """The tumor program, and a chain without work, with each engine that is installed."""
    python = os.environ.get(VARIABLE, sys.executable)
    found: dict[str, Any] = {}
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    paths = [work.tumor(), work.numbers("chain", extent.lengths[1])]
    for name in ENGINES:
        command = [python, "-W", "ignore", "-m", __name__, name, *paths]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=work.folder,
            env=surroundings,
            start_new_session=True,
        )
        try:
            answer, told = process.communicate(timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            found[name] = {"missing": f"not done after {_LIMIT} s"}
        else:
            why = (told.strip().splitlines() or [f"status {process.returncode}"])[-1]
            is_done = process.returncode == 0
            found[name] = json.loads(answer.splitlines()[-1]) if is_done else {"missing": why}
        finally:
            _end_all(process)
        tell(f"{name}: {found[name]}")
    return found


def _end_all(process: subprocess.Popen[str]) -> None:
    """Ends an engine and what it left running, which is in its session, if in no group of its."""
    for each in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(each) == process.pid:
                os.kill(each, signal.SIGKILL)
    end(process)


def main() -> None:
    """Measures the engine that is the first argument on the schedules that are the others."""
    name, *paths = sys.argv[1:]
    tumor, chain = (pickle.loads(Path(each).read_bytes()) for each in paths)
    start = perf_counter()

    def run(submit: Submit, get: Any) -> Any:
        ready = perf_counter() - start
        cold = _through(tumor, submit, get)
        return {
            "version": version(name),
            "ready": ready,
            "cold": cold,
            "tumor": _through(tumor, submit, get),
            "chain": _through(chain, submit, get) / len(chain.tasks),
        }

    print(json.dumps(ENGINES[name](run)))


if __name__ == "__main__":
    main()
