"""Additions in a copy of the package: what is new is found everywhere without being listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_PRIMITIVE = '''

@voxelwise()
def triangle_wave(period: Number, v: Voxel) -> Voxel:
    """The distance of every voxel to the nearest multiple of ``period``.

    >>> triangle_wave(4, [0, 1, 2, 3])
    [0, 1, 2, 1]
    """
    scaled = v / period
    return abs(scaled - elementary.round_to_even(scaled)) * period
'''

_MIRROR = '''

@whole_image(scratch=4, id="mirror")
def mirror(v: NumberImage) -> NumberImage:
    """``v`` mirrored along x.

    >>> mirror([0, 2, 6])
    [6, 2, 0]
    """
    return np.ascontiguousarray(v[..., ::-1])
'''

_MIRROR_KERNEL = '''
"""Rows of an image, reversed."""


def reverse(
    first: "int64", last: "int64", width: "int64", values: "float32*", out: "float32*"
) -> "int64":
    for row in range(first, last):
        base = row * width
        for x in range(width):
            out[base + x] = values[base + width - 1 - x]
    return 0
'''

_MIRROR_ON_CPU = '''
"""Mirroring on the CPU."""

import numpy as np

from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.thread_pool import slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.primitives import texture


@implements(texture.mirror, scratch=0)
def mirror(v, pool):
    values, width = as_float32(v), v.shape[-1]
    out = pool.empty(v.shape, np.float32)
    reverse = kernel("mirror", "reverse")
    pool.map(lambda rows: reverse(*rows, width, values, out), slabs(v.size // width, width))
    return out
'''

_MIRROR_IN_CUDA = """
extern "C" __global__ void mirror_f32(const float *values, float *out, i64 n, i64 width) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = values[i / width * width + width - 1 - i % width];
}
"""

_MIRROR_ON_GPU = '''
"""Mirroring on a device."""

import numpy as np

from voxgpu.backends.cuda.launch import THREADS, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.primitives import texture


@implements(texture.mirror, scratch=0, libraries=("mirror",))
def mirror(v, device):
    out = device.empty(v.shape, np.float32)
    sizes = np.int64(v.size), np.int64(v.shape[-1])
    device.launch("mirror", "mirror_f32", blocks_of(v.size), THREADS, v, out, *sizes)
    return out
'''

_RULE = '''

def drop_double_negation(view: _View) -> dict[ValueId, Node]:
    """Reads ``b`` where a node reads ``!!b``."""
    nodes = view.nodes
    twice = {
        id: nodes[node.inputs[0]].inputs[0]
        for id, node in nodes.items()
        if node.primitive in _NEGATION and nodes[node.inputs[0]].primitive in _NEGATION
    }
    return {
        id: replace(node, inputs=tuple(_followed(twice, each) for each in node.inputs))
        for id, node in nodes.items()
        if any(each in twice for each in node.inputs)
    }


RULES = (*RULES, drop_double_negation)
'''

_EXECUTOR = '''
"""Tasks one at a time, counted."""

from voxgpu.execution.executors.serial import Serial


class Counting(Serial):
    count = 0

    def submit(self, work):
        Counting.count += 1
        return super().submit(work)


def create(backend):
    return Counting(backend)
'''


@dataclass
class Addition:
    """The product files of an addition: new ones with their text, others with what is put in.

    replaced  by file, a text in it and what takes its place
    """

    new: dict[str, str] = field(default_factory=dict)
    appended: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """All of them."""
        return {*self.new, *self.appended, *self.replaced}


#: Each with the most product files that it may touch.
ADDITIONS = {
    "primitive": (1, Addition(appended={"voxgpu/primitives/functions.py": _PRIMITIVE})),
    "primitive with kernels": (
        5,
        Addition(
            {
                "kernels/mirror.py": _MIRROR_KERNEL,
                "kernels/mirror.cu": _MIRROR_IN_CUDA,
                "voxgpu/backends/cpu/mirror.py": _MIRROR_ON_CPU,
                "voxgpu/backends/cuda/mirror.py": _MIRROR_ON_GPU,
            },
            {"voxgpu/primitives/texture.py": _MIRROR},
        ),
    ),
    # The plans that fire it, in tests/laws/firing_plans.py, are the second file.
    "rule": (1, Addition(appended={"voxgpu/optimize/simplify.py": _RULE})),
    "format": (
        1,
        Addition(
            replaced={
                "voxgpu/files/formats.py": (
                    '    ".nrrd": Format("NRRD", "itk"),\n',
                    '    ".nrrd": Format("NRRD", "itk"),\n'
                    '    ".gipl": Format("GIPL", "itk", ("uint8", "int16", "float32")),\n',
                )
            }
        ),
    ),
    "executor": (1, Addition({"voxgpu/execution/executors/counting.py": _EXECUTOR})),
}

#: Runs in the copy, and prints what was found.
_SCRIPT = """
import json, sys
import numpy as np
import voxgpu
from voxgpu.backends.cpu import registry as cpu
from voxgpu.backends.cuda import registry as cuda
from voxgpu.backends.registry import where_computed
from voxgpu.cli.main import main
from voxgpu.codegen.cuda_kernels import libraries
from voxgpu.codegen.numba_kernels import kernels_of_library
from voxgpu.compile import Options
from voxgpu.diagnostics import Source
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.session import open_session
from voxgpu.session_settings import SessionSettings

v = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
voxgpu.run('load v = "v"\\nsave "v.gipl" v', images={"v": v}, output=".")
text = '''load v = "v.gipl"
print "wave" max(triangle_wave(8, v))
print "mirrored" max(mirror(v) - v)
print "negated" volume(!!(v > 20))
'''
found = {"package": voxgpu.__file__}
for device in ("cpu", "reference"):
    with open_session(SessionSettings(device, executor="counting")) as session:
        compiled = session.compile(Source("p", text), None, Options())
        result = session.execute(compiled)
    found[device] = {each.label: each.value for each in result.prints}
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.execution.executors.counting import Counting
from voxgpu.optimize.passes import prepare
found["performed"] = Counting.count
tasks = prepare(compiled.plan, Cpu(1)).tasks
found["tasks"] = [each.name for each in tasks]
by_name = {each.names[0]: each for each in standard_primitives()}
for name in ("triangle_wave", "mirror"):
    found[name] = where_computed(by_name[name], cpu.KERNELS, cuda.KERNELS)
found["kernels"] = ("mirror", "reverse") in set(kernels_of_library()), "mirror" in libraries()
print(json.dumps(found))
sys.stdout.flush()
main(["primitives", "--markdown"])
"""


def _copy(folder: Path) -> None:
    """A copy of the package, with the additions."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "voxgpu", folder / "voxgpu", ignore=ignored, symlinks=True)
    shutil.copytree(ROOT / "kernels", folder / "kernels", ignore=ignored)
    for _, addition in ADDITIONS.values():
        for name, text in addition.new.items():
            (folder / name).write_text(text.lstrip("\n"), "utf-8")
        for name, text in addition.appended.items():
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(text)
        for name, (old, new) in addition.replaced.items():
            before = (folder / name).read_text("utf-8")
            assert before.count(old) == 1, name
            (folder / name).write_text(before.replace(old, new), "utf-8")


@pytest.mark.parametrize("kind", ADDITIONS)
def test_an_addition_is_few_files(kind: str) -> None:
    limit, addition = ADDITIONS[kind]
    assert len(addition.files) <= limit
    for name in {*addition.appended, *addition.replaced}:
        assert (ROOT / name).exists()


@pytest.mark.slow
def test_additions_work_without_being_listed(tmp_path: Path) -> None:
    _copy(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "VOXGPU_CACHE": str(tmp_path / "cache"),
        "VOXGPU_STORE": "none",
    }
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    line, _, page = ended.stdout.partition("\n")
    found = json.loads(line)
    assert found["package"] == str(tmp_path / "voxgpu" / "__init__.py")
    expected = {"wave": 4.0, "mirrored": 4.0, "negated": 39.0}
    assert found["cpu"] == found["reference"] == expected
    assert found["performed"] > 0
    assert not any("!" in each for each in found["tasks"]), "the rule has removed the negations"
    assert found["triangle_wave"] == "CPU and GPU: generated kernel."
    assert found["mirror"] == "CPU and GPU: hand-written kernel."
    assert found["kernels"] == [True, True]
    assert "triangle_wave(period: number, v: image of numbers)" in page
    assert "mirror(v: image of numbers)" in page
