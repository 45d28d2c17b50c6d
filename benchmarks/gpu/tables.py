"""Tables of GPU measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.gpu.operators import GpuRow
from benchmarks.gpu.peers import Libraries
from benchmarks.gpu.programs import GpuProgramRow
from benchmarks.gpu.tasks import BUDGET, PUBLISHED, TaskRow
from benchmarks.report import Report

#: The content of a cell without a figure.
NONE = "–"


def add_machine(
    report: Report, what: Mapping[str, Any], bandwidth: float, size: int, libraries: Libraries
) -> None:
    """Adds the device, its driver and libraries, and its copy bandwidth."""
    driver = what["driver"] or "driver"
    versions = ", ".join(f"{name} {found}" for name, found in what["versions"].items())
    report.add_text(
        f"GPU: {what['gpu']}, compute capability {what['capability']}, {what['multiprocessors']} "
        f"multiprocessors, {what['memory_gb']} GB; {driver}, up to CUDA {_cuda(what)}; "
        f"CuPy {what['cupy']}, NVRTC {what['nvrtc']}{', ' if versions else ''}{versions}. Copying "
        f"{size / 1e6:.0f} MB within its memory moves {bandwidth / 1e9:.0f} GB/s."
    )
    missing = [
        name
        for name, module in (("cupyx.scipy.ndimage", libraries.ndimage), ("cuCIM", libraries.cucim))
        if module is None
    ]
    if missing:
        report.add_text(f"Not installed, so not compared: {', '.join(missing)}.")


def add_operators(report: Report, rows: Sequence[GpuRow], floors: Mapping[str, float]) -> None:
    """Adds operations on one volume.

    floors  minimum seconds of the device's memory for the bytes moved, by operation
    """
    columns = (
        "operation", "kernels", "launches", "waits", "a copy of the same bytes", "floor from bytes",
        "peers, on the device", "with copies to and from the device", "CPU backend",
    )  # fmt: skip
    cells = [
        (
            row.operation, _ms(row.device["voxgpu"]), str(row.launches), str(row.waits),
            _ms(row.device["copy"]), _ms(floors.get(row.operation)), _peers(row), _walls(row),
            _ms(row.wall["CPU"].wall),
        )
        for row in rows
    ]  # fmt: skip
    title = "GPU: operations on one volume, ms, median"
    report.add_table(title, columns, cells, [asdict(row) for row in rows])


def add_programs(
    report: Report, rows: Sequence[GpuProgramRow], floors: Mapping[str, float]
) -> None:
    """Adds whole programs."""
    columns = (
        "program", "kernels alone", "launches", "floor from bytes", "first run in a process",
        "later runs", "CPU backend, later runs", "whole process, GPU", "whole process, CPU",
    )  # fmt: skip
    cells = []
    for row in rows:
        whole = [row.processes.get(device) for device in ("cuda:0", "cpu")]
        cells.append(
            (
                row.name, _ms(row.kernels), str(row.launches), _ms(floors.get(row.name)),
                *map(_ms, (row.first, row.run, row.cpu)),
                *(_ms(each.wall if each else None) for each in whole),
            )
        )  # fmt: skip
    title = "GPU: the tumor program, BINS=20, ms, median"
    report.add_table(title, columns, cells, [asdict(row) for row in rows])


def add_tasks(report: Report, rows: Sequence[TaskRow]) -> None:
    """Adds programs of many operations, beside the published figures."""
    columns = (
        "tasks", "compiling", "kernels", "first run", "later runs",
        f"later runs, {BUDGET >> 30} GiB of the device", "CPU backend, once", "published: CPU",
        "published: GPU", "published: GPU, memory reclaimed",
    )  # fmt: skip
    cells = []
    for row in rows:
        cpu, plain, reclaimed = PUBLISHED.get(row.tasks, (None, None, None))
        beyond = "out of memory" if row.tasks in PUBLISHED else NONE
        cells.append(
            (
                str(row.tasks), _ms(row.compiling), str(row.launches),
                *map(_ms, (row.first, row.run)),
                "did not go" if row.budgeted is None else _ms(row.budgeted), _ms(row.cpu),
                _thousand(cpu), beyond if plain is None else _thousand(plain),
                _thousand(reclaimed),
            )
        )  # fmt: skip
    title = "GPU: programs of many tasks, ms"
    report.add_table(title, columns, cells, [asdict(row) for row in rows])
    report.add_text(
        "Published figures: VoxLogicA-GPU, slides of December 2024, hardware and programs not "
        "stated. Ours are programs of as many operations (thresholds, near, and, or, through) on "
        "one volume; what a value is not needed for any more is reclaimed in any case."
    )


def _cuda(what: Mapping[str, Any]) -> str:
    version = int(what["driver_cuda"])
    return f"{version // 1000}.{version % 1000 // 10}"


def _peers(row: GpuRow) -> str:
    found = [
        f"{name} {_ms(seconds)}"
        for name, seconds in row.device.items()
        if name not in ("voxgpu", "copy")
    ]
    found += [f"{name}: {reason}" for name, reason in row.differ.items()]
    return ", ".join(found).replace("|", "/").replace("\n", " ")


def _walls(row: GpuRow) -> str:
    walls = {name: timing.wall for name, timing in row.wall.items() if name != "CPU"}
    return ", ".join(f"{name} {_ms(seconds)}" for name, seconds in walls.items())


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    found = seconds * 1e3
    return f"{found:,.0f}" if found >= 100 else f"{found:.2f}" if found >= 1 else f"{found:.3f}"


def _thousand(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"
