"""Counts the bytes that kernels must move, access by access, without a GPU.

``python -m benchmarks.gpu.traffic [CASE]`` runs every operation, and the tumor program, on the
emulated GPU, and counts for each launch the sectors of 32 bytes that it reads and those that it
writes, each once; and the memory that is cleared. From this follows the minimum time that memory
takes for them. It is never a GPU's time: kernels also compute, and wait; and if an L2 cache keeps
data of the previous launch, memory moves less. For the program, the same is counted node by node,
without rewriting and fusion.

It writes ``docs/gpu-traffic.json`` and the tables between the marks in ``docs/gpu.md``; with
``--kernels`` it prints how well the accesses of each kernel's warps are coalesced, and writes
nothing.
"""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.gpu.queued import queueing, uploaded
from tests.backends.cuda.emulated import emulated_gpu
from tests.conformance.unfused import unfused as unfused_passes
from tests.cuda_emulator.counting import CountingModule, Counts
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.bench.expressions import Operations
from voxgpu.bench.operators import DEFINITIONS, INPUTS, OPERATIONS
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image
from voxgpu.files.write import write_image
from voxgpu.image import Grid, Image
from voxgpu.session import Session

DOCS = Path(__file__).resolve().parents[2] / "docs"

#: The size of a BraTS volume, and the memory bandwidths of GPUs by data sheet, bytes per second.
VOXELS = 240 * 240 * 155
GPUS = {"H100": 3.35e12, "A100 80 GB": 2.0e12, "RTX 4090": 1.008e12}

#: The program that the goal is stated for, and the complete one behind the golden results.
TUMOR = """
load v = "{flair}"
let f = intensity(v)
let brain = !touch(f <. 0.1, border)
let ranked = percentiles(f, brain, 0.5)
let hyper = smoothen(5.0, ranked >. 0.93)
let very = smoothen(2.0, ranked >. 0.89)
let grown = grow(hyper, very)
"""
UP_TO_GROWN = TUMOR + 'print "n" volume(grown)\n'
WHOLE = TUMOR + (
    "let similar = crossCorrelation(5, f, f, grown, min(f), max(f), 20)\n"
    'print "n" volume(grow(grown, smoothen(2.0, similar >. 0.6)))\n'
)
PROGRAMS = {"tumor program up to growTum": UP_TO_GROWN, "tumor program": WHOLE}


@dataclass(frozen=True)
class Moved:
    """The memory traffic of an operation or program.

    voxels   of its images
    kernels  name and counts of each launch, in order
    cleared  bytes that are set to zero without a kernel
    """

    voxels: int
    kernels: tuple[tuple[str, Counts], ...]
    cleared: int

    @property
    def launches(self) -> int:
        """The number of kernel launches."""
        return len(self.kernels)

    @property
    def bytes(self) -> float:
        """The minimum number of bytes moved per voxel."""
        return (sum(each.compulsory for _, each in self.kernels) + self.cleared) / self.voxels

    @property
    def requested(self) -> float:
        """Bytes per voxel, if every request of a warp went to memory."""
        return (sum(each.requested for _, each in self.kernels) + self.cleared) / self.voxels


@contextmanager
def _counting(voxels: int) -> Iterator[tuple[Gpu, Callable[[], Moved]]]:
    """A GPU, and a function that returns its traffic since the previous call."""
    kernels: list[tuple[str, Counts]] = []
    cleared: list[int] = []

    def tell() -> Moved:
        found = Moved(voxels, tuple(kernels), sum(cleared))
        kernels.clear()
        cleared.clear()
        return found

    with emulated_gpu(DOUBLE_GPU_MEMORY=str(8 << 30)) as gpu:
        double = sys.modules["cupy"].testing_double
        double.run_kernels_by(
            lambda text: CountingModule(text, lambda name, each: kernels.append((name, each)))
        )
        zeros = gpu.device.zeros

        def cleared_too(shape: Any, dtype: Any) -> Any:
            array = zeros(shape, dtype)
            cleared.append(array.nbytes)
            return array

        gpu.device.zeros = cleared_too  # type: ignore[method-assign]
        yield gpu, tell


def moved(text: str, flair: Path, fused: bool = True) -> Moved:
    """The traffic of a program on an image."""
    voxels = int(np.prod(read_header(flair).grid.shape))
    passes = nullcontext() if fused else unfused_passes()
    with passes, _counting(voxels) as (gpu, tell), Session(None, backend=gpu) as session:
        compiled = compile_program(Source("traffic", text.format(flair=flair)), None, Options())
        assert not compiled.errors, [str(each) for each in compiled.errors]
        result = session.execute(compiled)
        assert not result.errors, [str(each) for each in result.errors]
        return tell()


