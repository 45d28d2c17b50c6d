"""Resources of kernels on real architectures, compared with golden values to reveal changes.

``pytest tests/codegen --update-golden`` rewrites them. Another compiler version may use other
numbers of registers; the bounds hold for every version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.real.test_golden import golden_program
from voxgpu.backends.cuda.precompile import text_of
from voxgpu.codegen import nvrtc
from voxgpu.codegen.cuda_kernels import libraries, library_text
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source

GOLDEN = Path(__file__).parent / "golden" / "resources.json"

#: V100, A100, H100, B200.
ARCHITECTURES = (70, 80, 90, 100)

#: With this many registers, 768 threads fit a multiprocessor; with this much shared memory, 2
#: blocks.
MOST_REGISTERS, MOST_SHARED = 80, 48 << 10

pytestmark = pytest.mark.slow

#: Kernels that prints need in addition to the golden files.
PRINTS = """
load seg = "$CASE"
let truth = intensity(seg) >. 0
let dice(a, b) = (2 .*. volume(a & b)) ./. (volume(a) .+. volume(b))
print "dice" dice(grown(0.93, 0.89), truth)
print "mean" avg(f, truth)
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The kernels of the golden programs; they do not depend on a grid."""
    path = tmp_path_factory.mktemp("resources") / "scan.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.int16)), str(path))
    names = [
        "hyperIntense@hiThr_0.93.nii.gz",
        "tumStatCC@hiThr_0.93-viThr_0.89-bins_20-simThr_60.nii.gz",
    ]
    options = Options(define={"CASE": str(path)})
    source = Source("golden", golden_program(names) + PRINTS)
    compiled = compile_program(source, None, options)
    assert not compiled.errors, compiled.errors
    return text_of(compiled.plan)


@cache
def _built(text: str, architecture: int) -> dict[str, nvrtc.Resources]:
    return dict(nvrtc.compile_text(text, architecture).resources)


def _texts(generated: str) -> Iterator[tuple[str, str]]:
    yield "golden programs", generated
    for stem in libraries():
        yield f"{stem}.cu", library_text(stem)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_kernels_take(architecture: int, generated: str, update_golden: bool) -> None:
    if nvrtc.missing():
        pytest.skip(f"needs NVIDIA's compiler: {nvrtc.missing()}")
    if architecture not in nvrtc.architectures():
        pytest.skip(f"NVRTC {nvrtc.version()} makes no code for sm_{architecture}")
    found: dict[str, Any] = {}
    for name, text in _texts(generated):
        for kernel, taken in _built(text, architecture).items():
            assert not taken.spills, f"{kernel} of {name} spills: {taken}"
            assert taken.registers <= MOST_REGISTERS, (name, kernel, taken)
            assert taken.shared <= MOST_SHARED, (name, kernel, taken)
            found[kernel] = [taken.registers, taken.spills, taken.shared]
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if update_golden:
        golden[f"sm_{architecture}"] = found
        golden["compiler"] = nvrtc.version()
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(_as_lines(golden))
    if golden["compiler"] == nvrtc.version():
        assert found == golden[f"sm_{architecture}"], "run with --update-golden if that is meant"


def _as_lines(golden: dict[str, Any]) -> str:
    """JSON with a line for each kernel: registers, bytes of spills, bytes of shared memory."""
    parts = []
    for name, value in sorted(golden.items()):
        if isinstance(value, str):
            parts.append(f' "{name}": "{value}"')
            continue
        lines = [f'  "{kernel}": {json.dumps(value[kernel])}' for kernel in sorted(value)]
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"
