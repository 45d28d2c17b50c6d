"""Mock GPUs in every Python that starts with this folder on its path, with a note of each use.

A line of ``$GPU_TRACE/PID`` is what happened, when (of the clock that all processes share), and of
what: ``gpu`` with its number in the machine, ``case`` and ``done`` with the name of the case.
"""

import json
import os
import sys
import time
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.backends.cuda.emulated_cli import pretend

pretend()


def _note(kind: str, about: object) -> None:
    with (Path(os.environ["GPU_TRACE"]) / str(os.getpid())).open("a") as file:
        file.write(json.dumps([kind, time.monotonic(), about]) + "\n")


class _TraceGpus(MetaPathFinder):
    """Notes uses of GPUs from when the mock is imported, which must not be now.

    It reads which GPUs a process sees, and dask-cuda says that once the process has started.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == "cupy._machine" else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def executing(module: ModuleType) -> None:
            execute(module)
            _trace(module.Machine)

        spec.loader.exec_module = executing  # type: ignore[method-assign]
        return spec


def _trace(machine: Any) -> None:
    reserve, issue = machine.reserve, machine.issue

    def reserving(self: Any, gpu: Any, size: int) -> None:
        _note("gpu", gpu.physical)
        reserve(self, gpu, size)

    def issuing(self: Any, queue: Any, *about: Any, **more: Any) -> Any:
        _note("gpu", self.gpus[queue.ordinal].physical)
        return issue(self, queue, *about, **more)

    machine.reserve, machine.issue = reserving, issuing


def _trace_cases() -> None:
    from voxgpu.cohorts.evaluate import CaseSession

    outcome = CaseSession.outcome

    def traced(self: Any, program: Any, case: Any, combinations: Any) -> Any:
        _note("case", [case.name, self.worker, os.environ.get("CUDA_VISIBLE_DEVICES")])
        _note("given", _given())
        try:
            return outcome(self, program, case, combinations)
        finally:
            _note("done", case.name)

    CaseSession.outcome = traced  # type: ignore[method-assign]


def _given() -> dict[str, Any]:
    """What limits dask sets on the memory of this worker."""
    import dask
    from distributed import Worker

    for worker in Worker._instances:
        manager = worker.memory_manager
        return {
            "limits": [
                manager.memory_limit,
                manager.memory_target_fraction,
                manager.memory_spill_fraction,
                manager.memory_pause_fraction,
                dask.config.get("distributed.worker.memory.terminate"),
            ],
            "data": type(worker.data).__name__,
            "pools": [
                [each.initial_pool_size, each.managed_memory, each.async_alloc]
                for each in worker.plugins.values()
                if type(each).__name__ == "RMMSetup"
            ],
        }
    return {}


sys.meta_path.insert(0, _TraceGpus())
_trace_cases()