def operations(flair: Path) -> Iterator[tuple[str, Moved]]:
    """The traffic of each operation with inputs and result on the GPU."""
    voxels = read_image(read_header(flair)).array
    bright = float(np.round(np.percentile(voxels[voxels > 0], 93)))
    cpu = Cpu(1)
    inputs = Operations(DEFINITIONS.format(flair=flair, bright=bright), INPUTS, cpu)
    cpu.close()
    with _counting(voxels.size) as (gpu, tell):
        given = uploaded(inputs.given, gpu)
        for each in OPERATIONS:
            found = queueing(inputs.prepared(each.expression, gpu), given, gpu)()
            gpu.device.settle()
            del found
            yield each.name, tell()


def write_head(path: Path, shape: tuple[int, int, int]) -> None:
    """A bright ball with a brighter one in it, on a dark ground, with noise."""
    place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    random = np.random.default_rng(1)
    head = 200.0 * (np.sum(place**2, axis=0) < 0.7)
    head += 250.0 * (np.sum((place - 0.2) ** 2, axis=0) < 0.06)
    voxels = np.where(head > 0, head + random.normal(0, 30, shape), 0).astype(np.int16)
    write_image(path, Image(np.maximum(voxels, 0), Grid.regular(shape)))


def table(flair: Path) -> Iterator[tuple[str, Moved]]:
    """The traffic of every operation, and of the programs."""
    yield from operations(flair)
    for name, text in PROGRAMS.items():
        yield name, moved(text, flair)


def unfused(flair: Path) -> Iterator[tuple[str, Moved]]:
    """The traffic of the programs node by node."""
    for name, text in PROGRAMS.items():
        yield f"{name}, node by node", moved(text, flair, fused=False)


def page(found: dict[str, Moved]) -> str:
    """The table for the documentation."""
    head = ["", "launches", "bytes a voxel", "requested", *(f"{gpu}, ms at least" for gpu in GPUS)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, each in found.items():
        bounds = [f"{each.bytes * VOXELS / speed * 1e3:.3f}" for speed in GPUS.values()]
        cells = [name, str(each.launches), f"{each.bytes:.1f}", f"{each.requested:.1f}", *bounds]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _told(kernel: str, each: Counts, voxels: int) -> str:
    """A line with the coalescing of a kernel's accesses."""
    loads = each.load_sectors / max(1, each.load_requests)
    stores = each.store_sectors / max(1, each.store_requests)
    shared = each.wavefronts / max(1, each.shared_requests)
    return (
        f"  {kernel[:32]:32} {each.compulsory / voxels:7.2f} at least "
        f"{each.requested / voxels:8.2f} requested, sectors a load {loads:5.1f}, a store "
        f"{stores:5.1f}; shared {each.shared_requests / voxels:6.2f} × {shared:4.2f}, "
        f"atomics {each.atomics / voxels:.4f}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Writes the page and the data, or prints kernels."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", help="prefix of a case's files; else a synthetic head")
    parser.add_argument("--kernels", action="store_true")
    given = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        flair = Path(f"{given.case}_flair.nii.gz").absolute()
        if not given.case:
            flair = Path(folder, "head.nii")
            write_head(flair, (155, 240, 240))
        if given.kernels:
            for name, each in table(flair):
                lines = [_told(*kernel, each.voxels) for kernel in each.kernels]
                print("\n".join([f"{name}: {each.bytes:.1f} bytes a voxel", *lines]), flush=True)
        else:
            _write({**dict(table(flair)), **dict(unfused(flair))})


def _write(found: dict[str, Moved]) -> None:
    bytes_ = {name: round(each.bytes, 2) for name, each in found.items()}
    (DOCS / "gpu-traffic.json").write_text(json.dumps(bytes_, indent=1) + "\n")
    told = page(found)
    path = DOCS / "gpu.md"
    marked = f"<!-- traffic -->\n{told}\n<!-- /traffic -->"
    text = re.sub(r"<!-- traffic -->.*<!-- /traffic -->", marked, path.read_text(), flags=re.DOTALL)
    path.write_text(text)
    print(told)


if __name__ == "__main__":
    main()
