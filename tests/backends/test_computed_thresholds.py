"""Percentiles and volumes compared with computed numbers run on kernels, not on the reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.backends.cuda.emulated import emulated_machine
from tests.backends.cuda.programs import assert_same, run, write_image
from tests.cuda_emulator.module import requires_emulation
from voxgpu.optimize.simplify import FEWEST_THRESHOLDS
from voxgpu.primitives.internal import PERCENTILE_COMPARE, THRESHOLD_COUNT

MANY = FEWEST_THRESHOLDS + 10

PROGRAMS = {
    "a rank": 'print "n" volume(percentiles(v, v > 20, 0.5) > (min(v) / 300 + 0.5))',
    "ranks of one image": "\n".join(
        f'save "{n}.nii" percentiles(v, v > 20, 0.5) {"<>"[n % 2]} (min(v) / 300 + {n} / 9)'
        for n in range(1, 9)
    ),
    "ranks of computed numbers": "let w = v / 3\n"
    'save "a.nii" percentiles(w, v > 20, 0.5) > (max(v) / 150)\n'
    'save "b.nii" percentiles(w, v > 20, 0.5) <= 0.25',
    "volumes": "\n".join(f'print "{n}" volume(v > max(v) * {n} / {MANY})' for n in range(MANY)),
    "each volume from the one before": 'let n0 = max(v)\nprint "0" n0\n'
    + "\n".join(f"let n{n} = volume(v > n{n - 1} / 5 + 10)" for n in range(1, MANY))
    + f'\nprint "last" n{MANY - 1}',
    "a volume of a number that is undefined": "\n".join(
        f'print "{n}" volume(v > {"avg(v, v > 9999)" if n == 7 else f"max(v) * {n} / {MANY}"})'
        for n in range(MANY)
    ),
    "a rank compared with a number that is undefined": "let p = percentiles(v, v > 20, 0.5)\n"
    'print "a" volume(p > avg(v, v > 9999))\nprint "b" volume(p > max(v) / 150)',
}


@pytest.fixture(params=["cpu", "cuda:0"])
def device(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    is_gpu = request.param != "cpu"
    if is_gpu:
        requires_emulation()
    monkeypatch.chdir(tmp_path)
    write_image(Path("v.nii"))
    with emulated_machine() if is_gpu else nullcontext():
        yield request.param


@pytest.fixture
def reference_calls() -> Iterator[list[str]]:
    """The names of these primitives, once for each call of their references."""
    calls: list[str] = []
    references = {each: each.reference for each in (PERCENTILE_COMPARE, THRESHOLD_COUNT)}

    def watch(primitive: Any, reference: Any) -> Any:
        def called(*arguments: Any) -> Any:
            calls.append(primitive.names[0])
            return reference(*arguments)

        return called

    for primitive, reference in references.items():
        object.__setattr__(primitive, "reference", watch(primitive, reference))
    yield calls
    for primitive, reference in references.items():
        object.__setattr__(primitive, "reference", reference)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_computed_thresholds(name: str, device: str, reference_calls: list[str]) -> None:
    text = f'load v = "v.nii"\n{PROGRAMS[name]}\nprint "fine" max(v)'
    expected = run(text, "reference")
    reference_calls.clear()
    found = run(text, device)
    assert_same(found, expected)
    assert not reference_calls
    assert bool(found.errors) is ("undefined" in name)


@pytest.mark.slow
def test_the_host_fetches_an_image_once_for_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GPUs have no kernel for ranks of 64-bit integers."""
    requires_emulation()
    monkeypatch.chdir(tmp_path)
    shape = (4, 8, 8)
    voxels = np.arange(256).reshape(shape)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), "v.mha")
    text = 'load v = "v.mha"\n' + "\n".join(
        f'print "{n}" volume(percentiles(v, v > 20, 0.5) > (max(v) / {300 + 100 * n}))'
        for n in range(6)
    )
    expected = run(text, "reference")
    with emulated_machine() as cupy:
        found = run(text, "cuda:0")
        fetched = cupy.testing_double.counters.device_to_host.bytes
    assert_same(found, expected)
    assert fetched < 2 * voxels.nbytes
