"""The tumor program on a GPU: whole processes, later runs, and kernels alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.gpu.clock import Clock
from benchmarks.gpu.queued import queueing, uploaded
from benchmarks.programs import PARAMETERS, command_of, written
from voxgpu.backends.base import Backend
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda import detect
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.create import open_gpus
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.bench.expressions import values_of
from voxgpu.bench.measure import Timing, processes
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.optimize.passes import Available, prepare
from voxgpu.optimize.prune import prune
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.source import LOAD
from voxgpu.session import Session


@dataclass
class GpuProgramRow:
    """The times of a program, in seconds.

    kernels    of the device alone, with files already loaded
    launches   number of kernel launches
    first      the first run in a process, without writing files
    run        later runs, median; files are read each time
    cpu        the same on the CPU backend
    processes  whole processes that write files, by device
    """

    name: str
    kernels: float
    launches: int
    first: float
    run: float
    cpu: float
    processes: dict[str, Timing] = field(default_factory=dict)


def texts() -> dict[str, str]:
    """The programs by name."""
    whole = files("voxgpu.demo").joinpath("tumor.imgql").read_text()
    grown = whole[: whole.index("let tumSim")] + 'print "volume" volume(growTum)\n'
    return {"tumor program": whole, "tumor program up to growTum": grown}


def time_programs(
    case: Path, folder: Path, runs: int, threads: int, with_processes: bool = True
) -> list[GpuProgramRow]:
    """Times all programs on a case, given by the prefix of its files."""
    defined = {"CASE": str(case), **PARAMETERS}
    rows = []
    for name, text in texts().items():
        row = _row(name, text, defined, runs, threads)
        if with_processes:
            path = written(folder / f"{name.replace(' ', '-')}.imgql", text)
            words = [f"-D{key}={value}" for key, value in defined.items()]
            commands = {
                device: [*command_of(path, folder), *words, "--device", device]
                for device in ("cuda:0", "cpu")
            }
            row.processes = processes(commands, runs)
        rows.append(row)
    return rows


def _row(
    name: str, text: str, defined: Mapping[str, str], runs: int, threads: int
) -> GpuProgramRow:
    program = compile_program(Source("program", text), None, Options(define=dict(defined)))
    assert not program.errors, str(program.errors[0])
    cpu, wanted = _timed(program, Cpu(threads), runs)
    gpu = open_gpus((0,), None, ThreadPool(max(2, threads)))
    assert isinstance(gpu, Gpu)
    times, found = _timed(program, gpu, runs)
    assert found == wanted, f"{name}: {found} on the GPU, {wanted} on the CPU"
    kernels, launches = _kernels(program.plan, runs, threads)
    return GpuProgramRow(name, kernels, launches, times[0], median(times[1:]), median(cpu[1:]))


def _timed(program: Compiled, backend: Backend, runs: int) -> tuple[list[float], list[str]]:
    """Seconds of each run, and the printed values."""
    times = []
    with Session(None, backend=backend) as session:
        for _ in range(runs + 1):
            start = perf_counter()
            result = session.execute(program)
            times.append(perf_counter() - start)
            assert not result.errors, str(result.errors[0])
    return times, [repr(each.value) for each in result.prints]


def _kernels(plan: Plan, runs: int, threads: int) -> tuple[float, int]:
    """Seconds of device time, and launches, of a plan whose files have been read."""
    cpu = Cpu(threads)
    loads = [id for id, node in plan.nodes.items() if node.primitive is LOAD]
    nowhere = plan.goals[0]
    reading = replace(
        plan, goals=tuple(Goal("find", id, id, nowhere.span, nowhere.span) for id in loads)
    )
    values = values_of(prepare(reading, cpu), cpu)
    cpu.close()
    gpu = open_gpus((0,), None, ThreadPool(max(2, threads)))
    assert isinstance(gpu, Gpu)
    goals = tuple(replace(goal, action="find") for goal in plan.goals)
    pruned, _ = prune(replace(plan, goals=goals), values.__contains__)
    planned = prepare(pruned, gpu, Available(values))
    work = queueing(planned, uploaded(values, gpu), gpu)
    found: Any = work()
    before = gpu.device.launches
    found = work()
    launches = gpu.device.launches - before
    del found
    seconds = Clock(detect.cupy(), gpu.device.compute).seconds([work], runs)
    gpu.close()
    return seconds, launches
