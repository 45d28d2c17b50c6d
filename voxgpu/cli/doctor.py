"""``voxgpu doctor``: a report about this computer, and a self-test of its devices."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxgpu.byte_sizes import size_text

if TYPE_CHECKING:
    from voxgpu.selftest.run import SelfTestReport

#: Packages whose versions help to diagnose problems.
_PACKAGES = ("numpy", "scipy", "SimpleITK", "llvmlite", "numba", "cuda-bindings", "dask-cuda")
_CUPY = ("cupy-cuda12x", "cupy-cuda13x")


@click.command()
@click.option(
    "--workers",
    is_flag=True,
    help="Start one dask-cuda worker for each GPU, and test each in its own process.",
)
@click.option("--quick", is_flag=True, help="Only describe the computer; run no tests.")
def command(workers: bool, quick: bool) -> int:
    """Describe what this computer offers to voxgpu, and test each device with a small program.

    Exit status: 0 all results are correct, 1 a device computes something else than the reference.
    """
    for topic, text in _report():
        click.echo(f"{topic:9}  {' '.join(text.split())}")
    if quick:
        return 0
    trials = list(_of_workers() if workers else _of_devices())
    return 0 if all(each.is_good for each in trials) else 1


def _report() -> Iterator[tuple[str, str]]:
    """The report, as pairs of topic and text."""
    from voxgpu import __version__
    from voxgpu.backends.cuda.detect import detect_gpus
    from voxgpu.caches.location import place
    from voxgpu.codegen.jit import code_folder

    yield "voxgpu", f"{__version__}, Python {platform.python_version()}, {sys.platform}"
    yield "packages", ", ".join(_versions())
    yield from _limits()
    count, problem = detect_gpus(())
    if not count:
        yield "gpu", f"none: {problem}"
    for ordinal in range(count):
        yield "gpu", _described(ordinal)
        problem = detect_gpus((ordinal,))[1]
        if problem:
            yield "", f"not usable: {problem}"
    yield "compiler", _compiler()
    yield "kernels", _folder(code_folder())
    for other in place().others:
        yield "", f"read first: {_folder(other / 'kernels')}"


def _limits() -> Iterator[tuple[str, str]]:
    """The cores and the memory available to this process, and all limits on them."""
    from voxgpu.limits.process import core_limits, memory_limits

    cores, memory = core_limits(), memory_limits()
    count = f"{cores[0].cores} core" + "s" * (cores[0].cores > 1)
    yield "cpu", f"{count} to use, {platform.machine()}"
    for core in cores:
        yield "", f"{core.cores}: {core.source}"
    yield "memory", f"{size_text(memory[0].available)} available"
    for limit in memory:
        yield "", f"{size_text(limit.available)} of {size_text(limit.limit)}: {limit.source}"


def _versions() -> Iterator[str]:
    for name in (*_PACKAGES, *_CUPY):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            if name not in _CUPY:
                yield f"no {name}"


def _described(ordinal: int) -> str:
    from voxgpu.backends.cuda.detect import cupy

    cuda = cupy().cuda
    properties = cuda.runtime.getDeviceProperties(ordinal)
    free, total = cuda.Device(ordinal).mem_info
    return (
        f"cuda:{ordinal} {properties['name'].decode()}, compute capability "
        f"{properties['major']}.{properties['minor']}, {size_text(free)} of {size_text(total)} free"
    )


def _compiler() -> str:
    from voxgpu.backends.cuda.detect import OLDEST
    from voxgpu.codegen import nvrtc

    missing = nvrtc.missing()
    if missing:
        return f"none for GPUs: {missing}"
    known = [each for each in nvrtc.architectures() if each >= OLDEST]
    return f"NVRTC {nvrtc.version()}, code for sm_{known[0]} to sm_{known[-1]}"


def _folder(folder: Path | None) -> str:
    if folder is None or not folder.is_dir():
        return f"{folder}, nothing there yet"
    sizes = [each.stat().st_size for each in os.scandir(folder) if each.is_file()]
    return f"{folder}, {len(sizes)} files, {size_text(sum(sizes))}"


def _of_devices() -> Iterator[SelfTestReport]:
    from voxgpu.backends.cuda.detect import detect_gpus
    from voxgpu.selftest.run import self_test

    usable = [each for each in range(detect_gpus(())[0]) if not detect_gpus((each,))[1]]
    for name in ("cpu", *(f"cuda:{ordinal}" for ordinal in usable)):
        trial = self_test(name)
        _tell(trial)
        yield trial


def _of_workers() -> Iterator[SelfTestReport]:
    from voxgpu.selftest.gpu_workers import self_test_workers

    for trial in self_test_workers():
        _tell(trial)
        yield trial


def _tell(trial: SelfTestReport) -> None:
    if trial.problem:
        outcome = f"failed: {trial.problem}"
    elif trial.wrong:
        outcome = f"WRONG: {', '.join(trial.wrong)}"
    else:
        outcome = f"all {trial.results} results are those of the reference"
    click.echo(f"{'trial':9}  {trial.device}: {outcome} ({trial.seconds:.1f} s)")
