"""Benchmarks report what was measured, and time no operation with a differing result."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks import store
from benchmarks.__main__ import MINIATURE, SECTIONS, main
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.bench import operators, peers
from voxgpu.bench.expressions import Operations
from voxgpu.bench.measure import Timing, alternate, middle, process
from voxgpu.bench.operators import Operation, best_peer, time_operations

ROOT = Path(__file__).resolve().parents[2]


def test_works_are_called_in_turn_after_a_warm_up() -> None:
    called: list[str] = []
    works = {name: lambda name=name: called.append(name) for name in "ab"}
    found = alternate(works, 3)
    assert called == list("ab" * 4)
    assert all(timing.wall >= 0 and timing.cpu >= 0 for timing in found.values())


def test_the_median_is_told() -> None:
    rows = [Timing(wall, 10 - wall, 0) for wall in (5.0, 1.0, 2.0)]
    assert middle(rows) == Timing(2.0, 8.0, 0, 1.0, 5.0)


def test_a_process_is_counted_on_its_own() -> None:
    code = "import os; b = bytearray(os.urandom(1) * (64 << 20)); print(len(b))"
    found = process([sys.executable, "-I", "-S", "-c", code])
    assert 64e6 < found.peak < 200e6
    assert found.wall > 0 and found.cpu > 0
    with pytest.raises(RuntimeError, match="status 3"):
        process([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX")
def test_a_process_ends_with_the_measurement(tmp_path: Path) -> None:
    """What is measured is a child of the process that accounts for it; both are ended."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    code = f"import time; time.sleep(300)  # {tmp_path}"
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.7)
        with pytest.raises(KeyboardInterrupt):
            process([sys.executable, "-I", "-S", "-c", code])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found = [
        each for each in psutil.process_iter(["cmdline"]) if code in (each.info["cmdline"] or ())
    ]
    assert not psutil.wait_procs(found, timeout=30)[1]


def test_labels_are_compared_however_they_are_numbered() -> None:
    ours = np.array([[1, 1, 0], [0, 2, 3]])
    assert peers.as_labels(np.array([[7, 7, 0], [0, 9, 1]]), ours) == ""
    assert peers.as_labels(np.array([[7, 7, 0], [0, 9, 9]]), ours) == "other components"
    assert peers.as_labels(np.array([[7, 8, 0], [0, 9, 1]]), ours) == "other components"


@pytest.fixture
def small(tmp_path: Path) -> Any:
    import SimpleITK as sitk

    voxels = np.random.default_rng(0).integers(-20, 500, (12, 14, 16), np.int16)
    path = tmp_path / "small_flair.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    backend = Cpu(1)
    text = operators.DEFINITIONS.format(flair=path, bright=300)
    yield Operations(text, operators.INPUTS, backend)
    backend.close()


def test_who_says_something_else_has_no_time(small: Operations, monkeypatch: Any) -> None:
    def of(_: Any, v: Any) -> Any:
        yield "numpy", lambda: v > 300, peers.exactly
        yield "numpy wrong", lambda: v >= 300, peers.exactly

    operation = Operation("comparison", "v > 300", ("v",), of)
    monkeypatch.setattr(operators, "OPERATIONS", (operation,))
    (row,) = time_operations(small, 1, lambda _: True, ReferenceBackend(), lambda _: None)
    assert set(row.timings) == {"voxgpu", "numpy", "copy", "reference"}
    assert "differ" in row.differ["numpy wrong"]
    assert best_peer(row) == "numpy"


def test_every_operation_says_what_the_reference_says(small: Operations) -> None:
    for operation in operators.OPERATIONS:
        found = small.call(operation.expression)()
        expected = small.call(operation.expression, ReferenceBackend())()
        assert np.array_equal(found, expected), operation.name


#: Sections that start processes of their own.
OF_PROCESSES = ("programs", "cohorts", "store")

#: Packages of the extra `dev` that neither voxgpu nor the extra `bench` needs.
OF_DEVELOPERS = (
    "pytest", "hypothesis", "lark", "pandas", "pyarrow", "nibabel", "h5py", "highdicom",
    "ancpbids", "xdist", "dask_jobqueue", "dask_cuda", "cupy",
)  # fmt: skip

_MINIATURE = ("--miniature", "--runs", "1", "--threads", "1", "--output")


@pytest.mark.slow
@pytest.mark.parametrize("section", OF_PROCESSES)
def test_sections_of_processes_run(section: str, tmp_path: Path) -> None:
    assert main(["--only", section, *_MINIATURE, str(tmp_path)]) == 0
    found = json.loads((tmp_path / "benchmarks.json").read_text())
    assert len(found) > 1 and all(found.values())


def test_other_sections_run_where_only_the_extra_is_installed(tmp_path: Path) -> None:
    """As ``make bench`` does after a plain installation; pages, data and plots are written."""
    sections = [each for each in SECTIONS if each not in OF_PROCESSES]
    words = ["--only", *sections, "--operator", "near", *_MINIATURE, str(tmp_path)]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({OF_DEVELOPERS}))
from benchmarks.__main__ import main
sys.exit(main({words}))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "µs a node" in ended.stdout and "near near near" in ended.stdout
    found = json.loads((tmp_path / "benchmarks.json").read_text())
    assert found.keys() == {
        "machine", "operators", "rewrites", "Scaling with voxels", "Scaling with threads",
        "Coordination",
    }  # fmt: skip
    assert all(found.values()) and found["machine"]["commit"] and len(found["Coordination"]) == 4
    written = {each.name for each in tmp_path.iterdir()}
    plots = {"operators", "voxels", "threads", "coordination"}
    expected = {f"{each}.{kind}" for each in plots for kind in ("png", "svg")}
    has_plots = importlib.util.find_spec("matplotlib") is not None
    assert written == {"benchmarks.md", "benchmarks.json"} | (expected if has_plots else set())


def test_the_budget_of_a_store_is_measured(tmp_path: Path) -> None:
    found = store.sweep_budget(tmp_path, *MINIATURE.budget)
    assert found["written"] > found["budget"] and 0 < found["most"] < 1.5 * found["budget"]


def test_the_checkout_is_measured_without_being_installed(tmp_path: Path) -> None:
    """After `pip install .` the checkout is in the current folder, and is the code that runs."""
    code = "import voxgpu.kernels; print(voxgpu.kernels.__file__)"
    shown = subprocess.run(
        # Without the file that makes an editable installation importable.
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert Path(shown.strip()).is_relative_to(ROOT)
