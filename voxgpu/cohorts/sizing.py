"""The number of processes that pay for a cohort, from cores, predicted memory and time.

The prediction is that of a few cases, from the headers of their files: the memory that the plan of
the largest takes at its peak (`optimize/schedule.py`), and the seconds of the cost model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from math import ceil

from voxgpu.backends.cost_model import estimate
from voxgpu.backends.thread_pool import usable_cores
from voxgpu.byte_sizes import size_text
from voxgpu.cohorts.attempts import Task
from voxgpu.cohorts.cases import Case
from voxgpu.cohorts.combined import combined
from voxgpu.cohorts.evaluate import Program
from voxgpu.cohorts.placement import Placement
from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Compiled
from voxgpu.device_spec import parse_device
from voxgpu.diagnostics import ImgqlError
from voxgpu.execution.memory_budget import PROCESS_BYTES
from voxgpu.frozen import frozen
from voxgpu.limits.process import memory_limits
from voxgpu.optimize.passes import prepare
from voxgpu.plan.node import Plan
from voxgpu.session_settings import SessionSettings

#: How many cases are looked at, and how many combinations of the largest.
_CASES, _COMBINATIONS = 5, 100

#: Seconds of a case that threads do not share: compiling, headers, the row.
_OF_CASE = 0.05

#: Bytes of voxels that are read, and packed to be written, in a second.
_FILES = 150e6

#: Seconds until dask is there, and until a worker is, of which a core starts one after the other.
_START, _START_WORKER = 1.5, 2.0

#: Several processes must take less than this part of the time that one takes.
_CLEARLY = 0.8


@frozen
class Prediction:
    """What the largest of a few cases takes, as far as its headers tell.

    plan  of all its combinations
    peak  bytes of the process that runs it
    """

    plan: Plan
    peak: int

    def seconds(self, threads: int) -> float:
        """Of a case in a process of so many threads."""
        cost = estimate(self.plan, threads)
        return _OF_CASE + cost.bytes / _FILES + cost.cpu


#: Told where cases run on a GPU.
_ONE_GPU = "this process, on its GPU; --cluster cuda starts a worker for each GPU"


def decided(
    placement: Placement,
    program: Program,
    left: Sequence[Task],
    settings: SessionSettings,
    tell: Callable[[str], None],
) -> Placement:
    """The placement with a chosen number of workers if none was given; reported in one line."""
    if placement.workers is not None or placement.scheduler or placement.cluster:
        return placement
    here = replace(placement, workers=0)
    if parse_device(settings.device).kind == "cuda":
        tell(_ONE_GPU)
        return here
    prediction = predicted(program, left)
    if prediction is None:
        return here  # what is wrong with every case is told soon
    if parse_device(settings.device).kind == "auto" and _prefers_gpu(prediction.plan):
        tell(_ONE_GPU)
        return here
    cores = usable_cores()
    memory = settings.memory or memory_limits()[0].available
    count = workers_for(prediction, len(left), cores, memory, settings.threads)
    threads = settings.threads or max(1, cores // count)
    peak = f"{size_text(prediction.peak)} predicted per case of {size_text(memory)}"
    stay = f"this process with {_threads(settings.threads or cores)}: {peak}"
    if count == 1:
        tell(stay)
    elif find_spec("distributed") is None:
        tell(f"{stay}; {count} workers would pay: pip install distributed")
    else:
        tell(f"{count} workers with {_threads(threads)} each: {cores} cores, {peak}")
        return replace(placement, workers=count)
    return here


def predicted(program: Program, left: Sequence[Task]) -> Prediction | None:
    """What the largest of a few cases takes; None if none of them compiles from headers alone."""
    found: list[tuple[int, Task]] = []
    for task in left[:: ceil(len(left) / _CASES)]:
        compiled = _compiled(program, task[0], task[1][0])
        if compiled is not None:
            found.append((_peak(compiled.plan), task))
    if not found:
        return None
    case, combinations = max(found, key=lambda each: each[0])[1]
    all_of_it = [(each, _compiled(program, case, each)) for each in combinations[:_COMBINATIONS]]
    good = [(combination, each) for combination, each in all_of_it if each is not None]
    names = [program.names.names(case, combination, each.plan) for combination, each in good]
    plan = combined([each for _, each in good], names).plan
    return Prediction(plan, PROCESS_BYTES + _peak(plan))


def workers_for(
    prediction: Prediction, cases: int, cores: int, memory: int, threads: int | None
) -> int:
    """The number of processes expected to finish first; 1 is this one.

    cores    that there are
    memory   bytes that all of them may take
    threads  of each; None: a share of the cores
    """
    most = min(cases, cores // (threads or 1), memory // max(1, prediction.peak))
    here = cases * prediction.seconds(threads or cores)
    best, least = 1, _CLEARLY * here
    for count in range(2, most + 1):
        one = prediction.seconds(threads or max(1, cores // count))
        start = _START + _START_WORKER * ceil(count / cores)
        total = start + ceil(cases / count) * one
        if total < least:
            best, least = count, total
    return best


def _compiled(program: Program, case: Case, combination: Combination) -> Compiled | None:
    try:
        compiled = program.compiled(case, combination, None)
    except (ValueError, ImgqlError):
        return None
    return None if compiled.errors or not compiled.plan.goals else compiled


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _peak(plan: Plan) -> int:
    from voxgpu.backends.cpu.backend import Cpu

    return prepare(plan, Cpu(1)).peak_bytes


def _prefers_gpu(plan: Plan) -> bool:
    from voxgpu.backends.cuda.detect import driver_problem

    return not driver_problem() and estimate(plan, usable_cores()).prefers_gpu
