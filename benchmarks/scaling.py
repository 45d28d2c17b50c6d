"""Scaling of time with voxels, with threads, and with the length of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.strategies.schedules import numbers
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import alternate
from voxgpu.bench.operators import CHAIN
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.image import Grid, Image
from voxgpu.session import Session

SIDES = (64, 128, 256, 512)
LENGTHS = (100, 1_000, 10_000)

#: The side of the cube used with different numbers of threads.
SIDE = 256

EXPRESSIONS = {
    "chain of 10": CHAIN,
    "near": "near(m)",
    "dt compared": "pdt(m) <= 5",
    "through": "through(m, b)",
    "percentiles": "percentiles(v, b, 0.5)",
    "crossCorrelation": "crossCorrelation(3, v, v, m, 0, 120, 20)",
}


@dataclass(frozen=True)
class Curve:
    """Seconds over a size, for one operation."""

    name: str
    over: str
    points: tuple[tuple[float, float], ...]


def over_voxels(folder: Path, runs: int, largest: int) -> list[Curve]:
    """Wall seconds over voxels, for cubes of blobs; ``largest`` is the side of the largest one."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in EXPRESSIONS}
    for side in [each for each in SIDES if each <= largest] or [largest]:
        backend = Cpu()
        operations = Operations(_blobs(folder, side), ("v", "m", "b", "f"), backend)
        works = {name: operations.call(text) for name, text in EXPRESSIONS.items()}
        for name, timing in alternate(works, runs).items():
            found[name].append((float(side**3), timing.wall))
        backend.close()
    return [Curve(name, "voxels", tuple(points)) for name, points in found.items()]


def over_threads(folder: Path, runs: int, most: int, side: int = SIDE) -> list[Curve]:
    """Wall seconds over threads, for a cube of the given side in voxels."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in EXPRESSIONS}
    counts = sorted({1, 2, most, *(n for n in (4, 8, 16) if n <= most)})
    for count in counts:
        backend = Cpu(count)
        operations = Operations(_blobs(folder, side), ("v", "m", "b", "f"), backend)
        works = {name: operations.call(text) for name, text in EXPRESSIONS.items()}
        for name, timing in alternate(works, runs).items():
            found[name].append((float(count), timing.wall))
        backend.close()
    return [Curve(name, "threads", tuple(points)) for name, points in found.items()]


def over_length(runs: int, lengths: Sequence[int] = LENGTHS) -> list[Curve]:
    """Microseconds per node, of plans of additions of two numbers, over their length."""
    curves: list[Curve] = []
    for shape in ("chain", "wide"):
        compiling, running = [], []
        for length in lengths:
            rows = [_plan_of(shape, length) for _ in range(runs)]
            compiling.append((float(length), float(np.median([row[0] for row in rows]))))
            running.append((float(length), float(np.median([row[1] for row in rows]))))
        curves.append(Curve(f"{shape}: compiling", "nodes", tuple(compiling)))
        curves.append(Curve(f"{shape}: running", "nodes", tuple(running)))
    return curves


def _plan_of(shape: str, length: int) -> tuple[float, float]:
    """Seconds per node of compiling and of running."""
    # The first number is that of an image: what the text determines is computed while lowering.
    voxels = np.ones((2, 2, 2), np.float32)
    options = Options(images={"v": Image(voxels, Grid.regular(voxels.shape))})
    source = Source("benchmark", numbers(shape, length, Path("v")))
    backend = Cpu()
    start = perf_counter()
    compiled = compile_program(source, None, options)
    middle = perf_counter()
    Session(None, backend=backend).execute(compiled)
    stop = perf_counter()
    backend.close()
    nodes = len(compiled.plan.nodes)
    return (middle - start) / nodes, (stop - middle) / nodes


def _blobs(folder: Path, side: int) -> str:
    """The text that defines the inputs of a cube of smooth noise."""
    import SimpleITK as sitk

    path = folder / f"blobs{side}.nii.gz"
    if not path.exists():
        from scipy.ndimage import zoom

        coarse = np.random.default_rng(side).random((side // 8 + 2,) * 3, np.float32)
        fine: Any = zoom(coarse, 8, order=1)[:side, :side, :side]
        image = sitk.GetImageFromArray((120 * fine).astype(np.int16))
        sitk.WriteImage(image, str(path))
    return f'load v = "{path}"\nlet m = v > 90\nlet b = v > 40\nlet f = (v * 1.5) + 0.25\n'
