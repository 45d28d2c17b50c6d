"""Scaling with the number of operations, beside the published figures of VoxLogicA-GPU.

Its programs are not public, only their numbers of tasks: 3 and a power of two. Ours read one
volume, threshold it, and then derive each mask from the previous one by thresholds, ``near``, logic
and ``through``, so that nothing can be skipped and nothing is computed twice; the last mask's
volume is printed. This allows comparing how time grows, and whether memory suffices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from voxgpu.backends.base import Backend
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.create import open_gpus
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.primitives.source import CONSTANT
from voxgpu.session import Session

#: Tasks, and milliseconds on the CPU and on a GPU without and with memory reclamation; None: out of
#: memory. Slides on VoxLogicA-GPU, December 2024; the hardware is not stated.
PUBLISHED: dict[int, tuple[int, int | None, int]] = {
    11: (410, 190, 200),
    259: (10_900, 210, 360),
    1027: (43_600, 350, 980),
    4099: (174_600, None, 4_100),
    8195: (479_000, None, 12_000),
}

#: The device memory budget, in bytes, of the runs with little memory.
BUDGET = 4 << 30

#: The number of fixed operations, and of those per round.
AROUND, ROUND = 3, 8


@dataclass(frozen=True)
class TaskRow:
    """The times of a program, in seconds.

    tasks     number of operations
    compiling from its text to a plan
    first     its first run in a process that has used the GPU before: kernels are compiled
    run       later runs, median
    budgeted  the same with little device memory; None if it failed
    cpu       on the CPU backend, once
    launches  kernels that a run queues
    """

    tasks: int
    compiling: float
    first: float
    run: float
    budgeted: float | None
    cpu: float
    launches: int


def program_of(tasks: int, path: Path, low: float, high: float) -> str:
    """A program of a given number of operations, on one image, with thresholds in a range."""
    rounds, rest = divmod(tasks - AROUND, ROUND)
    if rest or rounds < 1:
        raise ValueError(f"programs have {AROUND} and a multiple of {ROUND} tasks, not {tasks}")
    levels = _levels(low, high)
    lines = [f'load v = "{path}"', f"let m0 = v > {next(levels)}"]
    for n in range(1, rounds + 1):
        wide = f"through(near(m{n - 1}) & (v > {next(levels)}), v > {next(levels)})"
        lines.append(f"let m{n} = ({wide} | (m{n - 1})) & (v < {high + float(next(levels))})")
    return "\n".join([*lines, f'print "volume" volume(m{rounds})']) + "\n"


def _levels(low: float, high: float) -> Iterator[str]:
    """Distinct numbers, scattered evenly."""
    place = 0.0
    while True:
        place = (place + 0.6180339887) % 1.0
        yield f"{low + place * (high - low):.6f}"


def time_tasks(
    path: Path,
    levels: tuple[float, float],
    counts: Sequence[int],
    runs: int,
    threads: int,
    tell: Callable[[TaskRow], None],
) -> list[TaskRow]:
    """Times a program of each length on an image, with thresholds between two levels."""
    rows = []
    for tasks in counts:
        rows.append(_row(program_of(tasks, path, *levels), tasks, runs, threads))
        tell(rows[-1])
    return rows


def _row(text: str, tasks: int, runs: int, threads: int) -> TaskRow:
    start = perf_counter()
    program = compile_program(Source("tasks", text), None, Options())
    compiling = perf_counter() - start
    operations = sum(each.primitive is not CONSTANT for each in program.plan.nodes.values())
    assert operations == tasks, f"{operations} operations instead of {tasks}"
    wanted, cpu, _ = _timed(program, Cpu(threads), 0)
    gpu = open_gpus((0,), None, ThreadPool(max(2, threads)))
    found, times, launches = _timed(program, gpu, runs)
    assert found == wanted, f"{tasks} tasks: {found} on the GPU, {wanted} on the CPU"
    budgeted = None
    try:
        gpu = open_gpus((0,), BUDGET, ThreadPool(max(2, threads)))
        found, short, _ = _timed(program, gpu, runs)
        assert found == wanted, f"{tasks} tasks, little memory: {found} instead of {wanted}"
        budgeted = median(short[1:])
    except RuntimeError:
        pass  # it failed, which the table shows
    return TaskRow(tasks, compiling, times[0], median(times[1:]), budgeted, cpu[0], launches)


def _timed(program: Compiled, backend: Backend, runs: int) -> tuple[list[float], list[float], int]:
    """The printed values, seconds of the first run and of later ones, kernels of the last."""
    times, launches = [], 0
    with Session(None, backend=backend) as session:
        for _ in range(runs + 1):
            before = _launches(backend)
            start = perf_counter()
            result = session.execute(program)
            times.append(perf_counter() - start)
            launches = _launches(backend) - before
            if result.errors:
                raise RuntimeError(str(result.errors[0]))
    return [float(str(each.value)) for each in result.prints], times, launches


def _launches(backend: Backend) -> int:
    return backend.device.launches if isinstance(backend, Gpu) else 0
