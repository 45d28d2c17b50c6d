"""How many bytes must kernels move? Counted from what each launch is given, without a GPU.

``python -m benchmarks.gpu.traffic`` runs every operation, and the tumor program, on the emulated
GPU and adds up the arrays of each launch, each once: those it only reads, and those it writes. From
that follows a bound: no GPU is faster than its memory moves these bytes. It is never a GPU's time.
The same is done for plans computed node by node, as they stand before rewriting and fusing.

It writes ``docs/gpu-traffic.json`` and the tables between the marks in ``docs/gpu.md``.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.operators import DEFINITIONS, OPERATIONS
from tests.gpu.emulated import emulated_gpu
from voxgpu.diagnostics import Source
from voxgpu.execute import Session
from voxgpu.files.write import write_image
from voxgpu.gpu.backend import Gpu
from voxgpu.image import Grid, Image
from voxgpu.pipeline import Options, compile_program

DOCS = Path(__file__).resolve().parents[2] / "docs"

#: A BraTS volume, and the memory bandwidths of GPUs by their data sheets, bytes a second.
VOXELS = 240 * 240 * 155
GPUS = {"H100": 3.35e12, "A100 80 GB": 2.0e12, "RTX 4090": 1.008e12}


@dataclass(frozen=True)
class Moved:
    """What a program moves: launches, and bytes a voxel."""

    launches: int
    bytes: float


#: Operations that become part of whatever kernel is beside them: what one of their own is given,
#: the elements that are read and those that are written.
ALONE = {
    "comparison": Moved(1, 2 + 1),
    "and": Moved(1, 1 + 1 + 1),
    "not": Moved(1, 1 + 1),
    "chain of 10 voxel operators": Moved(1, 4 + 4),
    "volume": Moved(1, 1),
    "min and max": Moved(1, 4),
}

#: What the goal is stated for, and the whole of it: the program behind the golden results.
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


class _Unfused(Gpu):
    """Each node on its own, as it stands in the plan."""

    fuses = False


def moved(text: str, shape: tuple[int, int, int], fused: bool = True) -> Moved:
    """What a program moves on an image of a shape, in the current directory's ``v.nii``."""
    with emulated_gpu(DOUBLE_GPU_MEMORY=str(8 << 30)) as gpu:
        backend = gpu if fused else _Unfused(gpu.device, gpu.workers)
        given: list[int] = []
        _listen(gpu.device, given)
        with Session(None, backend=backend) as session:
            compiled = compile_program(
                Source("traffic", text.format(flair="v.nii", bright=300)), None, Options()
            )
            assert not compiled.errors, [str(each) for each in compiled.errors]
            result = session.execute(compiled)
        assert not result.errors, [str(each) for each in result.errors]
    return Moved(len(given), sum(given) / float(np.prod(shape)))


def _listen(device: Any, given: list[int]) -> None:
    """Notes the bytes of the arrays of each launch, each array once."""
    queue = device.queue

    def queued(
        function: Any, blocks: Any, threads: Any, arguments: tuple[Any, ...], shared: int = 0
    ) -> None:
        arrays = {
            each.data.ptr: each.nbytes
            for each in arguments
            if hasattr(each, "data") and hasattr(each.data, "ptr")
        }
        given.append(sum(arrays.values()))
        queue(function, blocks, threads, arguments, shared)

    device.queue = queued


def write_head(shape: tuple[int, int, int]) -> None:
    """A bright ball with a brighter one in it, on a dark ground, with noise, as ``v.nii``."""
    place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    random = np.random.default_rng(1)
    head = 200.0 * (np.sum(place**2, axis=0) < 0.7)
    head += 250.0 * (np.sum((place - 0.2) ** 2, axis=0) < 0.06)
    voxels = np.where(head > 0, head + random.normal(0, 30, shape), 0).astype(np.int16)
    write_image(Path("v.nii"), Image(np.maximum(voxels, 0), Grid.regular(shape)))


def table(shape: tuple[int, int, int]) -> dict[str, Moved]:
    """What every operation moves, and the tumor program, fused and not."""
    found: dict[str, Moved] = dict(ALONE)
    inputs = {"m": "v > {bright}", "b": "v > 0", "n": "near(m)", "f": "(v * 1.5) + 0.25"}
    for each in OPERATIONS:
        if each.name in ALONE:
            continue
        # What the inputs themselves take is taken off.
        before = DEFINITIONS + "".join(
            f'save "{name}.nii" {name}\n' for name in inputs if name in (*each.reads, "m")
        )
        goal = f'save "result.nii" {each.expression}\n'
        base, whole = moved(before, shape), moved(before + goal, shape)
        found[each.name] = Moved(whole.launches - base.launches, whole.bytes - base.bytes)
    found["tumor program up to growTum"] = moved(UP_TO_GROWN, shape)
    found["the same, unfused"] = moved(UP_TO_GROWN, shape, fused=False)
    found["tumor program"] = moved(WHOLE, shape)
    return found


def page(found: dict[str, Moved]) -> str:
    """The table for people."""
    head = ["operation", "launches", "bytes a voxel", *(f"{name}, ms at least" for name in GPUS)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, each in found.items():
        bounds = [f"{each.bytes * VOXELS / speed * 1e3:.3f}" for speed in GPUS.values()]
        lines.append(f"| {name} | {each.launches} | {each.bytes:.1f} | {' | '.join(bounds)} |")
    return "\n".join(lines)


def main() -> None:
    """Writes the page and the data."""
    shape = (155, 240, 240)
    write_head(shape)
    found = table(shape)
    names = {name: round(each.bytes, 2) for name, each in found.items()}
    (DOCS / "gpu-traffic.json").write_text(json.dumps(names, indent=1) + "\n")
    path = DOCS / "gpu.md"
    marked = f"<!-- traffic -->\n{page(found)}\n<!-- /traffic -->"
    text = re.sub(r"<!-- traffic -->.*<!-- /traffic -->", marked, path.read_text(), flags=re.S)
    path.write_text(text)
    sys.stdout.write(page(found) + "\n")


if __name__ == "__main__":
    main()
