"""The GPU section of the report."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gpu import tables
from benchmarks.gpu.operators import Bench, GpuRow
from benchmarks.gpu.peers import installed
from benchmarks.gpu.programs import time_programs
from benchmarks.gpu.tasks import TaskRow, time_tasks
from benchmarks.report import Report
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda import detect
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.create import open_gpus
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.bench import machine
from voxgpu.bench.operators import DEFINITIONS, INPUTS

#: Bytes per voxel that operations and programs move, by name, counted by the emulation: used to
#: report the minimum time of the device's memory. Omitted if the file is missing.
TRAFFIC = Path(__file__).resolve().parents[2] / "docs" / "gpu-traffic.json"


def add_gpu(report: Report, case: Path, folder: Path, given: Namespace, bright: float) -> None:
    """Adds measurements on the first GPU of this computer, or the reason why there are none.

    case    the prefix of a case's files
    given   the options of ``python -m benchmarks``
    bright  a threshold that leaves some percent of the volume
    """
    count, reason = detect.detect_gpus()
    if not count:
        print(f"nothing is measured on a GPU: {reason}", file=sys.stderr)
        report.add_text(f"Nothing was measured on a GPU: {reason}.")
        return
    api = detect.cupy()
    with api.cuda.Device(0):
        bandwidth, voxels = _operators(report, api, case, given, bright)
        floors = {name: each * voxels / bandwidth for name, each in _traffic().items()}
        rows = time_programs(case, folder, given.runs, given.threads)
        tables.add_programs(report, rows, floors)
        flair = Path(f"{case}_flair.nii.gz")
        levels = (bright / 2, bright)
        tables.add_tasks(
            report, time_tasks(flair, levels, given.tasks, given.runs, given.threads, _tell_task)
        )


def _operators(
    report: Report, api: Any, case: Path, given: Namespace, bright: float
) -> tuple[float, int]:
    """Adds single operations; bytes a second that the device copies, and voxels of the volume."""
    gpu = open_gpus((0,), None, ThreadPool(max(2, given.threads)))
    assert isinstance(gpu, Gpu)
    cpu = Cpu(given.threads)
    text = DEFINITIONS.format(flair=f"{case}_flair.nii.gz", bright=bright)
    libraries = installed(api)
    bench = Bench(text, INPUTS, gpu, cpu, libraries, given.runs)
    size = min(1 << 30, gpu.device.memory.budget // 16)
    bandwidth = bench.clock.bandwidth(size)
    what = machine.gpu_description(api)
    tables.add_machine(report, what, bandwidth, size, libraries)
    rows = bench.rows(lambda name: given.operator in name, _tell)
    floors = {name: each * bench.voxels / bandwidth for name, each in _traffic().items()}
    tables.add_operators(report, rows, floors)
    gpu.close()
    cpu.close()
    return bandwidth, bench.voxels


def _traffic() -> Mapping[str, float]:
    """Bytes per voxel by operation or program; empty if they have not been counted."""
    if not TRAFFIC.exists():
        return {}
    found: dict[str, float] = json.loads(TRAFFIC.read_text())
    return found


def _tell(row: GpuRow) -> None:
    print(f"{row.operation}: {row.device['voxgpu'] * 1e3:.3f} ms of the GPU", file=sys.stderr)


def _tell_task(row: TaskRow) -> None:
    print(f"{row.tasks} tasks: {row.run * 1e3:.0f} ms ({asdict(row)})", file=sys.stderr)
