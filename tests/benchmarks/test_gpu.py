"""The GPU benchmarks run, in miniature, on an emulated GPU; their figures are meaningless."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import SimpleITK as sitk

from benchmarks.__main__ import main
from benchmarks.gpu import operators as gpu_operators
from benchmarks.gpu import programs as gpu_programs
from benchmarks.gpu import section, tables, tasks
from benchmarks.gpu.operators import GpuRow
from benchmarks.gpu.peers import PEERS, Arrays, GpuPeer, Libraries
from benchmarks.report import Report
from tests.backends.cuda.emulated import emulated_machine
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.cuda import detect
from voxgpu.bench import operators
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import Timing
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.primitives.source import CONSTANT


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """The prefix of a small case: a bright blob in a synthetic head, and its mask."""
    random = np.random.default_rng(0)
    place = np.indices((10, 14, 12)).astype(float)
    middle = np.array([5, 7, 6]).reshape(3, 1, 1, 1)
    blob = np.exp(-((place - middle) ** 2).sum(axis=0) / 9)
    voxels = (600 * blob + random.normal(200, 60, blob.shape)).astype(np.int16)
    for name, array in (("flair", voxels), ("seg", (blob > 0.3).astype(np.int16))):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"case_{name}.nii.gz"))
    return tmp_path / "case"


def test_without_a_gpu_it_says_why(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(detect, "detect_gpus", lambda *_: (0, "there is no NVIDIA driver"))
    output = tmp_path / "out"
    assert main(["--only", "gpu", "--case", str(case), "--output", str(output)]) == 0
    assert "nothing is measured on a GPU: there is no NVIDIA driver" in capsys.readouterr().err
    assert "there is no NVIDIA driver." in (output / "benchmarks.md").read_text()


@pytest.mark.slow
def test_one_command_measures_everything(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only processes are omitted, which would not find the emulated GPU."""
    requires_emulation()
    timing = Timing(1.0, 1.0)
    fake: Callable[..., Any] = lambda commands, runs: dict.fromkeys(commands, timing)  # noqa: E731
    monkeypatch.setattr(gpu_programs, "processes", fake)
    few = [each for each in operators.OPERATIONS if each.name in ("near", "volume", "percentiles")]
    monkeypatch.setattr(gpu_operators, "OPERATIONS", few)
    traffic = tmp_path / "traffic.json"
    traffic.write_text(json.dumps({"near": 2.0, "tumor program": 100.0}))
    monkeypatch.setattr(section, "TRAFFIC", traffic)
    output = tmp_path / "out"
    with emulated_machine(1):
        command = ["--only", "gpu", "--case", str(case), "--output", str(output), "--runs", "1"]
        assert main([*command, "--threads", "2", "--tasks", "11", "259"]) == 0
    found = json.loads((output / "benchmarks.json").read_text())
    one, many, whole = (
        found[f"GPU: {title}"]
        for title in (
            "operations on one volume, ms, median",
            "programs of many tasks, ms",
            "the tumor program, BINS=20, ms, median",
        )
    )
    assert [row["operation"] for row in one] == ["volume", "near", "percentiles"]
    assert all(row["device"]["voxgpu"] > 0 and row["launches"] > 0 for row in one)
    assert all(not row["waits"] for row in one), "nobody waits for the device in between"
    assert [row["tasks"] for row in many] == [11, 259]
    assert all(row["launches"] > 0 and row["budgeted"] is not None for row in many)
    assert len(whole) == 2 and all(row["kernels"] > 0 for row in whole)
    page = (output / "benchmarks.md").read_text()
    assert "| 410 | 190 | 200 |" in page and "| 10,900 | 210 | 360 |" in page


@pytest.mark.parametrize("count", [11, 259, 1027])
def test_programs_have_as_many_tasks_as_they_say(case: Path, count: int) -> None:
    text = tasks.program_of(count, Path(f"{case}_flair.nii.gz"), 100, 300)
    program = compile_program(Source("tasks", text), None, Options())
    assert not program.errors
    nodes = program.plan.nodes.values()
    assert sum(each.primitive is not CONSTANT for each in nodes) == count
    with pytest.raises(ValueError, match="a multiple of 8"):
        tasks.program_of(count + 1, case, 0, 1)


def test_published_figures_are_told_beside_ours() -> None:
    report = Report({"versions": {}, **dict.fromkeys(_MACHINE, "")})
    rows = [tasks.TaskRow(n, 0.1, 0.5, 0.25, None, 2.0, 7) for n in (11, 8195)]
    tables.add_tasks(report, rows)
    ours = "| 8195 | 100 | 7 | 500 | 250 | did not go | 2,000 |"
    assert f"{ours} 479,000 | out of memory | 12,000 |" in report.text
    assert "slides of December 2024" in report.text


_MACHINE = ("processor", "cores", "memory_gb", "system", "python", "commit", "data", "threads")


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Noise, and a ball large enough to survive an erosion by 5 mm."""
    voxels = np.random.default_rng(1).integers(-20, 500, (18, 20, 22)).astype(np.int16)
    place = np.indices(voxels.shape) - np.array([9, 10, 11]).reshape(3, 1, 1, 1)
    voxels[(place**2).sum(axis=0) < 49] = 480
    path = tmp_path_factory.mktemp("volume") / "v_flair.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    backend = Cpu(1)
    text = operators.DEFINITIONS.format(flair=path, bright=440)
    yield Operations(text, operators.INPUTS, backend)
    backend.close()


@pytest.mark.parametrize(
    ("operation", "peer"),
    [(name, peer) for name, found in PEERS.items() for peer in found],
    ids=lambda each: each.name if isinstance(each, GpuPeer) else each,
)
def test_peers_say_the_same(volume: Operations, operation: str, peer: GpuPeer) -> None:
    """Runs with the CPU libraries that the peers are modeled on."""
    measure = None
    if "measure" in peer.needs:
        measure = pytest.importorskip("skimage.measure", reason="needs the extra `bench`")
    if peer.name == "CuPy fused":
        pytest.skip("NumPy fuses nothing")
    libraries = Libraries(np, scipy.ndimage, measure, scipy.ndimage)
    (ours,) = (each for each in operators.OPERATIONS if each.name == operation)
    found = peer.function(Arrays(**volume.arrays), libraries)
    assert peer.equal(found, volume.call(ours.expression)()) == ""


def test_every_peer_is_one_of_an_operation() -> None:
    assert set(PEERS) <= {each.name for each in operators.OPERATIONS}


def test_who_fails_is_told() -> None:
    row = GpuRow("near", 10, 5, {"voxgpu": 0.25, "copy": 0.001, "CuPy": 2.0})
    row.wall = {"voxgpu": Timing(0.5, 0), "CPU": Timing(0.1, 0)}
    row.differ = {"cuCIM label": "ImportError: a | b"}
    report = Report({"versions": {}, **dict.fromkeys(_MACHINE, "")})
    tables.add_operators(report, [row], {"near": 0.125})
    assert (
        "| near | 250 | 0 | 0 | 1.00 | 125 | CuPy 2,000, cuCIM label: ImportError: a / b "
        "| voxgpu 500 | 100 |"
    ) in report.text
