"""Shared memory of launches: what kernels declare and what the host adds fit a block together.

The static part is what NVIDIA's compiler reports, on the architecture that takes most. The host is
asked for every size that changes its choice, without running the kernels.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.cuda_emulator.device import EmulatedDevice
from tests.cuda_emulator.module import SHARED_OF_BLOCK
from tests.cuda_emulator.translation import kernels_of
from voxgpu.backends.cuda import dilation, distance, histogram, local_histogram, otsu
from voxgpu.backends.cuda import threshold_counts as counts
from voxgpu.codegen.cuda_kernels import libraries, library_text

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "codegen" / "golden" / "resources.json").read_text()
)
STATIC = {
    kernel: max(GOLDEN[each][kernel][2] for each in GOLDEN if each.startswith("sm_"))
    for kernel in GOLDEN["sm_80"]
}


class _Recorder:
    """Records the most dynamic shared memory of each kernel instead of running it."""

    def __init__(self) -> None:
        self.most: dict[str, int] = defaultdict(int)

    def get_function(self, name: str) -> Callable[..., None]:
        def launch(
            grid: Sequence[int], block: Sequence[int], args: Sequence[Any], shared_mem: int
        ) -> None:
            self.most[name] = max(self.most[name], shared_mem)

        return launch


class _Device(EmulatedDevice):
    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return np.broadcast_to(np.zeros((), dtype), shape)

    zeros = empty


def _distances(device: Any) -> None:
    for length in range(1, distance.LONGEST + 1):
        space = distance._Space((1, 1, length), (1.0, 1.0, 1.0))
        for exact in ((), (np.float64(1),)):
            for lines in ("rows", "columns"):
                distance._search(lines, (), length, (1, 1), exact, space, device)


def _dilations(device: Any) -> None:
    for depth in (1, 2, 4, 8, 100):
        image = SimpleNamespace(shape=(depth, 100, 100))
        for radius in range(1, dilation.MOST_RADIUS + 1):
            dilation._launch_tiles("dilation_box", image, None, radius, (), device)


def _counted(device: Any) -> None:
    image = np.zeros(1, np.float32)
    for amount in range(1, histogram.MOST_COUNTED + 1):
        otsu._above_by_number(image, None, amount, device)
        if amount > 1:
            counts._class_counts(image, np.zeros((amount - 1) // 2 + 1, np.float32), device)


def _histograms(device: Any) -> None:
    image, arrays = np.zeros(1, np.float32), (None, None, None, None)
    for bins in (1, local_histogram.MOST_BINS_BY_BOUNDS, local_histogram.MOST_BINS_BY_BOUNDS + 1):
        local_histogram._find_bins(image, [], bins, 1, False, arrays, device)
    for half in range(32):
        for bins in (1, 20, local_histogram.MOST_BINS_OF_TILES, 2800, 2812, 2813, 4095):
            boxes = local_histogram._Boxes((100, 100, 100), (1, half, half), bins)
            choice = (
                local_histogram._correlate_tiles
                if boxes.fit_tiles
                else local_histogram._correlate_rows
            )
            choice(boxes, None, None, None, None, device)


@pytest.mark.parametrize("launch", [_distances, _dilations, _counted, _histograms])
def test_static_and_dynamic_memory_fit_a_block(launch: Callable[[Any], None]) -> None:
    recorder = _Recorder()
    launch(_Device(lambda library: recorder))
    assert any(recorder.most.values())
    for kernel, dynamic in recorder.most.items():
        total = STATIC[kernel] + dynamic
        assert total <= SHARED_OF_BLOCK, f"{kernel}: {STATIC[kernel]} + {dynamic} bytes"


def test_every_kernel_that_takes_dynamic_memory_is_looked_at() -> None:
    recorder = _Recorder()
    for launch in (_distances, _dilations, _counted, _histograms):
        launch(_Device(lambda library: recorder))
    asked = {name for name, most in recorder.most.items() if most}
    for stem in libraries():
        text = library_text(stem)
        if "extern __shared__" in text:
            assert asked & set(kernels_of(text)), stem
